//! Long, fast bursts of a program that never set TCP_NODELAY itself. With the option that the library has set, each
//! small call would be a packet, which is many times slower than without the library. Such a burst gets Nagle's algorithm
//! back until it ends. That is what the kernel would do without the library, so nothing leaves later. At the next
//! release point the option is set again, which sends the rest, so the program does not wait for it as it would without
//! the library.
//!
//! Not if the other end answers meanwhile: then this is a dialogue of which hooks see one side, and Nagle's algorithm would
//! stall it.

use super::burst::{Burst, LISTENS, NAGLE};
use super::{Machine, micros};
use crate::socket::NODELAY_OURS;
use crate::sync::Relaxed;

/// A long burst is examined over this many calls.
const CALLS: u32 = 16;
/// The burst is fast if these calls take at most this long each, on average; in microseconds.
const FAST: u32 = 50;

impl Burst {
    /// Examines a burst that has become long, to give it Nagle's algorithm or to take it back.
    #[cold]
    pub(super) fn look_at_long<M: Machine>(&self, machine: &M, fd: i32, word: u32, now: u32) {
        let (state, calls) = (self.state.load(Relaxed), self.ask.load(Relaxed));
        // Only if it was the library that set TCP_NODELAY.
        let ours = u64::from(word) & NODELAY_OURS != 0;
        let Some(received) = (if ours { machine.received(fd) } else { None }) else {
            return self.ask_at(calls, u32::MAX);
        };
        let silent = received == self.heard.load(Relaxed);
        if state & NAGLE != 0 {
            if silent {
                self.ask_at(calls, calls.saturating_mul(4));
            } else {
                self.nagle_off(machine, fd);
            }
        } else if state & LISTENS == 0 {
            self.heard.store(received, Relaxed);
            self.began.store(now, Relaxed);
            self.state.store(state | LISTENS, Relaxed);
            self.ask_at(calls, calls.saturating_add(CALLS));
        } else if silent && now.wrapping_sub(self.began.load(Relaxed)) < micros::<M>(CALLS * FAST) {
            machine.nagle(fd, true);
            self.state.store(state & !LISTENS | NAGLE, Relaxed);
            self.ask_at(calls, calls.saturating_mul(4));
        } else {
            self.state.store(state & !LISTENS, Relaxed);
            self.ask_at(calls, calls.saturating_mul(2));
        }
    }

    /// Examines the burst again at the call with the number `next`; `calls` have been made.
    fn ask_at(&self, calls: u32, next: u32) {
        self.ask.store(next, Relaxed);
        self.left.store(next.wrapping_sub(calls).saturating_sub(1), Relaxed);
    }

    /// Ends Nagle's algorithm on the burst, if it has it.
    pub(super) fn nagle_off<M: Machine>(&self, machine: &M, fd: i32) {
        let state = self.state.load(Relaxed);
        if state & NAGLE != 0 {
            machine.nagle(fd, false);
            self.state.store(state & !NAGLE, Relaxed);
            self.ask_at(0, u32::MAX);
        }
    }
}
