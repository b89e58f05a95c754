//! A piece of data that was held back on a connection: while it is, and afterwards. Pure.

use std::time::{Duration, Instant};

use crate::os::tcp_info::TcpInfo;

/// A wait that is longer than the round trip by this was for a delayed acknowledgement: its timer is 40 ms.
pub const DELAYED: Duration = Duration::from_millis(20);

/// A piece that was held back until an acknowledgement came, or until a timer or the program let go of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    pub began: Instant,
    pub duration: Duration,
    /// Bytes that had left and were not acknowledged yet; none: it was no rule of Nagle's that held the rest.
    pub in_flight: u64,
    pub held: u32,
    /// Pieces that the program wrote meanwhile, and how long they waited, added up: later ones waited less.
    pub pieces: u32,
    pub delay: Duration,
    /// Both its ends were seen.
    pub whole: bool,
}

/// A piece that is being held back.
pub struct Hold {
    pub began: Instant,
    /// The first look at it.
    pub first: Instant,
    /// Looks at it so far: what is seen once may be on its way at that moment.
    pub seen: u32,
    pub info: TcpInfo,
    /// What the program wrote while something was held: when, after the beginning, and how much.
    pub more: Vec<(Duration, u32)>,
    /// Its beginning was seen.
    pub whole: bool,
}

impl Hold {
    pub fn new(began: Instant, first: Instant, info: TcpInfo, whole: bool) -> Self {
        Self { began, first, seen: 1, info, more: Vec::new(), whole }
    }

    /// Is the same piece held at this look too?
    pub fn goes_on(&self, info: &TcpInfo) -> bool {
        info.holds() && (self.info.bytes_sent, self.info.bytes_acked) == (info.bytes_sent, info.bytes_acked)
    }

    /// How many pieces were held, and for how long in all. Between two looks several of the usual size may have come, and
    /// before the first as many as later in as long a time.
    pub fn pieces(&self, duration: Duration) -> (u32, Duration) {
        let mut sizes: Vec<u32> = self.more.iter().map(|(_, bytes)| *bytes).collect();
        sizes.sort_unstable();
        let usual = sizes.get(sizes.len() / 4).copied().unwrap_or(1).max(1);
        let more: u32 = sizes.iter().map(|bytes| bytes / usual).sum();
        let lead = self.first.saturating_duration_since(self.began).min(duration);
        let seen = duration - lead;
        // Of a short time nothing can be concluded for a longer one.
        let rate = if seen * 2 >= lead { f64::from(more) / seen.as_secs_f64().max(1e-3) } else { 0.0 };
        let before = (rate * lead.as_secs_f64()).round() as u32;
        let delay =
            self.more.iter().map(|&(after, bytes)| duration.saturating_sub(after) * (bytes / usual)).sum::<Duration>();
        (1 + more + before, duration + delay + (duration - lead / 2) * before)
    }
}
