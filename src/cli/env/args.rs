//! The command line of `tcptune env`.

use clap::Args;

/// Show the settings that hold here, and where each comes from
///
/// Reads the environment as the library does when a program is started from here.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    all settings are valid\n  \
    1    one is not: tuning is off for programs started like this\n  \
    125  wrong use")]
pub struct EnvArgs {
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}
