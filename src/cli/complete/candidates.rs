//! What is offered: texts that begin with what was typed, and files.

use std::ffi::OsStr;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};

/// Candidates that begin with what was typed.
pub fn beginning(current: &OsStr, all: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fitting = all.into_iter().filter(|(value, _)| value.starts_with(&*current));
    fitting.map(|(value, help)| CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))).collect()
}

pub fn files(current: &OsStr) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(current)
}
