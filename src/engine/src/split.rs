//! TCPTUNE_SPLIT: a share of the connections is left untouched, as a control group. Each is chosen by itself, at random, with no
//! system call. A listener is then not tuned at all: what its connections inherit could not be taken back.

use policy::UNTOUCHED;
use policy::socket::{NO_HOLD, Socket};

use crate::library::Library;
use crate::machine::Machine;

impl<M: Machine> Library<M> {
    /// Are connections divided at all?
    #[inline]
    pub(crate) fn divides(&self) -> bool {
        !self.is_plain() && self.settings().split() != 0
    }

    /// A new connection, left untouched if chance wants it so: then true.
    #[cold]
    pub(crate) fn divide(&self, socket: Socket) -> (Socket, bool) {
        if self.settings().leaves_untouched(M::chance()) {
            (socket.tuned_by(UNTOUCHED).with(NO_HOLD), true)
        } else {
            (socket, false)
        }
    }
}
