//! Why a program cannot be started, in the same words whichever subcommand was to start it.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind};

use super::{facts, search};
use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND, plain};

/// Is there such a program? Said before anything is run.
pub fn exists(name: &OsStr) -> Result<(), Failure> {
    let path = std::env::var_os("PATH");
    search::program(name, path.as_deref()).map(drop).map_err(|failure| cannot_run(failure.code, &failure.message))
}

/// The system did not start it.
pub fn refusal(name: &OsStr, error: &Error) -> Failure {
    let code = if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { CANNOT_EXECUTE };
    // What its file tells says more than the system's "No such file or directory", which may mean the interpreter.
    match facts::program(name) {
        Err(failure) => cannot_run(code, &failure.message),
        Ok(_) => cannot_run(code, &format!("`{}`: {}", name.display(), plain(error))),
    }
}

fn cannot_run(code: u8, why: &str) -> Failure {
    Failure::new(code, format!("cannot run {why}"))
}
