//! Moments of this program's own on a clock that other programs can read.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The same moment for us and by CLOCK_MONOTONIC. (On Linux an Instant is a time of that clock, but does not tell it.)
pub fn now() -> (Instant, Duration) {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    (Instant::now(), Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default()))
}
