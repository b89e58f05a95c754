//! The supervisor's end of the filter: receiving what a program is about to do, and answering. Knows nothing of sockets.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{
    SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_USER_NOTIF_FLAG_CONTINUE,
    seccomp_notif, seccomp_notif_resp,
};

/// What becomes of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel goes on with it, as if nobody had been asked.
    Proceed,
    /// It is not made, and returns 0.
    Done,
}

pub struct Listener(OwnedFd);

impl Listener {
    pub const fn new(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Take up a call that waits. False: it is gone (its caller was killed or got a signal).
    ///
    /// # Safety
    /// `into` must point to a notification that is all zeros and that nobody else uses.
    pub unsafe fn receive(&self, into: *mut seccomp_notif) -> bool {
        // SAFETY: needed because this ioctl has no safe form. Sound because the kernel writes one notification, to where the
        // caller promises that there is one.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SECCOMP_IOCTL_NOTIF_RECV, into) == 0 }
    }

    /// Does this call still wait? If so, the numbers it came with still mean its caller.
    pub fn waits(&self, id: u64) -> bool {
        // SAFETY: needed because this ioctl has no safe form. Sound because the kernel reads one number, which is ours.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Let a call go. One that is gone, or was answered before, is none of anybody's concern.
    pub fn answer(&self, id: u64, answer: Answer) {
        let flags = match answer {
            Answer::Proceed => SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Answer::Done => 0,
        };
        let mut response = seccomp_notif_resp { id, val: 0, error: 0, flags };
        // SAFETY: needed because this ioctl has no safe form. Sound because the kernel reads one response, which is ours.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) };
    }
}

impl AsFd for Listener {
    /// Readable when a call waits; hung up once no process has the filter any more.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
