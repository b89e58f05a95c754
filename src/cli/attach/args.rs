//! The command line of `tcptune attach`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use crate::help::Help;
use crate::values::{Bare, number, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "every TCP socket found is set as requested; --watch: also when ended by a signal"),
        ("1", "there was no socket, the kernel refused an option, or there was nothing to revert"),
        ("125", "wrong use, or tcptune itself failed"),
        ("126", "no permission for the process, or the descriptor is not a TCP socket"),
        ("127", "no such process or unit, or nothing listens on that port"),
    ],
    examples: &[
        ("tcptune attach 4711", "set TCP_NODELAY"),
        ("tcptune attach --dry-run 4711", "only show what would change"),
        ("tcptune attach --watch $(pidof app)", "also on sockets opened later"),
        ("tcptune attach --unit legacyd", "every process of a service"),
        ("tcptune attach --port 8080 --children", "by the port it listens on"),
        ("tcptune attach --quickack 4711", "when the peer stalls"),
        ("tcptune attach --set keepalive=60/10/5 4711", "set more options"),
        ("tcptune attach --revert 4711", "undo the changes"),
    ],
    first: 4,
};

/// Set TCP_NODELAY on the sockets of a running process
///
/// Changes the listening and connected TCP sockets of a running process, and prints each before and after. The process is not
/// stopped and nothing is loaded into it: its sockets are duplicated for a moment (pidfd_getfd, Linux 5.6), so static programs
/// and Go work too. Connections accepted later inherit the option from their listener; for outgoing connections opened later,
/// use --watch. What the library does beyond socket options (holding data, rules) is not available.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune attach [OPTIONS] PID...\n       tcptune attach [OPTIONS] --port N\n       \
                      tcptune attach [OPTIONS] --unit UNIT",
    after_help = HELP.short(),
    after_long_help = HELP.long()
)]
pub struct AttachArgs {
    /// Process IDs
    #[arg(value_name = "PID", required_unless_present_any = ["port", "unit"])]
    pub pids: Vec<OsString>,
    /// The processes that listen on this TCP port in this network namespace
    #[arg(long, value_name = "N", conflicts_with = "pids", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// The running processes of this systemd unit
    #[arg(long, value_name = "UNIT", conflicts_with_all = ["pids", "port"])]
    pub unit: Option<OsString>,
    /// The unit belongs to the user's own systemd manager
    #[arg(long, requires = "unit", conflicts_with_all = ["pids", "port"], hide_short_help = true)]
    pub user: bool,
    /// Include descendants
    #[arg(long)]
    pub children: bool,
    /// Only this file descriptor; may be given more than once
    #[arg(long, value_name = "FD", value_parser = number(0..=i32::MAX), conflicts_with_all = ["watch", "children"], hide_short_help = true)]
    pub fd: Vec<i32>,
    /// Set TCP_NODELAY to this; `keep` leaves it alone
    #[arg(long, value_enum, value_name = "WORD", default_value_t = Word::On, conflicts_with = "revert")]
    pub nodelay: Word,
    /// Cure the peer's stalls: acknowledge as soon as possible
    ///
    /// Shortens delayed ACKs to the minimum of the kernel (TCP_DELACK_MAX_US, Linux 6.15). TCP_NODELAY is set as well.
    #[arg(long, conflicts_with = "revert")]
    pub quickack: bool,
    /// Set more options, as in TCPTUNE_SET
    ///
    /// May be given more than once.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "revert")]
    pub set: Vec<OsString>,
    /// Keep running and change sockets opened later, too
    ///
    /// Ends when the processes end, or on Ctrl-C (SIGINT), SIGTERM or SIGHUP.
    #[arg(long, conflicts_with = "revert")]
    pub watch: bool,
    /// How often --watch looks for sockets; a bare number is in ms
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time(Bare::Milliseconds, "10ms", "1h"), requires = "watch")]
    pub interval: Duration,
    /// Undo what attach has changed
    #[arg(long)]
    pub revert: bool,
    /// Show what would change, and change nothing
    #[arg(long, conflicts_with = "watch")]
    pub dry_run: bool,
    /// Where to record changes, instead of /run/tcptune-attach (root) or $XDG_RUNTIME_DIR/tcptune-attach
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, hide_short_help = true)]
    pub state: Option<PathBuf>,
    /// Print JSON; with --watch one line per socket
    #[arg(long)]
    pub json: bool,
    /// Show how long each socket took
    #[arg(short, long, hide_short_help = true)]
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
