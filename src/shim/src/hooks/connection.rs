//! Sockets are made, connected, put to listening and accepted: where TCP_NODELAY is set, once each.

use libc::{sockaddr, socklen_t};

use super::*;
use crate::address;

hook! {
    /// socket(2): what it makes is known from its arguments.
    #[unsafe(link_section = ".text.usual")]
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int
    where signature (libc::socket), raw raw!(libc::SYS_socket, domain, kind, protocol); {
        // SAFETY: the caller's arguments.
        let fd = unsafe { socket::real(domain, kind, protocol) };
        LIBRARY.made_socket(fd, domain, kind, protocol);
        fd
    }
}

hook! {
    /// socketpair(2): noted so that a wait on one of the two is known to be a wait.
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int
    where signature (libc::socketpair), raw raw!(libc::SYS_socketpair, domain, kind, protocol, pair); {
        // SAFETY: the caller's arguments.
        let result = unsafe { socketpair::real(domain, kind, protocol, pair) };
        descriptor::note_pair(result, pair);
        result
    }
}

hook! {
    /// connect(2): TCP_NODELAY before it, so that the very first data has it. It may wait, and is a place to let go.
    #[unsafe(link_section = ".text.usual")]
    fn connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int
    where signature (libc::connect), raw raw!(libc::SYS_connect, fd, address, length); {
        let Some(tuned) = LIBRARY.connects_quickly(fd) else {
            // SAFETY: the caller's arguments.
            return unsafe { connect::closer(fd, address, length) };
        };
        // SAFETY: the caller's arguments.
        let result = unsafe { connect::real(fd, address, length) };
        // SAFETY: the kernel has just read the address.
        let opened = unsafe { opened(result, address, length) };
        LIBRARY.connected_quickly(fd, tuned, opened);
        result
    } with {
        #[inline(never)]
        pub(super) unsafe extern "C" fn closer(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
            let tuned = LIBRARY.connecting(fd, || address::given(address, length));
            // SAFETY: the caller's arguments.
            let result = unsafe { real(fd, address, length) };
            if let Some(tuned) = tuned {
                // SAFETY: the kernel has just read the address.
                let opened = unsafe { opened(result, address, length) };
                // SAFETY: as above.
                LIBRARY.connected(fd, tuned, opened, || unsafe { address::parse(address.cast(), length.min(28)) });
            }
            result
        }
    }
}

/// The service to which connect(2) has opened a connection, or opens it behind the scenes.
///
/// # Safety
/// The kernel has read the address.
#[inline(always)]
unsafe fn opened(result: c_int, address: *const sockaddr, length: socklen_t) -> Option<u8> {
    if result == 0 || bind::last_error() == libc::EINPROGRESS {
        // SAFETY: the caller vouches for the address.
        Some(unsafe { address::service(address.cast(), length) })
    } else {
        None
    }
}

hook! {
    /// listen(2): TCP_NODELAY on the listener, before it; accepted sockets inherit it.
    #[unsafe(link_section = ".text.tcp")]
    fn listen(fd: c_int, backlog: c_int) -> c_int
    where signature (libc::listen), raw raw!(libc::SYS_listen, fd, backlog); {
        let tuned = LIBRARY.before_listen(fd);
        // SAFETY: the caller's arguments.
        let result = unsafe { listen::real(fd, backlog) };
        if let Some(tuned) = tuned {
            LIBRARY.listened(fd, tuned, result == 0);
        }
        result
    }
}

/// Makes a hook for a call that accepts: the new socket has inherited its listener's options.
macro_rules! accept_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $address:ident: *mut sockaddr, $length:ident: *mut socklen_t
        $(, $flags:ident: c_int)?) -> c_int where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.tcp")]
            fn $name($fd: c_int, $address: *mut sockaddr, $length: *mut socklen_t $(, $flags: c_int)?) -> c_int
            where signature $check, raw $raw; {
                let listener = LIBRARY.accepting($fd);
                // SAFETY: the caller's arguments.
                let new = unsafe { $name::real($fd, $address, $length $(, $flags)?) };
                if new >= 0 {
                    LIBRARY.accepted($fd, listener, new, || address::told($address, $length));
                }
                new
            }
        }
    };
}

accept_hook! {
    /// accept(2).
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int
    where signature (libc::accept), raw raw!(libc::SYS_accept4, fd, address, length, 0);
}
accept_hook! {
    /// accept4(2).
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int
    where signature (libc::accept4), raw raw!(libc::SYS_accept4, fd, address, length, flags);
}
