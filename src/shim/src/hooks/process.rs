//! Creating, replacing, restricting and ending processes: what is held is released first.

use core::ffi::c_char;

use libc::pid_t;

use super::*;

/// The value of PR_SET_TSC that forbids the cycle counter, which the library reads (prctl(2)).
const PR_TSC_SIGSEGV: c_long = 2;
/// The option by which the kernel hands a thread its own system calls, except those from one range of addresses
/// (prctl(2)). The library makes its calls from outside of any range that a program knows.
const PR_SET_SYSCALL_USER_DISPATCH: c_int = 59;
const PR_SYS_DISPATCH_OFF: c_long = 0;
/// The operations of seccomp(2) that install a filter.
const SECCOMP_SET_MODE_STRICT: c_long = 0;
const SECCOMP_SET_MODE_FILTER: c_long = 1;

hook! {
    /// fork(2): releases what the thread holds first. The child has the socket too, so closing it would no longer
    /// flush.
    fn fork() -> pid_t where signature (libc::fork), raw raw!(libc::SYS_clone, libc::SIGCHLD); {
        LIBRARY.let_go(Cause::End);
        // SAFETY: fork(2) takes no arguments and requires nothing of its caller that the hook's caller has not
        // promised.
        let child = unsafe { fork::real() };
        if child == 0 {
            LIBRARY.forked();
        }
        child
    }
}

/// Makes a hook for a function that replaces the program. The new program will know nothing of held data, nor will the other
/// threads come back to theirs.
macro_rules! exec_hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            fn $name($($arg: $ty),*) -> c_int where signature $check, raw $raw; {
                LIBRARY.let_go_of_all();
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                unsafe { $name::real($($arg),*) }
            }
        }
    };
}

exec_hook! {
    /// execve(2).
    fn execve(path: *const c_char, arguments: *const *const c_char, environment: *const *const c_char)
    where signature (libc::execve), raw raw!(libc::SYS_execve, path, arguments, environment);
}
exec_hook! {
    /// execv(3).
    fn execv(path: *const c_char, arguments: *const *const c_char) where signature (libc::execv), raw MISSING;
}
exec_hook! {
    /// execvp(3).
    fn execvp(file: *const c_char, arguments: *const *const c_char) where signature (libc::execvp), raw MISSING;
}
exec_hook! {
    /// execvpe(3).
    fn execvpe(file: *const c_char, arguments: *const *const c_char, environment: *const *const c_char)
    where signature (libc::execvpe), raw MISSING;
}
exec_hook! {
    /// fexecve(3).
    fn fexecve(fd: c_int, arguments: *const *const c_char, environment: *const *const c_char)
    where signature (libc::fexecve), raw MISSING;
}

exec_hook! {
    /// execveat(2).
    fn execveat(directory: c_int, path: *const c_char, arguments: *const *mut c_char, environment: *const *mut c_char, flags: c_int)
    where signature (libc::execveat), raw raw!(libc::SYS_execveat, directory, path, arguments, environment, flags);
}

/// Makes hooks for the execs that take the program's arguments one by one. Stable Rust cannot define a variadic
/// function, so these are naked functions: they release what is held, then jump to the real function with all registers
/// and the stack as they were.
macro_rules! variadic_exec_hooks {
    ($($name:ident)*) => { $(
        /// As declared in C: see execl(3).
        ///
        /// # Safety
        /// The contract of the libc function: the caller's arguments are passed on to it unchanged.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() -> c_int {
            /// Releases what any thread holds; returns the address of the real function.
            extern "C" fn prepare() -> *mut () {
                listed!($name);
                LIBRARY.let_go_of_all();
                let found = bind::next(name_of!($name));
                if found.is_null() { missing as *mut () } else { found }
            }
            jump_where!(prepare)
        }
    )* };
}
variadic_exec_hooks! { execl execle execlp }

/// Stands for an exec that this libc does not have.
extern "C" fn missing() -> c_int {
    bind::finish(MISSING) as c_int
}

/// Makes a hook for a function that ends the process, and so releases what any thread holds: the sockets may live on in
/// other processes. The function never returns, but `!` is not a stable type yet.
macro_rules! exit_hook {
    ($(#[$doc:meta])* fn $name:ident();) => {
        hook! {
            $(#[$doc])*
            fn $name(status: c_int) -> c_int
            where signature (unchecked), raw raw!(libc::SYS_exit_group, status); {
                LIBRARY.let_go_of_all();
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                unsafe { $name::real(status) }
            }
        }
    };
}
exit_hook! {
    /// quick_exit(3).
    fn quick_exit();
}
exit_hook! {
    /// _exit(2).
    fn _exit();
}
exit_hook! {
    /// _Exit(3).
    fn _Exit();
}

/// Makes a call after which, if `restricts` and it succeeds, the library only forwards.
pub(super) fn restricting_if<R: Default + PartialEq>(restricts: bool, real: impl FnOnce() -> R) -> R {
    if !restricts {
        return real();
    }
    let entering = LIBRARY.restricting();
    let result = real();
    LIBRARY.restricted(entering, result == R::default());
    result
}

/// Does this prctl(2) forbid the process calls or instructions of the library?
fn restricts(option: c_int, argument: c_long) -> bool {
    match option {
        libc::PR_SET_SECCOMP => true,
        libc::PR_SET_TSC => argument == PR_TSC_SIGSEGV,
        PR_SET_SYSCALL_USER_DISPATCH => argument != PR_SYS_DISPATCH_OFF,
        _ => false,
    }
}

/// Makes a hook for prctl(2), which is variadic in C; the arguments are passed on as machine words.
macro_rules! prctl_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(option: c_int, a: c_long, b: c_long, c: c_long, d: c_long) -> c_int
            where signature $check, raw raw!(libc::SYS_prctl, option, a, b, c, d); {
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                restricting_if(restricts(option, a), || unsafe { $name::real(option, a, b, c, d) })
            }
        }
    };
}
prctl_hook! {
    /// prctl(2).
    fn prctl() where signature (variadic libc::prctl as unsafe extern "C" fn(c_int, ...) -> c_int);
}
#[cfg(target_pointer_width = "32")]
prctl_hook! {
    /// The name of prctl(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/prctl.c`).
    fn __prctl_time64() where signature (unchecked);
}

hook! {
    /// unshare(2): a thread with a descriptor table of its own may have another object under each number.
    fn unshare(flags: c_int) -> c_int where signature (libc::unshare), raw raw!(libc::SYS_unshare, flags); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        restricting_if(flags & libc::CLONE_FILES != 0, || unsafe { unshare::real(flags) })
    }
}

hook! {
    /// syscall(2): hooked for seccomp(2) and futex(2), for which libc has no functions, and for what else restricts the
    /// process: prctl(2), unshare(2), close_range(2). Everything else is only passed on, as machine words.
    fn syscall(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long
    where signature (variadic libc::syscall as unsafe extern "C" fn(c_long, ...) -> c_long), raw raw!(number, a, b, c, d, e, f); {
        let waits = match number {
            libc::SYS_futex => futex_waits(b),
            SYS_FUTEX_WAITV | SYS_FUTEX_WAIT => true,
            _ => false,
        };
        if waits {
            // A release point: Rust's locks, channels and condition variables wait here.
            LIBRARY.let_go(Cause::Wait);
        }
        let restricted = match number {
            libc::SYS_seccomp => matches!(a, SECCOMP_SET_MODE_STRICT | SECCOMP_SET_MODE_FILTER),
            libc::SYS_prctl => restricts(a as c_int, b),
            libc::SYS_unshare => a as c_int & libc::CLONE_FILES != 0,
            libc::SYS_close_range => c as c_int & descriptor::CLOSE_RANGE_UNSHARE != 0,
            _ => false,
        };
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        restricting_if(restricted, || unsafe { syscall::real(number, a, b, c, d, e, f) })
    }
}

/// futex_waitv(2), Linux 5.16, and futex_wait(2), 6.7: the same numbers on every machine (asm-generic/unistd.h).
const SYS_FUTEX_WAITV: c_long = 449;
const SYS_FUTEX_WAIT: c_long = 455;

/// Does this operation of futex(2) wait?
fn futex_waits(operation: c_long) -> bool {
    let command = operation as c_int & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    matches!(
        command,
        libc::FUTEX_WAIT
            | libc::FUTEX_WAIT_BITSET
            | libc::FUTEX_WAIT_REQUEUE_PI
            | libc::FUTEX_LOCK_PI
            | libc::FUTEX_LOCK_PI2
    )
}
