//! Which services and sockets there are: what has a file, and what runs.

use std::collections::BTreeSet;

use super::home::{Home, home_of};
use super::image::DIRECTORIES;
use crate::os::proc;

/// Sorted, each once.
pub fn all() -> Vec<String> {
    let files = DIRECTORIES.iter().filter_map(|directory| std::fs::read_dir(directory).ok()).flatten().flatten();
    let mut names: BTreeSet<String> = files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".service") || name.ends_with(".socket"))
        .collect();
    names.extend(proc::all().unwrap_or_default().into_iter().filter_map(|pid| match home_of(pid)? {
        Home::Service(name) => Some(name),
        Home::Container(_) => None,
    }));
    names.into_iter().collect()
}
