//! The command line of `detach`. Man page and completions are made from it too.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::counters::seconds;

/// Tell the library in a running process to stop tuning
///
/// For processes that count (TCPTUNE_STATS). The process is not stopped. From its next exchange on the library holds nothing,
/// leaves new connections alone, and turns TCP_NODELAY off again on open ones where it has set it, each at its next exchange;
/// options of TCPTUNE_SET stay until a connection is closed. What the program has set itself is not touched. The library goes
/// on counting: connections since then appear as untouched in `tcptune report`, beside the tuned ones before. It stays so until
/// the program is started again.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune detach [OPTIONS] PID...\n       tcptune detach [OPTIONS] --unit UNIT",
    after_help = "Exit status:\n  \
        0    the library in every process has stopped\n  \
        1    some process has not answered yet, or cannot be told: it does not count, or has no library\n  \
        125  wrong use, or tcptune itself failed\n  \
        126  the process may not be touched\n  \
        127  there is no such process or unit\n\n\
        Examples:\n  \
        tcptune detach 4711\n  \
        tcptune detach --unit legacyd              all processes of a systemd unit\n  \
        tcptune detach --wait 60 $(pidof legacyd)  give it a minute for its next exchange"
)]
pub struct DetachArgs {
    /// The numbers of the processes
    #[arg(value_name = "PID", required_unless_present = "unit")]
    pub pids: Vec<OsString>,
    /// The processes of this systemd unit, as far as it runs
    #[arg(long, value_name = "UNIT", conflicts_with = "pids")]
    pub unit: Option<OsString>,
    /// The unit is one of the calling user's own manager
    #[arg(long, requires = "unit")]
    pub user: bool,
    /// How long to wait for their answers, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub wait: Duration,
}
