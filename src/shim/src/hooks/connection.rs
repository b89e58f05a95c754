//! Sockets are made, connected, put to listening and accepted: where TCP_NODELAY is set, once each.

use libc::{sockaddr, socklen_t};
use policy::socket::{Kind, Socket};

use super::*;
use crate::mode::{self, HAS_HELD, SPECIAL};
use crate::start::{plain, settings};
use crate::{applied, count, hold, kernel, services, table, tune};

hook! {
    /// socket(2): what it makes is known from its arguments.
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int
    where signature (libc::socket), raw raw!(libc::SYS_socket, domain, kind, protocol); {
        let made = tune::made(domain, kind, protocol);
        // SAFETY: the caller's arguments.
        let fd = unsafe { socket::real(domain, kind, protocol) };
        table::add(fd, made);
        applied::fresh(fd);
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
        let socket = if table::is_near(fd) { table::near(fd).socket } else { Socket(0) };
        if !matches!(socket.kind(), Kind::Fresh) || mode::is(HAS_HELD | SPECIAL) {
            // SAFETY: the caller's arguments.
            return unsafe { connect_rarely(fd, address, length) };
        }
        let tuned = tune::set_nodelay(fd, socket.into(Kind::Client));
        // SAFETY: the caller's arguments.
        let result = unsafe { connect::real(fd, address, length) };
        after_connect_plainly(fd, tuned.0, result, address, length)
    }
}

/// Notes what a socket is after connect(2) has returned `result`, which it returns.
#[inline(never)]
extern "C" fn after_connect_plainly(
    fd: c_int,
    tuned: u64,
    result: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    if result != 0 {
        return connect_failed(fd, tuned, result, address, length);
    }
    // SAFETY: the kernel has just read the address.
    let service = unsafe { services::remote(address.cast(), length) };
    table::near(fd).set(tune::ready_plainly(Socket(tuned).on_service(service)));
    0
}

/// The same where connect(2) has not succeeded at once; most often it goes on behind the scenes.
#[cold]
#[inline(never)]
extern "C" fn connect_failed(
    fd: c_int,
    tuned: u64,
    result: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    table::near(fd).set(after_connect(Socket(tuned), result, address, length));
    result
}

/// Any other connect: rules to follow, a socket that came from elsewhere, no TCP socket, a second try.
#[inline(never)]
unsafe extern "C" fn connect_rarely(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    hold::release();
    let socket = table::get(fd);
    if table::enabled() && matches!(socket.kind(), Kind::Fresh | Kind::Unmet | Kind::Unknown) {
        return connect_first(fd, socket, address, length);
    }
    // SAFETY: the caller's arguments.
    unsafe { connect::real(fd, address, length) }
}

/// What a socket is after connect(2) has returned `result`.
fn after_connect(tuned: Socket, result: c_int, address: *const sockaddr, length: socklen_t) -> Socket {
    if result == 0 || bind::last_error() == libc::EINPROGRESS {
        // SAFETY: the kernel has just read the address.
        let service = unsafe { services::remote(address.cast(), length) };
        return tune::ready(tuned.on_service(service));
    }
    // It may be tried again, with the options that it has now.
    tuned.into(Kind::Fresh)
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
    let known = !plain() && settings().has_rules() && length >= 8 && kernel::readable(address.cast());
    // SAFETY: the first 8 bytes are readable; the rest of the `length` bytes lies in the same object if the call is to work,
    // and for IPv4 only the first 8 are looked at.
    let peer = if known { unsafe { tune::parse_at(address.cast(), length) } } else { None };
    let tuned = tune::connecting(fd, met, peer);
    // Noted before the call: with a blocking connect another thread may already use the descriptor.
    table::set(fd, tuned);
    // SAFETY: the caller's arguments.
    let result = unsafe { connect::real(fd, address, length) };
    let opened = after_connect(tuned, result, address, length);
    table::set(fd, opened);
    if count::on() && opened.is_connection() {
        // SAFETY: the kernel has just read the address.
        count::connected(fd, opened, unsafe { tune::parse_at(address.cast(), length.min(28)) });
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
    if count::on() && result == 0 && met.is_tcp() {
        count::listening(fd, tuned);
    }
    result
}

/// Notes what a listener whose connections need nothing has accepted, if it has; `new` is what accept(2) returned, as this does.
#[inline(never)]
extern "C" fn accepted_uniformly(listener: u64, new: c_int) -> c_int {
    if new >= 0 {
        table::add(new, tune::ready(Socket(listener).accepted()));
    }
    new
}

/// Makes a hook for a call that accepts: the new socket has inherited its listener's options.
macro_rules! accept_hook {
    ($(#[$doc:meta])* fn $name:ident($fd:ident: c_int, $address:ident: *mut sockaddr, $length:ident: *mut socklen_t
        $(, $flags:ident: c_int)?) -> c_int where signature $check:tt, raw $raw:expr;) => {
        hook! {
            $(#[$doc])*
            fn $name($fd: c_int, $address: *mut sockaddr, $length: *mut socklen_t $(, $flags: c_int)?) -> c_int
            where signature $check, raw $raw; {
                let listener = table::get($fd);
                if !listener.is_uniform() || hold::any() {
                    // SAFETY: the caller's arguments.
                    return unsafe { rarely($fd, $address, $length $(, $flags)?) };
                }
                // SAFETY: the caller's arguments.
                let new = unsafe { $name::real($fd, $address, $length $(, $flags)?) };
                return accepted_uniformly(listener.0, new);

                /// On a listener that is new to us, or whose connections differ.
                #[inline(never)]
                unsafe extern "C" fn rarely($fd: c_int, $address: *mut sockaddr, $length: *mut socklen_t $(, $flags: c_int)?)
                    -> c_int {
                    let listener = before_accept($fd);
                    // SAFETY: the caller's arguments.
                    let new = unsafe { $name::real($fd, $address, $length $(, $flags)?) };
                    if new >= 0 && table::enabled() {
                        after_accept($fd, listener, new, $address, $length);
                    }
                    new
                }
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

/// accept may block; and a listener that came from elsewhere is met here, before it does.
fn before_accept(fd: c_int) -> Socket {
    hold::release();
    let listener = table::get(fd);
    match listener.kind() {
        Kind::Unmet | Kind::Unknown if table::enabled() => tune::meet(fd),
        _ => listener,
    }
}

fn after_accept(fd: c_int, listener: Socket, new: c_int, address: *mut sockaddr, length: *mut socklen_t) {
    if !matches!(listener.kind(), Kind::Listener) {
        table::add(new, Socket::new(Kind::Other));
        return;
    }
    let peer = if plain() { None } else { accepted_peer(address, length) };
    let socket = tune::accepted(fd, listener, new, peer);
    table::add(new, socket);
    if count::on() {
        count::accepted(fd, new, socket);
    }
}

/// The remote end as accept(2) told the application, if rules want to know and the application has asked.
#[cold]
#[inline(never)]
fn accepted_peer(address: *const sockaddr, length: *const socklen_t) -> Option<policy::Peer> {
    if !settings().has_rules() || address.is_null() || length.is_null() {
        return None;
    }
    // SAFETY: the kernel has just written the length there.
    let length = unsafe { *length };
    // SAFETY: the kernel has just written the address there, of that length.
    unsafe { tune::parse_at(address.cast(), length.min(28)) }
}

/// A send that also connects (MSG_FASTOPEN): as connect, without an address of our own to learn the service from.
#[cold]
pub(super) fn opened_by_send(fd: c_int, fresh: Socket) {
    let socket = tune::ready(tune::connecting(fd, fresh, None));
    table::set(fd, socket);
    if count::on() {
        count::connected(fd, socket, None);
    }
}
