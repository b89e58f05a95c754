//! Sockets are made, connected, put to listening and accepted: where TCP_NODELAY is set, once each.

use libc::{sockaddr, socklen_t};
use policy::socket::{Kind, Socket};

use super::*;
use crate::start::settings;
use crate::{applied, hold, kernel, services, table, tune};

hook! {
    /// socket(2): what it makes is known from its arguments.
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int
    where signature (libc::socket), raw raw!(libc::SYS_socket, domain, kind, protocol); {
        // SAFETY: the caller's arguments.
        let fd = unsafe { socket::real(domain, kind, protocol) };
        if fd >= 0 && table::enabled() {
            table::add(fd, tune::made(domain, kind, protocol));
            applied::fresh(fd);
        }
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
    /// connect(2): TCP_NODELAY before it, so that the very first data has it.
    fn connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int
    where signature (libc::connect), raw raw!(libc::SYS_connect, fd, address, length); {
        hold::release();
        let socket = table::get(fd);
        if table::enabled() && matches!(socket.kind(), Kind::Fresh | Kind::Unmet | Kind::Unknown) {
            return connect_first(fd, socket, address, length);
        }
        // SAFETY: the caller's arguments.
        unsafe { connect::real(fd, address, length) }
    }
}

/// The first connect on a socket.
#[inline(never)]
fn connect_first(fd: c_int, met: Socket, address: *const sockaddr, length: socklen_t) -> c_int {
    let met = if matches!(met.kind(), Kind::Fresh) { met } else { tune::identified(fd) };
    if !met.is_tcp() {
        table::add(fd, met);
        // SAFETY: the caller's arguments.
        return unsafe { connect::real(fd, address, length) };
    }
    // Rules may choose by the remote end, and must do so before the call. The pointer is the application's: look first.
    let known = settings().has_rules() && length >= 8 && kernel::readable(address.cast());
    // SAFETY: the first 8 bytes are readable; the rest of the `length` bytes lies in the same object if the call is to work,
    // and for IPv4 only the first 8 are looked at.
    let peer = if known { unsafe { tune::parse_at(address.cast(), length) } } else { None };
    let tuned = tune::connecting(fd, met, peer);
    // Noted before the call: with a blocking connect another thread may already use the descriptor.
    table::add(fd, tuned);
    // SAFETY: the caller's arguments.
    let result = unsafe { connect::real(fd, address, length) };
    if result == 0 || bind::last_error() == libc::EINPROGRESS {
        // SAFETY: the kernel has just read the address.
        let service = unsafe { tune::parse_at(address.cast(), length) }.map_or(0, |peer| services::remote(&peer));
        table::set(fd, tune::ready(tuned.on_service(service)));
    } else {
        // It may be tried again, with the options that it has now.
        table::set(fd, tuned.into(Kind::Fresh));
    }
    result
}

hook! {
    /// listen(2): TCP_NODELAY on the listener, before it; accepted sockets inherit it.
    fn listen(fd: c_int, backlog: c_int) -> c_int
    where signature (libc::listen), raw raw!(libc::SYS_listen, fd, backlog); {
        let socket = table::get(fd);
        if table::enabled() && matches!(socket.kind(), Kind::Fresh | Kind::Unmet | Kind::Unknown) {
            return listen_first(fd, socket, backlog);
        }
        // SAFETY: the caller's arguments.
        unsafe { listen::real(fd, backlog) }
    }
}

#[inline(never)]
fn listen_first(fd: c_int, met: Socket, backlog: c_int) -> c_int {
    let met = if matches!(met.kind(), Kind::Fresh) { met } else { tune::identified(fd) };
    let tuned = if met.is_tcp() { tune::listening(fd, met) } else { met };
    // SAFETY: the caller's arguments.
    let result = unsafe { listen::real(fd, backlog) };
    table::add(fd, if result == 0 || !met.is_tcp() { tuned } else { tuned.into(Kind::Fresh) });
    result
}

hook! {
    /// accept(2): the new socket has inherited its listener's options.
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int
    where signature (libc::accept), raw raw!(libc::SYS_accept, fd, address, length); {
        let listener = before_accept(fd);
        // SAFETY: the caller's arguments.
        let new = unsafe { accept::real(fd, address, length) };
        if new >= 0 && table::enabled() {
            after_accept(fd, listener, new, address, length);
        }
        new
    }
}

hook! {
    /// accept4(2): as accept.
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int
    where signature (libc::accept4), raw raw!(libc::SYS_accept4, fd, address, length, flags); {
        let listener = before_accept(fd);
        // SAFETY: the caller's arguments.
        let new = unsafe { accept4::real(fd, address, length, flags) };
        if new >= 0 && table::enabled() {
            after_accept(fd, listener, new, address, length);
        }
        new
    }
}

/// accept may block; and a listener that came from elsewhere is met here, before it does.
#[inline]
fn before_accept(fd: c_int) -> Socket {
    hold::release();
    let listener = table::get(fd);
    match listener.kind() {
        Kind::Listener | Kind::Other => listener,
        _ if table::enabled() => tune::meet(fd),
        _ => listener,
    }
}

#[inline]
fn after_accept(fd: c_int, listener: Socket, new: c_int, address: *mut sockaddr, length: *mut socklen_t) {
    if !matches!(listener.kind(), Kind::Listener) {
        table::add(new, Socket::new(Kind::Other));
        return;
    }
    let peer = if settings().has_rules() && !address.is_null() && !length.is_null() {
        // SAFETY: the kernel has just written the length there.
        let length = unsafe { *length };
        // SAFETY: the kernel has just written the address there, of that length.
        unsafe { tune::parse_at(address.cast(), length.min(28)) }
    } else {
        None
    };
    table::add(new, tune::accepted(fd, listener, new, peer));
}

/// A send that also connects (MSG_FASTOPEN): as connect, without an address of our own to learn the service from.
#[cold]
pub(super) fn opened_by_send(fd: c_int, fresh: Socket) {
    table::set(fd, tune::ready(tune::connecting(fd, fresh, None)));
}
