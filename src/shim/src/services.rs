//! Gives out the numbers by which policy::burst tells services apart.
//!
//! A listener gets the next number; a remote end gets one by a hash of its address and port, so that a fresh connection to a
//! known service starts with what was learned there. Both without asking the kernel anything.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use policy::Peer;

/// Listeners use the lower half of the numbers, remote ends the upper one.
const REMOTE: u8 = 32;

/// The next listener's number; wraps, and listeners then share what they learn.
static NEXT: AtomicU8 = AtomicU8::new(0);

/// A number for a new listener. Relaxed: any number serves.
pub(crate) fn listener() -> u8 {
    NEXT.fetch_add(1, Relaxed) & REMOTE.wrapping_sub(1)
}

/// A number for connections that were accepted elsewhere and passed to this process: it has no listener, and all that it
/// serves this way is most often one service.
pub(crate) fn inherited(_fd: c_int) -> u8 {
    REMOTE.wrapping_sub(1)
}

/// The number of a remote end.
pub(crate) fn remote(peer: &Peer) -> u8 {
    ((peer.hash() >> 27) as u8) | REMOTE
}
