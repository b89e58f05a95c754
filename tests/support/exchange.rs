//! Back-to-back exchanges on one connection, and whether they stall.
//!
//! A Nagle stall is 40 ms and needs a warmed-up connection; a healthy exchange over loopback takes well under 1 ms. The
//! tests ask only which of the two it is.

use std::time::{Duration, Instant};

/// Above this the median exchange has stalled: half of the kernel's shortest delayed acknowledgement (40 ms).
pub const STALL: Duration = Duration::from_millis(20);

/// Runs exchanges and gives the median of their durations, the first ones left out: a fresh connection does not stall.
pub fn median(count: usize, mut exchange: impl FnMut()) -> Duration {
    const WARM_UP: usize = 3;
    let mut times: Vec<Duration> = (0..count + WARM_UP)
        .map(|_| {
            let begin = Instant::now();
            exchange();
            begin.elapsed()
        })
        .skip(WARM_UP)
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Does this median show a stall?
pub fn stalls(median: Duration) -> bool {
    median >= STALL
}
