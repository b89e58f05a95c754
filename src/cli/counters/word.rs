//! The one word of a file of counters that is not the library's own: it tells a process that runs to stop tuning. Only the very file
//! that the process has mapped is written: who made the process may have put anything under its name.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use tcptune_policy::counters::{Head, MAGIC, STOP, STOPPED, SUFFIX, head_at};

use crate::os::proc;

/// The file that a process counts into, with its parent and its children.
pub struct Word(File);

impl Word {
    /// Opens the file that a process has mapped; None if it counts nothing.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        let maps = proc::bytes(pid, "maps")?;
        let maps = String::from_utf8_lossy(&maps);
        let is_ours =
            |line: &&str| proc::mapped_path(line.as_bytes()).is_some_and(|path| path.ends_with(SUFFIX.as_bytes()));
        let Some(line) = maps.lines().find(is_ours) else { return Ok(None) };
        let found = mapped(pid, line)?;
        let about = fstat(&found)?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("what it has mapped under that name is no file"));
        }
        let word = Self(to_write(&found, about.st_uid)?);
        Ok((word.read(Head::Magic)? == MAGIC).then_some(word))
    }

    fn read(&self, head: Head) -> io::Result<u64> {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, head_at(head) as u64)?;
        Ok(u64::from_ne_bytes(word))
    }

    /// Tells the process to stop.
    pub fn stop(&self) -> io::Result<()> {
        if self.has_stopped()? {
            return Ok(());
        }
        self.0.write_all_at(&STOP.to_ne_bytes(), head_at(Head::Detach) as u64)
    }

    /// Has the library seen that?
    pub fn has_stopped(&self) -> io::Result<bool> {
        Ok(self.read(Head::Detach)? == STOPPED)
    }
}

/// The file of a line of maps, found without being opened: a device would notice. Root asks for the mapping itself, whatever has
/// become of its name; others look for the name, and may reach no more by that than they may anyway.
fn mapped(pid: u32, line: &str) -> io::Result<OwnedFd> {
    let path = OFlags::PATH | OFlags::CLOEXEC;
    let range = line.split(' ').next().unwrap_or_default();
    if let Ok(found) = open(proc::entry(pid, "map_files").join(range), path, Mode::empty()) {
        return Ok(found);
    }
    if rustix::process::geteuid().is_root() {
        return Err(io::Error::other(
            "its mapping cannot be opened (that takes CAP_CHECKPOINT_RESTORE in this namespace)",
        ));
    }
    let wrong = || io::Error::other("its file of counters is not there any more");
    let (Some(inode), Some((_, name))) = (proc::inode(line), line.split_once('/')) else { return Err(wrong()) };
    let top = open(proc::entry(pid, "root"), path | OFlags::DIRECTORY, Mode::empty())?;
    let found = openat2(&top, name, path, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS)?;
    if fstat(&found)?.st_ino == inode { Ok(found) } else { Err(wrong()) }
}

/// Opens it to write, and waits for nobody's lease. Root may; its owner has given that away (mode 0400), and takes it back for a
/// moment.
fn to_write(found: &OwnedFd, owner: u32) -> io::Result<File> {
    let path = proc::own_descriptor(found);
    let again = || {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path)
    };
    match again() {
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied && owner == rustix::process::geteuid().as_raw() =>
        {
            std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            let opened = again();
            std::fs::set_permissions(&path, Permissions::from_mode(0o400))?;
            opened
        }
        other => other,
    }
}
