//! `tcptune generate`: man pages and completions from the definition of the command line, the reference page from the table
//! of settings, the list of hooks from theirs, schemas from the types of what is printed. Nothing here is written by hand twice.

pub mod args;
mod commands;
mod completions;
mod exit_status;
mod manual;
mod reference;

use clap::Command;
use schemars::Schema;

use crate::errors::{Context, Failure, OK};
use crate::help::Help;
use crate::os::files::Directory;
use crate::output;
use args::{Generate, GenerateArgs};

/// A document's name, and what makes its schema.
pub type Maker = (&'static str, fn() -> Schema);

/// `whole` is the definition of the command line, `helps` what stands below the options of each command, `schemas` those of
/// everything that it prints for programs.
pub fn command(
    args: &GenerateArgs,
    mut whole: Command,
    helps: &[(&str, &Help)],
    schemas: &[Maker],
) -> Result<u8, Failure> {
    match &args.what {
        Generate::Man { directory } => {
            let doing = || format!("write man pages to `{}`", directory.display());
            let pages = Directory::open(directory).doing(doing)?;
            let mut whole = whole.disable_help_subcommand(true);
            whole.build();
            manual::write(&whole, "", helps, &pages).doing(doing)?;
        }
        Generate::Completions { shell } => {
            output::raw(&completions::script(*shell, &mut whole));
        }
        Generate::Settings => output::raw(reference::page().as_bytes()),
        Generate::Schema { name } => {
            let made = schemas.iter().find(|(one, _)| *one == name.as_str()).map(|(_, make)| make());
            let text = serde_json::to_string_pretty(&made).doing(|| "write the schema as JSON")?;
            output::line(&text);
        }
        Generate::ExitStatus => output::raw(exit_status::page(helps).as_bytes()),
        Generate::Commands => commands::print(&mut whole)?,
        Generate::Hooks => output::raw(reference::hooks().as_bytes()),
    }
    Ok(OK)
}
