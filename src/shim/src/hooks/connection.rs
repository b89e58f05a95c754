//! Creating, connecting and accepting sockets: TCP_NODELAY is set here, once per connection or listener.

use libc::{sockaddr, socklen_t};

use super::*;
use crate::address;

hook! {
    /// socket(2): its arguments tell what it creates.
    #[unsafe(link_section = ".text.usual")]
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int
    where signature (libc::socket), raw raw!(libc::SYS_socket, domain, kind, protocol); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let fd = unsafe { socket::real(domain, kind, protocol) };
        LIBRARY.made_socket(fd, domain, kind, protocol);
        fd
    }
}

hook! {
    /// socketpair(2): recorded, so that a read on one of the pair counts as a wait.
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int
    where signature (libc::socketpair), raw raw!(libc::SYS_socketpair, domain, kind, protocol, pair); {
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let result = unsafe { socketpair::real(domain, kind, protocol, pair) };
        descriptor::note_pair(result, pair);
        result
    }
}

hook! {
    /// connect(2): sets TCP_NODELAY before the call, so that it applies to the very first data. The call may block, so
    /// it is a release point.
    #[unsafe(link_section = ".text.usual")]
    fn connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int
    where signature (libc::connect), raw raw!(libc::SYS_connect, fd, address, length); {
        let Some(tuned) = LIBRARY.connects_quickly(fd) else {
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            return unsafe { connect::closer(fd, address, length) };
        };
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let result = unsafe { connect::real(fd, address, length) };
        // SAFETY: `opened` reads the address only if the kernel has.
        let opened = unsafe { opened(result, address, length) };
        LIBRARY.connected_quickly(fd, tuned, opened);
        result
    } with {
        #[inline(never)]
        pub(super) unsafe extern "C" fn closer(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
            let tuned = LIBRARY.connecting(fd, || address::given(address, length));
            // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
            let result = unsafe { real(fd, address, length) };
            if let Some(tuned) = tuned {
                // SAFETY: `opened` reads the address only if the kernel has.
                let opened = unsafe { opened(result, address, length) };
                // SAFETY: called only for an opened connection, so the kernel has read the `length` bytes at `address`.
                LIBRARY.connected(fd, tuned, opened, || unsafe { address::parse(address.cast(), length.min(28)) });
            }
            result
        }
    }
}

/// The service to which connect(2), which returned `result`, has opened a connection or is still opening one.
///
/// # Safety
/// If the call succeeded or is in progress, the kernel has read the `length` bytes at `address`.
#[inline(always)]
unsafe fn opened(result: c_int, address: *const sockaddr, length: socklen_t) -> Option<u8> {
    if result == 0 || bind::last_error() == libc::EINPROGRESS {
        // SAFETY: the kernel has read the address, by this function's contract.
        Some(unsafe { address::service(address.cast(), length) })
    } else {
        None
    }
}

hook! {
    /// listen(2): sets TCP_NODELAY on the listener before the call; accepted sockets inherit it.
    #[unsafe(link_section = ".text.tcp")]
    fn listen(fd: c_int, backlog: c_int) -> c_int
    where signature (libc::listen), raw raw!(libc::SYS_listen, fd, backlog); {
        let tuned = LIBRARY.before_listen(fd);
        // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
        let result = unsafe { listen::real(fd, backlog) };
        if let Some(tuned) = tuned {
            LIBRARY.listened(fd, tuned, result == 0);
        }
        result
    }
}

/// Makes a hook for a call that accepts a connection, which inherits the listener's options.
macro_rules! accept_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $address:ident: *mut sockaddr, $length:ident: *mut socklen_t
        $(, $flags:ident: c_int)?) -> c_int where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            #[unsafe(link_section = ".text.tcp")]
            fn $name($fd: c_int, $address: *mut sockaddr, $length: *mut socklen_t $(, $flags: c_int)?) -> c_int
            where signature $check, raw $raw; {
                let listener = LIBRARY.accepting($fd);
                // SAFETY: forwards the hook's arguments unchanged (the rule in hooks/mod.rs).
                let new = unsafe { $name::real($fd, $address, $length $(, $flags)?) };
                if new >= 0 {
                    LIBRARY.accepted($fd, listener, new);
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
