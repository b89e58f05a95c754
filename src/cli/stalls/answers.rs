//! Is the other end busy all the time with what it is asked? Then requests that reach it sooner are not answered sooner. Pure.
//!
//! Requests that wait for an acknowledgement leave together, and the first answer to them brings it. An end that has time answers
//! all of them at about that moment, and is silent until the next ones have come; one that has not goes on answering until then.
//! One that takes longer than a round trip for each gives one answer at a time in either case: of such an end nothing is known.

use std::time::Duration;

use super::peer::microseconds;
use crate::os::tcp_info::TcpInfo;

/// Looks tell when answers come if there are so many of them in a round trip.
const LOOKS: u32 = 3;
/// Fewer groups of requests tell nothing.
const GROUPS: u32 = 10;
/// An end that answers at once does so after no more than so many round trips, and what a machine takes to wake up.
const AT_ONCE: f64 = 1.5;
const WAKING: f64 = 100e-6;

/// The time since an acknowledgement, without a look that came too late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Group {
    time: f64,
    /// Looks that saw more answers, and when the last did.
    more: u32,
    last: f64,
}

/// Sums over groups that were seen from one acknowledgement to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answers {
    groups: u32,
    more: u32,
    /// Seconds: from acknowledgements to the last answers before the next one, and to that.
    answering: f64,
    time: f64,
    /// Shortest round trips, added up.
    trips: f64,
    open: Option<Group>,
}

impl Answers {
    pub fn look(&mut self, info: &TcpInfo, previous: &TcpInfo, gap: Duration) {
        let trip = microseconds(info.path().shortest());
        if gap * LOOKS > trip {
            self.open = None;
            return;
        }
        let acknowledged = info.bytes_acked != previous.bytes_acked;
        if let Some(group) = &mut self.open {
            group.time += gap.as_secs_f64();
            if info.bytes_received != previous.bytes_received && !acknowledged {
                group.more += 1;
                group.last = group.time;
            }
        }
        if acknowledged && let Some(group) = self.open.replace(Group::default()) {
            self.groups += 1;
            self.more += group.more;
            self.answering += group.last;
            self.time += group.time;
            self.trips += trip.as_secs_f64();
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.groups += other.groups;
        self.more += other.more;
        self.answering += other.answering;
        self.time += other.time;
        self.trips += other.trips;
    }

    /// Is enough known to tell?
    pub fn told(&self) -> bool {
        self.groups >= GROUPS
    }

    /// For which part of the time the other end is busy; none: that is not known. `flight`: the seconds from when requests leave to their
    /// acknowledgement.
    pub fn busy(&self, flight: f64) -> Option<f64> {
        let (groups, more) = (f64::from(self.groups), f64::from(self.more));
        // Of so many answers one after the other the first took as long as the others.
        let times = if self.more > 0 { (groups + more) / more } else { 0.0 };
        let at_once = flight <= self.trips / groups * AT_ONCE + WAKING;
        (self.told() && at_once).then(|| (self.answering / self.time * times).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;
    use crate::os::tcp_info::TcpInfo;
    use std::time::Duration;

    /// A round trip of 10 ms, looks every 2 ms: requests are acknowledged every 12 ms with the first answer, and `more` answers
    /// follow, each so many milliseconds after the one before.
    fn busy(more: u64, apart: u64) -> Option<f64> {
        watch(more, apart).busy(0.012)
    }

    fn watch(more: u64, apart: u64) -> Answers {
        let state = |ms: u64| {
            let (round, at) = (ms / 12, ms % 12);
            let answers = round * (more + 1) + 1 + (at / apart).min(more);
            TcpInfo { bytes_acked: round, bytes_received: answers, min_rtt_us: 10_000, ..TcpInfo::IDLE }
        };
        let mut answers = Answers::default();
        for ms in (2..400).step_by(2) {
            answers.look(&state(ms), &state(ms - 2), Duration::from_millis(2));
        }
        answers
    }

    #[test]
    fn an_end_that_answers_at_once_has_time() {
        assert_eq!(busy(0, 1), Some(0.0));
        assert!(busy(3, 1).is_some_and(|part| (0.2..0.6).contains(&part)), "{:?}", busy(3, 1));
    }

    #[test]
    fn an_end_that_never_stops_answering_has_none() {
        for (more, apart) in [(11, 1), (5, 2), (2, 4), (1, 6)] {
            assert!(busy(more, apart).is_some_and(|part| part > 0.9), "{more} {apart}: {:?}", busy(more, apart));
        }
    }

    #[test]
    fn an_end_that_is_slow_to_answer_may_be_busy_with_others() {
        assert_eq!([0.015, 0.016].map(|flight| watch(0, 1).busy(flight)), [Some(0.0), None]);
    }

    #[test]
    fn looks_that_are_few_in_a_round_trip_tell_nothing() {
        let mut answers = Answers::default();
        for round in 1..100 {
            let at = |bytes_acked| TcpInfo { bytes_acked, min_rtt_us: 1_000, ..TcpInfo::IDLE };
            answers.look(&at(round), &at(round - 1), Duration::from_millis(2));
        }
        assert_eq!(answers.busy(0.001), None);
    }
}
