//! The command line of `tcptune generate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// Print man pages, shell completions or the settings reference
#[derive(Debug, Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    pub what: Generate,
}

#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Write the man pages into a directory
    Man {
        /// An existing directory
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
    /// Print the completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the reference page of all settings, in Markdown
    Settings,
    /// Print every command with its options and operands as JSON, for tools
    Commands,
    /// Print the names of all functions that the library of this machine stands in for
    Hooks,
}
