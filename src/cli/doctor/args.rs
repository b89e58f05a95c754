//! The command line of `tcptune doctor`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueHint};

use crate::values::{Bare, number, share, time};

/// Find out whether a program waits for nothing: Nagle's rule against delayed acknowledgements, and its relatives
///
/// Watches the TCP connections of a command and of all that it starts, of processes that run already, or of a whole host, and says
/// what was found: how many exchanges waited for how long, on which socket, after what pattern of calls, what tcptune would change,
/// what that would gain, and the option that the program itself should set. Processes that run already are not touched: the
/// kernel is asked about their sockets every few milliseconds. In a command's programs the library is loaded, and only
/// observes; programs that it cannot be loaded into are watched from outside, and named.
///
/// Without a target all connections of this host are watched (of an ordinary user: those of its own processes), for no more than
/// 2 % of one core, and services are ranked by the time that they lose.
///
/// The report of a command goes to stderr, any other to stdout, unless --output names a file.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune doctor [OPTIONS] [--] COMMAND [ARGUMENT]...\n       \
                      tcptune doctor [OPTIONS] --pid PID... | --port N\n       \
                      tcptune doctor [OPTIONS] [--all | --unit UNIT...] [--port N]\n       \
                      tcptune doctor [OPTIONS] --pcap FILE|-",
    group(ArgGroup::new("host").multiple(false).args(["all", "unit"]).conflicts_with_all(["pid", "command", "library", "pcap", "issue", "html"])),
    after_help = "Exit status:\n  \
        0    nothing was found, and enough was seen to say so\n  \
        1    a stall was found, or a flood of tiny segments\n  \
        2    it could not be told, for the reason in the report: too little was seen\n  \
        125  wrong use, or tcptune itself failed\n  \
        126  the command cannot be executed, or the process may not be looked at\n  \
        127  there is no such command or process, or none listens on that port\n\
        The command's own exit status is in the report.\n\n\
        Examples:\n  \
        tcptune doctor -- python3 migrate_imap.py\n  \
        tcptune doctor --backtrace -- ./client      and which functions of it\n  \
        tcptune doctor --pid 4711 --duration 30     the process and its descendants\n  \
        tcptune doctor --port 8080                  whoever has connections with this port\n  \
        tcptune doctor --pcap web.pcap --port 443   what was captured of port 443\n  \
        tcptune doctor                              which services of this host lose time, the worst first\n  \
        tcptune doctor --unit nginx --duration 60   the processes of a systemd unit\n  \
        tcptune doctor --json --output report.json -- ./job"
)]
pub struct DoctorArgs {
    /// A process that runs already, with its descendants; may be given more than once
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pub pid: Vec<OsString>,
    /// All connections of this host that may be seen; this is what is done without a target
    #[arg(long)]
    pub all: bool,
    /// All connections of the processes of a systemd unit, as systemctl takes its name; may be given more than once
    #[arg(long, value_name = "UNIT")]
    pub unit: Vec<OsString>,
    /// Only connections with this port, at either end; without another target: whoever has them
    #[arg(long, value_name = "N", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// Read a capture instead (pcap or pcapng; `-`: standard input): needs neither root nor the host that it is of
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["pid", "command", "duration", "interval", "follow", "backtrace", "library"])]
    pub pcap: Option<PathBuf>,
    /// How long to watch; a command is ended after that time; a bare number is in seconds [default: 10s; for a command: until it ends]
    #[arg(long, value_name = "TIME", value_parser = time(Bare::Seconds, "100ms", "24h"))]
    pub duration: Option<Duration>,
    /// How much of one core the watch of a host may take, in per cent [default: 2]
    ///
    /// All connections are looked at now and then; those that may be waiting are looked at closely, as many at a time as this
    /// allows, in turns.
    #[arg(long, value_name = "PERCENT", value_parser = share, conflicts_with_all = ["pid", "command"])]
    pub budget: Option<f64>,
    /// How often to look; a bare number is in milliseconds
    #[arg(long, value_name = "TIME", default_value = "2ms", value_parser = time(Bare::Milliseconds, "1ms", "10ms"))]
    pub interval: Duration,
    /// Go on after the command has ended, until all that it started has ended too (daemons that fork), or Ctrl-C
    #[arg(long, requires = "command", conflicts_with = "pid")]
    pub follow: bool,
    /// Say which functions made the calls that waited: samples of the stack of the command's programs
    #[arg(long, requires = "command", conflicts_with = "pid")]
    pub backtrace: bool,
    /// Print everything that was found as JSON
    #[arg(long)]
    pub json: bool,
    /// Print what was found as an issue for the program's authors, in Markdown: evidence, the line to change, how to check
    #[arg(long, conflicts_with = "json")]
    pub issue: bool,
    /// Write the report as one page to this file, too, with a picture of a typical stalled exchange
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// The library to observe with, instead of the one beside this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

impl DoctorArgs {
    /// A whole host, or units of it.
    pub fn of_host(&self) -> bool {
        let others = self.pid.is_empty() && self.port.is_none() && self.command.is_empty() && self.pcap.is_none();
        self.all || !self.unit.is_empty() || others
    }
}
