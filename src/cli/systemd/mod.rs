//! `tcptune systemd`: the library on a service, by a drop-in; the proof that it took effect; and away again. Also which
//! processes a unit has, for `attach`. The unit's own files are never changed.

pub mod args;
mod compose;
mod dropin;
mod environment;
mod hindrance;
mod image;
mod install;
mod manager;
mod name;
mod place;
mod processes;
mod reason;
mod remove;
mod restart;
mod show;
mod unit;
mod unitfile;
mod verify;

use std::ffi::OsStr;

use crate::errors::{Failure, NO};
use args::{Action, SystemdArgs};
use manager::Manager;
use name::Name;

pub fn command(args: &SystemdArgs) -> Result<u8, Failure> {
    match &args.action {
        Action::Install(args) => install::command(args),
        Action::Show(args) => show::command(args),
        Action::Verify(args) => verify::command(args),
        Action::Remove(args) => remove::command(args),
    }
}

/// The processes that a unit has now, for `attach`.
pub fn processes_of(given: &OsStr, user: bool) -> Result<Vec<u32>, Failure> {
    let name = Name::parse(given)?;
    let manager = Manager { user };
    let mut found = Vec::new();
    for unit in processes::running(manager, &name)? {
        found.extend(processes::of(&unit)?);
    }
    if found.is_empty() {
        return Err(Failure::new(NO, processes::why_none(&name)));
    }
    Ok(found)
}
