//! Descriptors are closed, duplicated and made: the table follows, and what is held goes out first.

use policy::socket::{HELD, Kind, SHARED, Socket};

use crate::sync::Relaxed;

use super::*;
use crate::count::Cause;
use crate::mode::{self, HAS_HELD, SPECIAL};
use crate::{applied, hold, table};

/// close_range(2), linux/close_range.h.
const CLOSE_RANGE_CLOEXEC: c_int = 4;

hook! {
    /// close(2). The entry is cleared before the call: afterwards the number may already be another thread's new file.
    fn close(fd: c_int) -> c_int
    where signature (libc::close), raw raw!(libc::SYS_close, fd); {
        if table::is_near(fd) {
            if Socket::of(table::shared().near(fd).low.load(Relaxed), 0).is_met() {
                // SAFETY: the caller's arguments.
                return unsafe { attended(fd) };
            }
        } else if table::is_beyond(fd) {
            // SAFETY: the caller's arguments.
            return unsafe { holding(fd) };
        }

        #[inline(never)]
        unsafe extern "C" fn attended(fd: c_int) -> c_int {
            // All that matters is in the lower word.
            let low = &table::shared().near(fd).low;
            let socket = Socket::of(low.load(Relaxed), 0);
            if hold::any_or_on(socket) {
                // SAFETY: the caller's arguments.
                return unsafe { holding(fd) };
            }
            low.store(socket.closed().low(), Relaxed);
            // SAFETY: the caller's arguments.
            unsafe { close::real(fd) }
        }

        #[cold]
        #[inline(never)]
        unsafe extern "C" fn holding(fd: c_int) -> c_int {
            let socket = table::get(fd);
            closing(fd, socket);
            table::set(fd, socket.closed());
            // SAFETY: the caller's arguments.
            unsafe { close::real(fd) }
        }

        // SAFETY: the caller's arguments.
        unsafe { close::real(fd) }
    }
}

/// A close can wait (SO_LINGER), and does not flush where another process or descriptor has the socket too.
#[inline]
fn closing(fd: c_int, socket: Socket) {
    hold::release_at_end();
    if socket.has(HELD) {
        let now = table::get(fd);
        if now.has(HELD) {
            // Held by another thread, whose slot will find nothing.
            hold::flush(fd, now, Cause::End);
        }
    }
}

hook! {
    /// close_range(2).
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int
    where signature (libc::close_range), raw raw!(libc::SYS_close_range, first, last, flags); {
        if flags & CLOSE_RANGE_CLOEXEC == 0 {
            forget_range(first, last);
        }
        // SAFETY: the caller's arguments.
        unsafe { close_range::real(first, last, flags) }
    }
}

#[cold]
fn forget_range(first: c_uint, last: c_uint) {
    table::each(first, last, |fd, socket| {
        closing(fd, socket);
        table::set(fd, socket.closed());
    });
}

hook! {
    /// dup(2).
    fn dup(fd: c_int) -> c_int
    where signature (libc::dup), raw raw!(libc::SYS_dup, fd); {
        if mode::is(HAS_HELD | SPECIAL) {
            // SAFETY: the caller's arguments.
            return unsafe { rarely(fd) };
        }
        // SAFETY: the caller's arguments.
        let new = unsafe { dup::real(fd) };
        return duplicated_plainly(fd, new);

        #[inline(never)]
        unsafe extern "C" fn rarely(fd: c_int) -> c_int {
            before_dup(fd);
            // SAFETY: the caller's arguments.
            duplicated(fd, unsafe { dup::real(fd) })
        }
    }
}

/// Notes that `new`, which it returns, stands for the same socket as `fd`.
#[inline(never)]
extern "C" fn duplicated_plainly(fd: c_int, new: c_int) -> c_int {
    if (fd | new) as u32 >= table::NEAR {
        return duplicated(fd, new);
    }
    let shared = table::shared();
    let (old, copy) = (shared.near(fd), shared.near(new));
    let low = Socket::of(old.low.load(Relaxed), 0).duplicated().low();
    old.low.store(low, Relaxed);
    copy.low.store(low, Relaxed);
    copy.high.store(old.high.load(Relaxed), Relaxed);
    table::reached(new);
    new
}

hook! {
    /// dup2(2): closes the target.
    fn dup2(fd: c_int, target: c_int) -> c_int
    where signature (libc::dup2), raw raw!(libc::SYS_dup3, fd, target, 0); {
        before_dup_onto(fd, target);
        // SAFETY: the caller's arguments.
        duplicated(fd, unsafe { dup2::real(fd, target) })
    }
}

hook! {
    /// dup3(2): closes the target.
    fn dup3(fd: c_int, target: c_int, flags: c_int) -> c_int
    where signature (libc::dup3), raw raw!(libc::SYS_dup3, fd, target, flags); {
        before_dup_onto(fd, target);
        // SAFETY: the caller's arguments.
        duplicated(fd, unsafe { dup3::real(fd, target, flags) })
    }
}

/// Makes a hook for fcntl(2): F_DUPFD and F_DUPFD_CLOEXEC duplicate. Variadic in C; the third argument is passed on as it came.
macro_rules! fcntl_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(fd: c_int, command: c_int, argument: c_long) -> c_int
            where signature $check, raw raw!(libc::SYS_fcntl, fd, command, argument); {
                if !matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
                    // SAFETY: the caller's arguments.
                    return unsafe { $name::real(fd, command, argument) };
                }
                before_dup(fd);
                // SAFETY: the caller's arguments.
                duplicated(fd, unsafe { $name::real(fd, command, argument) })
            }
        }
    };
}
fcntl_hook! {
    /// fcntl(2).
    fn fcntl() where signature (variadic libc::fcntl as unsafe extern "C" fn(c_int, c_int, ...) -> c_int);
}
fcntl_hook! {
    /// fcntl as programs built with 64-bit file offsets name it (glibc `sysdeps/unix/sysv/linux/fcntl64.c`).
    fn fcntl64() where signature (unchecked);
}
#[cfg(target_pointer_width = "32")]
fcntl_hook! {
    /// fcntl as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/fcntl64.c`).
    fn __fcntl_time64() where signature (unchecked);
}

/// A duplicate keeps the socket open past a close, which then does not flush, and is not kept back by what this number's cork
/// keeps back: so what is held goes out now, whoever holds it.
#[inline(never)]
fn before_dup(fd: c_int) {
    closing(fd, table::get(fd));
}

#[inline]
fn before_dup_onto(fd: c_int, target: c_int) {
    before_dup(fd);
    let entry = table::entry(target);
    if entry.socket.is_met() && fd != target {
        closing(target, entry.socket);
        entry.set(Socket(0));
    }
}

/// The new number stands for the same socket. (`fd` itself where nothing was duplicated: dup2 onto itself.)
#[inline(never)]
fn duplicated(fd: c_int, new: c_int) -> c_int {
    if new >= 0 && new != fd {
        let entry = table::entry(fd);
        let old = entry.socket;
        if old.is_met() {
            entry.set(old.with(SHARED));
            applied::fresh(new);
        }
        // Also for a file: an entry may be left from a socket that was closed behind our back.
        table::add(new, old.duplicated());
    }
    new
}

hook! {
    /// pipe(2): noted so that a read from it is known to be a wait.
    fn pipe(pair: *mut c_int) -> c_int
    where signature (libc::pipe), raw raw!(libc::SYS_pipe2, pair, 0); {
        // SAFETY: the caller's arguments.
        let result = unsafe { pipe::real(pair) };
        note_pair(result, pair);
        result
    }
}

hook! {
    /// pipe2(2): as pipe.
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int
    where signature (libc::pipe2), raw raw!(libc::SYS_pipe2, pair, flags); {
        // SAFETY: the caller's arguments.
        let result = unsafe { pipe2::real(pair, flags) };
        note_pair(result, pair);
        result
    }
}

/// Two new descriptors that are no TCP sockets, but can make a reader wait.
#[inline]
pub(super) fn note_pair(result: c_int, pair: *const c_int) {
    if result == 0 && table::enabled() {
        for index in 0..2 {
            // SAFETY: the kernel has just written two descriptors there.
            let fd = unsafe { *pair.wrapping_add(index) };
            table::add(fd, Socket::new(Kind::Other));
        }
    }
}
