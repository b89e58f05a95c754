//! Under a seccomp filter with no_new_privs the library keeps to the calls that its program makes (`policy::is_confined`),
//! because one that the filter forbids would kill it. Who starts the program is under the same filter, and can try.

use std::ffi::c_long;

use rustix::process::{WaitOptions, waitpid};

use crate::os::fork::{end, fork};
use crate::os::proc::{SELF, Status};
use crate::settings::{Pair, put, value};

/// Its setting.
pub const SETTING: &str = "TCPTUNE_SECCOMP";

/// Tells the library, in the environment of a program, that it may make all its calls: if it would not believe so itself, and
/// a process of ours has made them and lives.
pub fn tell_library(environment: &mut Vec<Pair>) {
    // As the library: without /proc it is not known.
    let confined = || Status::of(SELF).map_or(true, |status| status.is_confined());
    if value(environment, SETTING).is_none() && confined() && allows_all() {
        put(environment, SETTING, "all".into());
    }
}

/// Does the filter that this process is under allow what the library calls? A child tries: it may be killed.
fn allows_all() -> bool {
    match fork() {
        Ok(None) => end(i32::from(!each_is_allowed())),
        Ok(Some(child)) => {
            matches!(waitpid(Some(child), WaitOptions::empty()), Ok(Some((_, how))) if how.exit_status() == Some(0))
        }
        Err(_) => false,
    }
}

/// Makes each call once, with arguments that the kernel refuses at once.
fn each_is_allowed() -> bool {
    const NO: c_long = -1;
    let each: [(c_long, [c_long; 4]); 21] = [
        (libc::SYS_setsockopt, [NO; 4]),
        (libc::SYS_getsockopt, [NO; 4]),
        (libc::SYS_getsockname, [NO; 4]),
        (libc::SYS_getpeername, [NO; 4]),
        (libc::SYS_sendto, [NO, 0, 0, 0]),
        (libc::SYS_sendmsg, [NO, 0, 0, 0]),
        (libc::SYS_ioctl, [NO, 0x541b, 0, 0]),
        (libc::SYS_getrusage, [NO, 0, 0, 0]),
        (libc::SYS_clock_gettime, [1 << 20, 0, 0, 0]),
        (libc::SYS_uname, [0; 4]),
        (libc::SYS_rt_sigprocmask, [NO, 0, 0, 8]),
        (libc::SYS_mmap, [0; 4]),
        (libc::SYS_readlinkat, [NO, 0, 0, 0]),
        // What counting needs (TCPTUNE_STATS).
        (libc::SYS_openat, [NO, 0, 0, 0]),
        (libc::SYS_fstat, [NO, 0, 0, 0]),
        (libc::SYS_prlimit64, [0, NO, 0, 0]),
        (libc::SYS_fallocate, [NO, 0, 0, 0]),
        (libc::SYS_pwrite64, [NO, 0, 0, 0]),
        (libc::SYS_unlinkat, [NO, 0, 0, 0]),
        (libc::SYS_geteuid, [0; 4]),
        (libc::SYS_gettid, [0; 4]),
    ];
    each.iter().all(|(number, [a, b, c, d])| {
        // SAFETY: needed because the question is whether the call itself is allowed. Sound because no argument is a descriptor, an
        // address or a length that the kernel would read or write through.
        let result = unsafe { libc::syscall(*number, *a, *b, *c, *d, 0, 0) };
        let error = std::io::Error::last_os_error().raw_os_error();
        result >= 0 || !matches!(error, Some(libc::EPERM | libc::ENOSYS))
    })
}
