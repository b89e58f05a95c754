//! The command line of `tcptune generate`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueHint};

use crate::help::Help;
use crate::output::json::NAMES;

pub const HELP: Help = Help {
    exit: &[("0", "written"), ("125", "wrong use, or a file cannot be written")],
    examples: &[
        ("tcptune generate man /usr/local/share/man/man1", ""),
        ("tcptune generate completions bash >/etc/bash_completion.d/tcptune", ""),
    ],
    first: 2,
};

/// Generate man pages, shell completions, reference pages and JSON schemas
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
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
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the reference page of all settings, in Markdown
    Settings,
    /// Print the JSON Schema of what --json prints; `doctor-all` is that of `doctor --all`
    Schema {
        /// The document
        #[arg(value_parser = PossibleValuesParser::new(NAMES))]
        name: String,
    },
    /// Print the table of exit statuses, in Markdown
    ExitStatus,
    /// Print every command with its options and operands as JSON, for tools
    Commands,
    /// Print the names of all functions that the library of this machine interposes
    Hooks,
}
