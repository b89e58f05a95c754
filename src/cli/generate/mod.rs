//! `tcptune generate`: man pages and completions from the definition of the command line, the reference page from the table
//! of settings, the list of hooks from theirs. Nothing here is written by hand twice.

pub mod args;
mod commands;
mod reference;

use std::io;

use clap::Command;
use clap_mangen::Man;

use crate::errors::{Context, Failure, OK};
use crate::os::files::Directory;
use crate::output;
use args::{Generate, GenerateArgs};

/// `whole` is the definition of the command line.
pub fn command(args: &GenerateArgs, mut whole: Command) -> Result<u8, Failure> {
    match &args.what {
        Generate::Man { directory } => {
            let doing = || format!("write man pages to `{}`", directory.display());
            let pages = Directory::open(directory).doing(doing)?;
            let mut whole = whole.disable_help_subcommand(true);
            whole.build();
            manual(&whole, &pages).doing(doing)?;
        }
        Generate::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut whole, "tcptune", &mut script);
            output::raw(&script);
        }
        Generate::Settings => output::raw(reference::page().as_bytes()),
        Generate::Commands => commands::print(&mut whole)?,
        Generate::Hooks => output::raw(reference::hooks().as_bytes()),
    }
    Ok(OK)
}

/// A page for a command and for each below it.
fn manual(command: &Command, pages: &Directory) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        manual(below, pages)?;
    }
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.replace(page.get_filename(), &text, None)
}
