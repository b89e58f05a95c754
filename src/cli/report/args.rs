//! The command line of `tcptune report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::help::Help;

pub const HELP: Help = Help {
    exit: &[
        ("0", "there were counters"),
        ("1", "there were none, or not everything could be removed"),
        ("125", "wrong use, or the directory cannot be read"),
    ],
    examples: &[
        ("tcptune run --stats /run/tcptune --split 50 -- ./server", ""),
        ("tcptune report /run/tcptune", ""),
        ("tcptune report --clean /run/tcptune", "delete files of ended processes"),
    ],
    first: 3,
};

/// Report what programs counted: tuned and untouched connections
///
/// Reads the files that programs started with TCPTUNE_STATS=DIR keep there, even while they run. With TCPTUNE_SPLIT a share of
/// their connections is left untouched: the two groups are then compared, with confidence intervals. Services of several
/// processes are summed.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct ReportArgs {
    /// The directory that TCPTUNE_STATS names [default: TCPTUNE_STATS of this environment]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Print every counter as JSON
    #[arg(long)]
    pub json: bool,
    /// Only delete the files of ended processes
    #[arg(long, conflicts_with = "json")]
    pub clean: bool,
}
