//! All files of a directory, and of the directories in it, with bounds for what others may have put there.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, statat, unlinkat};
use rustix::io::Errno;
use tcptune_policy::counters::{Head, SUFFIX, head_at};

use super::alive::Mapped;
use super::file::{self, word};
use super::process::{self, Process};
use crate::errors::{Failure, plain};

/// So many files are looked at, the first by their names: who writes into the directory may have made millions.
const FILES: usize = 1 << 18;
/// So many directories in it.
const DIRECTORIES: usize = 1 << 12;
/// So many files of one user are read, and so many services of theirs are kept, which are 6 kB each at most: no user takes the
/// place of another's.
const FILES_OF_USER: usize = 1 << 14;
const SERVICES_OF_USER: usize = 1 << 13;
/// So many files are told of by name.
const TOLD: usize = 100;

/// What a directory holds.
#[derive(Debug)]
pub struct Found {
    /// Running ones first, then by number.
    pub processes: Vec<Process>,
    /// Why a file was left out: a line each, with its name; of very many the last line tells how many more there are.
    pub problems: Vec<String>,
    /// How many were left out.
    pub left_out: usize,
    /// Some processes could not be looked at, so one that seems to have ended may still run.
    pub unsure: bool,
    /// Names of files, whether they could be read or not; sorted.
    names: Vec<String>,
    directory: OwnedFd,
}

/// Reads all files of counters in a directory, and in the directories in it: one for each user or service. It is an error if it
/// is none or may not be read; a file that cannot be read is a problem, and the others are read all the same.
pub fn read(path: &Path) -> Result<Found, Failure> {
    let shown = path.display();
    let unreadable = |error: Errno| Failure::own(format!("`{shown}` cannot be read: {}", plain(&error)));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => Failure::own(format!("`{shown}` is not there: name the directory that TCPTUNE_STATS names")),
        Errno::NOTDIR => Failure::own(format!("`{shown}` is no directory: name the one that TCPTUNE_STATS names")),
        other => unreadable(other),
    })?;
    let mut listing = Listing::default();
    let below = listing.take(&directory, "").map_err(&unreadable)?;
    let mut problems = Problems { path, lines: Vec::new(), count: 0 };
    for name in below {
        let taken = subdirectory(&directory, &name).and_then(|directory| listing.take(&directory, &format!("{name}/")));
        match taken {
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => (),
            Err(error) => problems.add(&name, &format!("cannot be read: {}", plain(&error))),
        }
    }
    let Listing { names, too_many } = listing;
    let (mut processes, mut mapped, mut kept) = (Vec::new(), Mapped::default(), BTreeMap::new());
    for name in &names {
        match one(&directory, name, &mut mapped, &mut kept) {
            Ok(process) => processes.push(process),
            Err(reason) => problems.add(name, &reason),
        }
    }
    if too_many > 0 {
        problems.count += too_many;
        problems.lines.push(format!(
            "`{shown}` has {too_many} files of counters more than {FILES}: left out; `tcptune report --clean` removes those of \
             processes that are gone"
        ));
    }
    processes.sort_by_key(|process| (!process.running, process.pid, process.created));
    let (left_out, problems) = (problems.count, problems.told());
    Ok(Found { processes, problems, left_out, unsure: mapped.partly(), names: names.into_iter().collect(), directory })
}

/// Names of files, as a path from the directory that was named.
#[derive(Default)]
struct Listing {
    names: BTreeSet<String>,
    /// How many have no place any more.
    too_many: usize,
}

impl Listing {
    /// Takes in the files of a directory, and gives the names of those in it.
    fn take(&mut self, directory: &OwnedFd, before: &str) -> Result<Vec<String>, Errno> {
        let mut below = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let counters = name.ends_with(SUFFIX);
            let directory = match entry.file_type() {
                FileType::Directory => true,
                // A file system that does not say.
                FileType::Unknown => !counters,
                _ => false,
            };
            if directory {
                below.extend(Some(name.to_owned()).filter(|name| !name.starts_with('.') && below.len() < DIRECTORIES));
            } else if counters && self.names.insert(format!("{before}{name}")) && self.names.len() > FILES {
                self.names.pop_last();
                self.too_many += 1;
            }
        }
        Ok(below)
    }
}

/// A directory in a directory; never through a link.
fn subdirectory(directory: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// The directory that holds a file, if it is one below, and the file's name there.
fn place<'n>(directory: &OwnedFd, name: &'n str) -> Result<(Option<OwnedFd>, &'n str), Errno> {
    match name.split_once('/') {
        Some((below, name)) => Ok((Some(subdirectory(directory, below)?), name)),
        None => Ok((None, name)),
    }
}

/// What was left out, some of it by name.
struct Problems<'p> {
    path: &'p Path,
    lines: Vec<String>,
    count: usize,
}

impl Problems<'_> {
    fn add(&mut self, name: &str, reason: &str) {
        self.count += 1;
        if self.count <= TOLD {
            self.lines.push(format!("`{}` {reason}: left out", self.path.join(name).display()));
        }
    }

    fn told(mut self) -> Vec<String> {
        let more = self.count.saturating_sub(self.lines.len());
        if self.count > TOLD && more > 0 {
            self.lines.push(format!("`{}` has {more} more files that were left out", self.path.display()));
        }
        self.lines
    }
}

/// What there is of a user so far.
#[derive(Default)]
struct Kept {
    files: usize,
    services: usize,
}

/// Reads one.
fn one(
    directory: &OwnedFd,
    name: &str,
    mapped: &mut Mapped,
    kept: &mut BTreeMap<u32, Kept>,
) -> Result<Process, String> {
    let (below, own_name) = place(directory, name).map_err(|error| format!("cannot be read: {}", plain(&error)))?;
    let file = file::open(below.as_ref().unwrap_or(directory), own_name)?;
    let kept = kept.entry(file.owner()).or_default();
    let advice = "`tcptune report --clean` removes those of processes that are gone";
    if kept.files >= FILES_OF_USER {
        return Err(format!("is one too many of user {}: {FILES_OF_USER} are read; {advice}", file.owner()));
    }
    kept.files += 1;
    let content = file.read()?;
    if let Some(reason) = process::too_many(&content.bytes) {
        return Err(reason);
    }
    let damaged = || "is damaged: its places and counts do not fit".to_owned();
    let mut process = process::parse(name, &content.bytes, content.inode, content.owner).ok_or_else(damaged)?;
    if kept.services + process.services.len() > SERVICES_OF_USER {
        return Err(format!(
            "is one too many of user {}: those before it have {} services, and {SERVICES_OF_USER} are read; {advice}",
            content.owner, kept.services
        ));
    }
    kept.services += process.services.len();
    let created = word(&content.bytes, head_at(Head::CreatedBoot)).unwrap_or(0);
    process.running = mapped.anywhere(process.pid, created, content.inode);
    Ok(process)
}

impl Found {
    /// Has the directory a file of this name? None where it has too many to tell.
    pub fn lists(&self, name: &str) -> Option<bool> {
        let listed = self.names.binary_search_by(|one| one.as_str().cmp(name)).is_ok();
        (listed || self.names.len() < FILES).then_some(listed)
    }

    /// Removes the file of a process, if it is still the same file.
    pub fn remove(&self, process: &Process) -> Result<(), String> {
        let name = process.file.as_str();
        let failed = |error: Errno| format!("`{name}` cannot be removed: {}", plain(&error));
        let (below, own_name) = place(&self.directory, name).map_err(failed)?;
        let directory = below.as_ref().unwrap_or(&self.directory);
        let same = statat(directory, own_name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|now| now.st_ino == process.inode);
        if !same {
            return Ok(());
        }
        unlinkat(directory, own_name, AtFlags::empty()).map_err(failed)
    }
}
