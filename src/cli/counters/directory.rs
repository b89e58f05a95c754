//! All files of a directory.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, statat, unlinkat};
use rustix::io::Errno;
use tcptune_policy::counters::{Head, SUFFIX, head_at};

use super::alive::Mapped;
use super::file::{self, word};
use super::process::{self, Process};
use crate::errors::{Failure, plain};

/// What a directory holds.
#[derive(Debug)]
pub struct Found {
    /// Running ones first, then by number.
    pub processes: Vec<Process>,
    /// Why a file was left out: a line each, with its name.
    pub problems: Vec<String>,
    /// Some processes could not be looked at, so one that seems to have ended may still run.
    pub unsure: bool,
    directory: OwnedFd,
}

/// Reads all files of counters in a directory. It is an error if that is none or may not be read; a file that cannot be read is
/// a problem, and the others are read all the same.
pub fn read(path: &Path) -> Result<Found, Failure> {
    let shown = path.display();
    let unreadable = |error: Errno| Failure::own(format!("`{shown}` cannot be read: {}", plain(&error)));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => Failure::own(format!("`{shown}` is not there: name the directory that TCPTUNE_STATS names")),
        Errno::NOTDIR => Failure::own(format!("`{shown}` is no directory: name the one that TCPTUNE_STATS names")),
        other => unreadable(other),
    })?;
    let mut names: Vec<String> = Vec::new();
    for entry in Dir::read_from(&directory).map_err(&unreadable)? {
        let entry = entry.map_err(&unreadable)?;
        if let Ok(name) = entry.file_name().to_str()
            && name.ends_with(SUFFIX)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let mut found = Found { processes: Vec::new(), problems: Vec::new(), unsure: false, directory };
    let mut mapped = Mapped::default();
    for name in names {
        match one(&found.directory, &name, &mut mapped) {
            Ok(process) => found.processes.push(process),
            Err(reason) => found.problems.push(format!("`{}` {reason}: left out", path.join(&name).display())),
        }
    }
    found.processes.sort_by_key(|process| (!process.running, process.pid, process.created));
    found.unsure = mapped.partly();
    Ok(found)
}

fn one(directory: &OwnedFd, name: &str, mapped: &mut Mapped) -> Result<Process, String> {
    let content = file::read(directory, name)?;
    let damaged = || "is damaged: its places and counts do not fit".to_owned();
    let mut process = process::parse(name, &content.bytes, content.inode, content.owner).ok_or_else(damaged)?;
    let created = word(&content.bytes, head_at(Head::CreatedBoot)).unwrap_or(0);
    process.running = mapped.anywhere(process.pid, created, name, content.inode);
    Ok(process)
}

impl Found {
    /// Removes the file of a process, if it is still the same file.
    pub fn remove(&self, process: &Process) -> Result<(), String> {
        let name = process.file.as_str();
        let same =
            statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|now| now.st_ino == process.inode);
        if !same {
            return Ok(());
        }
        unlinkat(&self.directory, name, AtFlags::empty())
            .map_err(|error| format!("`{name}` cannot be removed: {}", plain(&error)))
    }
}
