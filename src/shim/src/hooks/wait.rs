//! The calls that wait without receiving. What the thread holds is released before it really blocks: a wait that can tell
//! is first tried with a timeout of zero, because events that are there already may be served first.

use libc::{epoll_event, fd_set, idtype_t, id_t, nfds_t, pid_t, pollfd, rusage, siginfo_t, sigset_t, size_t, timespec, timeval, useconds_t};

use super::*;
use crate::{hold, kernel};

hook! {
    /// poll(2).
    fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int
    where signature (libc::poll), raw raw!(libc::SYS_ppoll, fds, count, 0, 0, 8); {
        if hold::any() && timeout != 0 {
            // SAFETY: the caller's arguments, with another timeout.
            if let Some(result) = first_without_waiting(|| unsafe { poll::real(fds, count, 0) }) {
                return result;
            }
        }
        // SAFETY: the caller's arguments.
        unsafe { poll::real(fds, count, timeout) }
    }
}

hook! {
    /// poll(2) as _FORTIFY_SOURCE makes programs call it (glibc `debug/poll_chk.c`).
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int
    where signature (unchecked), raw raw!(libc::SYS_ppoll, fds, count, 0, 0, 8); {
        if hold::any() && timeout != 0 {
            // SAFETY: the caller's arguments, with another timeout.
            if let Some(result) = first_without_waiting(|| unsafe { __poll_chk::real(fds, count, 0, room) }) {
                return result;
            }
        }
        // SAFETY: the caller's arguments.
        unsafe { __poll_chk::real(fds, count, timeout, room) }
    }
}

hook! {
    /// ppoll(2).
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int
    where signature (libc::ppoll), raw raw!(libc::SYS_ppoll, fds, count, timeout, mask, 8); {
        release_unless_zero(timeout.cast());
        // SAFETY: the caller's arguments.
        unsafe { ppoll::real(fds, count, timeout, mask) }
    }
}

hook! {
    /// ppoll(2) as _FORTIFY_SOURCE makes programs call it (glibc `debug/ppoll_chk.c`).
    fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t) -> c_int
    where signature (unchecked), raw raw!(libc::SYS_ppoll, fds, count, timeout, mask, 8); {
        release_unless_zero(timeout.cast());
        // SAFETY: the caller's arguments.
        unsafe { __ppoll_chk::real(fds, count, timeout, mask, room) }
    }
}

hook! {
    /// select(2).
    fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) -> c_int
    where signature (libc::select), raw raw!(libc::SYS_select, count, read, write, except, timeout); {
        release_unless_zero(timeout.cast());
        // SAFETY: the caller's arguments.
        unsafe { select::real(count, read, write, except, timeout) }
    }
}

hook! {
    /// pselect(2).
    fn pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec,
        mask: *const sigset_t) -> c_int
    where signature (libc::pselect), raw raw!(libc::SYS_select, count, read, write, except, 0); {
        release_unless_zero(timeout.cast());
        // SAFETY: the caller's arguments.
        unsafe { pselect::real(count, read, write, except, timeout, mask) }
    }
}

hook! {
    /// epoll_wait(2).
    fn epoll_wait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) -> c_int
    where signature (libc::epoll_wait), raw raw!(libc::SYS_epoll_pwait, fd, events, most, timeout, 0, 8); {
        if hold::any() && timeout != 0 {
            // SAFETY: the caller's arguments, with another timeout.
            if let Some(result) = first_without_waiting(|| unsafe { epoll_wait::real(fd, events, most, 0) }) {
                return result;
            }
        }
        // SAFETY: the caller's arguments.
        unsafe { epoll_wait::real(fd, events, most, timeout) }
    }
}

hook! {
    /// epoll_pwait(2).
    fn epoll_pwait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int, mask: *const sigset_t) -> c_int
    where signature (libc::epoll_pwait), raw raw!(libc::SYS_epoll_pwait, fd, events, most, timeout, mask, 8); {
        if hold::any() && timeout != 0 {
            // SAFETY: the caller's arguments, with another timeout.
            if let Some(result) = first_without_waiting(|| unsafe { epoll_pwait::real(fd, events, most, 0, mask) }) {
                return result;
            }
        }
        // SAFETY: the caller's arguments.
        unsafe { epoll_pwait::real(fd, events, most, timeout, mask) }
    }
}

hook! {
    /// epoll_pwait2(2).
    fn epoll_pwait2(fd: c_int, events: *mut epoll_event, most: c_int, timeout: *const timespec, mask: *const sigset_t)
        -> c_int
    where signature (unchecked), raw raw!(libc::SYS_epoll_pwait2, fd, events, most, timeout, mask, 8); {
        release_unless_zero(timeout.cast());
        // SAFETY: the caller's arguments.
        unsafe { epoll_pwait2::real(fd, events, most, timeout, mask) }
    }
}

/// This thread may hold something: asks for events without waiting. None: there are none (what was held is released now),
/// or the thread holds nothing after all.
#[cold]
#[inline(never)]
fn first_without_waiting(ask: impl FnOnce() -> c_int) -> Option<c_int> {
    if !hold::owns() {
        return None;
    }
    let result = ask();
    if result != 0 {
        return Some(result);
    }
    hold::release_own();
    None
}

/// Releases, unless the timeout (a timespec or timeval: two words) says not to wait at all. The pointer is the
/// application's and is only followed where something is held and the kernel says that it can be read.
#[inline(always)]
fn release_unless_zero(timeout: *const [usize; 2]) {
    if hold::any() {
        release_unless_zero_at(timeout);
    }
}

#[cold]
#[inline(never)]
fn release_unless_zero_at(timeout: *const [usize; 2]) {
    let second = timeout.cast::<usize>().wrapping_add(1);
    if !timeout.is_null() && kernel::readable(timeout.cast()) && kernel::readable(second.cast()) {
        // SAFETY: both words have just been found readable.
        let words = unsafe { timeout.read_unaligned() };
        if words == [0, 0] {
            return;
        }
    }
    hold::release_own();
}

/// A call that only waits, whatever its arguments.
macro_rules! wait_hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            fn $name($($arg: $ty),*) -> $ret where signature $check, raw $raw; {
                hold::release();
                // SAFETY: the caller's arguments.
                unsafe { $name::real($($arg),*) }
            }
        }
    };
}

wait_hook! {
    /// nanosleep(2).
    fn nanosleep(time: *const timespec, rest: *mut timespec) -> c_int
    where signature (libc::nanosleep), raw raw!(libc::SYS_nanosleep, time, rest);
}
wait_hook! {
    /// clock_nanosleep(2); returns the error, which the raw call gives with its sign turned.
    fn clock_nanosleep(clock: c_int, flags: c_int, time: *const timespec, rest: *mut timespec) -> c_int
    where signature (libc::clock_nanosleep), raw raw!(libc::SYS_clock_nanosleep, clock, flags, time, rest);
}
wait_hook! {
    /// usleep(3).
    fn usleep(time: useconds_t) -> c_int
    where signature (libc::usleep), raw nap(time as usize / 1_000_000, time as usize % 1_000_000);
}
wait_hook! {
    /// sleep(3).
    fn sleep(seconds: c_uint) -> c_uint
    where signature (libc::sleep), raw nap(seconds as usize, 0);
}
wait_hook! {
    /// pause(2).
    fn pause() -> c_int where signature (libc::pause), raw raw!(libc::SYS_ppoll, 0, 0, 0, 0, 8);
}
wait_hook! {
    /// sigsuspend(2).
    fn sigsuspend(mask: *const sigset_t) -> c_int
    where signature (libc::sigsuspend), raw raw!(libc::SYS_rt_sigsuspend, mask, 8);
}
wait_hook! {
    /// sigwaitinfo(2).
    fn sigwaitinfo(mask: *const sigset_t, info: *mut siginfo_t) -> c_int
    where signature (libc::sigwaitinfo), raw raw!(libc::SYS_rt_sigtimedwait, mask, info, 0, 8);
}
wait_hook! {
    /// sigtimedwait(2).
    fn sigtimedwait(mask: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int
    where signature (libc::sigtimedwait), raw raw!(libc::SYS_rt_sigtimedwait, mask, info, timeout, 8);
}
wait_hook! {
    /// wait(2).
    fn wait(status: *mut c_int) -> pid_t
    where signature (libc::wait), raw raw!(libc::SYS_wait4, usize::MAX, status, 0, 0);
}
wait_hook! {
    /// waitpid(2).
    fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t
    where signature (libc::waitpid), raw raw!(libc::SYS_wait4, pid, status, options, 0);
}
wait_hook! {
    /// wait4(2).
    fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t
    where signature (libc::wait4), raw raw!(libc::SYS_wait4, pid, status, options, usage);
}
wait_hook! {
    /// waitid(2).
    fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int
    where signature (libc::waitid), raw raw!(libc::SYS_waitid, kind, id, info, options, 0);
}

/// Sleeps for a libc without usleep or sleep.
#[cold]
fn nap(seconds: usize, microseconds: usize) -> isize {
    let time = [seconds, microseconds.wrapping_mul(1000)];
    raw!(libc::SYS_nanosleep, time.as_ptr(), 0)
}
