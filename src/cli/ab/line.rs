//! Command lines: their words, or the shell that is to read them.

use std::ffi::OsString;

use crate::errors::Failure;

/// The words of a command line, or the shell that is to read it.
pub fn words(option: &str, line: &str, shell: Option<&str>) -> Result<Vec<OsString>, Failure> {
    split(line, shell).map_err(|why| Failure::of_option(option, line, why))
}

/// The same; the error is what stands behind the value.
pub fn split(line: &str, shell: Option<&str>) -> Result<Vec<OsString>, String> {
    let words = match shell {
        Some(shell) if !line.trim().is_empty() => [shell, "-c", line].map(str::to_owned).to_vec(),
        Some(_) => Vec::new(),
        None => shell_words::split(line)
            .map_err(|_| "allowed are words as a shell has them, but a quote is not closed".to_owned())?,
    };
    if words.is_empty() {
        return Err("the command is empty".to_owned());
    }
    Ok(words.into_iter().map(OsString::from).collect())
}
