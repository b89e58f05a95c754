//! Appends one line per call to the file that `TCPTUNE_SPY` names. Keeps no descriptor open, so that the program's own
//! numbers are what they would be without it, uses no heap, and leaves errno alone.

use rustix::fs::{Mode, OFlags};
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::IntoRawFd;

/// Records one call; without `TCPTUNE_SPY` nothing.
pub(crate) fn call(name: &str, arguments: &[i64], result: i64) {
    // SAFETY: why: std's look-up takes a lock and the heap, which a hook must not. Sound: the name is a C string, and
    // the programs under test do not change their environment while they make calls.
    let file = unsafe { libc::getenv(c"TCPTUNE_SPY".as_ptr()) };
    if file.is_null() {
        return;
    }
    // SAFETY: why: the value comes from C. Sound: getenv gave a C string that is not null and stays in the environment.
    let file = unsafe { CStr::from_ptr(file) };
    let mut line = [0_u8; 256];
    let Some(line) = write_line(&mut line, name, arguments, result) else { return };
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    if let Ok(log) = rustix::fs::open(file, flags, Mode::RUSR | Mode::WUSR) {
        // One write, so that lines of several threads do not mix. A log that cannot be written makes the test fail.
        let _ = rustix::io::write(&log, line);
        // SAFETY: why: std would close it by libc's close, which is spied on, and so for ever. Sound: the number was
        // taken from its owner here and nobody else knows it.
        unsafe { rustix::io::close(log.into_raw_fd()) };
    }
}

/// The line in the buffer; none if it did not fit.
fn write_line<'b>(buffer: &'b mut [u8], name: &str, arguments: &[i64], result: i64) -> Option<&'b [u8]> {
    let mut rest = &mut buffer[..];
    write!(rest, "{name}").ok()?;
    for argument in arguments {
        write!(rest, " {argument}").ok()?;
    }
    write!(rest, " = {result}").ok()?;
    if result < 0 {
        // SAFETY: why: errno belongs to the thread and is reached through a pointer. Sound: it is always valid.
        let error = unsafe { *errno() };
        write!(rest, " {error}").ok()?;
    }
    writeln!(rest).ok()?;
    let left = rest.len();
    let used = buffer.len() - left;
    Some(&buffer[..used])
}

/// Where this thread's errno is.
fn errno() -> *mut i32 {
    // SAFETY: why: it is a function of C. Sound: it takes nothing and always succeeds.
    unsafe { libc::__errno_location() }
}
