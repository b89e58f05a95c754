//! Another process as a place to borrow sockets from. A pidfd holds on to it: a number that was given to a new process in
//! the meantime is never mistaken for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::errors::{Failure, NOT_FOUND};
use crate::os::refusal;

pub struct Process {
    pub pid: u32,
    pub name: String,
    /// When it was started, in clock ticks: number and start together name a process until the machine restarts.
    pub start: u64,
    handle: OwnedFd,
}

impl Process {
    pub fn open(pid: u32) -> Result<Self, Failure> {
        let none = || Failure::new(NOT_FOUND, format!("there is no process {pid}"));
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(none)?;
        let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            Errno::SRCH => none(),
            // A thread has a directory in /proc, though it is not listed.
            Errno::INVAL | Errno::NOENT => refusal::of_thread(pid),
            error => refusal::of_call(pid, "pidfd_open", error),
        })?;
        let (name, start) = stat(pid).ok_or_else(none)?;
        if fields(pid).is_some_and(|(_, fields)| fields.trim_start().starts_with('Z')) {
            return Err(Failure::new(NOT_FOUND, format!("process {pid} ({name}) has ended already (zombie)")));
        }
        Ok(Self { pid, name, start, handle })
    }

    /// Its sockets of any kind: descriptor and inode.
    pub fn sockets(&self) -> io::Result<Vec<(RawFd, u64)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(format!("/proc/{}/fd", self.pid))? {
            let entry = entry?;
            let descriptor = entry.file_name().to_str().and_then(|n| n.parse().ok());
            // One that was closed meanwhile cannot be read, and is none any more.
            let inode = std::fs::read_link(entry.path()).ok().and_then(inode);
            found.extend(descriptor.zip(inode));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// A copy of one of its descriptors.
    pub fn borrow(&self, descriptor: RawFd) -> Result<OwnedFd, Errno> {
        pidfd_getfd(self.handle.as_fd(), descriptor, PidfdGetfdFlags::empty())
    }
}

impl AsFd for Process {
    /// Readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// The inode in `socket:[4711]`.
pub fn inode(link: PathBuf) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Name and start time.
pub fn stat(pid: u32) -> Option<(String, u64)> {
    let (name, fields) = fields(pid)?;
    // Field 22 of proc(5), of which the first two are gone.
    Some((name, fields.split_ascii_whitespace().nth(19)?.parse().ok()?))
}

/// The parent.
pub fn parent(pid: u32) -> Option<u32> {
    fields(pid)?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The name, which may hold anything, and what comes behind it.
fn fields(pid: u32) -> Option<(String, String)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (before, after) = stat.rsplit_once(')')?;
    let name = before.split_once('(')?.1;
    Some((name.chars().map(|c| if c.is_control() { '?' } else { c }).collect(), after.to_owned()))
}
