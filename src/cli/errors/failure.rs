//! Exit codes and the wording of errors. Every error is one line that begins with `tcptune: ` and says what to do next.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io;

use super::words::shown;

/// Everything went well; for `check`: reachable.
pub const OK: u8 = 0;
/// The answer is no: not reachable, a setting is invalid, the demonstration did not show the cure.
pub const NO: u8 = 1;
/// It could not be told: there was too little to judge by.
pub const UNKNOWN: u8 = 2;
/// tcptune itself failed or was used wrongly, as in env(1).
pub const OWN: u8 = 125;
/// The program was found but cannot be executed.
pub const CANNOT_EXECUTE: u8 = 126;
/// The program was not found.
pub const NOT_FOUND: u8 = 127;

/// A message and the exit code it leads to.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub message: String,
}

impl Failure {
    pub fn own(message: impl Display) -> Self {
        Self { code: OWN, message: message.to_string() }
    }

    pub fn new(code: u8, message: impl Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// An option has a value that will not do.
    pub fn of_option(option: &str, value: impl AsRef<OsStr>, why: impl Display) -> Self {
        Self::own(format!("{option} {}: {why}", shown(&value.as_ref().to_string_lossy())))
    }

    /// It is the value of this option that led to it.
    pub fn with_option(self, option: &str, value: impl AsRef<OsStr>) -> Self {
        Self { message: format!("{option} {}: {}", shown(&value.as_ref().to_string_lossy()), self.message), ..self }
    }

    /// With what helps.
    pub fn advise(self, what: impl Display) -> Self {
        Self { message: format!("{}: {what}", self.message), ..self }
    }
}

/// An error's sentence, without Rust's "(os error 2)" where it has one of the system's in it.
pub fn plain(error: &impl Display) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text,
    }
}

/// A line of our own on stderr. Not being able to write it (stderr closed) must not change what we do.
pub fn say(message: impl Display) {
    let mut line = message.to_string().replace(['\n', '\r'], " ");
    line.push('\n');
    let _ = io::Write::write_all(&mut io::stderr(), format!("tcptune: {line}").as_bytes());
}
