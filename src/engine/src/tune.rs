//! The life of a socket: created, connected, listening, accepted, passed in, duplicated and closed; which tuning it
//! gets, and TCP_NODELAY. Everything here runs once per connection or listener, never per data call. Options that the
//! kernel refuses are skipped silently.

use core::ffi::c_int;

use policy::listener::Listener;
use policy::socket::{Kind, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, SHARED, Socket};
use policy::{Cork, Direction, Nodelay, Peer, Subject, Tuning, UNTOUCHED};

use crate::library::Library;
use crate::machine::{Machine, get_int, get_long, set_int, set_on, tcp_info};
use crate::mode::{CONFINED, COUNTING, GAVE_NAGLE, SETS_OPTIONS};
use crate::sync::Relaxed;
use crate::told::Told;
use crate::watch;

/// A number unique to each socket (asm-generic/socket.h).
const SO_COOKIE: c_int = 57;
/// The name of the protocol on top of TCP, such as kernel TLS; empty if there is none (linux/tcp.h).
pub const TCP_ULP: c_int = 31;
/// The protocol number of Multipath TCP (linux/in.h).
const IPPROTO_MPTCP: c_int = 262;

/// What socket(2) has created, derived from its arguments without asking the kernel.
#[inline(always)]
fn made(domain: c_int, kind: c_int, protocol: c_int) -> Socket {
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
        // Multipath TCP ignores MSG_MORE.
        IPPROTO_MPTCP => Socket::new(Kind::Fresh).with(NO_HOLD),
        _ => Socket::new(Kind::Other),
    }
}

/// A connection from elsewhere: nothing is ever held on it if its former owner has put a protocol on top of TCP, which
/// would keep a held record however the socket is pushed.
#[cold]
fn carried<M: Machine>(fd: c_int, found: Socket) -> Socket {
    // ("mptcp", "tls", "espintcp": TCP_ULP_NAME_MAX is 16.)
    let has = M::get_option(fd, libc::IPPROTO_TCP, TCP_ULP, &mut [0; 16]) != 0;
    if has { found.with(NO_HOLD) } else { found }
}

impl<M: Machine> Library<M> {
    /// socket(2) has created `fd`.
    #[inline(always)]
    pub fn made_socket(&self, fd: c_int, domain: c_int, kind: c_int, protocol: c_int) {
        let socket = made(domain, kind, protocol);
        let Some(words) = self.table.near(fd) else { return self.table.add_rarely(fd, socket) };
        if Socket::of(words.low.load(Relaxed), 0).is_met() {
            self.made_again(fd);
        }
        self.table.reaches(fd);
        words.set(socket);
        self.has_set_nothing(fd);
    }

    /// The number of a new descriptor is in the table: what had it was closed where no hook saw it. Was that in this thread's
    /// burst?
    #[cold]
    #[inline(never)]
    fn made_again(&self, fd: c_int) {
        if let Some(burst) = self.threads.open(M::thread())
            && burst.is_on(fd)
        {
            if burst.keeps() {
                self.lost();
            }
            burst.forget(fd);
        }
    }

    /// Two new descriptors that are not TCP sockets, but on which a read may block (a pipe or a socket pair).
    pub fn made_pair(&self, pair: [c_int; 2]) {
        for fd in pair {
            self.table.add_rarely(fd, Socket::new(Kind::Other));
        }
    }

    /// A descriptor that came with a message or from another program. It is classified when it is first used.
    #[unsafe(link_section = ".text.tcp")]
    pub fn given(&self, fd: c_int) {
        self.table.add_rarely(fd, Socket::new(Kind::Unknown));
    }

    /// Classifies a descriptor that came from elsewhere by asking the kernel, and tunes it if it is a TCP socket.
    #[cold]
    #[inline(never)]
    pub fn meet(&self, fd: c_int) -> Socket {
        let found = self.identified(fd);
        if !found.is_tcp() {
            self.table.add_rarely(fd, found);
            return found;
        }
        let set = get_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == Some(1);
        let found = match (set, self.is_ours_already(fd)) {
            (false, _) => found,
            (true, true) => found.with(NODELAY_OURS | NODELAY_ON),
            // Its former owner set the option, for its own reasons or through this library. That setting stands and
            // reads back as set.
            (true, false) => found.with(NODELAY_APP | NODELAY_ON),
        };
        let listens = get_int::<M>(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) == Some(1);
        let socket = if listens {
            self.listening(fd, found).with_queued(tcp_info::queued::<M>(fd)).socket()
        } else {
            self.divided(fd, carried::<M>(fd, found).into(Kind::Accepted).on_service(Library::<M>::INHERITED))
        };
        self.table.add_rarely(fd, socket);
        self.tell(|| if socket.is_connection() { Told::Given(fd, socket) } else { Told::Listening(fd, socket) });
        socket
    }

    /// Did this library set TCP_NODELAY on this socket? It may have done so under the same number, which a vfork child
    /// has since closed in our memory, or under another of descriptors 0 to 2, all of which name an inetd-style
    /// server's connection.
    #[cold]
    fn is_ours_already(&self, fd: c_int) -> bool {
        let ours = |fd| self.table.get_rarely(fd).has(NODELAY_OURS);
        ours(fd) || fd <= 2 && (0..=2).any(|other| other != fd && ours(other) && self.same_socket(fd, other))
    }

    /// Do two descriptors name the same socket?
    #[cold]
    pub(crate) fn same_socket(&self, one: c_int, other: c_int) -> bool {
        let cookie = |fd| get_long::<M>(fd, libc::SOL_SOCKET, SO_COOKIE);
        !self.mode.is(CONFINED) && cookie(one).is_some_and(|it| cookie(other) == Some(it))
    }

    /// Classifies a descriptor whose creation no hook saw: asks the kernel once, if it may.
    #[cold]
    fn identified(&self, fd: c_int) -> Socket {
        if self.is_confined() {
            return Socket::new(Kind::Other);
        }
        get_int::<M>(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).map_or(Socket::new(Kind::Other), of_protocol)
    }

    /// What a socket is that is about to connect or listen; None if it already has, or tuning is off.
    #[unsafe(link_section = ".text.tcp")]
    fn unopened(&self, fd: c_int, socket: Socket) -> Option<Socket> {
        match socket.kind() {
            Kind::Fresh if self.is_enabled() => Some(self.within_bounds(socket)),
            Kind::Unmet | Kind::Unknown if self.is_enabled() => Some(self.identified(fd)),
            _ => None,
        }
    }

    /// Before connect(2): sets TCP_NODELAY on a socket that socket(2) made before our eyes, if the default settings hold and
    /// nothing is counted. None for any other socket; then nothing has been done, and [`Library::connecting`] decides.
    #[inline(always)]
    pub fn connects_quickly(&self, fd: c_int) -> Option<Socket> {
        let words = self.table.near(fd)?;
        let socket = Socket::of(words.low.load(Relaxed), 0);
        let usual = matches!(socket.kind(), Kind::Fresh) && !self.has_open() && self.mode.is_usual();
        if usual { Some(self.with_nodelay(fd, socket.into(Kind::Client))) } else { None }
    }

    /// After connect(2), if [`Library::connects_quickly`] has returned `tuned`; `opened` as for [`Library::connected`].
    #[inline(always)]
    pub fn connected_quickly(&self, fd: c_int, tuned: Socket, opened: Option<u8>) {
        let socket = match opened {
            Some(service) => ready(tuned.on_service(service)),
            None => tuned.into(Kind::Fresh),
        };
        self.table.known_near(fd).set(socket);
    }

    /// Before connect(2): sets the options now, so that they apply to the very first data. None if this is not a new
    /// TCP socket; then [`Library::connected`] has nothing to note. `peer` returns the remote address if the program's
    /// pointer is readable.
    #[inline]
    pub fn connecting(&self, fd: c_int, peer: impl FnOnce() -> Option<Peer>) -> Option<Socket> {
        self.let_go(policy::evidence::Cause::Wait);
        let met = self.unopened(fd, self.table.get_rarely(fd))?;
        if !met.is_tcp() {
            self.table.add_rarely(fd, met);
            return None;
        }
        let peer = if self.has_rules() { peer() } else { None };
        let tuned = self.opening(fd, met, peer);
        // Recorded before the call: during a blocking connect another thread may already use the descriptor.
        self.table.add_rarely(fd, tuned);
        Some(tuned)
    }

    /// After connect(2). `opened` is the service number if the connection is open, or opening in the background. If it
    /// is None the program may try again; the socket keeps its options.
    #[inline]
    pub fn connected(&self, fd: c_int, tuned: Socket, opened: Option<u8>, peer: impl FnOnce() -> Option<Peer>) {
        let Some(service) = opened else {
            self.table.set_rarely(fd, tuned.into(Kind::Fresh));
            return;
        };
        let socket = self.ready_rarely(tuned.on_service(service));
        self.table.set_rarely(fd, socket);
        self.tell(|| Told::Connected(fd, socket, peer()));
    }

    /// A send that also connects (MSG_FASTOPEN). Unlike connect(2), it gives no address from which to derive the
    /// service.
    #[cold]
    pub(crate) fn opened_by_send(&self, fd: c_int, fresh: Socket) -> Socket {
        let met = self.within_bounds(fresh);
        if !met.is_tcp() {
            self.table.set_rarely(fd, met);
            return met;
        }
        let socket = self.ready_rarely(self.opening(fd, met, None));
        self.table.set_rarely(fd, socket);
        self.tell(|| Told::Connected(fd, socket, None));
        socket
    }

    #[unsafe(link_section = ".text.tcp")]
    fn opening(&self, fd: c_int, socket: Socket, peer: Option<Peer>) -> Socket {
        let mut socket = socket.into(Kind::Client);
        if self.divides() {
            let untouched;
            (socket, untouched) = self.divide(socket);
            if untouched {
                return self.apply(fd, socket, Direction::Client);
            }
        }
        let socket = self.choose(fd, socket, Direction::Client, peer);
        self.apply(fd, socket, Direction::Client)
    }

    /// Before listen(2): sets the options now, because accepted sockets inherit them. None if there is nothing to note
    /// afterwards.
    #[inline]
    #[unsafe(link_section = ".text.tcp")]
    pub fn before_listen(&self, fd: c_int) -> Option<Socket> {
        let met = self.unopened(fd, self.table.get_rarely(fd))?;
        Some(if met.is_tcp() { self.listening(fd, met).socket() } else { met })
    }

    /// After listen(2).
    #[unsafe(link_section = ".text.tcp")]
    pub fn listened(&self, fd: c_int, tuned: Socket, succeeded: bool) {
        let listens = matches!(tuned.kind(), Kind::Listener);
        self.table.add_rarely(fd, if succeeded || !listens { tuned } else { tuned.into(Kind::Fresh) });
        if succeeded && listens {
            self.tell(|| Told::Listening(fd, tuned));
        }
    }

    #[unsafe(link_section = ".text.tcp")]
    fn listening(&self, fd: c_int, socket: Socket) -> Listener {
        let socket = socket.into(Kind::Listener).on_service(self.listener_service());
        if self.heed() {
            return Listener::new(socket.tuned_by(UNTOUCHED).with(NO_HOLD));
        }
        let socket = self.choose(fd, socket, Direction::Server, None);
        Listener::new(self.apply(fd, socket, Direction::Server))
    }

    /// Before accept(2): releases what the thread holds, because the call may block, and classifies a listener that
    /// came from elsewhere.
    #[inline]
    pub fn accepting(&self, fd: c_int) -> Socket {
        self.let_go(policy::evidence::Cause::Wait);
        let listener = self.table.get(fd);
        match listener.kind() {
            Kind::Unmet | Kind::Unknown if self.is_enabled() => self.meet(fd),
            _ => listener,
        }
    }

    /// accept(2) has returned the connection `new`.
    #[inline]
    pub fn accepted(&self, fd: c_int, listener: Socket, new: c_int) {
        if let Some(listener) = Listener::of_uniform(listener) {
            self.table.add(new, self.ready(listener.accepted()));
            return;
        }
        self.accepted_rarely(fd, listener, new);
    }

    /// Records an accepted connection whose listener has not been checked yet, or whose connections need more than they
    /// inherit.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn accepted_rarely(&self, fd: c_int, listener: Socket, new: c_int) {
        let Some(listener) = Listener::of(listener) else {
            self.table.add_rarely(new, Socket::new(Kind::Other));
            return;
        };
        let socket = self.tuned_at_accept(fd, listener, new);
        self.table.add_rarely(new, socket);
        self.tell(|| Told::Accepted(fd, new, socket));
    }

    #[unsafe(link_section = ".text.tcp")]
    fn tuned_at_accept(&self, listener_fd: c_int, listener: Listener, fd: c_int) -> Socket {
        let mut listener = listener;
        let mut socket = listener.accepted();
        if self.divides() {
            return self.divided(fd, socket);
        }
        let settings = self.settings();
        if self.has_rules() && settings.needs_peer(Direction::Server, local_port::<M>(fd)) {
            return self.by_peer(fd, socket);
        }
        let tuning = self.tuning(socket);
        if socket.has(NODELAY_OURS) {
            let late = listener.queued() != 0;
            if late {
                // This connection was queued before the listener was tuned, so it inherited the old options.
                self.table.set_rarely(listener_fd, listener.with_queued(listener.queued().saturating_sub(1)).socket());
            } else if !listener.is_checked() && !self.mode.is(CONFINED) {
                // Checked once per listener, if the kernel may be asked: do accepted sockets inherit TCP_NODELAY on this
                // kernel? On gVisor they do not.
                listener = listener.checked();
                if get_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == Some(0) {
                    listener = listener.passing_nothing_on();
                } else if !settings.has_rules() && tuning.set.is_empty() && !self.mode.is(COUNTING) {
                    listener = listener.uniform();
                }
                self.table.set_rarely(listener_fd, listener.socket());
            }
            if late || !listener.passes_on() {
                socket = self.apply(fd, socket.without(NODELAY_OURS | NODELAY_ON), Direction::Server);
            }
        }
        if !tuning.set.is_empty() {
            self.set_at_accept(fd, tuning);
        }
        self.ready_rarely(socket)
    }

    /// Tunes an open connection, unless TCPTUNE_SPLIT assigns it to the control group.
    #[cold]
    #[inline(never)]
    fn divided(&self, fd: c_int, socket: Socket) -> Socket {
        if self.divides() {
            let (socket, untouched) = self.divide(socket);
            if untouched {
                return self.ready_rarely(self.apply(fd, socket, Direction::Server));
            }
        }
        self.by_peer(fd, socket)
    }

    /// Chooses the tuning of a server's open connection, for which the peer is known, and applies it.
    #[cold]
    #[inline(never)]
    fn by_peer(&self, fd: c_int, socket: Socket) -> Socket {
        let chosen = self.choose(fd, socket, Direction::Server, None);
        self.ready_rarely(self.apply(fd, chosen, Direction::Server))
    }

    /// The tuning that the rules choose for this socket.
    #[unsafe(link_section = ".text.tcp")]
    fn choose(&self, fd: c_int, socket: Socket, direction: Direction, peer: Option<Peer>) -> Socket {
        if self.has_rules() { self.by_rules(fd, socket, direction, peer) } else { socket }
    }

    #[cold]
    #[inline(never)]
    fn by_rules(&self, fd: c_int, socket: Socket, direction: Direction, peer: Option<Peer>) -> Socket {
        let settings = self.settings();
        let peer = peer.or_else(|| if socket.is_connection() { M::peer_address(fd) } else { None });
        let local_port = if settings.needs_local_port() { Some(local_port::<M>(fd)) } else { None };
        socket.tuned_by(settings.choose(&Subject { direction, local_port, peer }))
    }

    /// Sets TCP_NODELAY and the options of TCPTUNE_SET as the tuning wants, except those that the program has set
    /// itself.
    #[unsafe(link_section = ".text.tcp")]
    fn apply(&self, fd: c_int, socket: Socket, direction: Direction) -> Socket {
        let tuning = self.tuning(socket);
        let mut socket = socket;
        if socket.has(NODELAY_OURS) && (!tuning.enabled() || matches!(tuning.nodelay, Nodelay::Off)) {
            // Inherited from a listener, which could not know this peer: undo it.
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
            socket = socket.without(NODELAY_OURS | NODELAY_ON);
        }
        if !tuning.enabled() {
            return socket.with(NO_HOLD);
        }
        let listener = matches!(socket.kind(), Kind::Listener);
        // With a control group, accepted connections must inherit nothing.
        let touched = !listener || !self.divides();
        if touched && wants_nodelay(tuning, socket) && set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == 0 {
            socket = socket.with(NODELAY_OURS | NODELAY_ON);
        }
        if !matches!(tuning.cork, Cork::Auto) {
            socket = socket.with(NO_HOLD);
        }
        if !tuning.set.is_empty() {
            self.set_at_start(fd, tuning, direction, listener);
        }
        socket
    }

    /// Sets TCP_NODELAY, unless it is on or the program has set it either way: what the default settings ask for.
    #[inline]
    fn with_nodelay(&self, fd: c_int, socket: Socket) -> Socket {
        let spoken = socket.has(NODELAY_ON | NODELAY_APP);
        if spoken || set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) != 0 {
            return socket;
        }
        socket.with(NODELAY_OURS | NODELAY_ON)
    }

    /// A connection is open: from now on hooks look at its calls, if there is anything to look for. While the kernel's
    /// TCP_NODELAY is off nothing is held: the last segment of a burst would then wait by Nagle's algorithm, which is the
    /// very delay that the library is here to end.
    #[inline]
    pub(crate) fn ready(&self, socket: Socket) -> Socket {
        let socket = socket.unwatched();
        if !self.is_plain() {
            return self.ready_by_tuning(socket);
        }
        if socket.is_connection() { ready(socket) } else { socket }
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub(crate) fn ready_rarely(&self, socket: Socket) -> Socket {
        self.ready(socket)
    }

    /// Like [`Library::ready`], for a process in which some socket has other settings than the defaults.
    #[cold]
    #[inline(never)]
    fn ready_by_tuning(&self, socket: Socket) -> Socket {
        let tuning = self.tuning(socket);
        if !socket.is_connection() || !tuning.enabled() {
            return socket;
        }
        let socket = watch::begin(socket, tuning, self.mode.is(CONFINED));
        let (may_hold, watched) = (may_hold(socket), socket.is_watched());
        let closely = !may_hold || socket.is_watched_for_stalls();
        if may_hold || watched || watch::releases_all(tuning) { socket.opened(closely) } else { socket }
    }

    /// A descriptor is about to be closed. What is held on it is released first: close(2) may block (SO_LINGER), and it
    /// sends nothing if another process or descriptor has the socket too. The entry is cleared before the call, because
    /// afterwards the number may already name another thread's new file.
    ///
    /// True if nothing can be held and the entry is cleared; otherwise [`Library::closing`] does both.
    #[inline(always)]
    pub fn closes_quickly(&self, fd: c_int) -> bool {
        let Some(words) = self.table.near(fd) else { return !self.table.is_beyond(fd) };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if !socket.is_met() {
            return true;
        }
        if words.is_held() || self.has_open() || socket.has(SHARED) && self.mode.is(GAVE_NAGLE) {
            return false;
        }
        words.low.store(socket.closed().low(), Relaxed);
        true
    }

    /// Before close(2), if something may be held: releases it and clears the entry.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub fn closing(&self, fd: c_int) {
        let socket = self.table.get_rarely(fd);
        if socket.is_met() {
            self.closing_met(fd, socket);
        }
    }

    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn closing_met(&self, fd: c_int, socket: Socket) {
        if socket.is_tcp() {
            self.let_go_of(fd);
        }
        self.table.set(fd, socket.closed());
    }

    /// [`Library::closing`] for all descriptors from `first` to `last`.
    #[cold]
    pub fn closing_range(&self, first: u32, last: u32) {
        self.table.each(first, last, |fd, socket| self.closing_met(fd, socket));
    }

    /// Before dup(2): returns the socket if it is a usual connection on which no thread holds anything. Then nothing is to be
    /// done before the call, and [`Library::duplicated_quickly`] completes it.
    #[inline(always)]
    pub fn duplicates_quickly(&self, fd: c_int) -> Option<Socket> {
        let words = self.table.near(fd)?;
        let socket = Socket::of(words.low.load(Relaxed), 0);
        let quiet = socket.is_usual() && !words.is_held() && !self.has_open();
        if quiet && !self.mode.is(GAVE_NAGLE | SETS_OPTIONS) { Some(socket) } else { None }
    }

    /// After dup(2): `new` names the same socket as `fd`.
    #[inline(always)]
    pub fn duplicated_quickly(&self, fd: c_int, connection: Socket, new: c_int) {
        let Some(words) = self.table.near(new) else { return self.duplicated(fd, new) };
        if !connection.has(SHARED) {
            self.table.flag(fd, SHARED);
        }
        self.table.reaches(new);
        words.set(connection.shared());
    }

    /// Before dup(2) and its kin. With a second descriptor, closing one no longer sends what is held, and a cork on the
    /// socket would delay calls through both; so whatever any thread holds is released now. `target`, if any, is closed
    /// by the call.
    #[inline(never)]
    pub fn duplicating(&self, fd: c_int, target: Option<c_int>) {
        let socket = self.table.get(fd);
        if self.has_open() || socket.is_held() {
            self.let_go_of(fd);
        }
        if self.mode.is(GAVE_NAGLE) && socket.is_connection() && !socket.is_held() && self.is_kept(fd) {
            // Another thread was given Nagle's algorithm back here; it would outlive this descriptor under the new one.
            self.push(fd);
        }
        if let Some(target) = target.filter(|&target| target != fd) {
            let socket = self.table.get(target);
            if socket.is_met() {
                self.closing_met(target, socket);
                self.table.set_rarely(target, Socket(0));
            }
        }
    }

    /// After dup(2) and its kin: `new` names the same socket. (It is `fd` itself after a dup2 onto itself.)
    #[inline(never)]
    pub fn duplicated(&self, fd: c_int, new: c_int) {
        if new < 0 || new == fd {
            return;
        }
        let old = self.table.get(fd);
        if old.is_met() {
            if !old.has(SHARED) {
                self.table.flag(fd, SHARED);
            }
            self.has_set_nothing(new);
        }
        // Recorded for a file too: the entry may still describe a socket that was closed by a call that no hook saw.
        self.table.add(new, old.duplicated());
    }
}

/// Should the library set TCP_NODELAY on this socket?
fn wants_nodelay(tuning: &Tuning, socket: Socket) -> bool {
    match tuning.nodelay {
        Nodelay::Off => false,
        Nodelay::On => !socket.has(NODELAY_ON | NODELAY_APP),
        Nodelay::Force => !socket.has(NODELAY_ON),
    }
}

/// The state of a connection that is open from now on, under the default settings.
#[inline(always)]
fn ready(connection: Socket) -> Socket {
    if may_hold(connection) { connection.opened(false) } else { connection }
}

/// May calls be held on this connection, as far as its flags tell?
#[inline(always)]
fn may_hold(connection: Socket) -> bool {
    connection.0 & (NODELAY_ON | NO_HOLD) == NODELAY_ON
}

/// The local port; 0 if there is none.
pub fn local_port<M: Machine>(fd: c_int) -> u16 {
    M::own_address(fd).map_or(0, |own| own.port())
}
