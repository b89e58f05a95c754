//! Waits that were seen: of one kind added up, or each with its time. Pure but for the list, which asks for the clock.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use super::hold::{DELAYED, Wait};
use super::kind::Kind;
use super::side::Side;
use super::watch::{Options, Seen, Watch};
use crate::os::clock;

/// Waits of one kind.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// As far as they were seen or counted, not estimated.
    pub seen: u64,
    pub count: u64,
    pub total: Duration,
    pub median: Duration,
}

impl Waits {
    pub(super) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let median = durations.get(durations.len() / 2).copied().unwrap_or_default();
        let seen = durations.len() as u64;
        Self { seen, count: seen, total: durations.iter().sum(), median }
    }

    /// As many more.
    pub(super) fn times(self, factor: f64) -> Self {
        let count = (self.count as f64 * factor).round() as u64;
        Self { count, total: self.total.mul_f64(factor), ..self }
    }

    /// Of some connections, those that passed unseen among them: `times` as many as were seen, or as many as each connection's own
    /// time tells.
    pub(super) fn seen(group: &[&Seen], times: Option<f64>, is_kind: impl Fn(&Wait, Option<Options>) -> bool) -> Self {
        let (mut whole, mut all) = (Vec::new(), Vec::new());
        let mut total = 0.0;
        for seen in group {
            for wait in seen.track.waits.iter().filter(|wait| is_kind(wait, seen.options)) {
                total += wait.duration.as_secs_f64() * seen.weight * times.unwrap_or_else(|| seen.track.unseen());
                all.push(wait.duration);
                whole.extend(wait.whole.then_some(wait.duration));
            }
        }
        let seen = Self::of(all);
        let sample = Self::of(whole);
        let total = Duration::from_secs_f64(total);
        if sample.count == 0 || total <= seen.total {
            return Self { total, ..seen };
        }
        let mean = sample.total.as_secs_f64() / sample.count as f64;
        // As many as it takes to fill the time, but no fewer than were seen.
        let count = (total.as_secs_f64() / mean.max(1e-3)).round() as u64;
        Self { seen: seen.seen, count: count.max(sample.count), total, median: sample.median }
    }
}

/// With TCP_NODELAY on, or with nothing in flight, Nagle's algorithm holds nothing: then it is the program itself.
pub(super) fn is_corked(wait: &Wait, options: Option<Options>) -> bool {
    wait.in_flight == 0 || options.is_some_and(|options| options.nodelay || options.cork)
}

/// One wait, for programs that know what ran at that time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Timed {
    pub kind: Kind,
    /// When it began, in seconds of CLOCK_MONOTONIC, as `time.monotonic()` of Python has it.
    pub began_monotonic_s: f64,
    pub took_ms: f64,
    /// It took longer than a round trip by what an acknowledgement is delayed: a stall, and not the way to the peer and back.
    pub delayed: bool,
    /// Whose data waited.
    pub pid: Option<u32>,
    pub side: Side,
    /// That is the other end of a connection of the processes in question.
    pub other_end: bool,
    pub local: String,
    pub peer: String,
    /// What had left and was not acknowledged, and what was held behind it.
    pub in_flight_bytes: u64,
    pub held_bytes: u32,
}

/// Every wait that was seen, in the order of time. What the other end holds on another machine has no time that is known here, and is
/// not among them.
pub fn timed(watch: &Watch) -> Vec<Timed> {
    let clock = clock::now();
    let mut all: Vec<Timed> = watch
        .seen
        .values()
        .flat_map(|seen| seen.track.waits.iter().map(move |wait| (seen, wait)))
        .map(|(seen, wait)| of(seen, wait, clock))
        .collect();
    all.sort_by(|a, b| a.began_monotonic_s.total_cmp(&b.began_monotonic_s));
    all
}

fn of(seen: &Seen, wait: &Wait, (now, monotonic): (Instant, Duration)) -> Timed {
    let track = &seen.track;
    Timed {
        kind: if is_corked(wait, seen.options) { Kind::Cork } else { Kind::Nagle },
        began_monotonic_s: monotonic.saturating_sub(now.saturating_duration_since(wait.began)).as_secs_f64(),
        took_ms: wait.duration.as_secs_f64() * 1e3,
        delayed: wait.duration >= track.round_trip() + DELAYED,
        pid: seen.pid,
        side: if track.server { Side::Server } else { Side::Client },
        other_end: seen.other_end,
        local: track.local.to_string(),
        peer: track.peer.to_string(),
        in_flight_bytes: wait.in_flight,
        held_bytes: wait.held,
    }
}
