//! Everything unusual about this process, as flags in one byte: the usual case costs a hook a single test.
//!
//! Relaxed throughout. A thread raises a flag before it does what the flag announces. Another thread that does not see
//! the flag yet acts as it would have a moment ago.

use crate::sync::{AtomicU8, Relaxed};

/// Some thread has taken a slot (threads.rs); without this no burst can be open.
pub(crate) const HAS_BURSTS: u8 = 1;
/// Some long burst was given Nagle's rule back; without this none can be left on a socket.
pub(crate) const GAVE_NAGLE: u8 = 32;
/// Some socket has other settings than the defaults.
pub const SPECIAL: u8 = 2;
/// Some setting sets further socket options (applied.rs).
pub const SETS_OPTIONS: u8 = 4;
/// Calls are counted (TCPTUNE_STATS).
pub const COUNTING: u8 = 8;
/// Calls are counted, and the stack is sampled too (TCPTUNE=backtrace).
pub const BACKTRACES: u8 = 16;

/// The flags of the process.
#[derive(Debug)]
pub(crate) struct Mode(AtomicU8);

impl Mode {
    pub(crate) const fn new() -> Mode {
        Mode(AtomicU8::new(0))
    }

    #[inline(always)]
    pub(crate) fn is(&self, flags: u8) -> bool {
        self.0.load(Relaxed) & flags != 0
    }

    pub(crate) fn raise(&self, flags: u8) {
        self.0.fetch_or(flags, Relaxed);
    }
}
