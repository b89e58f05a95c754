//! What is out of the ordinary in this process, in one byte, so that the usual case costs a hook one test.
//!
//! Relaxed throughout: a flag is raised before anything that it announces, on the same thread; another thread that does not
//! see it yet does what was right a moment ago.

use crate::sync::{AtomicU8, Relaxed};

/// Something has been held (hold.rs).
pub(crate) const HAS_HELD: u8 = 1;
/// Settings other than the defaults hold for some socket (start.rs).
pub(crate) const SPECIAL: u8 = 2;
/// Some setting sets further options (applied.rs).
pub(crate) const SETS_OPTIONS: u8 = 4;
/// Calls are counted (count/).
pub(crate) const COUNTING: u8 = 8;
/// Besides, the stack is copied (count/trace.rs).
pub(crate) const BACKTRACES: u8 = 16;

/// In the data page that the loader has touched anyway.
#[unsafe(link_section = ".data")]
pub(crate) static MODE: AtomicU8 = AtomicU8::new(0);

/// Is any of these so?
#[inline(always)]
pub(crate) fn is(flags: u8) -> bool {
    MODE.load(Relaxed) & flags != 0
}

/// From now on it is so.
pub(crate) fn raise(flags: u8) {
    MODE.fetch_or(flags, Relaxed);
}
