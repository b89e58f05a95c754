//! Another process as a place to borrow sockets from. A pidfd holds on to it: a number that was given to a new process in
//! the meantime is never mistaken for it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::proc::{self, Stat};
use super::refusal;
use crate::errors::Failure;

pub struct Process {
    pub pid: u32,
    pub name: String,
    /// When it was started, in clock ticks: number and start together name a process until the machine restarts.
    pub start: u64,
    handle: OwnedFd,
}

impl Process {
    pub fn open(pid: u32) -> Result<Self, Failure> {
        let none = || refusal::of_none(pid);
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(none)?;
        let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            Errno::SRCH => none(),
            // A thread has a directory in /proc, though it is not listed.
            Errno::INVAL | Errno::NOENT => refusal::of_thread(pid),
            error => refusal::of_call(pid, "pidfd_open", error),
        })?;
        let Stat { name, start, zombie, .. } = Stat::of(pid).ok_or_else(none)?;
        if zombie {
            return Err(refusal::of_ended(pid, &name));
        }
        Ok(Self { pid, name, start, handle })
    }

    /// Its sockets of any kind: descriptor and inode.
    pub fn sockets(&self) -> io::Result<Vec<(RawFd, u64)>> {
        proc::sockets(self.pid)
    }

    /// Has it ended, whatever has its number now?
    pub fn has_ended(&self) -> bool {
        let mut handle = [PollFd::new(self, PollFlags::IN)];
        poll(&mut handle, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// A copy of one of its descriptors.
    pub fn borrow(&self, descriptor: RawFd) -> Result<OwnedFd, Errno> {
        pidfd_getfd(self.handle.as_fd(), descriptor, PidfdGetfdFlags::empty())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.pid, self.name)
    }
}

impl AsFd for Process {
    /// Readable once the process has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}
