//! `tcptune complete`: what can stand at a place of a command line. Which options there are is known to clap's engine, from the
//! definition itself; what values they take is added here: settings, units, processes, programs.

pub mod args;
mod candidates;
mod processes;
mod programs;
mod settings;
mod values;

use clap::Command;
use clap_complete::engine::complete;

use crate::errors::{Failure, NO, OK};
use crate::output;
use args::CompleteArgs;

/// `whole` is the definition of the command line.
pub fn command(args: &CompleteArgs, whole: Command) -> Result<u8, Failure> {
    let here = std::env::current_dir().ok();
    let mut whole = values::added(whole);
    // An error: there is nothing that could stand there. The shell asks for no reason.
    let Ok(found) = complete(&mut whole, args.words.clone(), args.index, here.as_deref()) else { return Ok(NO) };
    for candidate in found.iter().filter(|candidate| !candidate.is_hide_set()) {
        let value = output::printable(&candidate.get_value().to_string_lossy());
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let first = output::printable(help.lines().next().unwrap_or_default());
        output::raw(format!("{value}\t{first}\n").as_bytes());
    }
    Ok(OK)
}
