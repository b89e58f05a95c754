//! The usual cases of a data call, in few instructions: what every hook that sends does on the way to the call. It decides as
//! [`Burst::sent`] does, only that it looks at few of a program's single calls; where it cannot decide it notes nothing.
//! Instructions count here (tests/overhead).

use super::burst::{Burst, CORKED, HELD, HISTORY, LENGTH, LONG, RESTED, STAYS_FAST, name};
use super::habits::{Habits, LAST, PLACE_MASK, POSITIONS};
use super::{Machine, OLD, micros};
use crate::sync::Relaxed;

/// So many bursts are still not to be looked at: a count from here upwards, which outlives the burst.
const UNSEEN: u32 = 1 << 27;
/// Where the bursts of trusted services are single calls ([`Habits::are_single`]), one in so many is looked at. Most programs that
/// ask and answer are so all their life, and there is nothing to gain; what is not looked at confirms nothing and denies nothing.
const ONE_IN: u32 = 16;

/// The history of two bursts of one call.
const SINGLE: u32 = (1 << LENGTH | 1) * POSITIONS;

/// What is to be done with a data call of the usual kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quick {
    /// Send it, and nothing else.
    Forward,
    /// Send it.
    Push,
    /// Hold it.
    Hold,
    /// Send it: it takes along what was held.
    Pass,
    /// It follows others: [`Burst::follows_quickly`] decides.
    Follow,
}

impl Burst {
    /// The thread makes a data call on `fd`: the usual cases, in few instructions. Nothing where the case is another: then nothing
    /// has been noted, and [`Burst::sent`] decides. `word` gives the socket's word; `may` says whether the call has data and can be
    /// held at all, `more` whether it can by itself; `held`, whether anything is held on the socket, by whatever thread.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "in line, in one place")]
    pub fn quickly<M: Machine>(
        &self,
        habits: &Habits,
        machine: &M,
        fd: i32,
        word: impl Fn() -> u32,
        may: bool,
        more: bool,
        held: impl Fn() -> bool,
    ) -> Option<Quick> {
        let open = self.fd.load(Relaxed);
        if open == name(fd) {
            if self.state.load(Relaxed) & LONG == 0 {
                return if may { Some(Quick::Follow) } else { None };
            }
            let left = self.left.load(Relaxed);
            let fast = machine.now().wrapping_sub(self.at.load(Relaxed)) <= micros::<M>(STAYS_FAST);
            if left == 0 || !fast {
                return None;
            }
            self.left.store(left.wrapping_sub(1), Relaxed);
            return Some(Quick::Push);
        }
        // (One test for both.)
        if !may || (open != 0) | held() {
            return None;
        }
        let before = self.state.load(Relaxed);
        // Most often the thread's last burst was one like this: then no more memory than this is touched.
        if before >= UNSEEN && (before ^ word()) & PLACE_MASK == 0 {
            return Some(self.is_unseen(before));
        }
        if habits.watches() {
            return None;
        }
        let state = word() & PLACE_MASK | 1;
        let owes = habits.service(state).owes();
        if owes == 0 && habits.place(state).is_trusted() {
            if !more {
                return None;
            }
            self.since.store(machine.now(), Relaxed);
            self.state.store(state | HELD, Relaxed);
            self.fd.store(name(fd), Relaxed);
            return Some(Quick::Hold);
        }
        if Habits::asks(owes) {
            return None;
        }
        let mut state = state;
        // (The word is read again rather than kept: that would take a register, which every call would pay for.)
        if owes == 0 && word() & HISTORY == SINGLE {
            let before = self.state.load(Relaxed);
            if before >= UNSEEN {
                return Some(self.is_unseen(before));
            }
            if habits.are_single() {
                state |= UNSEEN.wrapping_mul(ONE_IN.wrapping_sub(1));
            }
        }
        self.state.store(state, Relaxed);
        self.fd.store(name(fd), Relaxed);
        Some(Quick::Push)
    }

    /// One burst less is not to be looked at; `before` says how many are not.
    #[inline(always)]
    fn is_unseen(&self, before: u32) -> Quick {
        self.state.store(before.wrapping_sub(UNSEEN), Relaxed);
        Quick::Forward
    }

    /// The same for a call that follows others and has a place.
    #[inline(always)]
    pub fn follows_quickly<M: Machine>(
        &self,
        habits: &Habits,
        machine: &M,
        more: bool,
        held: impl Fn() -> bool,
    ) -> Option<Quick> {
        let before = self.state.load(Relaxed);
        if before & (CORKED | RESTED) != 0 {
            return None;
        }
        let state = before.wrapping_add(1);
        let now = machine.now();
        if state & LAST == 0 || !self.is_prompt::<M>(now) {
            return None;
        }
        let hold = habits.place(state).is_trusted() && habits.service(state).is_trusted();
        if before & HELD != 0 {
            // What is held never gets old: from then on a call takes it along.
            let hold = hold && now.wrapping_sub(self.since.load(Relaxed)) <= micros::<M>(OLD);
            if if hold { !more } else { machine.counts() } {
                return None;
            }
            habits.followed(before);
            if hold {
                self.state.store(state, Relaxed);
                return Some(Quick::Hold);
            }
            self.state.store(state & !HELD, Relaxed);
            return Some(Quick::Pass);
        }
        if held() || hold && !more {
            return None;
        }
        habits.followed(before);
        if hold {
            self.since.store(now, Relaxed);
            self.state.store(state | HELD, Relaxed);
            return Some(Quick::Hold);
        }
        self.state.store(state, Relaxed);
        Some(Quick::Push)
    }
}
