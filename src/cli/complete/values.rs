//! What the values of options and operands can be, by what stands for them in the help.

use std::ffi::OsStr;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use tcptune_policy::VARIABLES;

use super::candidates::{beginning, files};
use super::processes::processes;
use super::programs::Programs;
use super::settings;
use crate::units::names;

/// The definition, with candidates for values.
pub fn added(command: Command) -> Command {
    command.mut_args(with_candidates).mut_subcommands(added)
}

fn with_candidates(argument: Arg) -> Arg {
    if let Some(row) = VARIABLES.iter().find(|row| argument.get_id() == row.name) {
        return argument.add(ArgValueCompleter::new(move |current: &OsStr| settings::values(row, current)));
    }
    let placeholder = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    match placeholder.as_deref() {
        Some("UNIT") => argument.add(ArgValueCompleter::new(units)),
        Some("PID") => argument.add(ArgValueCompleter::new(processes)),
        Some("COMMAND") => argument.add(ArgValueCompleter::new(Programs { processes: false })),
        Some("PROGRAM|PID") => argument.add(ArgValueCompleter::new(Programs { processes: true })),
        Some("KEY=VALUE") => argument.add(ArgValueCompleter::new(settings::options)),
        Some("NAME=VALUE") => argument.add(ArgValueCompleter::new(settings::pairs)),
        Some("FORMAT=FILE") => argument.add(ArgValueCompleter::new(formats)),
        _ => argument,
    }
}

fn units(current: &OsStr) -> Vec<CompletionCandidate> {
    beginning(current, names::all().into_iter().map(|name| (name, String::new())))
}

fn formats(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().into_owned();
    if let Some((format, file)) = typed.split_once('=') {
        let found = files(file.as_ref()).into_iter();
        return found.map(|found| found.add_prefix(format!("{format}="))).collect();
    }
    beginning(current, ["json=", "csv=", "markdown="].map(|format| (format.to_owned(), String::new())))
}
