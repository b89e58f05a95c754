//! The waits as 32-bit programs with 64-bit time_t call them. They have names of their own in glibc (2.34 and later)
//! and in musl (1.2 and later; earlier releases had only 32-bit time_t), and their times have three significant words.
//! The libc crate does not declare their types, so the pointers are passed on untyped.

use libc::{epoll_event, fd_set, nfds_t, pid_t, pollfd, siginfo_t, sigset_t};

use super::*;

macro_rules! select_hooks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) timeout $timeout:ident;)*) => { $(
        select_hook! {
            $(#[$doc])*
            fn $name($($arg: $ty),*) timeout $timeout of 3;
            where signature (unchecked), raw MISSING;
        }
    )* };
}
select_hooks! {
    /// select(2), in glibc.
    fn __select64(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut c_void) timeout timeout;
    /// select(2), in musl.
    fn __select_time64(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut c_void) timeout timeout;
    /// pselect(2), in glibc.
    fn __pselect64(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const c_void, mask: *const sigset_t) timeout timeout;
    /// pselect(2), in musl.
    fn __pselect_time64(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const c_void, mask: *const sigset_t) timeout timeout;
    /// ppoll(2), in glibc.
    fn __ppoll64(fds: *mut pollfd, count: nfds_t, timeout: *const c_void, mask: *const sigset_t) timeout timeout;
    /// ppoll(2), in musl.
    fn __ppoll_time64(fds: *mut pollfd, count: nfds_t, timeout: *const c_void, mask: *const sigset_t) timeout timeout;
    /// epoll_pwait2(2), in glibc.
    fn __epoll_pwait2_time64(fd: c_int, events: *mut epoll_event, most: c_int, timeout: *const c_void, mask: *const sigset_t) timeout timeout;
}

macro_rules! wait_hooks {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => { $(
        wait_hook! {
            $(#[$doc])*
            fn $name($($arg: $ty),*) -> $ret where signature (unchecked), raw MISSING;
        }
    )* };
}
wait_hooks! {
    /// nanosleep(2), in glibc.
    fn __nanosleep64(time: *const c_void, rest: *mut c_void) -> c_int;
    /// nanosleep(2), in musl.
    fn __nanosleep_time64(time: *const c_void, rest: *mut c_void) -> c_int;
    /// clock_nanosleep(2), in both.
    fn __clock_nanosleep_time64(clock: c_int, flags: c_int, time: *const c_void, rest: *mut c_void) -> c_int;
    /// sigtimedwait(2), in glibc.
    fn __sigtimedwait64(mask: *const sigset_t, info: *mut siginfo_t, timeout: *const c_void) -> c_int;
    /// sigtimedwait(2), in musl.
    fn __sigtimedwait_time64(mask: *const sigset_t, info: *mut siginfo_t, timeout: *const c_void) -> c_int;
    /// wait3(2), in both.
    fn __wait3_time64(status: *mut c_int, options: c_int, usage: *mut c_void) -> pid_t;
    /// wait4(2), in both.
    fn __wait4_time64(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut c_void) -> pid_t;
}
