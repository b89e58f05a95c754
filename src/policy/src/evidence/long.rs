//! Long, fast bursts of a program that never set TCP_NODELAY: with the option that the library has set each small call would
//! be a packet, which is many times slower than plain. They get Nagle's rule back until they end. That is what plain does, so
//! it makes nothing later than plain; and when the thread reaches a place to let go the option is set again, which sends the
//! rest, so the program does not wait for it as it would without the library.
//!
//! Not where the other end answers meanwhile: then it is a dialogue that no hook sees, and Nagle's rule would stall it.

use super::burst::{Burst, LISTENS, NAGLE};
use super::{Machine, micros};
use crate::socket::NODELAY_OURS;
use crate::sync::Relaxed;

/// So many calls in a row are looked at, for ...
const CALLS: u32 = 16;
/// ... so many microseconds each, at the most.
const FAST: u32 = 50;

impl Burst {
    /// The burst has become so long that it is to be looked at.
    #[cold]
    pub(super) fn look_at_long<M: Machine>(&self, machine: &M, fd: i32, word: u32, now: u32) {
        let (state, calls) = (self.state.load(Relaxed), self.ask.load(Relaxed));
        // Only where the option is the library's.
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

    /// It is looked at again at the call of this number. `calls` have been made.
    fn ask_at(&self, calls: u32, next: u32) {
        self.ask.store(next, Relaxed);
        self.left.store(next.wrapping_sub(calls).saturating_sub(1), Relaxed);
    }

    /// Nagle's rule, if it was let, holds nothing from now on in this burst.
    pub(super) fn nagle_off<M: Machine>(&self, machine: &M, fd: i32) {
        let state = self.state.load(Relaxed);
        if state & NAGLE != 0 {
            machine.nagle(fd, false);
            self.state.store(state & !NAGLE, Relaxed);
            self.ask_at(0, u32::MAX);
        }
    }
}
