//! `tcptune generate`: man pages and completions from the definition of the command line, the reference page from the table
//! of settings, the list of hooks from theirs. Nothing here is written by hand twice.

use clap::CommandFactory;

use crate::args::{Cli, Generate};
use crate::errors::{Failure, OK, plain};
use crate::output;

pub fn command(what: &Generate) -> Result<u8, Failure> {
    match what {
        Generate::Man { directory } => {
            clap_mangen::generate_to(Cli::command(), directory).map_err(|e| {
                Failure::own(format!("cannot write man pages to `{}`: {}", directory.display(), plain(&e)))
            })?;
        }
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tcptune", &mut script);
            output::raw(&script);
        }
        Generate::Settings => output::raw(crate::reference::page().as_bytes()),
        Generate::Hooks => output::raw(crate::reference::hooks().as_bytes()),
    }
    Ok(OK)
}
