//! The command line of `tcptune doctor`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueHint};

use super::gate::class::Class;
use crate::help::Help;
use crate::values::{Bare, number, share, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "nothing was found, and enough was seen to say so"),
        ("1", "a stall was found, requests that wait for each other, or a flood of tiny segments"),
        ("2", "undecided: too little was seen; the report says why"),
        (
            "else",
            "--fail-on, --baseline: that of the command; if it is 0: 1 for a new finding that is listed, 2 for `unknown`, else 0",
        ),
        ("125", "wrong use, or tcptune itself failed"),
        ("126", "the command cannot be executed, or no permission for the process"),
        ("127", "no such command or process, or nothing listens on that port"),
    ],
    examples: &[
        ("tcptune doctor", "rank the services of this host"),
        ("tcptune doctor -- python3 migrate_imap.py", "watch a command"),
        ("tcptune doctor --pid 4711 --duration 30s", "watch a process"),
        ("tcptune doctor --pcap web.pcap --port 443", "read a capture"),
        ("tcptune doctor --port 8080", "whoever uses this port"),
        ("tcptune doctor --unit nginx --duration 1m", "a systemd unit"),
        ("tcptune doctor --backtrace -- ./client", "and which functions call"),
        ("tcptune doctor --fail-on stall,flood -- pytest", "fail a test suite"),
        ("tcptune doctor --baseline known.json -- npm test", "but not on what is known"),
        ("tcptune doctor --json --output report.json -- ./job", ""),
    ],
    first: 4,
};

/// Find 40 ms stalls caused by Nagle's algorithm and delayed ACKs, and delays like them
///
/// Watches the TCP connections of a command and its descendants, of running processes, or of the whole host. Reports how many
/// exchanges waited and for how long, on which socket, after which pattern of calls; what tcptune would change and what that
/// would gain; and the option that the program itself should set. Running processes are not touched: the kernel is asked about
/// their sockets every few milliseconds. Into a command the library is loaded, and only observes; programs that it cannot be
/// loaded into are watched from outside, and named.
///
/// Without a target doctor watches all connections of this host (an ordinary user: those of its own processes), on at most 2 %
/// of one core, and ranks services by the time they lose.
///
/// The report of a command goes to stderr, any other to stdout, unless --output names a file. It contains the exit status of
/// the command.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune doctor [OPTIONS] [--] COMMAND [ARGUMENT]...\n       \
                      tcptune doctor [OPTIONS] --pid PID... | --port N\n       \
                      tcptune doctor [OPTIONS] [--all | --unit UNIT...] [--port N]\n       \
                      tcptune doctor [OPTIONS] --pcap FILE|-",
    group(ArgGroup::new("host").multiple(false).args(["all", "unit"]).conflicts_with_all(["pid", "command", "library", "pcap", "issue", "html"])),
    after_help = HELP.short(),
    after_long_help = HELP.long()
)]
pub struct DoctorArgs {
    /// Watch this process and its descendants
    ///
    /// May be given more than once.
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pub pid: Vec<OsString>,
    /// Watch all connections of this host [default]
    #[arg(long)]
    pub all: bool,
    /// Watch the processes of this systemd unit
    ///
    /// May be given more than once.
    #[arg(long, value_name = "UNIT")]
    pub unit: Vec<OsString>,
    /// Only connections with this port, at either end
    ///
    /// Without another target: of every process that has such connections.
    #[arg(long, value_name = "N", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// Read a capture (pcap or pcapng; `-`: stdin)
    ///
    /// Needs neither root nor the host that it was taken on.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["pid", "command", "duration", "interval", "follow", "backtrace", "library"])]
    pub pcap: Option<PathBuf>,
    /// How long to watch, such as 30s or 2m; a bare number is in s
    ///
    /// A command is ended after that time. [default: 10s; a command: until it ends]
    #[arg(long, value_name = "TIME", value_parser = time(Bare::Seconds, "100ms", "24h"))]
    pub duration: Option<Duration>,
    /// Share of one core for watching a host, in percent [default: 2]
    ///
    /// Every connection is sampled now and then; those that may be stalled are sampled closely, in turns, as many at a time as
    /// this allows.
    #[arg(long, value_name = "PERCENT", value_parser = share, conflicts_with_all = ["pid", "command"], hide_short_help = true)]
    pub budget: Option<f64>,
    /// How often to sample; a bare number is in ms
    #[arg(long, value_name = "TIME", default_value = "2ms", value_parser = time(Bare::Milliseconds, "1ms", "10ms"), hide_short_help = true)]
    pub interval: Duration,
    /// Keep watching what the command leaves behind (daemons)
    ///
    /// Until every descendant has ended, or Ctrl-C.
    #[arg(long, requires = "command", conflicts_with = "pid")]
    pub follow: bool,
    /// Name the functions whose calls stalled
    ///
    /// From stack samples of the command's programs. Of programs in Python also the line of the script that waited (py-spy).
    #[arg(long, requires = "command", conflicts_with = "pid")]
    pub backtrace: bool,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
    /// With --json: also each wait, with its time
    ///
    /// Of CLOCK_MONOTONIC, which other programs can read too.
    #[arg(long, requires = "json", conflicts_with_all = ["all", "unit", "pcap"], hide_short_help = true)]
    pub waits: bool,
    /// Print an issue for the program's authors, in Markdown
    ///
    /// Evidence, the line to change, and how to check it.
    #[arg(long, conflicts_with = "json")]
    pub issue: bool,
    /// Also write a page with a picture of a typical stall
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Exit as the command does, or with 1 on such a finding
    ///
    /// 1 comes in place of a status of 0: a command that failed says so itself. `stall` is short for nagle, cork and peer; `unknown` fails with 2 if it cannot be told whether there is anything. Other
    /// findings are reported and fail nothing.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub fail_on: Vec<Class>,
    /// Findings in this file fail nothing: they are known
    ///
    /// Without --fail-on all others fail that are faults (stall, paced, flood, held).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub baseline: Option<PathBuf>,
    /// Write the findings to the file of --baseline
    ///
    /// What it says of those that are found again stays; others are taken out. None of them fails.
    #[arg(long, requires = "baseline", hide_short_help = true)]
    pub write_baseline: bool,
    /// Also write the findings as JUnit's XML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub junit: Option<PathBuf>,
    /// Also write the findings as SARIF 2.1.0
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub sarif: Option<PathBuf>,
    /// Write the report to this file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Load this library, not the one next to this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub library: Option<PathBuf>,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

impl DoctorArgs {
    /// Does the exit status depend on which findings there are?
    pub fn gated(&self) -> bool {
        !self.fail_on.is_empty() || self.baseline.is_some()
    }

    /// A whole host, or units of it.
    pub fn of_host(&self) -> bool {
        let others = self.pid.is_empty() && self.port.is_none() && self.command.is_empty() && self.pcap.is_none();
        self.all || !self.unit.is_empty() || others
    }
}
