//! The messages that tests/measure/field/arrival.c understands (see sender.h there), and the patterns. Nothing here waits.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What a program is to do.
#[derive(Clone, Copy)]
pub enum Pattern {
    Paced { count: u64, gap: Duration },
    Queue { count: u64, mean: u64, pause: Duration },
    Exchange { count: u64, pieces: u64 },
}

impl Pattern {
    pub fn new(name: &str, numbers: &[u64]) -> Result<Self> {
        Ok(match (name, numbers) {
            ("paced", &[count, gap]) => Pattern::Paced { count, gap: Duration::from_micros(gap) },
            ("queue", &[count, mean, pause]) => Pattern::Queue { count, mean, pause: Duration::from_micros(pause) },
            ("exchange", &[count, pieces]) => Pattern::Exchange { count, pieces },
            _ => return Err(format!("no pattern is called {name} with {} numbers", numbers.len()).into()),
        })
    }
}

pub const ANSWER: usize = "answered.\n".len();

/// Where arrival listens.
pub fn address() -> Result<SocketAddr> {
    let address: IpAddr = std::env::var("FIELD_ADDRESS")?.parse()?;
    Ok(SocketAddr::new(address, std::env::var("FIELD_PORT")?.parse()?))
}

/// Nanoseconds of `CLOCK_MONOTONIC`; std's own clock does not tell them.
pub fn now() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, and this is one.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// A message that began at this time.
pub fn message(kind: char, begun: i64) -> String {
    format!("{begun:019}{kind}{:79}\n", "")
}

/// The pieces of one exchange, the last of which asks.
pub fn exchange(pieces: u64) -> impl Iterator<Item = String> {
    let begun = now();
    (1..=pieces).map(move |k| message(if k == pieces { 'a' } else { 'u' }, begun))
}

/// Is the `i`th message the last of its burst? Lengths vary about the mean.
pub fn ends_burst(i: u64, mean: u64) -> bool {
    (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).is_multiple_of(mean)
}
