//! The command line of `tcptune env`.

use clap::Args;

use crate::help::Help;

pub const HELP: Help = Help {
    exit: &[
        ("0", "all settings are valid"),
        ("1", "one is invalid: tuning is off in programs started from here"),
        ("125", "wrong use"),
    ],
    examples: &[("tcptune env", ""), ("TCPTUNE_CORK=off tcptune env --json", "")],
    first: 2,
};

/// Show the settings in effect here, and where each comes from
///
/// Reads the environment as the library does in a program started from here.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct EnvArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
