//! `tcptune systemd`: the library on a service, by a drop-in; the proof that it took effect; and away again. The
//! unit's own files are never changed.

pub mod args;
mod compose;
mod dropin;
mod environment;
mod hindrance;
mod install;
mod place;
mod print;
mod reason;
mod remove;
mod report;
mod restart;
mod show;
mod stats;
mod verify;

use crate::errors::Failure;
use args::{Action, SystemdArgs};

pub fn command(args: &SystemdArgs) -> Result<u8, Failure> {
    match &args.action {
        Action::Install(args) => install::command(args),
        Action::Show(args) => show::command(args),
        Action::Verify(args) => verify::command(args),
        Action::Remove(args) => remove::command(args),
    }
}
