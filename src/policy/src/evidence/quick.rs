//! The usual cases of a data call, decided in few instructions on the way of every hook that sends. The decisions are
//! those of [`Burst::sent`], except that of a program's single calls only a few are looked at. A case that cannot be
//! decided here leaves nothing noted. Every instruction counts (tests/measure/overhead).

use super::burst::{Burst, CORKED, HELD, HISTORY, LENGTH, LONG, RESTED, STAYS_FAST, name};
use super::habits::{Habits, LAST, PLACE_MASK, POSITIONS};
use super::{Machine, OLD, micros};
use crate::sync::Relaxed;

/// The unit of a count in the upper bits of the state: bursts that are still to be skipped. It outlives the burst.
const UNSEEN: u32 = 1 << 27;
/// While the bursts of trusted services are single calls ([`Habits::are_single`]), one in this many is looked at. Most
/// programs that ask and answer in single calls never do anything else, and have nothing to gain. What is not looked at
/// confirms nothing and disappoints nothing.
const ONE_IN: u32 = 16;

/// The history of two bursts of one call each.
const SINGLE: u32 = (1 << LENGTH | 1) * POSITIONS;

/// How a data call is made, in the usual cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quick {
    /// Send it; nothing is noted.
    Forward,
    /// Send it, and note when it returned.
    Push,
    /// Hold it.
    Hold,
    /// Send it; it takes along what was held.
    Pass,
    /// The call continues an open burst: ask [`Burst::follows_quickly`].
    Follow,
}

impl Burst {
    /// Decides the usual cases of a data call on `fd`. None in other cases: then nothing has been noted, and
    /// [`Burst::sent`] decides. `word` returns the socket's lower word; `more` says whether MSG_MORE can hold the call;
    /// `held` returns whether any thread holds data on the socket.
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
        // (`|` rather than `||`: one test for both.)
        if !may || (open != 0) | held() {
            return None;
        }
        let before = self.state.load(Relaxed);
        // Mostly the thread's last burst was like this one; then no other memory is touched.
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
        // (The word is read again: keeping it would take a register, at the expense of every call.)
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

    /// Skips a burst; `before` is the state with the count of those still to be skipped.
    #[inline(always)]
    fn is_unseen(&self, before: u32) -> Quick {
        self.state.store(before.wrapping_sub(UNSEEN), Relaxed);
        Quick::Forward
    }

    /// Decides the usual cases of a call that continues an open burst, at a position that has a place.
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
            // Held data must not get old: after that time the next call takes it along.
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
