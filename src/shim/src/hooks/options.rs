//! setsockopt, getsockopt, shutdown: the application's word wins, and it reads back what it set itself.

use libc::socklen_t;
use policy::socket::{HELD, Kind, NODELAY_OURS};

use super::*;
use crate::{applied, count, hold, table, tune};

/// TCP_ULP (linux/tcp.h): kernel TLS and the like.
const TCP_ULP: c_int = 31;

/// Makes a hook for setsockopt(2): the application's own TCP_NODELAY, TCP_CORK and the options of TCPTUNE_SET are noted.
macro_rules! setsockopt_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int
            where signature $check, raw raw!(libc::SYS_setsockopt, fd, level, name, value, length); {
                if level == libc::IPPROTO_TCP && matches!(name, libc::TCP_CORK | TCP_ULP) && table::enabled() {
                    before_cork(fd);
                }
                if level == libc::IPPROTO_TCP && name == libc::TCP_NODELAY {
                    before_nodelay(fd);
                }
                // SAFETY: the caller's arguments.
                let result = unsafe { $name::real(fd, level, name, value, length) };
                if result == 0 && table::enabled() {
                    if level == libc::IPPROTO_TCP && name == libc::TCP_NODELAY {
                        // SAFETY: the kernel has just read an int there.
                        let on = unsafe { value.cast::<c_int>().read_unaligned() } != 0;
                        tune::application_set_nodelay(fd, on);
                    } else if level == libc::IPPROTO_TCP && name == libc::TCP_CORK {
                        // SAFETY: the kernel has just read an int there.
                        let on = unsafe { value.cast::<c_int>().read_unaligned() } != 0;
                        tune::application_set_cork(fd, on);
                    } else {
                        applied::application_set(fd, level, name);
                    }
                }
                result
            }
        }
    };
}
setsockopt_hook! {
    /// setsockopt(2).
    fn setsockopt() where signature (libc::setsockopt);
}
#[cfg(target_pointer_width = "32")]
setsockopt_hook! {
    /// setsockopt(2) as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/setsockopt.c`).
    fn __setsockopt64() where signature (unchecked);
}

/// What is held, by whatever thread, is nothing that the application expects to find there afterwards: with the option off
/// nothing would look after it.
#[cold]
fn before_nodelay(fd: c_int) {
    let socket = table::get(fd);
    if socket.has(HELD) {
        hold::flush(fd, socket, count::Cause::End);
    }
}

/// The application corks by itself, or puts a protocol on top that must see its own flags: never hold here again.
#[cold]
fn before_cork(fd: c_int) {
    let socket = table::get(fd);
    if socket.is_tcp() {
        tune::application_holds(fd, socket);
    }
}

/// Makes a hook for getsockopt(2): what only we have set (TCP_NODELAY, TCP_CORK) reads back as 0.
macro_rules! getsockopt_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            fn $name(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int
            where signature $check, raw raw!(libc::SYS_getsockopt, fd, level, name, value, length); {
                // SAFETY: the caller's arguments.
                let result = unsafe { $name::real(fd, level, name, value, length) };
                if result == 0
                    && level == libc::IPPROTO_TCP
                    && (name == libc::TCP_NODELAY && table::get(fd).has(NODELAY_OURS)
                        || name == libc::TCP_CORK && table::get(fd).is_corked())
                {
                    // SAFETY: the kernel has just written the length there.
                    let written = unsafe { *length }.min(4);
                    for index in 0..written as usize {
                        // SAFETY: the kernel has just written `written` bytes at `value`.
                        unsafe { value.cast::<u8>().wrapping_add(index).write(0) };
                    }
                }
                result
            }
        }
    };
}
getsockopt_hook! {
    /// getsockopt(2).
    fn getsockopt() where signature (libc::getsockopt);
}
#[cfg(target_pointer_width = "32")]
getsockopt_hook! {
    /// getsockopt(2) as 32-bit programs with a 64-bit clock name it (glibc `sysdeps/unix/sysv/linux/getsockopt.c`).
    fn __getsockopt64() where signature (unchecked);
}

hook! {
    /// shutdown(2): what is held goes out first.
    fn shutdown(fd: c_int, how: c_int) -> c_int
    where signature (libc::shutdown), raw raw!(libc::SYS_shutdown, fd, how); {
        hold::release_at_end();
        if matches!(table::get(fd).kind(), Kind::Unknown) {
            tune::meet(fd);
        }
        // SAFETY: the caller's arguments.
        unsafe { shutdown::real(fd, how) }
    }
}
