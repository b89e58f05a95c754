//! A process that was started under a seccomp filter may be killed for a call that its program never makes. There the
//! library keeps to what the program does itself.
//!
//! What it must do to tune a socket is a single setsockopt(2): it does so from the moment on at which the program has made
//! one. It holds nothing, because that takes other calls for sending and for asking, and asks the kernel nothing. (Once
//! the process restricts *itself*, the library does nothing at all: sandbox.rs.)

use policy::socket::{Kind, NO_HOLD, Socket};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::{CONFINED, LOOKED, SETS};

impl<M: Machine> Library<M> {
    /// Must the library keep to the calls that the program makes itself? Found out once, when a socket is first to be
    /// tuned, unless a setting has said that it need not.
    #[unsafe(link_section = ".text.tcp")]
    pub fn is_confined(&self) -> bool {
        if !self.mode.is(LOOKED) {
            self.look();
        }
        self.mode.is(CONFINED)
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn look(&self) {
        if M::is_confined() {
            self.mode.raise(CONFINED);
        }
        self.mode.raise(LOOKED);
    }

    /// The program has set an option of a socket, so the library may, too.
    #[inline]
    pub fn program_sets(&self) {
        if !self.mode.is(SETS) {
            self.mode.raise(SETS);
        }
    }

    /// What a TCP socket that is about to be tuned is in this process: itself, one that is never held and of which
    /// nothing is asked, or nothing that concerns the library.
    #[unsafe(link_section = ".text.tcp")]
    pub(crate) fn within_bounds(&self, socket: Socket) -> Socket {
        if !self.is_confined() {
            socket
        } else if self.mode.is(SETS) {
            socket.with(NO_HOLD)
        } else {
            Socket::new(Kind::Other)
        }
    }

    /// Does each socket have to be held against rules, for which the kernel is asked for addresses?
    #[inline(always)]
    pub(crate) fn has_rules(&self) -> bool {
        !self.is_plain() && !self.mode.is(CONFINED) && self.settings().has_rules()
    }
}
