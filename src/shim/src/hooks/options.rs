//! setsockopt(2) and getsockopt(2): the application's own setting wins, and it reads back what it has set.

use engine::TCP_ULP;
use libc::socklen_t;

use super::*;

/// The option that asks for a time stamp of each call that sends, in its two forms (asm-generic/socket.h). Two calls of
/// which the first is held would get one.
const SO_TIMESTAMPING: [c_int; 2] = [37, 65];

/// Makes a hook for setsockopt(2): notes the application's own TCP_NODELAY and TCP_CORK, and those options of
/// TCPTUNE_SET that it sets itself.
macro_rules! setsockopt_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int
            where signature $check, raw raw!(libc::SYS_setsockopt, fd, level, name, value, length); {
                let (nodelay, cork) = (libc::TCP_NODELAY, libc::TCP_CORK);
                let of_tcp = level == libc::IPPROTO_TCP;
                let stamps = level == libc::SOL_SOCKET && SO_TIMESTAMPING.contains(&name);
                if (of_tcp && (name == cork || name == TCP_ULP) || stamps) && LIBRARY.is_enabled() {
                    LIBRARY.setting_cork(fd);
                }
                if of_tcp && name == nodelay {
                    LIBRARY.setting_nodelay(fd);
                }
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                let result = unsafe { $name::real(fd, level, name, value, length) };
                if result == 0 && LIBRARY.is_enabled() {
                    LIBRARY.program_sets();
                    if !of_tcp || name != nodelay && name != cork {
                        LIBRARY.program_set(fd, level, name);
                        return result;
                    }
                    // SAFETY: setting TCP_NODELAY or TCP_CORK succeeded, so the kernel has read an int there
                    // (do_tcp_setsockopt refuses less).
                    let on = unsafe { value.cast::<c_int>().read_unaligned() } != 0;
                    if name == nodelay { LIBRARY.program_set_nodelay(fd, on) } else { LIBRARY.program_set_cork(fd, on) }
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
    /// The name of setsockopt(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/setsockopt.c`).
    fn __setsockopt64() where signature (unchecked);
}

/// Makes a hook for getsockopt(2): TCP_NODELAY and TCP_CORK read as 0 if only the library has set them.
macro_rules! getsockopt_hook {
    ($(#[$doc:meta])* fn $name:ident() where signature $check:tt;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.usual")]
            fn $name(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int
            where signature $check, raw raw!(libc::SYS_getsockopt, fd, level, name, value, length); {
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                let result = unsafe { $name::real(fd, level, name, value, length) };
                if result == 0
                    && level == libc::IPPROTO_TCP
                    && (name == libc::TCP_NODELAY && LIBRARY.hides_nodelay(fd)
                        || name == libc::TCP_CORK && LIBRARY.hides_cork(fd))
                {
                    // SAFETY: the call succeeded, so the kernel has written the length there.
                    let written = unsafe { *length }.min(4);
                    for index in 0..written as usize {
                        // SAFETY: the call succeeded, so the kernel has written `*length` bytes at `value`, of which
                        // this is one.
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
    /// The name of getsockopt(2) in 32-bit programs with 64-bit time_t (glibc `sysdeps/unix/sysv/linux/getsockopt.c`).
    fn __getsockopt64() where signature (unchecked);
}
