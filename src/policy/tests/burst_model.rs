//! The predictor against a model that is slow, plain and obviously right: the same verdicts over any sequence of events, by
//! the quick path too; nothing is held before it was confirmed; no field of the word is touched that is not the predictor's.

mod burst_reference;

use burst_reference::{GAP, Model, ignored};
use proptest::prelude::*;
use tcptune_policy::burst::{self, Advice, Table};
use tcptune_policy::socket::{ATTEND, CLOSELY, CORKED, HELD, HISTORY, POSITION, Socket, TIME};

const SOCKETS: usize = 3;
/// The service number's place in the word.
const SERVICE: u64 = 0x3f00;
/// What the predictor may change: time, position, history, and what is held.
const OWN: u64 = !0 << TIME | POSITION | HISTORY | HELD | CORKED;

#[derive(Clone, Debug)]
enum Event {
    /// A data call; `taken`: whether the caller can follow an advice to hold.
    Call {
        taken: bool,
    },
    Receive,
    /// The caller has to release, if something is held.
    Release,
    /// The held call failed.
    Fail,
    /// So many calls at once, and perhaps the wait and the receive after them: habits, without which little is learned.
    Habit {
        calls: u8,
        whole: bool,
    },
}

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

/// The predictor, driven as the library drives it, with the model beside it.
struct Beside {
    model: Model,
    /// One table is only ever asked by `sent`; the other by the quick path first.
    slow: Table,
    quick: Table,
    words: [Socket; SOCKETS],
    quick_words: [Socket; SOCKETS],
    now: u64,
}

impl Beside {
    fn new(words: [u64; SOCKETS], start: u64) -> Beside {
        let words = words.map(connection);
        let services = words.map(|word| (word.0 & SERVICE) >> 8);
        Beside {
            model: Model::new(&services),
            slow: Table::new(),
            quick: Table::new(),
            words,
            quick_words: words,
            now: start,
        }
    }

    fn clock(&self) -> u32 {
        self.now as u32
    }

    fn call(&mut self, at: usize, taken: bool) {
        let expected = self.model.sent(at, self.now);
        if self.words[at].has(CORKED)
            && let Some(next) = corked_call(self.words[at], self.clock(), &self.slow)
        {
            assert_eq!(expected, Advice::Cork);
            let quick = corked_call(self.quick_words[at], self.clock(), &self.quick);
            assert_eq!(quick, Some(next));
            (self.words[at], self.quick_words[at]) = (next, next);
            return;
        }
        let (next, advice) = burst::sent(self.words[at], self.clock(), GAP, &self.slow);
        assert_eq!(advice, expected);
        assert!(!next.has(HELD | CORKED), "these are the caller's to set");
        let flags = match advice {
            Advice::Hold if taken => HELD,
            Advice::Cork if taken => HELD | CORKED,
            _ => 0,
        };
        self.words[at] =
            if flags & CORKED == 0 { next.with(flags) } else { burst::corked(next, self.clock(), &self.slow) };
        self.model.hold(at, flags & HELD != 0, flags & CORKED != 0);
        self.call_quickly(at, taken, advice);
    }

    /// The same call by the quick path where it decides, as the library makes it.
    fn call_quickly(&mut self, at: usize, taken: bool, expected: Advice) {
        let word = self.quick_words[at];
        if !word.has(CORKED)
            && let Some(next) = quickly(word, self.clock(), &self.quick)
        {
            assert_eq!(expected, if next.has(HELD) { Advice::Hold } else { Advice::Send });
            if taken || !next.has(HELD) {
                assert_eq!(next, self.words[at]);
                self.quick_words[at] = next;
                return;
            }
        }
        let (next, advice) = burst::sent(word, self.clock(), GAP, &self.quick);
        assert_eq!(advice, expected);
        let flags = self.words[at].0 & (HELD | CORKED);
        self.quick_words[at] =
            if flags & CORKED == 0 { next.with(flags) } else { burst::corked(next, self.clock(), &self.quick) };
    }

    fn receive(&mut self, at: usize) {
        // Held by another thread, in the middle of its burst: the library leaves it alone.
        if self.words[at].has(HELD) {
            return;
        }
        self.model.received(at);
        self.words[at] = burst::received(self.words[at], &self.slow);
        let word = self.quick_words[at];
        self.quick_words[at] = match self.quick.next_received(word.low()) {
            0 => burst::received(word, &self.quick),
            next => Socket(word.0 & !0xff | u64::from(next)),
        };
    }

    fn release(&mut self, at: usize) {
        if self.words[at].has(HELD) {
            let expected = self.model.released(at, self.now);
            let (next, miss) = burst::released(self.words[at], self.clock(), GAP, &self.slow);
            assert_eq!(miss, expected);
            self.words[at] = next;
            let (next, miss) = burst::released(self.quick_words[at], self.clock(), GAP, &self.quick);
            assert_eq!(miss, expected);
            self.quick_words[at] = next;
        }
    }

    fn step(&mut self, at: usize, pause: u32, event: &Event) {
        self.now += u64::from(pause);
        match *event {
            Event::Call { taken } => self.call(at, taken),
            Event::Receive => self.receive(at),
            Event::Release => self.release(at),
            // Calls on a corked socket are not held.
            Event::Fail if self.words[at].has(CORKED) => {}
            Event::Fail => {
                self.words[at] = burst::not_held(self.words[at]);
                self.quick_words[at] = burst::not_held(self.quick_words[at]);
                self.model.hold(at, false, false);
            }
            Event::Habit { calls, whole } => {
                for _ in 0..calls {
                    self.call(at, true);
                }
                if whole {
                    self.release(at);
                    self.receive(at);
                }
            }
        }
    }
}

/// An open connection on which nothing was sent yet, its other fields as in `word`.
fn connection(word: u64) -> Socket {
    Socket(word & !(OWN | CLOSELY) | ATTEND)
}

/// A data call by what the table keeps ready, as the library makes it.
fn quickly(word: Socket, now: u32, table: &Table) -> Option<Socket> {
    let next = table.next_sent(word.low());
    if next == 0 || word.has(HELD) && !burst::in_time(word.high(), now, GAP) {
        return None;
    }
    Some(Socket::of(word.low() & !0xff | u32::from(next), now))
}

/// A call on a corked socket, as the library makes it.
fn corked_call(word: Socket, now: u32, table: &Table) -> Option<Socket> {
    quickly(word, now, table).or_else(|| burst::sent_newly_corked(word, now, GAP))
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
            for (at, &before) in words.iter().enumerate() {
                let word = beside.words[at];
                prop_assert_eq!(word, beside.quick_words[at], "the quick path leaves the same state");
                prop_assert_eq!((word.0 ^ connection(before).0) & !OWN, 0, "a field that is not the predictor's was touched");
                let state = beside.model.state(at);
                prop_assert_eq!((word.0 & 15, word.0 >> 4 & 3), (state.position, state.history));
            }
        }
    }

    /// Nothing is held on a cell before four confirmations in its favour (so the fifth burst is the first that is held),
    /// nor after its nth miss before 4^(n + 1) more on top of them, without a burst that ended there.
    #[test]
    fn nothing_is_held_unconfirmed(words in prop::array::uniform3(any::<u64>()), events in events()) {
        let mut beside = Beside::new(words, 10);
        for (at, pause, event) in &events {
            beside.step(*at, *pause, event);
        }
        for held in beside.model.holds() {
            let wanted = 4 + ignored(held.misses);
            prop_assert!(held.confirmed >= wanted, "{:?}", held);
        }
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
