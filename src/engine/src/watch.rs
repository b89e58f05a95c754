//! Connections that are looked at for another reason than our own holding: those whose program holds by itself
//! (TCPTUNE_RELEASE=all), and those whose peer may wait for our acknowledgements (TCPTUNE_QUICKACK).

use core::ffi::c_int;

use policy::evidence::Cause;
use policy::socket::{APP_CORK, NO_HOLD, QUICKACK, QUICKACK_AUTO, SPOKE, Socket};
use policy::stall::{self, Action, Stall};
use policy::{Quickack, Release, Tuning};

use crate::library::Library;
use crate::machine::{Machine, set_on};

/// Stalls are told in units of a microsecond or two.
const COARSE: u32 = 8;

impl<M: Machine> Library<M> {
    /// A data call on a connection where the evidence has no say. `flags` are the program's.
    #[cold]
    pub(crate) fn program_sent(&self, fd: c_int, socket: Socket, flags: c_int) {
        let more = flags & libc::MSG_MORE != 0;
        let mut socket = socket;
        if more && !socket.has(NO_HOLD) {
            self.program_holds(fd, socket);
            socket = self.table.get_rarely(fd);
        } else if socket.is_held() {
            // Our cork would outlive the burst that it was set for.
            self.let_go(Cause::End);
            self.uncork(fd);
        }
        let keeps = more || socket.has(APP_CORK);
        if keeps && releases_all(self.tuning(socket)) {
            // A thread without a place does not release it itself, but who closes the descriptor does.
            if let Some(place) = self.own_place() {
                place.burst.program_holds(&self.habits, self, fd);
            }
            self.table.hold(fd, true);
        } else {
            match self.threads.open(M::thread()) {
                Some(burst) if burst.holds(fd) => burst.forget(fd),
                // Its option may have to be set again.
                Some(burst) if burst.is_on(fd) => self.let_go(Cause::End),
                _ => {}
            }
            self.table.hold(fd, false);
        }
        self.spoke(fd);
        if socket.has(QUICKACK_AUTO) && !socket.holdable() {
            self.stalls.set(fd, 0);
        }
    }

    /// Data was sent on a connection that is looked at closely.
    pub(crate) fn spoke(&self, fd: c_int) {
        self.table.flag(fd, SPOKE);
    }

    /// Are its receives to be looked at?
    #[inline]
    pub(crate) fn is_watched(&self, socket: Socket) -> bool {
        socket.is_connection() && socket.has(QUICKACK | QUICKACK_AUTO)
    }

    /// So many bytes were received on a connection that is watched ([`crate::Receive::Watch`]).
    #[cold]
    #[inline(never)]
    pub fn received(&self, fd: c_int, length: usize) {
        let socket = self.table.get(fd);
        if !self.is_watched(socket) {
            return;
        }
        self.table.unflag(fd, SPOKE);
        if socket.has(QUICKACK_AUTO) {
            let (now, gap) = (M::ticks() >> COARSE, M::MILLISECOND >> COARSE);
            let (next, action) = stall::received(Stall(self.stalls.get(fd)), now, gap, length, socket.has(SPOKE));
            self.stalls.set(fd, next.0);
            if matches!(action, Action::Nothing) {
                return;
            }
        }
        // Not sticky (tcp(7)): the kernel returns to delayed acknowledgements by itself.
        set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK);
    }
}

/// Adds to an open connection what its tuning wants to be looked at.
pub(crate) fn begin(socket: Socket, tuning: &Tuning) -> Socket {
    match tuning.quickack {
        Quickack::Off => socket,
        Quickack::On => socket.with(QUICKACK),
        Quickack::Auto => socket.with(QUICKACK_AUTO),
    }
}

/// Is what the program itself holds to be released too?
pub(crate) fn releases_all(tuning: &Tuning) -> bool {
    matches!(tuning.release, Release::All)
}
