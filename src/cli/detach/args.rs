//! The command line of `tcptune detach`.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::help::Help;
use crate::values::{Bare, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "the library in every process has stopped"),
        ("1", "a process has not answered yet, or cannot be told: it does not count, or has no library"),
        ("125", "wrong use, or tcptune itself failed"),
        ("126", "no permission for the process"),
        ("127", "no such process or unit"),
    ],
    examples: &[
        ("tcptune detach 4711", "a process"),
        ("tcptune detach --unit legacyd", "every process of a service"),
        ("tcptune detach --wait 1m $(pidof legacyd)", "wait for its next exchange"),
    ],
    first: 3,
};

/// Tell the library in a running process to stop tuning
///
/// For processes that count (TCPTUNE_STATS). The process is not stopped. From its next exchange or connection on, the library holds
/// nothing and leaves new connections alone. Open connections keep TCP_NODELAY; `tcptune attach --nodelay off` turns it off there.
/// The library keeps counting: new connections appear as untouched in `tcptune report`, next to the tuned ones. It stays so until
/// the program is restarted.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune detach [OPTIONS] PID...\n       tcptune detach [OPTIONS] --unit UNIT",
    after_help = HELP.short(),
    after_long_help = HELP.long()
)]
pub struct DetachArgs {
    /// Process IDs
    #[arg(value_name = "PID", required_unless_present = "unit")]
    pub pids: Vec<OsString>,
    /// The running processes of this systemd unit
    #[arg(long, value_name = "UNIT", conflicts_with = "pids")]
    pub unit: Option<OsString>,
    /// The unit belongs to the user's own systemd manager
    #[arg(long, requires = "unit", conflicts_with = "pids")]
    pub user: bool,
    /// How long to wait for answers; a bare number is in seconds
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time(Bare::Seconds, "100ms", "1h"))]
    pub wait: Duration,
}
