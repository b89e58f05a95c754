//! The calls that wait without receiving. What the thread holds is released before it blocks. A wait that can be polled
//! is first tried with a timeout of zero, because the program may handle events that are ready before it waits.

use libc::{
    epoll_event, fd_set, id_t, idtype_t, nfds_t, pid_t, pollfd, rusage, siginfo_t, sigset_t, size_t, timespec, timeval,
    useconds_t,
};

use super::*;
use crate::kernel;

/// Makes a hook for a wait with a timeout in milliseconds. A wait with an open burst is usually only timed. If the burst holds
/// data, the hook first polls with a timeout of zero; only if nothing is ready is the data released, before the real wait.
/// That way is a function of its own, so that its frame costs the usual one nothing.
macro_rules! poll_hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) timeout $timeout:ident, now ($($now:expr),*);
     where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($($arg: $ty),*) -> c_int where signature $check, raw $raw; {
                if LIBRARY.has_open() {
                    // SAFETY: an out-of-line part of this hook, with the hook's contract and arguments (the rule in
                    // hooks/mod.rs).
                    return unsafe { $name::timed($($arg),*) };
                }
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                unsafe { $name::real($($arg),*) }
            } with {
                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn timed($($arg: $ty),*) -> c_int {
                    // SAFETY: both ways get the hook's arguments unchanged (the rule in hooks/mod.rs).
                    unsafe { LIBRARY.timed($timeout != 0, || $name::real($($arg),*), || closer($($arg),*)) }
                }

                #[unsafe(link_section = ".text.tcp")]
                #[inline(never)]
                pub(super) unsafe extern "C" fn closer($($arg: $ty),*) -> c_int {
                    // SAFETY: forwards the hook's arguments (the rule in hooks/mod.rs) except for the timeout, of which
                    // any value is allowed.
                    let ask = || unsafe { $name::real($($now),*) };
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    LIBRARY.wait($timeout != 0, Some(ask), || unsafe { $name::real($($arg),*) })
                }
            }
        }
    };
}

/// Makes a hook for a wait whose timeout is behind a pointer and has `words` words, or whose other arguments polling
/// would change.
macro_rules! select_hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) timeout $timeout:ident of $words:literal;
     where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($($arg: $ty),*) -> c_int where signature $check, raw $raw; {
                if LIBRARY.has_open() {
                    // SAFETY: an out-of-line part of this hook, with the hook's contract and arguments (the rule in
                    // hooks/mod.rs).
                    return unsafe { $name::closer($($arg),*) };
                }
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                unsafe { $name::real($($arg),*) }
            } with {
                #[inline(never)]
                pub(super) unsafe extern "C" fn closer($($arg: $ty),*) -> c_int {
                    let blocks = !is_zero::<$words>($timeout.cast());
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    LIBRARY.wait(blocks, NEVER_ASKS, || unsafe { $name::real($($arg),*) })
                }
            }
        }
    };
}

/// Stands for a call that cannot be tried with a timeout of zero.
const NEVER_ASKS: Option<fn() -> c_int> = None;

poll_hook! {
    /// poll(2).
    fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) timeout timeout, now (fds, count, 0);
    where signature (libc::poll), raw poll_by_ppoll(fds, count, timeout);
}
poll_hook! {
    /// The name of poll(2) in programs built with _FORTIFY_SOURCE (glibc `debug/poll_chk.c`).
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) timeout timeout, now (fds, count, 0, room);
    where signature (unchecked), raw poll_by_ppoll(fds, count, timeout);
}
poll_hook! {
    /// epoll_wait(2).
    fn epoll_wait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) timeout timeout, now (fd, events, most, 0);
    where signature (libc::epoll_wait), raw raw!(libc::SYS_epoll_pwait, fd, events, most, timeout, 0, 8);
}
poll_hook! {
    /// epoll_pwait(2).
    fn epoll_pwait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int, mask: *const sigset_t)
    timeout timeout, now (fd, events, most, 0, mask);
    where signature (libc::epoll_pwait), raw raw!(libc::SYS_epoll_pwait, fd, events, most, timeout, mask, 8);
}
select_hook! {
    /// epoll_pwait2(2).
    fn epoll_pwait2(fd: c_int, events: *mut epoll_event, most: c_int, timeout: *const timespec, mask: *const sigset_t)
    timeout timeout of 2;
    where signature (unchecked), raw raw!(libc::SYS_epoll_pwait2, fd, events, most, timeout, mask, 8);
}
select_hook! {
    /// ppoll(2).
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) timeout timeout of 2;
    where signature (libc::ppoll), raw raw!(libc::SYS_ppoll, fds, count, timeout, mask, 8);
}
select_hook! {
    /// The name of ppoll(2) in programs built with _FORTIFY_SOURCE (glibc `debug/ppoll_chk.c`).
    fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t)
    timeout timeout of 2;
    where signature (unchecked), raw raw!(libc::SYS_ppoll, fds, count, timeout, mask, 8);
}
select_hook! {
    /// select(2). Polling it first would clear the application's sets.
    fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval)
    timeout timeout of 2;
    where signature (libc::select), raw select_by_pselect(count, [read, write, except], timeout);
}
select_hook! {
    /// pselect(2).
    fn pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec,
        mask: *const sigset_t)
    timeout timeout of 2;
    where signature (libc::pselect), raw pselect_of_the_kernel(count, [read, write, except], timeout, mask);
}

/// pselect6(2), which takes the mask and its size in a structure, for a libc without pselect.
#[cold]
fn pselect_of_the_kernel(
    count: c_int,
    sets: [*mut fd_set; 3],
    timeout: *const timespec,
    mask: *const sigset_t,
) -> isize {
    let [read, write, except] = sets;
    // The kernel's own size of a mask: 64 signals.
    let masked = [mask as usize, 8];
    raw!(libc::SYS_pselect6, count, read, write, except, timeout, masked.as_ptr())
}

/// select(2) by pselect6(2), for a libc without select: not every architecture has the older call.
#[cold]
fn select_by_pselect(count: c_int, sets: [*mut fd_set; 3], timeout: *const timeval) -> isize {
    let [read, write, except] = sets;
    // SAFETY: null or a valid timeval, which the hook's caller has promised (select(2)); `raw` passes the hook's own
    // argument.
    let time =
        unsafe { timeout.as_ref() }.map(|time| [time.tv_sec as usize, (time.tv_usec as usize).wrapping_mul(1000)]);
    let at = time.as_ref().map_or(0, |time| time.as_ptr() as usize);
    raw!(libc::SYS_pselect6, count, read, write, except, at, 0)
}

/// poll(2) by ppoll(2), for a libc without poll: not every architecture has the older call.
#[cold]
fn poll_by_ppoll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> isize {
    let milliseconds = timeout.max(0) as usize;
    let time = [milliseconds / 1000, (milliseconds % 1000).wrapping_mul(1_000_000)];
    let at = if timeout < 0 { 0 } else { time.as_ptr() as usize };
    raw!(libc::SYS_ppoll, fds, count, at, 0, 8)
}

/// Is this timeout (a timespec or timeval of WORDS words) zero? The pointer is the program's, so it is dereferenced
/// only if the kernel can read it.
#[inline(never)]
fn is_zero<const WORDS: usize>(timeout: *const [usize; WORDS]) -> bool {
    let word = timeout.cast::<usize>();
    let readable = |n: usize| kernel::readable(word.wrapping_add(n).cast());
    if timeout.is_null() || !readable(0) || !readable(WORDS.wrapping_sub(1)) {
        return false;
    }
    // SAFETY: the first and the last word have just been found readable. WORDS is at most 3, so no whole page lies
    // between them.
    let words = unsafe { timeout.read_unaligned() };
    words == [0; WORDS]
}

/// Makes a hook for a call that waits whatever its arguments: a release point.
macro_rules! wait_hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name($($arg: $ty),*) -> $ret where signature $check, raw $raw; {
                LIBRARY.let_go(Cause::Wait);
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
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
    /// clock_nanosleep(2), which returns the error and leaves errno alone.
    fn clock_nanosleep(clock: c_int, flags: c_int, time: *const timespec, rest: *mut timespec) -> c_int
    where signature (libc::clock_nanosleep),
    raw raw!(libc::SYS_clock_nanosleep, clock, flags, time, rest).wrapping_neg();
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
    /// sched_yield(2).
    fn sched_yield() -> c_int where signature (libc::sched_yield), raw raw!(libc::SYS_sched_yield);
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
    /// wait3(2) (declared in glibc `posix/wait3.c`).
    fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t
    where signature (unchecked), raw raw!(libc::SYS_wait4, usize::MAX, status, options, usage);
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

/// Sleeps, for a libc without usleep or sleep.
#[cold]
fn nap(seconds: usize, microseconds: usize) -> isize {
    let time = [seconds, microseconds.wrapping_mul(1000)];
    raw!(libc::SYS_nanosleep, time.as_ptr(), 0)
}

// After the macros that it uses.
#[cfg(target_pointer_width = "32")]
#[path = "wait_time64.rs"]
pub(super) mod time64;
