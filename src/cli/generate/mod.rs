//! `tcptune generate`: man pages and completions from the definition of the command line, the reference page from the table
//! of settings, the list of hooks from theirs. Nothing here is written by hand twice.

pub mod args;
mod reference;

use clap::Command;

use crate::errors::{Context, Failure, OK};
use crate::output;
use args::{Generate, GenerateArgs};

/// `whole` is the definition of the command line.
pub fn command(args: &GenerateArgs, mut whole: Command) -> Result<u8, Failure> {
    match &args.what {
        Generate::Man { directory } => {
            clap_mangen::generate_to(whole, directory)
                .doing(|| format!("write man pages to `{}`", directory.display()))?;
        }
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut whole, "tcptune", &mut script);
            output::raw(&script);
        }
        Generate::Settings => output::raw(reference::page().as_bytes()),
        Generate::Hooks => output::raw(reference::hooks().as_bytes()),
    }
    Ok(OK)
}
