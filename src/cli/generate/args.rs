//! The command line of `tcptune generate`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueHint};

use crate::output::json::NAMES;

/// Print man pages, shell completions, the settings reference or the schemas of JSON
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
    /// Print the JSON Schema of what --json prints: of `doctor --all`, say, `doctor-all`
    Schema {
        /// The document
        #[arg(value_parser = PossibleValuesParser::new(NAMES))]
        name: String,
    },
    /// Print the names of all functions that the library of this machine stands in for
    Hooks,
}
