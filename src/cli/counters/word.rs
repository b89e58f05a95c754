//! The one word of a file of counters that is not the library's own: it asks a process that runs to stop tuning. The file is
//! found by the mapping of the process itself, and written only if it is that very file, reached without a link: who made the
//! process may have put anything under its name.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use tcptune_policy::counters::{HEADER_SIZE, Head, MAGIC, STOP, STOPPED, SUFFIX, head_at};

use super::file::word;
use crate::os::proc;

/// The file that a process counts into, with its parent and its children.
pub struct Word(File);

impl Word {
    /// Opens the file that a process has mapped; None if it counts nothing.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        let maps = proc::bytes(pid, "maps")?;
        let maps = String::from_utf8_lossy(&maps);
        let Some(line) = maps.lines().find(|line| line.ends_with(SUFFIX)) else { return Ok(None) };
        let (Some(inode), Some((_, path))) = (proc::inode(line), line.split_once('/')) else { return Ok(None) };
        let reading = of_process(pid, path)?;
        let about = reading.metadata()?;
        let mut head = vec![0; HEADER_SIZE];
        if about.ino() != inode || !about.is_file() {
            return Err(io::Error::other("another file is there under the name of the one that it counts into"));
        }
        reading.read_exact_at(&mut head, 0)?;
        if word(&head, head_at(Head::Magic)) != Some(MAGIC) {
            return Ok(None);
        }
        to_write(reading, about.permissions()).map(|file| Some(Self(file)))
    }

    /// Asks the process to stop.
    pub fn stop(&self) -> io::Result<()> {
        if self.has_stopped()? {
            return Ok(());
        }
        self.0.write_all_at(&STOP.to_ne_bytes(), head_at(Head::Detach) as u64)
    }

    /// Has the library seen that?
    pub fn has_stopped(&self) -> io::Result<bool> {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, head_at(Head::Detach) as u64)?;
        Ok(u64::from_ne_bytes(word) == STOPPED)
    }
}

/// Opens a path as the process sees it. (The kernel tells it as it is, without links.)
fn of_process(pid: u32, path: &str) -> io::Result<File> {
    let top = open(proc::entry(pid, "root"), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(openat2(&top, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS)?.into())
}

/// Opens the same file to write. Root may; its owner has given that away (mode 0400), and takes it back for a moment.
fn to_write(file: File, mode: Permissions) -> io::Result<File> {
    let again = || OpenOptions::new().read(true).write(true).open(proc::own_descriptor(&file));
    match again() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            file.set_permissions(Permissions::from_mode(0o600))?;
            let opened = again();
            file.set_permissions(mode)?;
            opened
        }
        other => other,
    }
}
