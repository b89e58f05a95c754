//! Everything unusual about this process, as flags in one word: the usual case costs a hook a single test.
//!
//! Relaxed throughout. A thread raises a flag before it does what the flag announces. Another thread that does not see
//! the flag yet acts as it would have a moment ago.

use crate::sync::{AtomicU32, Relaxed};

/// Some thread has taken a slot (threads.rs); without this no burst can be open.
pub(crate) const HAS_BURSTS: u32 = 1;
/// Some long burst was given Nagle's algorithm back; without this none can be left on a socket.
pub(crate) const GAVE_NAGLE: u32 = 32;
/// Some socket has other settings than the defaults.
pub const SPECIAL: u32 = 2;
/// Some setting sets further socket options (applied.rs).
pub const SETS_OPTIONS: u32 = 4;
/// Calls are counted (TCPTUNE_STATS).
pub const COUNTING: u32 = 8;
/// Calls are counted, and the stack is sampled too (TCPTUNE=backtrace).
pub const BACKTRACES: u32 = 16;
/// Whether the process was started under a filter has been found out (confined.rs). Not unusual: every process with a
/// tuned socket has it.
pub const LOOKED: u32 = 64;
/// It was, and the library keeps to the calls that the program makes itself.
pub(crate) const CONFINED: u32 = 128;
/// The program has set an option of a socket.
pub(crate) const SETS: u32 = 256;
/// The process was told from outside to stop tuning (detach.rs).
pub(crate) const DETACHED: u32 = 512;

/// The flags of the process.
#[derive(Debug)]
pub(crate) struct Mode(AtomicU32);

impl Mode {
    pub(crate) const fn new() -> Mode {
        Mode(AtomicU32::new(0))
    }

    #[inline(always)]
    pub(crate) fn is(&self, flags: u32) -> bool {
        self.0.load(Relaxed) & flags != 0
    }

    /// Have all sockets the default settings, uncounted, in a process that may make any call?
    #[inline(always)]
    pub(crate) fn is_usual(&self) -> bool {
        self.0.load(Relaxed) & (LOOKED | SPECIAL | COUNTING | CONFINED) == LOOKED
    }

    pub(crate) fn raise(&self, flags: u32) {
        self.0.fetch_or(flags, Relaxed);
    }
}
