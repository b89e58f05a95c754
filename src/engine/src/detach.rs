//! A process that runs is told from outside to stop tuning (`tcptune detach`): as if it had been started without the library,
//! as far as that can still be had.
//!
//! The table stays in use, for what is held at this moment must be let go as ever. Nothing more is held, new connections are
//! left untouched like those of a control group, and those that are open get Nagle's rule back at their next exchange: with
//! TCP_NODELAY alone, and nothing held, their small pieces would leave in more segments than ever.

use core::ffi::c_int;

use policy::UNTOUCHED;
use policy::socket::NODELAY_OURS;

use crate::library::Library;
use crate::machine::{Machine, set_int};
use crate::mode::{DETACHED, SPECIAL};

impl<M: Machine> Library<M> {
    /// Stops tuning, and leaves the connection `fd` as the program made it. To be called again for each connection that was
    /// open; by a thread that is in a call on it, so that the number names no other.
    #[cold]
    pub fn detach(&self, fd: c_int) {
        if !self.is(DETACHED) {
            self.habits.hold_no_more();
            self.raise(SPECIAL | DETACHED);
        }
        let socket = self.table.get_rarely(fd);
        if !socket.is_connection() || socket.tuning() == UNTOUCHED {
            return;
        }
        self.untouch(fd, socket);
        if socket.has(NODELAY_OURS) {
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
        }
    }
}
