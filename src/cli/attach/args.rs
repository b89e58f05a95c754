//! The command line of `attach`. Man page and completions are made from it too.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use crate::values::{Bare, number, time};

/// Tune the sockets of a process that is already running
///
/// Sets TCP_NODELAY on the TCP sockets of a running process, listening and connected, and prints each before and after. The
/// process is not stopped, and nothing is loaded into it: its sockets are borrowed for a moment (pidfd_getfd, Linux 5.6),
/// so static programs and Go are reached too. Connections accepted later inherit the option from their listener; for
/// outgoing ones opened later there is --watch. What the library does beyond the option (holding, rules) is not done.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune attach [OPTIONS] PID...\n       tcptune attach [OPTIONS] --port N\n       \
                      tcptune attach [OPTIONS] --unit UNIT",
    after_help = "Exit status:\n  \
        0    every TCP socket found has what was asked for\n  \
        1    there was none, the kernel refused a setting, or there was nothing to put back\n  \
        125  wrong use, or tcptune itself failed\n  \
        126  the process may not be touched, or the descriptor is no TCP socket\n  \
        127  there is no such process or unit, or none listens on that port\n\n\
        Examples:\n  \
        tcptune attach 4711                          set TCP_NODELAY\n  \
        tcptune attach --dry-run 4711                only show what would be set\n  \
        tcptune attach --watch $(pidof app)          and on what it opens later\n  \
        tcptune attach --port 8080 --children        by the port it listens on\n  \
        tcptune attach --unit legacyd                all processes of a systemd unit\n  \
        tcptune attach --quickack 4711               where the other end stalls and cannot be changed\n  \
        tcptune attach --set keepalive=60/10/5 4711  further options\n  \
        tcptune attach --revert 4711                 put back what was changed"
)]
pub struct AttachArgs {
    /// The numbers of the processes
    #[arg(value_name = "PID", required_unless_present_any = ["port", "unit"])]
    pub pids: Vec<OsString>,
    /// The processes that listen on this TCP port, in the network namespace of this command
    #[arg(long, value_name = "N", conflicts_with = "pids", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// The processes of this systemd unit, as far as it runs
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["pids", "port"])]
    pub unit: Option<OsString>,
    /// The unit is one of the calling user's own manager
    #[arg(long, requires = "unit", conflicts_with_all = ["pids", "port"])]
    pub user: bool,
    /// Their descendants too
    #[arg(long)]
    pub children: bool,
    /// Only this descriptor of the process; may be given more than once
    #[arg(long, value_name = "FD", value_parser = number(0..=i32::MAX), conflicts_with_all = ["watch", "children"])]
    pub fd: Vec<i32>,
    /// What TCP_NODELAY is to be; keep leaves it as it is
    #[arg(long, value_enum, default_value_t = Word::On, conflicts_with = "revert")]
    pub nodelay: Word,
    /// Cure the other end's stalls from here: delay acknowledgements no longer than the kernel has to (Linux 6.15); TCP_NODELAY
    /// is set besides
    #[arg(long, conflicts_with = "revert")]
    pub quickack: bool,
    /// Further socket options, as in TCPTUNE_SET; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "revert")]
    pub set: Vec<OsString>,
    /// Stay, and do the same to sockets opened later, until the processes end or Ctrl-C
    #[arg(long, conflicts_with = "revert")]
    pub watch: bool,
    /// How often to look, with --watch; a bare number is in milliseconds
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time(Bare::Milliseconds, "10ms", "1h"), requires = "watch")]
    pub interval: Duration,
    /// Put back what attach has changed
    #[arg(long)]
    pub revert: bool,
    /// Show what would be changed, and change nothing
    #[arg(long, conflicts_with = "watch")]
    pub dry_run: bool,
    /// Where to remember what was changed, instead of /run/tcptune-attach (root) or
    /// $XDG_RUNTIME_DIR/tcptune-attach
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Print as JSON; with --watch one line for each socket
    #[arg(long)]
    pub json: bool,
    /// Show the time that each socket took
    #[arg(short, long)]
    pub verbose: bool,
}

/// The words of --nodelay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    On,
    Off,
    Keep,
}

impl Word {
    pub const fn wanted(self) -> Option<bool> {
        match self {
            Word::On => Some(true),
            Word::Off => Some(false),
            Word::Keep => None,
        }
    }
}
