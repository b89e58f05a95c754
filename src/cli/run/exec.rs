//! Becomes another program. Signals, descriptors and the bytes of arguments and environment stay as they are: the standard
//! library's own exec would set SIGPIPE back to its default, which systemd's services, for one, do not expect.

use std::ffi::{CString, OsStr, OsString, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::settings::Pair;

/// Only returns when it failed.
pub fn replace_process(command: &[OsString], environment: &[Pair]) -> io::Error {
    let arguments: Result<Vec<CString>, _> = command.iter().map(|a| CString::new(a.as_bytes())).collect();
    let variables: Result<Vec<CString>, _> = environment
        .iter()
        .map(|(name, value)| CString::new([name.as_bytes(), OsStr::new("=").as_bytes(), value.as_bytes()].concat()))
        .collect();
    let (Ok(arguments), Ok(variables)) = (arguments, variables) else {
        return io::ErrorKind::InvalidInput.into();
    };
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(&arguments), pointers(&variables));
    let Some(program) = arguments.first() else { return io::ErrorKind::InvalidInput.into() };
    // SAFETY: needed because the standard library has no exec that leaves SIGPIPE alone. Sound because all three are C strings
    // or null-terminated arrays of them, which live until the call returns or the program is gone.
    unsafe { libc::execvpe(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
}
