//! The command line of `tcptune report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Show what programs have counted, tuned connections beside untouched ones
///
/// Reads the files that programs started with TCPTUNE_STATS=DIR keep there, also while they run. With TCPTUNE_SPLIT a share of
/// their connections is left untouched: both groups are then compared, with confidence intervals. Services of several processes
/// are added up.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    something was counted there\n  \
    1    nothing was, or not everything could be removed\n  \
    125  wrong use, or the directory cannot be read\n\n\
    Examples:\n  \
    tcptune run --stats /run/tcptune --split 50 -- ./server\n  \
    tcptune report /run/tcptune\n  \
    tcptune report --clean /run/tcptune    remove the files of processes that are gone")]
pub struct ReportArgs {
    /// The directory that TCPTUNE_STATS names for the programs; without it that of the environment
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Print everything that was counted as JSON
    #[arg(long)]
    pub json: bool,
    /// Only remove the files of processes that are gone
    #[arg(long, conflicts_with = "json")]
    pub clean: bool,
}
