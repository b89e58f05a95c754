//! The program's own word about a socket: TCP_NODELAY and TCP_CORK as it sets and reads them, and its MSG_MORE. It wins, and it
//! reads back what it has set itself.

use core::ffi::c_int;

use policy::Nodelay;
use policy::socket::{APP_CORK, Kind, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, SHARED, Socket};

use crate::library::Library;
use crate::machine::{Machine, set_on};
use crate::told::Told;

impl<M: Machine> Library<M> {
    /// The program sets TCP_NODELAY. What is held, by whatever thread, is nothing that it expects to find there afterwards:
    /// with the option off nothing would look after it. And what the option was before is known only before.
    #[cold]
    pub fn setting_nodelay(&self, fd: c_int) {
        let socket = self.table.get_rarely(fd);
        if is_new(socket) && self.is_enabled() {
            self.meet(fd);
        } else if socket.is_held() {
            self.let_go_of(fd);
        }
    }

    /// It has set it.
    pub fn program_set_nodelay(&self, fd: c_int, on: bool) {
        let socket = self.table.get_rarely(fd);
        if !socket.is_tcp() {
            return;
        }
        // Turning off what reads as off decides nothing: Erlang copies the listener's option, as we let it read it, to each
        // connection, and Mono sets 0 on fresh sockets. What the program has turned on, or has seen on, it turns off.
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

    /// Does TCP_NODELAY read as off, because only we have set it?
    #[inline]
    pub fn hides_nodelay(&self, fd: c_int) -> bool {
        self.table.get(fd).has(NODELAY_OURS)
    }

    /// Does TCP_CORK?
    #[inline]
    pub fn hides_cork(&self, fd: c_int) -> bool {
        self.table.get(fd).is_corked()
    }

    /// The program corks by itself, or puts a protocol on top that must see its own flags: never hold here again.
    #[cold]
    pub fn setting_cork(&self, fd: c_int) {
        let socket = self.table.get_rarely(fd);
        if socket.is_tcp() {
            self.program_holds(fd, socket);
        }
    }

    /// It has corked or uncorked the connection.
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

    /// The program says itself when more follows, or is about to: it needs no evidence, and nothing is held here any more.
    #[cold]
    pub(crate) fn program_holds(&self, fd: c_int, socket: Socket) {
        if socket.has(NO_HOLD) {
            // Known, by every number.
            return;
        }
        self.each_number(fd, socket, Word::Holds);
    }

    /// What the program says of a socket holds for all its numbers: `fd` and, where it was duplicated, the others.
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
                    // It does not expect to find that held; and two cannot own a cork.
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
    /// Its TCP_NODELAY: what is on of [`NODELAY_ON`] and [`NODELAY_OURS`] now.
    Nodelay(u64),
    /// Its TCP_CORK.
    Cork(bool),
    /// It holds by itself.
    Holds,
}

/// Not met yet: an option of TCP that it takes has just shown it to be TCP.
fn is_new(socket: Socket) -> bool {
    matches!(socket.kind(), Kind::Unknown | Kind::Unmet)
}
