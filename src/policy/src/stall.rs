//! What a delayed acknowledgement looks like to the end that delays it, at any round trip; and TCPTUNE_QUICKACK=auto,
//! which ends the waits for it.
//!
//! A peer with Nagle's algorithm that writes twice sends the first piece, then waits until it is acknowledged. We see a
//! receive, a pause in which we sent nothing, and a small piece. The pause is the kernel's delay plus a round trip:
//! our acknowledgement has to get there, and the piece has to come back. After a few of those, each receive is
//! acknowledged at once. If the pauses go on all the same, that stops again, for longer each time.
//!
//! To watch costs instructions in every call, so a connection whose receives follow each other quickly rests: only its
//! receives are looked at, until one of them comes late again.
//!
//! Pure: one word of state per connection, times in units of about 6.4 microseconds (the caller's clock).
//!
//! ```text
//! 31                      10 9    7 6     4   3    2     0
//! +-------------------------+------+-------+-----+--------+
//! | time of the last receive| quiet| gave  |armed| pauses |
//! +-------------------------+------+  up   +-----+--------+
//! ```
//! The time is 0 once data was sent: then a pause has another reason. (Of a connection that rests nobody notes that.)

/// The times of a connection's path, in microseconds, as the kernel has measured them (tcp(7), TCP_INFO).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Path {
    /// The smoothed round-trip time, `tcpi_rtt`. It may contain delayed acknowledgements of the peer.
    pub round_trip: u32,
    /// Its mean deviation, `tcpi_rttvar`.
    pub deviation: u32,
    /// The shortest round trip of the last minutes, `tcpi_min_rtt`; all ones while there is none.
    pub shortest: u32,
}

/// The shortest delay of an acknowledgement (net/ipv4/tcp_output.c, TCP_DELACK_MIN), less a timer tick.
const LEAST_DELAY: u32 = 36_000;
/// It is at most as long as a round trip, if that is longer than this (`tcp_send_delayed_ack`) ...
const USUAL_DELAY: u32 = 40_000;
/// ... and two timer ticks late.
const TICKS: u32 = 20_000;

impl Path {
    /// The shortest round trip, 0 if none is known.
    #[must_use]
    pub fn shortest(&self) -> u32 {
        if self.shortest == u32::MAX { 0 } else { self.shortest }
    }

    /// The longest round trip to be expected.
    #[must_use]
    pub fn longest(&self) -> u32 {
        self.round_trip.max(self.shortest())
    }

    /// The longest delay of an acknowledgement.
    #[must_use]
    pub fn longest_delay(&self) -> u32 {
        self.longest().max(USUAL_DELAY).saturating_add(TICKS)
    }

    /// Is a pause of so many microseconds between two receives, in which nothing was sent, as long as a delayed
    /// acknowledgement takes, and what the peer sends on it?
    #[must_use]
    pub fn is_delayed_acknowledgement(&self, pause: u32) -> bool {
        let least = self.shortest().saturating_add(LEAST_DELAY);
        let most = self.longest().saturating_add(self.longest_delay()).saturating_add(self.deviation);
        (least..=most).contains(&pause)
    }
}

/// The state of a connection; initially 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stall(pub u32);

impl Stall {
    /// Is nothing to be decided about a receive at `now`, as no pause was long enough for a delayed acknowledgement and none
    /// is acknowledged at once? Then [`received`] would only note the time ([`Stall::at`]).
    #[inline(always)]
    #[must_use]
    pub fn is_quiet(self, now: u32, gap: u32) -> bool {
        self.0 & ARMED == 0 && (self.has_spoken() || self.pause(now) < gap.wrapping_mul(SHORTEST_MS))
    }

    /// This state after a receive at `now` that changes nothing.
    #[inline(always)]
    #[must_use]
    pub fn at(self, now: u32) -> Stall {
        Stall(now << TIME | Stall(self.0.wrapping_add(1 << QUIET_AT)).spoken().0)
    }

    /// Is it time to rest, as the last receives were all quiet? True once in eight, as the count wraps.
    #[inline(always)]
    #[must_use]
    pub fn rests(self) -> bool {
        self.0 & QUIET == QUIET
    }

    /// The state of a new connection, with this time.
    #[must_use]
    pub fn new(self) -> Stall {
        Stall(self.0 >> TIME << TIME)
    }

    /// This state after a receive that was not quiet.
    #[must_use]
    pub fn awake(self) -> Stall {
        Stall(self.0 & !QUIET)
    }

    /// Was data sent since the last receive, or nothing received yet?
    #[inline(always)]
    #[must_use]
    pub fn has_spoken(self) -> bool {
        self.0 >> TIME == 0
    }

    /// This state after data was sent.
    #[inline(always)]
    #[must_use]
    pub fn spoken(self) -> Stall {
        Stall(self.0 & ((1 << TIME) - 1))
    }

    /// The time since the last receive.
    #[inline(always)]
    fn pause(self, now: u32) -> u32 {
        now.wrapping_sub(self.0 >> TIME) & (u32::MAX >> TIME)
    }
}

/// What the library is to do after a receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Leave acknowledgements to the kernel.
    Nothing,
    /// Acknowledge at once (TCP_QUICKACK, which is not permanent).
    Acknowledge,
}

/// Bit position of the time of the last receive.
const TIME: u32 = 10;
const PAUSES: u32 = 7;
const ARMED: u32 = 1 << 3;
const GAVE_UP: u32 = 4;
const GAVE_UP_MOST: u32 = 7;
/// How many receives in a row were quiet, modulo eight.
const QUIET_AT: u32 = 7;
const QUIET: u32 = 7 << QUIET_AT;
/// Number of pauses (delayed acknowledgements of 40 ms) before acknowledging at once begins, and, while it does not
/// help, before it ends again.
const CONVINCED: u32 = 2;
/// A pause of so many of the caller's milliseconds may be one, whatever the rate of its clock.
const SHORTEST_MS: u32 = 12;
/// A small piece of data: less than a usual segment, in bytes.
const SMALL: usize = 1448;

/// `length` bytes were received at `now`; a millisecond is about `gap` units, by a clock that may run at half or three times
/// that rate. `path` measures: it returns how many units a millisecond really is, and the connection's path. It is asked only
/// after pauses that may matter; None if the kernel does not say.
#[must_use]
pub fn received(
    state: Stall,
    now: u32,
    gap: u32,
    length: usize,
    path: impl FnOnce() -> Option<(u32, Path)>,
) -> (Stall, Action) {
    let waited = !state.has_spoken();
    let pause = state.pause(now);
    let mut pauses = state.0 & PAUSES;
    let mut armed = state.0 & ARMED != 0;
    let mut gave_up = (state.0 >> GAVE_UP) & GAVE_UP_MOST;
    let may_be = waited && length < SMALL && pause >= gap.wrapping_mul(SHORTEST_MS);
    let stalled = may_be && path().is_some_and(|(gap, path)| path.is_delayed_acknowledgement(microseconds(pause, gap)));
    if stalled {
        pauses = pauses.wrapping_add(1);
        // Each attempt that did not help raises the number of pauses before the next one.
        let wanted = if armed { CONVINCED } else { CONVINCED.saturating_add(gave_up).min(PAUSES) };
        if pauses >= wanted {
            if armed {
                gave_up = gave_up.saturating_add(1).min(GAVE_UP_MOST);
            }
            armed = !armed && gave_up < GAVE_UP_MOST;
            pauses = 0;
        }
    } else if armed && waited {
        // More data came without the pause: it helps.
        pauses = 0;
    }
    let quiet = if may_be { 0 } else { state.at(now).0 & QUIET };
    let next = Stall(now << TIME | quiet | gave_up << GAVE_UP | if armed { ARMED } else { 0 } | pauses & PAUSES);
    (next, if armed { Action::Acknowledge } else { Action::Nothing })
}

/// A time in units of which `gap` are a millisecond, in microseconds.
#[must_use]
pub fn microseconds(time: u32, gap: u32) -> u32 {
    let microseconds = u64::from(time).saturating_mul(1000).checked_div(gap.into()).unwrap_or(0);
    u32::try_from(microseconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: u32 = 152;

    fn path(milliseconds: u32) -> Path {
        Path { round_trip: milliseconds * 1000 + 100, deviation: 300, shortest: milliseconds * 1000 }
    }

    /// Receives at these times (ms), all small, nothing sent between, at this round trip; the actions.
    fn run(state: &mut Stall, round_trip: u32, times_ms: &[u32]) -> std::vec::Vec<Action> {
        let mut actions = std::vec::Vec::new();
        for &ms in times_ms {
            let (next, action) = received(*state, ms * GAP, GAP, 2, || Some((GAP, path(round_trip))));
            *state = next;
            actions.push(action);
        }
        actions
    }

    #[test]
    fn two_pauses_arm_it_and_help_keeps_it_armed_at_any_round_trip() {
        for round_trip in [0, 1, 3, 6, 10, 14, 20, 40, 80, 200] {
            for delay in [40, 44] {
                let mut state = Stall::default();
                let stalled = delay + round_trip;
                let times = [10, 10 + stalled, 11 + stalled, 11 + 2 * stalled];
                assert_eq!(run(&mut state, round_trip, &times)[3], Action::Acknowledge, "{round_trip} {delay}");
                let times: std::vec::Vec<u32> = (1..20).map(|n| times[3] + n * round_trip.max(1)).collect();
                assert!(run(&mut state, round_trip, &times).iter().all(|&a| a == Action::Acknowledge), "{round_trip}");
            }
        }
    }

    #[test]
    fn only_receives_that_follow_each_other_quickly_bring_rest() {
        let mut state = Stall::default();
        for ms in 1..=7 {
            assert!(state.is_quiet(ms * GAP, GAP) && !state.rests());
            state = state.at(ms * GAP);
        }
        assert!(state.rests() && state.is_quiet(8 * GAP, GAP) && !state.is_quiet(30 * GAP, GAP) && !state.awake().rests());
        // With a stall in each exchange it never comes.
        for exchange in 1..100 {
            let begun = exchange * 50 * GAP;
            assert!(!state.awake().at(begun).rests());
            state = received(state.awake().at(begun), begun + 41 * GAP, GAP, 2, || None).0.spoken();
        }
    }

    #[test]
    fn a_clock_of_another_rate_is_measured() {
        for rate in [62, 107, 300, 450] {
            let mut state = Stall::default();
            let mut last = Action::Nothing;
            for ms in [10, 52, 53, 95] {
                (state, last) = received(state, ms * rate, GAP, 2, || Some((rate, path(0))));
            }
            assert_eq!(last, Action::Acknowledge, "{rate} units in a millisecond");
        }
    }

    #[test]
    fn the_round_trip_itself_is_no_stall() {
        for round_trip in [36, 40, 80, 200] {
            let mut state = Stall::default();
            let times: std::vec::Vec<u32> = (1..2000).map(|n| n * (round_trip + 2)).collect();
            assert!(run(&mut state, round_trip, &times).iter().all(|&a| a == Action::Nothing), "{round_trip}");
        }
    }

    #[test]
    fn pauses_that_acknowledging_does_not_end_disarm_it_for_longer_each_time() {
        let mut state = Stall::default();
        let times: std::vec::Vec<u32> = (1..2000).map(|n| n * 42).collect();
        let actions = run(&mut state, 0, &times);
        let armed = actions.iter().filter(|&&a| a == Action::Acknowledge).count();
        assert!(armed > 0 && armed < 60, "armed for {armed} of 2000 receives");
        assert!(actions[1000..].iter().all(|&a| a == Action::Nothing), "gives up for good");
    }

    #[test]
    fn pauses_after_our_own_answer_or_of_another_length_say_nothing() {
        for (pause, sent) in [(41, true), (5, false), (200, false)] {
            let mut state = Stall::default();
            for n in 1..100u32 {
                let (next, action) = received(state, n * pause * GAP, GAP, 2, || Some((GAP, path(0))));
                state = if sent { next.spoken() } else { next };
                assert_eq!(action, Action::Nothing);
            }
        }
    }

    #[test]
    fn what_the_kernel_does_not_say_is_no_stall() {
        let mut state = Stall::default();
        for n in 1..100u32 {
            let (next, action) = received(state, n * 41 * GAP, GAP, 2, || None);
            state = next;
            assert_eq!(action, Action::Nothing);
        }
        // A connection that has never sent has no round trip.
        assert!(Path { shortest: u32::MAX, ..Path::default() }.is_delayed_acknowledgement(41_000));
    }
}
