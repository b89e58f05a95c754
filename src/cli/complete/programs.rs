//! Programs in PATH.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;

use clap_complete::engine::{CompletionCandidate, ValueCompleter};

use super::candidates::{beginning, files};
use super::processes::processes;

/// The first word is a program; its arguments can be files.
pub struct Programs {
    /// A process can be meant too.
    pub processes: bool,
}

impl ValueCompleter for Programs {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        if current.to_string_lossy().contains('/') {
            return files(current);
        }
        let digits = self.processes && current.to_string_lossy().starts_with(|c: char| c.is_ascii_digit());
        if digits { processes(current) } else { programs(current) }
    }

    fn complete_at(&self, index: usize, current: &OsStr) -> Vec<CompletionCandidate> {
        if index == 0 { self.complete(current) } else { files(current) }
    }
}

fn programs(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let entries = std::env::split_paths(&path).filter_map(|directory| directory.read_dir().ok()).flatten().flatten();
    let fitting = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&*typed));
    let runnable = fitting.filter(|entry| {
        let about = entry.path().metadata();
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    });
    let names: BTreeSet<String> = runnable.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    beginning(current, names.into_iter().map(|name| (name, String::new())))
}
