//! Creating, duplicating, shutting down and closing descriptors. The descriptor table follows, and what is held is
//! released first.

use super::*;

/// A flag of close_range(2) (linux/close_range.h): mark the descriptors close-on-exec instead of closing them.
pub(crate) const CLOSE_RANGE_CLOEXEC: c_int = 4;
/// Another: first give the thread a descriptor table of its own.
pub(super) const CLOSE_RANGE_UNSHARE: c_int = 2;

hook! {
    /// close(2). On a TCP socket, a release point.
    #[unsafe(link_section = ".text.usual")]
    fn close(fd: c_int) -> c_int
    where signature (libc::close), raw raw!(libc::SYS_close, fd); {
        if !LIBRARY.closes_quickly(fd) {
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            return unsafe { close::closer(fd) };
        }
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        unsafe { close::real(fd) }
    } with {
        #[unsafe(link_section = ".text.tcp")]
        #[inline(never)]
        pub(super) unsafe extern "C" fn closer(fd: c_int) -> c_int {
            LIBRARY.closing(fd);
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            unsafe { real(fd) }
        }
    }
}

hook! {
    /// close_range(2).
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int
    where signature (libc::close_range), raw raw!(libc::SYS_close_range, first, last, flags); {
        if flags & CLOSE_RANGE_CLOEXEC == 0 {
            LIBRARY.closing_range(first, last);
        }
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        process::restricting_if(flags & CLOSE_RANGE_UNSHARE != 0, || unsafe { close_range::real(first, last, flags) })
    }
}

hook! {
    /// shutdown(2): releases what the thread holds first.
    fn shutdown(fd: c_int, how: c_int) -> c_int
    where signature (libc::shutdown), raw raw!(libc::SYS_shutdown, fd, how); {
        LIBRARY.let_go(Cause::End);
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        unsafe { shutdown::real(fd, how) }
    }
}

hook! {
    /// fclose(3): closes the descriptor inside libc. What is held is released first: the kernel drops it if input is unread.
    fn fclose(stream: *mut libc::FILE) -> c_int
    where signature (libc::fclose), raw MISSING; {
        LIBRARY.let_go(Cause::End);
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        unsafe { fclose::real(stream) }
    }
}

hook! {
    /// dup(2).
    #[unsafe(link_section = ".text.usual")]
    fn dup(fd: c_int) -> c_int
    where signature (libc::dup), raw raw!(libc::SYS_dup, fd); {
        let Some(connection) = LIBRARY.duplicates_quickly(fd) else {
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            return unsafe { dup::closer(fd) };
        };
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let new = unsafe { dup::real(fd) };
        LIBRARY.duplicated_quickly(fd, connection, new);
        new
    } with {
        #[unsafe(link_section = ".text.tcp")]
        #[inline(never)]
        pub(super) unsafe extern "C" fn closer(fd: c_int) -> c_int {
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            duplicate(fd, None, || unsafe { real(fd) })
        }
    }
}

/// Duplicates any descriptor by the call `real`.
#[inline(always)]
fn duplicate(fd: c_int, target: Option<c_int>, real: impl FnOnce() -> c_int) -> c_int {
    LIBRARY.duplicating(fd, target);
    let new = real();
    LIBRARY.duplicated(fd, new);
    new
}

hook! {
    /// dup2(2): also closes the target.
    fn dup2(fd: c_int, target: c_int) -> c_int
    where signature (libc::dup2), raw raw!(libc::SYS_dup3, fd, target, 0); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        duplicate(fd, Some(target), || unsafe { dup2::real(fd, target) })
    }
}

hook! {
    /// dup3(2): also closes the target.
    fn dup3(fd: c_int, target: c_int, flags: c_int) -> c_int
    where signature (libc::dup3), raw raw!(libc::SYS_dup3, fd, target, flags); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        duplicate(fd, Some(target), || unsafe { dup3::real(fd, target, flags) })
    }
}

/// Makes a hook for fcntl(2), of which F_DUPFD and F_DUPFD_CLOEXEC duplicate a descriptor. It is variadic in C; the
/// third argument is passed on as a machine word.
macro_rules! fcntl_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, command: c_int, argument: c_long) -> c_int
            where signature $check, raw raw!(libc::SYS_fcntl, fd, command, argument); {
                if !matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
                    // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                    return unsafe { $name::real(fd, command, argument) };
                }
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                duplicate(fd, None, || unsafe { $name::real(fd, command, argument) })
            }
        }
    };
}
fcntl_hook! {
    /// fcntl(2).
    fn fcntl() where signature (variadic libc::fcntl as unsafe extern "C" fn(c_int, c_int, ...) -> c_int);
}
fcntl_hook! {
    /// The name of fcntl(2) in programs built with 64-bit file offsets (glibc `sysdeps/unix/sysv/linux/fcntl64.c`).
    fn fcntl64() where signature (unchecked);
}
#[cfg(target_pointer_width = "32")]
fcntl_hook! {
    /// The name of fcntl(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/fcntl64.c`).
    fn __fcntl_time64() where signature (unchecked);
}

hook! {
    /// pipe(2): recorded, so that a read from it counts as a wait.
    fn pipe(pair: *mut c_int) -> c_int
    where signature (libc::pipe), raw raw!(libc::SYS_pipe2, pair, 0); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let result = unsafe { pipe::real(pair) };
        note_pair(result, pair);
        result
    }
}

hook! {
    /// pipe2(2): recorded, so that a read from it counts as a wait.
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int
    where signature (libc::pipe2), raw raw!(libc::SYS_pipe2, pair, flags); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let result = unsafe { pipe2::real(pair, flags) };
        note_pair(result, pair);
        result
    }
}

/// Records the two descriptors that a call has created, if it succeeded.
#[inline]
pub(super) fn note_pair(result: c_int, pair: *const c_int) {
    if result == 0 {
        // SAFETY: the call succeeded, so the kernel has written two descriptors there. Read without assuming alignment.
        LIBRARY.made_pair(unsafe { pair.cast::<[c_int; 2]>().read_unaligned() });
    }
}
