//! TCPTUNE_QUICKACK=auto against a plain model, over any receives; and what it must learn, and leave alone.

use proptest::prelude::*;
use tcptune_policy::stall::{Action, Path, Stall, received};

/// A millisecond in the caller's units.
const GAP: u32 = 152;
/// Times are kept to 22 bits.
const WRAP: u64 = 1 << 22;

/// One receive: so long after the one before, so many bytes, after something was sent or not.
type Receive = (u32, usize, bool);

/// A path of so many milliseconds.
fn path(round_trip: u32) -> Path {
    Path { round_trip: round_trip * 1000, deviation: 0, shortest: round_trip * 1000 }
}

/// The rule in plain words: two pauses of a delayed acknowledgement and a round trip arm it; two more in spite of it disarm it, and then one
/// pause more is wanted before each further try, of at most seven.
#[derive(Default)]
struct Model {
    last: u64,
    armed: bool,
    pauses: u32,
    tries: u32,
}

impl Model {
    fn received(&mut self, now: u64, length: usize, sent: bool, round_trip: u32) -> Action {
        let now = now % WRAP;
        let pause = (now + WRAP - self.last) % WRAP;
        let known = self.last != 0;
        let microseconds = pause * 1000 / u64::from(GAP);
        let round_trip = u64::from(round_trip) * 1000;
        let delayed = (round_trip + 36_000..=round_trip + round_trip.max(40_000) + 20_000).contains(&microseconds);
        if known && delayed && !sent && length < 1_448 {
            self.pauses += 1;
            if self.pauses >= if self.armed { 2 } else { (2 + self.tries).min(7) } {
                self.pauses = 0;
                self.tries = (self.tries + u32::from(self.armed)).min(7);
                self.armed = !self.armed && self.tries < 7;
            }
        } else if known && !sent && self.armed {
            self.pauses = 0;
        }
        self.last = now;
        if self.armed { Action::Acknowledge } else { Action::Nothing }
    }
}

fn receives() -> impl Strategy<Value = Vec<Receive>> {
    let pause = prop_oneof![
        4 => 29 * GAP..61 * GAP,
        4 => 50 * GAP..300 * GAP,
        2 => 0..2 * GAP,
        1 => any::<u32>(),
        1 => prop::sample::select(vec![36 * GAP - 1, 36 * GAP, 60 * GAP, 60 * GAP + 1]),
    ];
    let length = prop_oneof![4 => 1usize..100, 1 => 1_440usize..1_460, 1 => any::<usize>()];
    prop::collection::vec((pause, length, prop::bool::weighted(0.2)), 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_receives_give_the_models_actions(start in any::<u32>(), round_trip in 0..200u32, receives in receives()) {
        let (mut state, mut model, mut now) = (Stall::default(), Model::default(), u64::from(start));
        for (pause, length, sent) in receives {
            now += u64::from(pause);
            let state_now = if sent { state.spoken() } else { state };
            let (next, action) = received(state_now, now as u32, GAP, length, || Some((GAP, path(round_trip))));
            prop_assert_eq!(action, model.received(now, length, sent, round_trip));
            state = next;
        }
    }

    /// Two pauses before the first acknowledgement at the least, and each of them a small piece after a delayed
    /// acknowledgement's time: what else a connection does never costs it a call.
    #[test]
    fn without_pauses_nothing_is_done(round_trip in 0..200u32, receives in receives()) {
        let (mut state, mut now, mut seen) = (Stall::default(), 1u64, 0);
        for (pause, length, sent) in receives {
            now += u64::from(pause);
            let state_now = if sent { state.spoken() } else { state };
            let (next, action) = received(state_now, now as u32, GAP, length, || Some((GAP, path(round_trip))));
            let delayed = pause & 0x003f_ffff >= (round_trip + 36) * GAP;
            seen += u32::from(delayed && !sent && length < 1_448);
            prop_assert!(action == Action::Nothing || seen >= 2);
            state = next;
        }
    }
}

/// Receives so many rounds of `round`; how often it acknowledged in each.
fn rounds(count: usize, round: &[Receive]) -> Vec<usize> {
    let (mut state, mut now) = (Stall::default(), 1_000u32);
    let mut acknowledged = Vec::new();
    for _ in 0..count {
        let mut sum = 0;
        for &(milliseconds, length, sent) in round {
            now = now.wrapping_add(milliseconds * GAP);
            let state_now = if sent { state.spoken() } else { state };
            let (next, action) = received(state_now, now, GAP, length, || Some((GAP, path(0))));
            state = next;
            sum += usize::from(action == Action::Acknowledge);
        }
        acknowledged.push(sum);
    }
    acknowledged
}

#[test]
fn a_peer_under_nagles_rule_is_helped_for_good() {
    // A command; the mail; and, 40 ms later, its last two bytes: until each receive is acknowledged, then at once.
    let stalled = rounds(2, &[(1, 56, true), (1, 1_200, true), (41, 2, false)]);
    assert_eq!(stalled, [0, 1], "from the second stall on");
    let (mut state, mut now) = (Stall::default(), 1_000u32);
    let mut stalls = 0;
    for _ in 0..1_000 {
        let mut helped = false;
        for (milliseconds, length, sent) in [(1, 56, true), (1, 1_200, true), (0, 2, false)] {
            let pause = if milliseconds == 0 && !helped { 41 } else { milliseconds };
            stalls += usize::from(pause == 41);
            now = now.wrapping_add(pause * GAP + 20);
            let state_now = if sent { state.spoken() } else { state };
            let (next, action) = received(state_now, now, GAP, length, || Some((GAP, path(0))));
            state = next;
            helped = action == Action::Acknowledge;
        }
    }
    assert_eq!(stalls, 2, "of a thousand exchanges");
}

#[test]
fn a_peer_that_writes_as_seldom_by_itself_is_given_up_on() {
    let acknowledged: usize = rounds(5_000, &[(42, 10, false)]).iter().sum();
    assert!(acknowledged < 60, "{acknowledged} of 5,000 receives");
}

#[test]
fn requests_and_answers_are_left_alone() {
    // A person or a timer may ask every 41 ms: after each answer of ours the pause is the peer's own.
    assert!(rounds(1_000, &[(41, 60, true)]).iter().all(|&count| count == 0));
    // A stream that comes in full segments, or with no pause, waits for nobody.
    assert!(rounds(1_000, &[(41, 1_448, false), (0, 1_448, false)]).iter().all(|&count| count == 0));
    assert!(rounds(1_000, &[(5, 60, false)]).iter().all(|&count| count == 0));
}
