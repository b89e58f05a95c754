//! The command line of `tcptune top`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::values::{Bare, time};

/// Watch what programs count, live
///
/// Shows every process that counts into a directory (TCPTUNE_STATS=DIR): connections, data calls and bytes a second, segments
/// for each burst, stalls, what is held and what is held in vain, tuned and untouched connections. Keys sort and open one
/// process: its services, the times to an answer, why connections were not tuned. `?` lists the keys, `q` leaves.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    something was counted there, or the view was left\n  \
    1    --once: nothing was counted there\n  \
    125  wrong use, or the directory cannot be read\n\n\
    Examples:\n  \
    tcptune run --stats /run/tcptune -- ./server\n  \
    tcptune top /run/tcptune\n  \
    tcptune top --once --interval 5 /run/tcptune    a plain table of five seconds, for scripts")]
pub struct TopArgs {
    /// The directory that TCPTUNE_STATS names for the programs; without it that of the environment
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Time between two readings; a bare number is in seconds
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = time(Bare::Seconds, "100ms", "1h"))]
    pub interval: Duration,
    /// Print one plain table, of one interval, and end; taken by itself where stdout is no terminal
    #[arg(long)]
    pub once: bool,
}
