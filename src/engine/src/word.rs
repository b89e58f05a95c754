//! What the program itself says about a socket: the TCP_NODELAY and TCP_CORK that it sets and reads, and its MSG_MORE.
//! The program wins over the library, and reads back what it has set itself.

use core::ffi::c_int;

use policy::Nodelay;
use policy::socket::{APP_CORK, Kind, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, SHARED, Socket};

use crate::library::Library;
use crate::machine::{Machine, set_on};
use crate::told::Told;

impl<M: Machine> Library<M> {
    /// Before the program sets TCP_NODELAY. Releases what any thread holds on the socket: the program does not expect
    /// held data, and if it turns the option off the library no longer looks after it. An unknown socket is classified
    /// now, because only now can the option's old value be read.
    #[cold]
    pub fn setting_nodelay(&self, fd: c_int) {
        let socket = self.table.get_rarely(fd);
        if is_new(socket) && self.is_enabled() {
            self.meet(fd);
        } else if socket.is_held() {
            self.let_go_of(fd);
        }
    }

    /// After the program has set TCP_NODELAY.
    pub fn program_set_nodelay(&self, fd: c_int, on: bool) {
        let socket = self.table.get_rarely(fd);
        if !socket.is_tcp() {
            return;
        }
        // Turning off what reads as off means nothing: Erlang copies the listener's option (which we let read as off)
        // to each connection, and Mono sets 0 on new sockets. Only if the program has turned the option on, or read it
        // as on, is this a decision.
        if !on && (socket.has(NODELAY_OURS) || !socket.has(NODELAY_ON)) {
            if socket.has(NODELAY_OURS) {
                set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
            }
            return;
        }
        let forced = matches!(self.tuning(socket).nodelay, Nodelay::Force);
        let forced = !on && forced && set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) == 0;
        self.each_number(fd, socket, match (on, forced) {
            (true, _) => Word::Nodelay(NODELAY_ON),
            (false, true) => Word::Nodelay(NODELAY_ON | NODELAY_OURS),
            (false, false) => Word::Nodelay(0),
        });
    }

    /// Must TCP_NODELAY read as off, because only the library has set it?
    #[inline]
    pub fn hides_nodelay(&self, fd: c_int) -> bool {
        self.table.get(fd).has(NODELAY_OURS)
    }

    /// Must TCP_CORK read as off, because only the library has set it?
    #[inline]
    pub fn hides_cork(&self, fd: c_int) -> bool {
        self.table.get(fd).is_corked()
    }

    /// Before the program sets TCP_CORK, puts a protocol on top that must see its own flags (TCP_ULP), or asks for a time
    /// stamp of each call (SO_TIMESTAMPING): never hold on this socket again.
    #[cold]
    pub fn setting_cork(&self, fd: c_int) {
        let socket = self.table.get_rarely(fd);
        if socket.is_tcp() {
            self.program_holds(fd, socket);
        }
    }

    /// After the program has set or cleared TCP_CORK.
    #[cold]
    pub fn program_set_cork(&self, fd: c_int, on: bool) {
        let mut socket = self.table.get_rarely(fd);
        if is_new(socket) {
            socket = self.meet(fd);
            if socket.is_tcp() {
                self.program_holds(fd, socket);
                socket = self.table.get_rarely(fd);
            }
        }
        if socket.is_tcp() {
            self.each_number(fd, socket, Word::Cork(on));
        }
    }

    /// The program says itself when more data follows, or is about to: stop holding on this socket for good.
    #[cold]
    pub(crate) fn program_holds(&self, fd: c_int, socket: Socket) {
        if socket.has(NO_HOLD) {
            // Already noted for every descriptor of the socket.
            return;
        }
        self.each_number(fd, socket, Word::Holds);
    }

    /// Notes what the program has said of a socket under every descriptor that names it: `fd`, and its duplicates.
    #[cold]
    #[inline(never)]
    fn each_number(&self, fd: c_int, socket: Socket, word: Word) {
        if socket.has(SHARED) {
            self.table.each(0, u32::MAX, |other, its| {
                if other != fd && its.has(SHARED) && its.is_tcp() && self.same_socket(fd, other) {
                    self.note(other, its, word);
                }
            });
        }
        self.note(fd, socket, word);
    }

    #[cold]
    #[inline(never)]
    fn note(&self, fd: c_int, socket: Socket, word: Word) {
        let mut its = socket;
        let next = match word {
            Word::Nodelay(flags) => its.without(NODELAY_OURS | NODELAY_ON).with(NODELAY_APP | flags),
            Word::Cork(on) => {
                if on {
                    self.table.flag(fd, APP_CORK);
                } else {
                    self.table.unflag(fd, APP_CORK);
                    self.table.hold(fd, false);
                }
                return self.tell(|| Told::Changed(fd));
            }
            Word::Holds => {
                if its.is_held() {
                    // The program does not expect held data; and it could not tell its own cork from the library's.
                    self.let_go_of(fd);
                    its = self.table.get_rarely(fd);
                }
                its.with(NO_HOLD)
            }
        };
        self.table.set_rarely(fd, if its.is_connection() { self.ready_rarely(next) } else { next });
        self.tell(|| Told::Changed(fd));
    }
}

/// What the program has said of a socket.
#[derive(Clone, Copy)]
enum Word {
    /// The program has set TCP_NODELAY. The flags are those now on of [`NODELAY_ON`] and [`NODELAY_OURS`].
    Nodelay(u64),
    /// The program has set or cleared TCP_CORK.
    Cork(bool),
    /// The program holds data itself, or is about to.
    Holds,
}

/// Is this an unclassified descriptor? The TCP option that it has just accepted shows that it is a TCP socket.
fn is_new(socket: Socket) -> bool {
    matches!(socket.kind(), Kind::Unknown | Kind::Unmet)
}
