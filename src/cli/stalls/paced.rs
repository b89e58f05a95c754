//! Requests in flight that go out one round trip after the other: Nagle's algorithm holds a small piece until the one before it is
//! acknowledged, and the acknowledgement comes at once, with an answer. No pause is as long as a delayed acknowledgement, and on a
//! short path no single wait can be seen, as looks are milliseconds apart. What can be seen at any distance is how much is unsent
//! on average. Pure.
//!
//! By Little's law the average time in a queue is its average length divided by the rate at which it is served: so bytes unsent,
//! divided by bytes sent in a second, is how long a byte waits before it leaves, and bytes in flight, divided by the same, is how
//! long it takes from there to its acknowledgement.

use std::time::Duration;

use super::answers::Answers;
use crate::os::tcp_info::TcpInfo;

/// Looks need not be close to tell how much is unsent on average; but one does not stand for all that went before it.
const APART: Duration = Duration::from_secs(1);
/// So many looks at a held piece tell something of a connection ...
const SEVERAL: u32 = 5;
/// ... if they are one in so many of those while something was under way.
const OFTEN: u32 = 5;
/// Of so many segments that come with data, one acknowledgement may come without: else pieces are acknowledged before they are
/// answered, as they are where an exchange is written in two pieces.
const BARE: u32 = 4;

/// So many looks in a round trip tell when answers come; but not on every path: a pause cannot be as short as one likes, and where it
/// may be longer, looks are close enough by themselves.
const CLOSER: u32 = 5;
const SHORTEST: Duration = Duration::from_micros(40);
const LONGEST: Duration = Duration::from_micros(2400);
/// A finding needs so many looks at a held piece.
const ENOUGH: u64 = 20;
/// What is held for a shorter time on average costs nobody anything: a machine takes as long to wake up a program.
const FELT: Duration = Duration::from_micros(100);
/// The least part of the time in which something is held, and of what a request takes that it would not take any more.
const WORTH: f64 = 0.1;

/// How requests were paced on connections of one kind.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// How long a byte waited before it left.
    pub wait: Duration,
    /// The time in which something was held, and how many such waits fill it.
    pub held: Duration,
    pub count: u64,
    /// How long it took from there to its acknowledgement.
    pub flight: Duration,
    /// For which part of the time the other end was busy with answers; none: that is not known.
    pub busy: Option<f64>,
    /// Looks at which something was under way, and at which a piece was held.
    pub looks: [u64; 2],
    /// Bytes that were in flight and unsent, on average while a piece was held.
    pub pattern: Vec<u64>,
}

impl Pacing {
    /// How long a request takes, and how long it would take if it did not wait; none: it loses too little, or it cannot be told.
    /// `span`: the time in which these connections were in use.
    pub fn gain(&self, span: Duration) -> Option<[Duration; 2]> {
        let before = self.wait + self.flight;
        // An end that is busy all the time answers no sooner what it is asked sooner.
        let after = self.flight.max(before.mul_f64(self.busy?));
        let part = |of: Duration, all: Duration| of.as_secs_f64() / all.as_secs_f64().max(1e-6);
        let felt = self.looks[1] >= ENOUGH && self.wait >= FELT;
        let worth = part(self.held, span) >= WORTH && part(before - after, before) >= WORTH;
        (felt && worth).then_some([before, after])
    }
}

/// Sums over the time between looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paced {
    /// Looks at which something was under way, and those among them at which a small piece was unsent that could have left.
    pub looks: u32,
    pub held: u32,
    /// Seconds in all, and in which such a piece was unsent.
    time: f64,
    pub holding: f64,
    /// Bytes that were unsent and that were in flight, times seconds; of the latter those behind which something was held.
    unsent: f64,
    in_flight: f64,
    before: f64,
    /// Bytes that left.
    bytes: f64,
    /// Segments that came with data, and acknowledgements that came without.
    came: u32,
    bare: u32,
    answers: Answers,
}

impl Paced {
    /// `syn`: the kernel's count of acknowledged bytes has the SYN in it, at the end that connected.
    pub fn look(&mut self, info: &TcpInfo, previous: &TcpInfo, gap: Duration, syn: bool) {
        self.answers.look(info, previous, gap);
        if gap > APART {
            return;
        }
        let since = |of: fn(&TcpInfo) -> u32| of(info).wrapping_sub(of(previous));
        let came = since(|i| i.data_segments_in);
        self.came = self.came.wrapping_add(came);
        self.bare = self.bare.wrapping_add(since(|i| i.segments_in).saturating_sub(came));
        let sent = |i: &TcpInfo| i.bytes_sent.saturating_sub(i.bytes_resent);
        self.bytes += sent(info).saturating_sub(sent(previous)) as f64;
        // What is seen at a look stands for the time since the one before.
        let time = gap.as_secs_f64();
        self.time += time;
        if info.unacked == 0 {
            return;
        }
        let in_flight = (info.in_flight() + u64::from(syn)) as f64 * time;
        self.looks += 1;
        self.in_flight += in_flight;
        if info.holds() {
            self.held += 1;
            self.holding += time;
            self.before += in_flight;
            self.unsent += f64::from(info.notsent) * time;
        }
    }

    /// Is a small piece often unsent?
    pub fn is_suspect(&self) -> bool {
        self.held >= SEVERAL && self.held.saturating_mul(OFTEN) >= self.looks
    }

    /// And are pieces acknowledged by what answers them?
    pub fn is_paced(&self) -> bool {
        self.is_suspect() && self.came > 0 && self.bare.saturating_mul(BARE) <= self.came
    }

    /// How long to pause between looks that are to tell when answers come; none: others do, or it is not to be known.
    pub fn closer(&self, round_trip: Duration) -> Option<Duration> {
        let pause = round_trip / CLOSER;
        let open = self.is_paced() && !self.answers.told();
        (open && (SHORTEST..=LONGEST).contains(&pause)).then_some(pause)
    }

    /// Another connection's.
    pub fn add(&mut self, other: &Self) {
        self.looks += other.looks;
        self.held += other.held;
        self.time += other.time;
        self.holding += other.holding;
        self.unsent += other.unsent;
        self.in_flight += other.in_flight;
        self.before += other.before;
        self.bytes += other.bytes;
        self.came = self.came.wrapping_add(other.came);
        self.bare = self.bare.wrapping_add(other.bare);
        self.answers.add(&other.answers);
    }

    /// The share of the time in which a small piece was unsent.
    pub fn share(&self) -> f64 {
        if self.time > 0.0 { self.holding / self.time } else { 0.0 }
    }

    /// What these sums say. `held`: the time in which something was held, whether it was seen or not.
    pub fn pacing(&self, held: Duration) -> Pacing {
        let [wait, flight] = [self.unsent, self.in_flight].map(|bytes| ratio(bytes, self.bytes));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of bytes and waits")]
        let whole = |number: f64| number.round() as u64;
        let count = whole(ratio(held.as_secs_f64(), wait));
        Pacing {
            wait: seconds(wait),
            held,
            count,
            flight: seconds(flight),
            busy: self.answers.busy(flight),
            looks: [self.looks.into(), self.held.into()],
            pattern: [self.before, self.unsent].map(|bytes| whole(ratio(bytes, self.holding))).to_vec(),
        }
    }
}

fn ratio(sum: f64, of: f64) -> f64 {
    if of > 0.0 { sum / of } else { 0.0 }
}

fn seconds(time: f64) -> Duration {
    Duration::try_from_secs_f64(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Paced, Pacing};
    use crate::os::tcp_info::TcpInfo;
    use std::time::Duration;

    const LOOK: Duration = Duration::from_millis(2);

    /// Five seconds of requests of 32 bytes, so many at a time, over a round trip of 20 ms: a group leaves every 20 ms, while as many
    /// wait. `bare`: acknowledgements that come without an answer.
    fn watch(each: u32, held: u32, bare: u32) -> Paced {
        let state = |look: u32| {
            let round = look / 10;
            TcpInfo {
                unacked: 1,
                notsent: 32 * held,
                bytes_acked: u64::from(32 * each * round) + 1,
                bytes_sent: u64::from(32 * each * (round + 1)),
                data_segments_in: round,
                segments_in: round + round * bare / 100,
                min_rtt_us: 20_000,
                ..TcpInfo::IDLE
            }
        };
        let mut paced = Paced::default();
        for look in 1..2500 {
            paced.look(&state(look), &state(look - 1), LOOK, true);
        }
        paced
    }

    #[test]
    fn how_long_requests_wait_follows_from_how_many_do() {
        for (each, held) in [(1, 1), (4, 4), (8, 4), (1, 7)] {
            let paced = watch(each, held, 0);
            assert!(paced.is_paced(), "{paced:?}");
            let pacing = paced.pacing(Duration::from_secs(5));
            let [wait, flight] = [pacing.wait, pacing.flight].map(|time| time.as_secs_f64() * 1e3);
            let expected = 20.0 * f64::from(held) / f64::from(each);
            assert!((wait - expected).abs() < 0.01 * expected, "{each} {held}: {wait} ms");
            assert!((flight - 20.0).abs() < 0.2, "{flight} ms");
            assert_eq!(pacing.pattern, [32 * u64::from(each), 32 * u64::from(held)]);
            assert_eq!(pacing.count, (5e3 / wait).round() as u64);
        }
    }

    #[test]
    fn what_is_acknowledged_before_it_is_answered_is_another_matter() {
        assert!(watch(1, 1, 20).is_paced());
        let paced = watch(1, 1, 100);
        assert!(paced.is_suspect() && !paced.is_paced());
    }

    #[test]
    fn requests_that_leave_at_once_do_not_wait() {
        assert!(!watch(4, 0, 0).is_suspect());
    }

    #[test]
    fn requests_that_lose_nothing_by_waiting_are_not_worth_a_change() {
        let pacing = |wait: u64, flight: u64, held: u64, busy: Option<f64>| {
            let [wait, flight] = [wait, flight].map(Duration::from_micros);
            let (looks, held) = ([5_000, held / 2], Duration::from_millis(held));
            Pacing { wait, held, count: 1, flight, busy, looks, pattern: Vec::new() }
        };
        let gain =
            |pacing: Pacing, span: u64| pacing.gain(Duration::from_millis(span)).map(|of| of.map(|t| t.as_micros()));
        assert_eq!(gain(pacing(10_000, 10_500, 9_000, Some(0.0)), 10_000), Some([20_500, 10_500]));
        // An end that is busy for four fifths of the time can answer a quarter more.
        assert_eq!(gain(pacing(10_000, 10_000, 9_000, Some(0.8)), 10_000), Some([20_000, 16_000]));
        for (why, pacing, span) in [
            ("the other end is busy all the time", pacing(10_000, 10_000, 9_000, Some(0.95)), 10_000),
            ("or may be", pacing(10_000, 10_000, 9_000, None), 10_000),
            ("the way is too short", pacing(90, 90, 9_000, Some(0.0)), 10_000),
            ("they wait for a small part of what they take", pacing(1_000, 10_000, 9_000, Some(0.0)), 10_000),
            ("they wait for a small part of the time", pacing(10_000, 10_000, 900, Some(0.0)), 10_000),
            ("there were too few looks", pacing(10_000, 10_000, 30, Some(0.0)), 100),
        ] {
            assert_eq!(gain(pacing, span), None, "{why}");
        }
    }

    #[test]
    fn time_between_looks_that_lie_far_apart_counts_for_nothing() {
        let mut paced = Paced::default();
        let info = TcpInfo { unacked: 1, notsent: 32, ..TcpInfo::IDLE };
        paced.look(&info, &info, Duration::from_secs(2), true);
        assert_eq!((paced.looks, paced.held, paced.share()), (0, 0, 0.0));
    }
}
