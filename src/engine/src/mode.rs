//! What is out of the ordinary in this process, in one byte, so that the usual case costs a hook one test.
//!
//! Relaxed throughout: a flag is raised before anything that it announces, on the same thread; another thread that does not
//! see it yet does what was right a moment ago.

use crate::sync::{AtomicU8, Relaxed};

/// Some thread has taken its place (threads.rs): only then can anything be open.
pub(crate) const HAS_BURSTS: u8 = 1;
/// Nagle's rule was given back to some long burst: only then can it be left behind by somebody else.
pub(crate) const GAVE_NAGLE: u8 = 32;
/// Settings other than the defaults hold for some socket.
pub const SPECIAL: u8 = 2;
/// Some setting sets further options (applied.rs).
pub const SETS_OPTIONS: u8 = 4;
/// Calls are counted.
pub const COUNTING: u8 = 8;
/// Besides, the stack is copied.
pub const BACKTRACES: u8 = 16;

/// The flags.
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
