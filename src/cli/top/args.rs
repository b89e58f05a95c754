//! The command line of `tcptune top`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::help::Help;
use crate::values::{Bare, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "there were counters, or the view was left by `q` or a signal"),
        ("1", "--once: there were no counters"),
        ("125", "wrong use, or the directory cannot be read"),
    ],
    examples: &[
        ("tcptune run --stats /run/tcptune -- ./server", ""),
        ("tcptune top /run/tcptune", ""),
        ("tcptune top --once --interval 5s /run/tcptune", "a plain table for scripts"),
    ],
    first: 3,
};

/// Watch the counters of running programs live
///
/// Shows every process that counts into a directory (TCPTUNE_STATS=DIR): connections, data calls and bytes per second, segments
/// per burst, stalls, data held and held in vain, tuned and untouched connections. Keys sort and open one process: its services,
/// response times, and why connections were not tuned. `?` lists the keys, `q` quits.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct TopArgs {
    /// The directory that TCPTUNE_STATS names [default: TCPTUNE_STATS of this environment]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Time between two readings; a bare number is in seconds
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = time(Bare::Seconds, "100ms", "1h"))]
    pub interval: Duration,
    /// Print one plain table of one interval; the default if stdout is not a terminal
    #[arg(long)]
    pub once: bool,
}
