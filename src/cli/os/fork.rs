//! A copy of this process, as long as it has one thread; and its end.

use std::io;

use rustix::process::Pid;

/// None in the child.
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: needed because the standard library has no fork. Sound because the process has one thread, so nothing is
    // locked in its copy.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        child => Ok(Pid::from_raw(child)),
    }
}

/// End this copy of the process without what the other copy has yet to do (flushing stdout, for one).
pub fn end(code: i32) -> ! {
    // SAFETY: needed because std's exit runs such handlers. Sound because nothing here has to be put in order.
    unsafe { libc::_exit(code) }
}
