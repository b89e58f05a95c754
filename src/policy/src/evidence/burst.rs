//! A thread's open burst: its data calls on one socket since its last release point. A thread has at most one; a call
//! on another socket ends it. Only its own thread (and that thread's signal handlers) writes to it; but another ends
//! it if it has held data for long ([`Burst::left_behind`]).

use super::habits::{Habits, LAST, PLACE_MASK, POSITIONS};
use super::{Cause, Gone, LATE, LEFT, Machine, OLD, PROMPT, SURELY_LATE, Whereabouts, micros, prompt};
use crate::sync::{AtomicU32, Relaxed};

/// A burst. All zeros: none is open.
#[derive(Debug, Default)]
pub struct Burst {
    /// The descriptor plus 1; 0 if no burst is open.
    pub(super) fd: AtomicU32,
    /// When the last call of the burst returned.
    pub(super) at: AtomicU32,
    /// The place of the last call (habits.rs), and the flags below.
    pub(super) state: AtomicU32,
    /// When the oldest held byte was held.
    pub(super) since: AtomicU32,
    /// Only for a [`LONG`] burst: the number of the call at which it is examined next (long.rs), how many calls remain until
    /// then, when it was examined last, and how many bytes the kernel had received then.
    pub(super) ask: AtomicU32,
    pub(super) left: AtomicU32,
    pub(super) began: AtomicU32,
    pub(super) heard: AtomicU32,
    /// What the thread had used when the burst began; valid with [`KNOWN`].
    slept: AtomicU32,
    computed: AtomicU32,
    /// How many bytes the kernel had received when the burst began; valid with [`CHECKED`].
    received: AtomicU32,
}

/// The kernel holds the tail of the burst because the library asked it to.
pub(super) const HELD: u32 = 1 << 16;
/// What is held is held by TCP_CORK.
pub(super) const CORKED: u32 = 1 << 17;
/// What the thread had used when the burst began is known.
const KNOWN: u32 = 1 << 18;
/// At the end of the burst the kernel is to be asked whether the program received, or its thread slept, where no hook
/// saw it.
const CHECKED: u32 = 1 << 19;
/// A wait with a timeout of zero has found nothing.
const EMPTY: u32 = 1 << 20;
/// Not a burst: the program itself holds data on this socket, which is to be released (TCPTUNE_RELEASE=all).
const PROGRAM: u32 = 1 << 21;
/// The burst has more calls than there are places for.
pub(super) const LONG: u32 = 1 << 22;
/// The burst was given Nagle's algorithm back (long.rs).
pub(super) const NAGLE: u32 = 1 << 23;
/// The burst has been examined once: [`Burst::heard`] and [`Burst::began`] are noted, and the next look decides.
pub(super) const LISTENS: u32 = 1 << 24;
/// The thread has tried to receive and found nothing. A data call that follows begins another burst; only a wait, or
/// data, would prove that the thread waits at a release point.
pub(super) const RESTED: u32 = 1 << 25;
/// The kernel was asked before the call that the thread is in now, and no hook has missed anything.
const VERIFIED: u32 = 1 << 26;
// Bits 27 and up are a count (quick.rs).

/// The burst keeps data in the kernel, or the kernel is to be asked at its end.
const MATTERS: u32 = HELD | NAGLE | PROGRAM | CHECKED;
/// A wait that took longer than this has really waited; in microseconds.
const WAITED: u32 = 5;
/// A burst keeps Nagle's algorithm as long as each call comes within this time after the last; in microseconds.
pub(super) const STAYS_FAST: u32 = 100;

/// How a data call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Send it: as far as is known, nothing follows at once.
    Push,
    /// Hold it: another call follows at once.
    Hold,
    /// Send it, then clear TCP_CORK.
    PushCorked,
}

pub(super) const fn name(fd: i32) -> u32 {
    fd.cast_unsigned().wrapping_add(1)
}

impl Burst {
    /// No burst is open.
    pub const fn new() -> Burst {
        Burst {
            fd: AtomicU32::new(0),
            at: AtomicU32::new(0),
            state: AtomicU32::new(0),
            since: AtomicU32::new(0),
            ask: AtomicU32::new(0),
            left: AtomicU32::new(0),
            began: AtomicU32::new(0),
            heard: AtomicU32::new(0),
            slept: AtomicU32::new(0),
            computed: AtomicU32::new(0),
            received: AtomicU32::new(0),
        }
    }

    /// Is a burst open, or data of the program's to be released?
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        self.fd.load(Relaxed) != 0
    }

    /// Is a burst open on this descriptor?
    #[inline(always)]
    pub fn is_on(&self, fd: i32) -> bool {
        self.fd.load(Relaxed) == name(fd)
    }

    /// The descriptor of the open burst; -1 if none is open.
    pub fn descriptor(&self) -> i32 {
        self.fd.load(Relaxed).wrapping_sub(1).cast_signed()
    }

    /// Does the kernel keep data of this burst back, because it was held or by Nagle's algorithm?
    #[inline]
    pub fn keeps(&self) -> bool {
        self.is_open() && self.state.load(Relaxed) & (HELD | NAGLE | PROGRAM) != 0
    }

    /// Does the kernel keep data of this burst back, or is it to be asked how the burst ends?
    #[inline(always)]
    pub fn matters(&self) -> bool {
        self.state.load(Relaxed) & MATTERS != 0
    }

    /// Is data held on this descriptor?
    #[inline]
    pub fn holds(&self, fd: i32) -> bool {
        self.is_on(fd) && self.state.load(Relaxed) & (HELD | PROGRAM) != 0
    }

    /// Has data been held for longer than `PROMPT`? Then it must not wait for anything more. (Another bound than
    /// `OLD`, after which no further call is held.)
    #[inline]
    pub fn is_old<M: Machine>(&self, machine: &M) -> bool {
        let held = self.state.load(Relaxed) & HELD != 0;
        held && machine.now().wrapping_sub(self.since.load(Relaxed)) > prompt::<M>()
    }

    /// Is the data held by TCP_CORK?
    #[inline]
    pub fn is_corked(&self) -> bool {
        self.state.load(Relaxed) & CORKED != 0
    }

    /// Is `now` so soon after the last call that the thread cannot have been elsewhere?
    #[inline(always)]
    pub(super) fn is_prompt<M: Machine>(&self, now: u32) -> bool {
        now.wrapping_sub(self.at.load(Relaxed)) <= prompt::<M>()
    }

    /// Decides a data call on `fd`, whose lower word is `word`. `may` says whether the call can be held at all.
    #[inline(always)]
    pub fn sent<M: Machine>(&self, habits: &Habits, machine: &M, fd: i32, word: u32, may: bool) -> Todo {
        let now = machine.now();
        let mut state;
        if self.is_on(fd) {
            state = self.state.load(Relaxed);
            if state & RESTED != 0 && self.is_prompt::<M>(now) {
                // The thread did not wait, so the way that burst ended proves nothing.
                self.rested(habits, machine);
                state = self.begin(habits, machine, fd, word);
            } else if !self.is_prompt::<M>(now) || state & LAST == LAST {
                return self.sent_rarely(habits, machine, fd, word, may, now);
            } else {
                habits.followed(state);
                state = state.wrapping_add(1);
            }
        } else {
            if self.is_open() {
                self.end(habits, machine, now, Cause::Wait);
            }
            state = self.begin(habits, machine, fd, word);
        }
        let hold = may && habits.place(state).is_trusted() && habits.service(state).is_trusted();
        if state & HELD == 0 {
            if hold {
                state |= HELD;
                self.since.store(now, Relaxed);
            }
            self.state.store(state, Relaxed);
            return if hold { Todo::Hold } else { Todo::Push };
        }
        // Held data must not get old: after that time the next call takes it along.
        if hold && now.wrapping_sub(self.since.load(Relaxed)) <= micros::<M>(OLD) {
            self.state.store(state, Relaxed);
            return Todo::Hold;
        }
        self.taken_along(machine, fd, state, now, Whereabouts::Here)
    }

    /// A call that was sent or held has returned.
    #[inline(always)]
    pub fn returned<M: Machine>(&self, machine: &M) {
        self.at.store(machine.now(), Relaxed);
    }

    /// The present call takes along what was held.
    #[inline]
    fn taken_along<M: Machine>(&self, machine: &M, fd: i32, state: u32, now: u32, thread: Whereabouts) -> Todo {
        self.state.store(state & !(HELD | CORKED), Relaxed);
        if machine.counts() {
            let age = now.wrapping_sub(self.since.load(Relaxed));
            machine.gone(fd, Gone { age, cause: Cause::Call, thread, corked: state & CORKED != 0 });
        }
        if state & CORKED != 0 { Todo::PushCorked } else { Todo::Push }
    }

    /// Opens a burst; returns its state at the first call.
    #[inline(always)]
    fn begin<M: Machine>(&self, habits: &Habits, machine: &M, fd: i32, word: u32) -> u32 {
        self.fd.store(name(fd), Relaxed);
        let state = word & PLACE_MASK | 1;
        if habits.watches() || Habits::asks(habits.service(state).owes()) {
            return self.begin_closely(habits, machine, fd, state);
        }
        state
    }

    /// Opens a burst about whose end the kernel is to be asked: notes what the thread has used so far and, while the
    /// service owes its last confirmations, how much the kernel has received.
    #[cold]
    #[inline(never)]
    fn begin_closely<M: Machine>(&self, habits: &Habits, machine: &M, fd: i32, state: u32) -> u32 {
        let mut state = state;
        let last = Habits::asks(habits.service(state).owes());
        let watched = habits.watch_one();
        if watched || last {
            let usage = machine.usage();
            self.slept.store(usage.slept, Relaxed);
            self.computed.store(usage.computed, Relaxed);
            // A tracer (strace(1)) stops the thread at each system call, which counts as sleep: then the count tells
            // nothing.
            if watched || machine.usage().slept == usage.slept {
                state |= KNOWN;
            }
        }
        if last
            && let Some(received) = machine.received(fd)
        {
            self.received.store(received, Relaxed);
            state |= CHECKED;
        }
        state
    }

    /// Decides a call that came late, or beyond those that have a place.
    #[cold]
    #[inline(never)]
    fn sent_rarely<M: Machine>(
        &self,
        habits: &Habits,
        machine: &M,
        fd: i32,
        word: u32,
        may: bool,
        now: u32,
    ) -> Todo {
        let state = self.state.load(Relaxed);
        let held = state & HELD != 0;
        if !self.is_prompt::<M>(now) {
            let thread = self.whereabouts(habits, machine, now);
            if !matches!(thread, Whereabouts::Preempted) {
                self.close(habits, machine, now, Cause::Call, thread);
                // `word` was read before closing the burst noted the new history in the table.
                let state = self.begin(habits, machine, fd, word & !PLACE_MASK | next_history(state));
                self.state.store(state, Relaxed);
                // Data that is held already is old by now: this call takes it along. Otherwise the call may be held
                // like any first call.
                let hold = may && !held && habits.place(state).is_trusted() && habits.service(state).is_trusted();
                if hold {
                    self.since.store(now, Relaxed);
                    self.state.store(state | HELD, Relaxed);
                    return Todo::Hold;
                }
                return Todo::Push;
            }
            habits.watch();
            self.nagle_off(machine, fd);
            if state & LAST != LAST {
                let next = state.wrapping_add(1);
                self.state.store(next, Relaxed);
                return if held { self.taken_along(machine, fd, next, now, thread) } else { Todo::Push };
            }
        }
        if now.wrapping_sub(self.at.load(Relaxed)) > micros::<M>(STAYS_FAST) {
            self.nagle_off(machine, fd);
        }
        let state = self.state.load(Relaxed);
        if state & LONG == 0 {
            self.ask.store(POSITIONS, Relaxed);
            self.left.store(0, Relaxed);
            self.state.store(state | LONG, Relaxed);
        }
        let left = self.left.load(Relaxed);
        self.left.store(left.saturating_sub(1), Relaxed);
        let todo = if held {
            self.taken_along(machine, fd, state | LONG, now, Whereabouts::Here)
        } else {
            Todo::Push
        };
        if left == 0 {
            self.look_at_long(machine, fd, word, now);
        }
        todo
    }

    /// The thread has reached a release point: releases what is held and ends the burst, if one is open.
    #[inline(always)]
    pub fn let_go<M: Machine>(&self, habits: &Habits, machine: &M, cause: Cause) {
        if self.is_open() {
            self.end(habits, machine, machine.now(), cause);
        }
    }

    /// Is nothing held, nothing owed by the service, and the thread prompt? Then the burst can end in few instructions.
    #[inline(always)]
    pub fn is_quiet<M: Machine>(&self, habits: &Habits, now: u32) -> bool {
        let state = self.state.load(Relaxed);
        state & (MATTERS | LONG) == 0 && habits.service(state).is_trusted() && self.is_prompt::<M>(now)
    }

    /// Ends the burst in few instructions, if [`Burst::is_quiet`]. Returns false, having done nothing, if not.
    #[inline(always)]
    pub fn ends_quickly<M: Machine>(&self, habits: &Habits, machine: &M, now: u32) -> bool {
        if !self.is_quiet::<M>(habits, now) {
            return false;
        }
        self.rested(habits, machine);
        true
    }

    /// Before a receive with the burst open: releases what is held. Returns true if that ended the burst.
    #[inline(never)]
    pub fn receiving<M: Machine>(&self, habits: &Habits, machine: &M, now: u32) -> bool {
        let state = self.state.load(Relaxed);
        if state & PROGRAM != 0 || !self.is_prompt::<M>(now) {
            self.end_rarely(habits, machine, now, Cause::Wait);
            return true;
        }
        let fd = self.descriptor();
        self.nagle_off(machine, fd);
        if state & HELD != 0 {
            self.leaves(machine, fd, state, now, Cause::Wait, Whereabouts::Here);
            habits.place(state).deny();
            self.not_held();
        }
        self.waiting(habits, machine);
        false
    }

    /// Before a call with the burst open that may wait or receive. The hook sees both, so what is to be asked of the
    /// kernel has to be asked now.
    #[inline]
    pub fn waiting<M: Machine>(&self, habits: &Habits, machine: &M) {
        let state = self.state.load(Relaxed);
        if state & CHECKED != 0 {
            self.state.store(self.verified(habits, machine, self.descriptor(), state), Relaxed);
        }
    }

    /// After a receive with the burst still open. `something` is true if it returned data or the end of data; `begun`
    /// is when it was made.
    #[inline(never)]
    pub fn received<M: Machine>(&self, habits: &Habits, machine: &M, begun: u32, something: bool) {
        if something {
            self.end(habits, machine, begun, Cause::Wait);
        } else {
            self.state.store(self.state.load(Relaxed) & !VERIFIED | RESTED, Relaxed);
            // The quick path must not continue a long burst from here.
            self.left.store(0, Relaxed);
            self.returned(machine);
        }
    }

    /// Ends the burst without learning anything about the service.
    #[inline(always)]
    pub fn rested<M: Machine>(&self, habits: &Habits, machine: &M) {
        let (fd, state) = (self.descriptor(), self.state.load(Relaxed));
        self.fd.store(0, Relaxed);
        habits.place(state).deny();
        machine.remember(fd, next_history(state));
    }

    /// Ends the burst, if one is open, with the evidence as of `now`, which may lie in the past.
    #[inline]
    pub fn end<M: Machine>(&self, habits: &Habits, machine: &M, now: u32, cause: Cause) {
        if !self.ends_quickly(habits, machine, now) {
            self.end_rarely(habits, machine, now, cause);
        }
    }

    #[inline(never)]
    fn end_rarely<M: Machine>(&self, habits: &Habits, machine: &M, now: u32, cause: Cause) {
        let thread = self.whereabouts(habits, machine, now);
        self.close(habits, machine, now, cause, thread);
    }

    /// Called by another thread: ends the burst if it has held data for so long that its thread will hardly come back.
    /// Returns the descriptor. (That thread may be inside the call that is held; then it has not returned since.)
    pub fn left_behind<M: Machine>(&self, now: u32) -> Option<i32> {
        let open = self.fd.load(Relaxed);
        if open == 0 || self.state.load(Relaxed) & HELD == 0 {
            return None;
        }
        let (since, at) = (self.since.load(Relaxed), self.at.load(Relaxed));
        let returned = at.wrapping_sub(since).cast_signed() >= 0;
        let left = returned && now.wrapping_sub(at) >= M::MILLISECOND.saturating_mul(LEFT);
        // If the thread comes back at this moment, one of the two does it.
        let ended = left && self.fd.compare_exchange(open, 0, Relaxed, Relaxed).is_ok();
        if ended { Some(open.wrapping_sub(1).cast_signed()) } else { None }
    }

    /// A wait with a timeout of zero has found nothing. After the second one no further call is expected at once, so
    /// what is held is released.
    pub fn found_nothing<M: Machine>(&self, habits: &Habits, machine: &M) {
        let state = self.state.load(Relaxed);
        if state & EMPTY != 0 {
            self.let_go(habits, machine, Cause::Wait);
        } else {
            self.state.store(state | EMPTY, Relaxed);
        }
    }

    /// A wait that could have blocked, begun at `begun`, found something at once. That proves nothing, but the thread
    /// has not been elsewhere.
    pub fn is_here<M: Machine>(&self, habits: &Habits, machine: &M, begun: u32) {
        if self.is_prompt::<M>(begun) {
            self.state.store(self.state.load(Relaxed) & !VERIFIED, Relaxed);
            self.returned(machine);
        } else {
            self.end_rarely(habits, machine, begun, Cause::Wait);
        }
    }

    /// Has a wait that began at `begun` really waited?
    pub fn has_waited<M: Machine>(machine: &M, begun: u32) -> bool {
        machine.now().wrapping_sub(begun) > micros::<M>(WAITED)
    }

    /// The program itself holds data on `fd`; the next release point is to release it.
    pub fn program_holds<M: Machine>(&self, habits: &Habits, machine: &M, fd: i32) {
        if self.is_on(fd) {
            self.nagle_off(machine, fd);
        } else {
            self.let_go(habits, machine, Cause::Wait);
        }
        self.state.store(PROGRAM, Relaxed);
        self.fd.store(name(fd), Relaxed);
    }

    /// Drops the burst on `fd` without learning anything: the descriptor was closed, or the program has taken over.
    pub fn forget(&self, fd: i32) {
        if self.is_on(fd) {
            self.abandon();
        }
    }

    /// Drops the burst, whatever it holds.
    pub fn abandon(&self) {
        self.fd.store(0, Relaxed);
    }

    /// The last call could not be held.
    #[cold]
    pub fn not_held(&self) {
        self.state.store(self.state.load(Relaxed) & !(HELD | CORKED), Relaxed);
    }

    /// What is held is held by TCP_CORK from now on.
    #[cold]
    pub fn corked(&self) {
        self.state.store(self.state.load(Relaxed) | CORKED, Relaxed);
    }

    /// Where was the thread since the last call of the burst? Asks the kernel only if the answer matters: while data is
    /// held, or the service has paid some of its confirmations.
    #[inline]
    fn whereabouts<M: Machine>(&self, habits: &Habits, machine: &M, now: u32) -> Whereabouts {
        if self.is_prompt::<M>(now) {
            return Whereabouts::Here;
        }
        let state = self.state.load(Relaxed);
        if state & KNOWN == 0 || state & HELD == 0 && habits.service(state).is_distrusted() {
            return Whereabouts::Unknown;
        }
        let usage = machine.usage();
        let computed = usage.computed.wrapping_sub(self.computed.load(Relaxed));
        if usage.slept != self.slept.load(Relaxed) || computed > PROMPT {
            Whereabouts::Elsewhere
        } else {
            Whereabouts::Preempted
        }
    }

    /// Ends the burst, and learns from the way it ended.
    fn close<M: Machine>(&self, habits: &Habits, machine: &M, now: u32, cause: Cause, thread: Whereabouts) {
        let (fd, state) = (self.descriptor(), self.state.load(Relaxed));
        // Cleared first, so that a signal handler that runs now finds no open burst.
        self.fd.store(0, Relaxed);
        if state & PROGRAM != 0 {
            machine.push(fd);
            return;
        }
        if state & NAGLE != 0 {
            machine.nagle(fd, false);
        }
        let age = now.wrapping_sub(self.since.load(Relaxed));
        if state & HELD != 0 {
            self.leaves(machine, fd, state, now, cause, thread);
        }
        let service = habits.service(state);
        match thread {
            Whereabouts::Here => {
                if self.verified(habits, machine, fd, state) & VERIFIED != 0 || !Habits::asks(service.owes()) {
                    service.confirm();
                }
                habits.place(state).deny();
            }
            Whereabouts::Preempted => habits.watch(),
            Whereabouts::Unknown => {
                if state & HELD != 0 || !service.is_distrusted() {
                    habits.watch();
                }
                service.deny();
            }
            Whereabouts::Elsewhere => {
                service.deny();
                habits.distrust(state);
            }
        }
        let elsewhere = matches!(thread, Whereabouts::Unknown | Whereabouts::Elsewhere);
        if elsewhere && state & HELD != 0 && age >= M::MILLISECOND.saturating_mul(LATE) {
            let sure = age >= M::MILLISECOND.saturating_mul(SURELY_LATE);
            habits.strike(sure || matches!(thread, Whereabouts::Elsewhere));
        }
        machine.remember(fd, next_history(state));
    }

    /// Releases what is held.
    fn leaves<M: Machine>(&self, machine: &M, fd: i32, state: u32, now: u32, cause: Cause, thread: Whereabouts) {
        if state & CORKED != 0 {
            machine.uncork(fd);
        } else if !matches!(cause, Cause::Call) {
            machine.push(fd);
        }
        if machine.counts() {
            let age = now.wrapping_sub(self.since.load(Relaxed));
            machine.gone(fd, Gone { age, cause, thread, corked: state & CORKED != 0 });
        }
    }

    /// Asks the kernel whether hooks have missed anything, if that is still to be asked. Returns the new state: with
    /// [`VERIFIED`] if they have not; otherwise the service owes more.
    #[cold]
    #[inline(never)]
    fn verified<M: Machine>(&self, habits: &Habits, machine: &M, fd: i32, state: u32) -> u32 {
        let service = habits.service(state);
        if state & (CHECKED | VERIFIED) != CHECKED {
            return state;
        }
        if self.was_answered_unseen(machine, fd) {
            service.never();
        } else if state & KNOWN != 0 && machine.usage().slept != self.slept.load(Relaxed) {
            // The thread slept, too briefly for the clock to show. Some day it will sleep longer.
            habits.slept(state);
        } else {
            return state | VERIFIED;
        }
        state & !CHECKED
    }

    /// Has the program read from the connection since the burst began? No hook has seen that, or the burst would be
    /// over.
    fn was_answered_unseen<M: Machine>(&self, machine: &M, fd: i32) -> bool {
        let before = self.received.load(Relaxed);
        machine.received(fd).is_some_and(|received| {
            // The peer's FIN counts as a byte (net/ipv4/tcp_input.c, `tcp_fin`).
            const FIN: i32 = 1;
            received != before && received.wrapping_sub(machine.unread(fd)).wrapping_sub(before).cast_signed() > FIN
        })
    }
}

/// The bits of a place that are the history.
pub(super) const HISTORY: u32 = PLACE_MASK & ((1 << super::SERVICE_AT) - 1);
/// Number of bits for the length of one burst in the history.
pub(super) const LENGTH: u32 = super::HISTORY_BITS / 2;
/// Service and history after a burst whose last call was at this place.
#[inline(always)]
fn next_history(state: u32) -> u32 {
    let length = (state & LAST).min(3);
    let history = (state & HISTORY) << LENGTH | length.wrapping_mul(POSITIONS);
    state & PLACE_MASK & !HISTORY | history & HISTORY
}
