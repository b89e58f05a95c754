//! A process that runs is told from outside to stop tuning (`tcptune detach`).
//!
//! Nothing more is held, and new connections are left untouched like those of a control group. The table stays in use, for what is
//! held at this moment must be let go as ever. Open connections keep their TCP_NODELAY: to take it away, another thread or process
//! that sets it for the program at the same moment could be overruled.

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::{COUNTING, DETACHED, SPECIAL};

impl<M: Machine> Library<M> {
    /// Has it been told to stop? Then it does from now on. Asked before a connection is opened, so that nothing is set there, and
    /// where a burst ends, for those that open no more connections.
    #[cold]
    #[unsafe(link_section = ".text.tcp")]
    pub fn heed(&self) -> bool {
        if !self.is(DETACHED) && self.is(COUNTING) && M::is_told_to_stop() {
            self.habits.hold_no_more();
            self.raise(SPECIAL | DETACHED);
        }
        self.is(DETACHED)
    }
}
