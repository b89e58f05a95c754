//! Starts a process that stays when this one becomes another program: no child of it, with a session of its own, and nothing
//! of the program's but one descriptor.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::process::{chdir, setsid};
use rustix::thread::set_name;

use crate::os::fork::{end, fork};

/// Start it and let it do `task` with the descriptor that is kept. Must be called with one thread.
pub fn launch(kept: OwnedFd, name: &CStr, task: impl FnOnce(OwnedFd) -> i32) -> io::Result<()> {
    // Not fork(3): its SIGCHLD, if blocked here, would wait for the program.
    // SAFETY: needed for a child that ends without a signal. Sound because this process has one thread: its copy can go on
    // with everything but what depends on a thread's number, which is not used.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if child == 0 {
        match fork() {
            Ok(None) if leave(&kept, name) => end(task(kept)),
            result => end(i32::from(result.is_err())),
        }
    }
    let child = i32::try_from(child).ok().filter(|&child| child > 0).ok_or_else(io::Error::last_os_error)?;
    let mut status = 0;
    loop {
        // SAFETY: needed because no safe function waits for a child without a signal. Sound because `status` is ours.
        let result = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) };
        match io::Error::last_os_error().raw_os_error() {
            _ if result == child => break,
            Some(libc::EINTR) => {}
            // Reaped already, where SIGCHLD is ignored.
            _ => return Ok(()),
        }
    }
    if status == 0 { Ok(()) } else { Err(io::Error::other("its process cannot be started")) }
}

/// Leave everything behind that is the program's, but for one descriptor. False where that cannot be done (before Linux 5.9).
fn leave(kept: &OwnedFd, name: &CStr) -> bool {
    // Whoever ends the program by a signal to its group, its unit or its terminal does not mean this process: the program may
    // go on for a while and needs it. It ends by itself.
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: needed because the standard library has no signal masks. Sound because the call fills in the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: needed for the same reason. Sound because the set was filled in, and is only read.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) };
    // SAFETY: needed so that children that were killed do not stay as zombies. Sound because no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let _ = setsid();
    let _ = chdir("/");
    let _ = set_name(name);
    close_all_but(kept.as_raw_fd())
}

fn close_all_but(kept: RawFd) -> bool {
    let kept = kept.unsigned_abs();
    let ranges = [kept.checked_sub(1).map(|last| (0, last)), Some((kept + 1, u32::MAX))];
    ranges.into_iter().flatten().all(|(first, last)| {
        // SAFETY: needed because no safe function closes a range. Sound because this copy of the process uses none of these
        // descriptors any more.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) == 0 }
    })
}
