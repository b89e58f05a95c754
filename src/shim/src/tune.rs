//! Applies the settings to a socket: TCP_NODELAY, TCPTUNE_SET, and what the rules choose. Everything here runs once per
//! connection or listener, never per data call. What the kernel refuses is skipped in silence.

use core::ffi::{c_int, c_long, c_void};

use policy::socket::{
    APP_CORK, ATTEND, CHECKED, CLOSELY, HELD, Kind, NO_HOLD, NO_INHERIT, NODELAY_APP, NODELAY_ON, NODELAY_OURS,
    QUICKACK, QUICKACK_AUTO, SHARED, Socket, UNIFORM,
};
use policy::{Cork, Direction, Nodelay, Peer, Subject, Tuning};

use crate::count::Cause;
use crate::start::{plain, settings};
use crate::{applied, count, hold, kernel, services, split, table, watch};

/// A number that no other socket has (asm-generic/socket.h).
const SO_COOKIE: c_int = 57;
/// Multipath TCP (linux/in.h).
const IPPROTO_MPTCP: c_int = 262;

/// What socket(2) made, from its arguments: no question to the kernel.
#[inline(always)]
pub(crate) fn made(domain: c_int, kind: c_int, protocol: c_int) -> Socket {
    let stream = kind & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) == libc::SOCK_STREAM;
    if !stream || !(domain == libc::AF_INET || domain == libc::AF_INET6) {
        return Socket::new(Kind::Other);
    }
    of_protocol(if protocol == 0 { libc::IPPROTO_TCP } else { protocol })
}

#[inline(always)]
fn of_protocol(protocol: c_int) -> Socket {
    match protocol {
        libc::IPPROTO_TCP => Socket::new(Kind::Fresh),
        // MSG_MORE is ignored there.
        IPPROTO_MPTCP => Socket::new(Kind::Fresh).with(NO_HOLD),
        _ => Socket::new(Kind::Other),
    }
}

/// A descriptor that came from elsewhere: asks the kernel what it is, and tunes it if it is a TCP connection.
#[cold]
pub(crate) fn meet(fd: c_int) -> Socket {
    let found = identified(fd);
    if !found.is_tcp() {
        table::add(fd, found);
        return found;
    }
    let set = kernel::get_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == Some(1);
    let found = match (set, ours_already(fd)) {
        (false, _) => found,
        (true, true) => found.with(NODELAY_OURS | NODELAY_ON),
        // Its former owner has set the option, for itself or as we do: that word stands, and reads back as it is.
        (true, false) => found.with(NODELAY_APP | NODELAY_ON),
    };
    let socket = if kernel::get_int(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) == Some(1) {
        listening(fd, found.into(Kind::Listener)).with_queued(queued(fd))
    } else {
        divided(fd, found.into(Kind::Accepted).on_service(services::INHERITED), None)
    };
    table::add(fd, socket);
    if count::on() {
        if socket.is_connection() {
            count::given(fd, socket);
        } else {
            count::listening(fd, socket);
        }
    }
    socket
}

/// Have we set the option on this socket ourselves: under this number (which a vfork child has closed in our memory), or
/// under another of the three by which an inetd-style server knows its connection?
#[cold]
fn ours_already(fd: c_int) -> bool {
    table::get(fd).has(NODELAY_OURS)
        || fd <= 2 && (0..=2).any(|other| other != fd && table::get(other).has(NODELAY_OURS) && same_socket(fd, other))
}

/// Do two descriptors stand for one socket?
#[cold]
fn same_socket(one: c_int, other: c_int) -> bool {
    let cookie = |fd| kernel::get_long(fd, libc::SOL_SOCKET, SO_COOKIE);
    cookie(one).is_some_and(|it| cookie(other) == Some(it))
}

/// What a descriptor is that socket(2) did not make before our eyes: asks the kernel once.
#[cold]
pub(crate) fn identified(fd: c_int) -> Socket {
    kernel::get_int(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).map_or(Socket::new(Kind::Other), of_protocol)
}

/// Before connect(2), so that the very first data has the options.
pub(crate) fn connecting(fd: c_int, socket: Socket, peer: Option<Peer>) -> Socket {
    let mut socket = socket.into(Kind::Client);
    if split::on() {
        let untouched;
        (socket, untouched) = split::divide(socket);
        if untouched {
            return socket;
        }
    }
    let socket = choose(fd, socket, Direction::Client, peer);
    apply(fd, socket, Direction::Client)
}

/// Before listen(2): accepted sockets inherit. Also for a listener that was inherited.
pub(crate) fn listening(fd: c_int, socket: Socket) -> Socket {
    let socket = socket.into(Kind::Listener).on_service(services::listener());
    let socket = choose(fd, socket, Direction::Server, None);
    apply(fd, socket, Direction::Server)
}

/// A connection that `listener` accepted. `peer` is what accept(2) told the application, if it asked.
pub(crate) fn accepted(listener_fd: c_int, listener: Socket, fd: c_int, peer: Option<Peer>) -> Socket {
    let mut listener = listener;
    let mut socket = listener.accepted();
    if split::on() {
        return divided(fd, socket, peer);
    }
    let settings = settings();
    if settings.has_rules() && settings.needs_peer(Direction::Server, local_port(fd)) {
        return by_peer(fd, socket, peer);
    }
    let tuning = settings.tuning(socket.tuning());
    if socket.has(NODELAY_OURS) {
        let late = listener.queued() != 0;
        if late {
            // Queued before the listener was tuned: the kernel gave it the old options.
            table::set(listener_fd, listener.with_queued(listener.queued().saturating_sub(1)));
        } else if !listener.has(CHECKED) {
            // Once per listener: does this kernel let TCP_NODELAY be inherited? gVisor does not.
            listener = listener.with(CHECKED);
            if kernel::get_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == Some(0) {
                listener = listener.with(NO_INHERIT);
            } else if !settings.has_rules() && tuning.set.is_empty() && !count::on() {
                listener = listener.with(UNIFORM);
            }
            table::set(listener_fd, listener);
        }
        if late || listener.has(NO_INHERIT) {
            socket = apply(fd, socket.without(NODELAY_OURS | NODELAY_ON), Direction::Server);
        }
    }
    if !tuning.set.is_empty() {
        applied::at_accept(fd, tuning);
    }
    ready(socket)
}

/// The same where a share of the connections is left untouched.
#[cold]
#[inline(never)]
fn divided(fd: c_int, socket: Socket, peer: Option<Peer>) -> Socket {
    if split::on() {
        let (socket, untouched) = split::divide(socket);
        if untouched {
            return ready(socket);
        }
    }
    by_peer(fd, socket, peer)
}

/// Chooses for a server's open connection, by its peer too, and sets what the tuning wants.
#[cold]
#[inline(never)]
fn by_peer(fd: c_int, socket: Socket, peer: Option<Peer>) -> Socket {
    let chosen = choose(fd, socket, Direction::Server, peer);
    ready(apply(fd, chosen, Direction::Server))
}

/// Which tuning the rules choose for this socket.
fn choose(fd: c_int, socket: Socket, direction: Direction, peer: Option<Peer>) -> Socket {
    if plain() || !settings().has_rules() { socket } else { by_rules(fd, socket, direction, peer) }
}

#[cold]
#[inline(never)]
fn by_rules(fd: c_int, socket: Socket, direction: Direction, peer: Option<Peer>) -> Socket {
    let settings = settings();
    let peer = peer.or_else(|| if socket.is_connection() { peer_of(fd) } else { None });
    let local_port = if settings.needs_local_port() { Some(local_port(fd)) } else { None };
    socket.tuned_by(settings.choose(&Subject { direction, local_port, peer }))
}

/// Sets TCP_NODELAY and TCPTUNE_SET as the socket's tuning wants, where the application has not spoken itself.
fn apply(fd: c_int, socket: Socket, direction: Direction) -> Socket {
    let tuning = settings().tuning(socket.tuning());
    let mut socket = socket;
    if socket.has(NODELAY_OURS) && (!tuning.enabled() || matches!(tuning.nodelay, Nodelay::Off)) {
        // Inherited from a listener, which could not know this peer: taken back.
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
        socket = socket.without(NODELAY_OURS | NODELAY_ON);
    }
    if !tuning.enabled() {
        return socket.with(NO_HOLD);
    }
    let listener = matches!(socket.kind(), Kind::Listener);
    // What is to be divided inherits nothing.
    let touched = !listener || !split::on();
    if touched && wants_nodelay(tuning, socket) && kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == 0 {
        socket = socket.with(NODELAY_OURS | NODELAY_ON);
    }
    if !matches!(tuning.cork, Cork::Auto) {
        socket = socket.with(NO_HOLD);
    }
    if !tuning.set.is_empty() {
        applied::at_start(fd, tuning, direction, listener);
    }
    socket
}

/// Sets TCP_NODELAY, unless it is set or the application has spoken: what the default settings want.
#[inline]
pub(crate) fn set_nodelay(fd: c_int, socket: Socket) -> Socket {
    let spoken = socket.has(NODELAY_ON | NODELAY_APP);
    if spoken || kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) != 0 {
        return socket;
    }
    socket.with(NODELAY_OURS | NODELAY_ON)
}

/// Should the library set TCP_NODELAY here?
fn wants_nodelay(tuning: &Tuning, socket: Socket) -> bool {
    match tuning.nodelay {
        Nodelay::Off => false,
        Nodelay::On => !socket.has(NODELAY_ON | NODELAY_APP),
        Nodelay::Force => !socket.has(NODELAY_ON),
    }
}

/// A connection is open: from now on its calls are looked at, if there is anything to look for. Where the kernel's
/// TCP_NODELAY is off nothing is held: the end of a burst would meet Nagle's rule, and waiting is what we are here to end.
#[inline]
pub(crate) fn ready(socket: Socket) -> Socket {
    let socket = socket.without(ATTEND | QUICKACK | QUICKACK_AUTO).with(CLOSELY);
    if !plain() {
        return ready_by_tuning(socket);
    }
    if socket.is_connection() { ready_plainly(socket) } else { socket }
}

/// The same where other settings than the defaults hold for some socket.
#[cold]
#[inline(never)]
fn ready_by_tuning(socket: Socket) -> Socket {
    let tuning = settings().tuning(socket.tuning());
    if !socket.is_connection() || !tuning.enabled() {
        return socket;
    }
    let socket = watch::begin(socket, tuning);
    let (may_hold, watched) = (may_hold(socket), socket.has(QUICKACK | QUICKACK_AUTO));
    if may_hold || watched || watch::releases_all(tuning) { socket.opened(!may_hold || watched) } else { socket }
}

/// The same where no other settings than the defaults hold.
#[inline(always)]
pub(crate) fn ready_plainly(connection: Socket) -> Socket {
    if may_hold(connection) { connection.opened(false) } else { connection }
}

/// Does nothing speak against holding on this connection?
#[inline(always)]
fn may_hold(connection: Socket) -> bool {
    connection.0 & (NODELAY_ON | NO_HOLD) == NODELAY_ON
}

/// The application has set TCP_NODELAY itself; `on` is its word. Where it is forced we set it again.
pub(crate) fn application_set_nodelay(fd: c_int, on: bool) {
    let socket = table::get(fd);
    let new = is_new(socket);
    let socket = if new { meet(fd) } else { socket };
    if !socket.is_tcp() {
        return;
    }
    if new && !on {
        // Meeting it has turned the option on again.
        kernel::set_int(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
    }
    let forced = matches!(settings().tuning(socket.tuning()).nodelay, Nodelay::Force);
    let forced = !on && forced && kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == 0;
    each_number(fd, socket, |number, its| note_nodelay(number, its, on, forced));
}

/// What the application says of a socket holds for all its numbers: visits `fd` and, where it was duplicated, the others.
#[cold]
#[inline(never)]
fn each_number(fd: c_int, socket: Socket, mut visit: impl FnMut(c_int, Socket)) {
    if socket.has(SHARED) {
        table::each(0, u32::MAX, |other, its| {
            if other != fd && its.has(SHARED) && its.is_tcp() && same_socket(fd, other) {
                visit(other, its);
            }
        });
    }
    visit(fd, socket);
}

fn note_nodelay(fd: c_int, socket: Socket, on: bool, forced: bool) {
    let next = socket.without(NODELAY_OURS | NODELAY_ON).with(NODELAY_APP);
    let next = match (on, forced) {
        (true, _) => next.with(NODELAY_ON),
        (false, true) => next.with(NODELAY_ON | NODELAY_OURS),
        (false, false) => next,
    };
    table::set(fd, if socket.is_connection() { ready(next) } else { next });
    if count::on() {
        count::changed(fd);
    }
}

/// Connections that wait in a listener's queue: they were made before its options were set. `tcpi_unacked` of a listener is
/// its queue (net/ipv4/tcp.c, `tcp_get_info`).
fn queued(fd: c_int) -> u32 {
    const UNACKED: usize = 24;
    let mut info = [0u8; 104];
    kernel::get_option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info);
    match info.get(UNACKED..).and_then(|rest| rest.first_chunk::<4>()) {
        Some(bytes) => u32::from_ne_bytes(*bytes),
        None => 0,
    }
}

/// The local port, 0 where there is none.
pub(crate) fn local_port(fd: c_int) -> u16 {
    address_of(libc::SYS_getsockname, fd).map_or(0, |own| own.port())
}

fn peer_of(fd: c_int) -> Option<Peer> {
    address_of(libc::SYS_getpeername, fd)
}

fn address_of(call: c_long, fd: c_int) -> Option<Peer> {
    let address = kernel::address(call, fd)?;
    // SAFETY: the kernel has just filled it in; addresses of these families fit the buffer.
    unsafe { parse_at(address.bytes.as_ptr().cast(), address.length.min(28)) }
}

/// The address that an application gave or got. Only for one that the kernel has just read or written, or that
/// `kernel::readable` has vouched for.
///
/// # Safety
/// `length` bytes at `at` must be readable.
#[inline]
pub(crate) unsafe fn parse_at(at: *const c_void, length: libc::socklen_t) -> Option<Peer> {
    if at.is_null() || length < 8 {
        return None;
    }
    let at = at.cast::<u8>();
    // SAFETY: within the `length` bytes that the caller vouches for; no alignment is assumed.
    let [f0, f1, p0, p1, v4 @ ..] = unsafe { at.cast::<[u8; 8]>().read_unaligned() };
    let port = u16::from_be_bytes([p0, p1]);
    match c_int::from(u16::from_ne_bytes([f0, f1])) {
        libc::AF_INET => Some(Peer::from_v4(v4, port)),
        libc::AF_INET6 if length >= 24 => {
            // SAFETY: as above: 24 bytes are there.
            let address = unsafe { at.wrapping_add(8).cast::<[u8; 16]>().read_unaligned() };
            Some(Peer::from_v6(address, port))
        }
        _ => None,
    }
}

/// The application says itself when more follows, or is about to: it needs no prediction, and nothing is held here any more.
#[cold]
pub(crate) fn application_holds(fd: c_int, socket: Socket) {
    if socket.has(NO_HOLD) {
        // Known, by every number.
        return;
    }
    each_number(fd, socket, |number, its| {
        let mut its = its;
        if its.has(HELD) {
            // It does not expect to find that held; and two cannot own a cork.
            hold::flush(number, its, Cause::End);
            its = table::get(number);
        }
        let next = its.with(NO_HOLD);
        table::set(number, if its.is_connection() { ready(next) } else { next });
        if count::on() {
            count::changed(number);
        }
    });
}

/// The application has corked or uncorked the connection itself.
#[cold]
pub(crate) fn application_set_cork(fd: c_int, on: bool) {
    let mut socket = table::get(fd);
    if is_new(socket) {
        socket = meet(fd);
        if socket.is_tcp() {
            application_holds(fd, socket);
            socket = table::get(fd);
        }
    }
    if socket.is_tcp() {
        table::set(fd, if on { socket.with(APP_CORK) } else { socket.without(APP_CORK | HELD) });
        if count::on() {
            count::changed(fd);
        }
    }
}

/// Not met yet: an option of TCP that it takes has just shown it to be TCP.
fn is_new(socket: Socket) -> bool {
    matches!(socket.kind(), Kind::Unknown | Kind::Unmet)
}
