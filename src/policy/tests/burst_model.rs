//! The predictor against a model that is slow, plain and obviously right: the same verdicts over any sequence of events, by
//! the quick path too; nothing is held before it was confirmed; no field of the word is touched that is not the predictor's.

mod burst_reference;

use burst_reference::GAP;
use burst_reference::beside::{Beside, Event, SERVICE, SOCKETS};
use proptest::prelude::*;

fn events() -> impl Strategy<Value = Vec<(usize, u32, Event)>> {
    let event = prop_oneof![
        6 => prop::bool::weighted(0.9).prop_map(|taken| Event::Call { taken }),
        3 => Just(Event::Receive),
        3 => Just(Event::Release),
        1 => Just(Event::Fail),
        3 => (1u8..30, prop::bool::weighted(0.8)).prop_map(|(calls, whole)| Event::Habit { calls, whole }),
    ];
    // All of them together are less than a quarter of the clock's range: calls that far apart may look close, or newly corked.
    let pause = prop_oneof![8 => 0..GAP, 1 => GAP - 2..GAP + 2, 1 => GAP..50 * GAP, 1 => 0..2_000 * GAP];
    prop::collection::vec((0..SOCKETS, pause, event), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The whole rule, step by step. The clock starts just before it wraps.
    #[test]
    fn any_events_give_the_models_verdicts(
        words in prop::array::uniform3(any::<u64>()),
        shared in any::<bool>(),
        before_wrap in 0u64..200_000,
        events in events(),
    ) {
        // Half of the runs have all sockets on one service, whose history they then share.
        let words = if shared { words.map(|word| word & !SERVICE | words[0] & SERVICE) } else { words };
        let start = (1 << 32) - before_wrap;
        let mut beside = Beside::new(words, start);
        for (at, pause, event) in &events {
            beside.step(*at, *pause, event);
            beside.agree();
        }
    }

    #[test]
    fn nothing_is_held_unconfirmed(words in prop::array::uniform3(any::<u64>()), events in events()) {
        let mut beside = Beside::new(words, 10);
        for (at, pause, event) in &events {
            beside.step(*at, *pause, event);
        }
        beside.held_confirmed();
    }
}

/// Holds do happen under these events, corks too: the properties above are not about nothing.
#[test]
fn habits_are_held_and_corked() {
    let mut beside = Beside::new([0; SOCKETS], 10);
    for _ in 0..20 {
        beside.step(0, 10, &Event::Habit { calls: 25, whole: true });
    }
    let corked = beside.model.corks();
    assert!(beside.model.holds().len() > 150 && corked > 10, "{} holds, {corked} corks", beside.model.holds().len());
}
