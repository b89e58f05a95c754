//! The predictor with the reference model beside it: both get the same events, as the library would bring them about, and must
//! agree at each. For tests over random events and for fuzzing.

use tcptune_policy::burst::{self, Advice, Table};
use tcptune_policy::socket::{ATTEND, CLOSELY, CORKED, HELD, HISTORY, POSITION, Socket, TIME};

use super::{GAP, Model, ignored};

pub const SOCKETS: usize = 3;
/// The service number's place in the word.
pub const SERVICE: u64 = 0x3f00;
/// What the predictor may change: time, position, history, and what is held.
const OWN: u64 = !0 << TIME | POSITION | HISTORY | HELD | CORKED;

#[derive(Clone, Debug)]
pub enum Event {
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

/// The predictor, driven as the library drives it, with the model beside it.
pub struct Beside {
    pub model: Model,
    /// One table is only ever asked by `sent`; the other by the quick path first.
    slow: Table,
    quick: Table,
    words: [Socket; SOCKETS],
    pub quick_words: [Socket; SOCKETS],
    now: u64,
    /// What the words were to begin with.
    before: [Socket; SOCKETS],
}

impl Beside {
    pub fn new(words: [u64; SOCKETS], start: u64) -> Beside {
        let words = words.map(connection);
        let services = words.map(|word| (word.0 & SERVICE) >> 8);
        Beside {
            model: Model::new(&services),
            slow: Table::new(),
            quick: Table::new(),
            words,
            quick_words: words,
            now: start,
            before: words,
        }
    }

    /// Both ways have left the same state, which is the model's, and no field that is not the predictor's was touched.
    pub fn agree(&self) {
        for (at, &word) in self.words.iter().enumerate() {
            assert_eq!(word, self.quick_words[at], "the quick path leaves another state");
            assert_eq!((word.0 ^ self.before[at].0) & !OWN, 0, "a field that is not the predictor's was touched");
            let state = self.model.state(at);
            assert_eq!((word.0 & 15, word.0 >> 4 & 3), (state.position, state.history));
        }
    }

    /// Each call that was held had been confirmed four times there (so the fifth burst is the first that is held), and after
    /// the nth miss 4^(n + 1) times on top of that, without a burst that ended there.
    pub fn held_confirmed(&self) {
        for held in self.model.holds() {
            assert!(held.confirmed >= 4 + ignored(held.misses), "{held:?}");
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

    pub fn step(&mut self, at: usize, pause: u32, event: &Event) {
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
