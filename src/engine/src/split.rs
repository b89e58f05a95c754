//! TCPTUNE_SPLIT: leaves a share of the connections untouched, as a control group. Each connection is assigned at
//! random, on its own, without a system call. Listeners are then not tuned at all, because the control group would
//! inherit their options.

use policy::UNTOUCHED;
use policy::socket::{NO_HOLD, Socket};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::DETACHED;

impl<M: Machine> Library<M> {
    /// Is there a control group? (All new connections belong to it once the process has been told to stop.)
    #[inline]
    pub(crate) fn divides(&self) -> bool {
        !self.is_plain() && (self.settings().split() != 0 || self.heed())
    }

    /// Assigns a new connection to a group. Returns true if it is left untouched.
    #[cold]
    pub(crate) fn divide(&self, socket: Socket) -> (Socket, bool) {
        if self.is(DETACHED) || self.settings().leaves_untouched(M::chance()) {
            (socket.tuned_by(UNTOUCHED).with(NO_HOLD), true)
        } else {
            (socket, false)
        }
    }
}
