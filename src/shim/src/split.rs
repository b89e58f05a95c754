//! TCPTUNE_SPLIT: a share of the connections is left untouched, as a control group. Each is chosen by itself, at random, with no
//! system call. A listener is then not tuned at all: what its connections inherit could not be taken back.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use policy::UNTOUCHED;
use policy::socket::{NO_HOLD, Socket};

use crate::arch::cycles;
use crate::start::{plain, settings};

/// Are connections divided at all?
#[inline]
pub(crate) fn on() -> bool {
    !plain() && settings().split() != 0
}

/// A new connection, left untouched if chance wants it so: then true.
#[cold]
pub(crate) fn divide(socket: Socket) -> (Socket, bool) {
    if settings().leaves_untouched(chance()) {
        (socket.tuned_by(UNTOUCHED).with(NO_HOLD), true)
    } else {
        (socket, false)
    }
}

/// The next number that nobody can foresee: splitmix64 (Steele, Lea and Flood, 2014) over a count of calls and the cycle
/// counter. Relaxed: threads that race get different numbers all the same.
pub(crate) fn chance() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
    let mut mixed = call.wrapping_add(cycles());
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
