//! Connections that are watched for other reasons than the library's own holding: because the program holds data itself
//! (TCPTUNE_RELEASE=all), or because the peer may be waiting for our acknowledgements (TCPTUNE_QUICKACK).

use core::ffi::c_int;

use policy::evidence::Cause;
use policy::socket::{APP_CORK, CLOSELY, NO_HOLD, NOTED, Socket};
use policy::stall::{self, Action, Stall};
use policy::{Quickack, Release, Tuning};

use crate::library::Library;
use crate::machine::{Machine, set_on, tcp_info};
use crate::sync::{AtomicU32, Relaxed};
use crate::table::Words;

/// Converts [`Machine::ticks`] to the units of policy::stall, about 6.4 microseconds: a right shift by this many bits.
const COARSE: u32 = 10;

/// How many units of policy::stall a millisecond has: cycle counters run at 24 MHz to 5 GHz. Measured against the kernel's
/// clock, over the time between two moments at which that is asked. Relaxed: threads that race may lose a measurement.
#[derive(Debug)]
pub(crate) struct Rate {
    /// The earlier moment, in units and in the kernel's milliseconds; 0 before the first.
    units: AtomicU32,
    milliseconds: AtomicU32,
    /// What was measured last; 0 before.
    known: AtomicU32,
}

/// A measurement takes at least so many milliseconds, to be right within a tenth, and at most so many: the units wrap
/// after some ten seconds.
const MEASURE: core::ops::Range<u32> = 10..3_000;

impl Rate {
    pub(crate) const fn new() -> Rate {
        Rate { units: AtomicU32::new(0), milliseconds: AtomicU32::new(0), known: AtomicU32::new(0) }
    }

    /// What is known now.
    #[inline(always)]
    fn known<M: Machine>(&self) -> u32 {
        match self.known.load(Relaxed) {
            0 => M::MILLISECOND >> COARSE,
            known => known,
        }
    }

    /// The same, after a measurement if there can be one.
    #[cold]
    fn measured<M: Machine>(&self, now: u32) -> u32 {
        let milliseconds = M::milliseconds();
        let passed = milliseconds.wrapping_sub(self.milliseconds.load(Relaxed));
        if MEASURE.contains(&passed) {
            let units = now.wrapping_sub(self.units.load(Relaxed)) & (u32::MAX >> COARSE);
            self.known.store(units.checked_div(passed).unwrap_or(0).max(1), Relaxed);
        } else if passed >= MEASURE.end {
            self.begin(now, milliseconds);
        }
        self.known::<M>()
    }

    fn begin(&self, units: u32, milliseconds: u32) {
        self.units.store(units, Relaxed);
        self.milliseconds.store(milliseconds.max(1), Relaxed);
    }
}

impl<M: Machine> Library<M> {
    /// Handles a data call on a connection where evidence does not decide, or whose flags exclude holding. `flags` are
    /// the program's.
    #[cold]
    pub(crate) fn program_sent(&self, fd: c_int, socket: Socket, flags: c_int) {
        let more = flags & libc::MSG_MORE != 0;
        let mut socket = socket;
        if more && !socket.has(NO_HOLD) {
            self.program_holds(fd, socket);
            socket = self.table.get_rarely(fd);
        } else if socket.is_held() {
            // The cork is the library's, set for a burst that ends here.
            self.let_go(Cause::End);
            self.uncork(fd);
        }
        let keeps = more || socket.has(APP_CORK);
        if keeps && releases_all(self.tuning(socket)) {
            // Without a slot the thread cannot release this itself; closing the descriptor does.
            if let Some(place) = self.own_place() {
                place.burst.program_holds(&self.habits, self, fd);
            }
            self.table.hold(fd, true);
        } else {
            match self.threads.open(M::thread()) {
                Some(burst) if burst.holds(fd) => burst.forget(fd),
                // The burst may have been given Nagle's algorithm back, so TCP_NODELAY may have to be set again.
                Some(burst) if burst.is_on(fd) => self.let_go(Cause::End),
                _ => {}
            }
            self.table.hold(fd, false);
        }
        self.spoke(fd);
    }

    /// Notes that data was sent on a connection whose calls need a closer look: the peer's next pause is its own.
    #[inline(always)]
    pub(crate) fn spoke(&self, fd: c_int) {
        if let Some(note) = self.stalls.of(fd) {
            let state = Stall(note.load(Relaxed));
            if !state.has_spoken() {
                note.store(state.spoken().0, Relaxed);
            }
        }
    }

    /// `length` bytes were received on a watched connection ([`crate::Receive::Watch`]).
    #[inline(always)]
    pub fn received(&self, fd: c_int, length: usize) {
        let (Some(words), Some(note)) = (self.table.near(fd), self.stalls.of(fd)) else { return self.acknowledged(fd) };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if !socket.is_watched_for_stalls() {
            return self.acknowledged(fd);
        }
        let now = M::ticks() >> COARSE;
        let state = Stall(note.load(Relaxed));
        if !state.is_quiet(now, self.rate.known::<M>()) {
            return self.late(fd, length, now);
        }
        let next = state.at(now);
        note.store(next.0, Relaxed);
        if next.rests() && socket.has(CLOSELY) {
            rest(words, socket);
        }
    }

    #[cold]
    #[inline(never)]
    fn acknowledged(&self, fd: c_int) {
        let socket = self.table.get(fd);
        // (The program may have closed it meanwhile. Stalls are not noted of the second table's.)
        if socket.is_watched() && !socket.is_watched_for_stalls() {
            acknowledge::<M>(fd);
        }
    }

    /// Data was received after a pause, or on a connection whose receives are acknowledged at once.
    #[cold]
    #[inline(never)]
    fn late(&self, fd: c_int, length: usize, now: u32) {
        let Some(note) = self.stalls.of(fd) else { return };
        let socket = self.table.get(fd);
        let mut state = Stall(note.load(Relaxed));
        if !socket.has(NOTED) {
            state = state.new();
            self.table.flag(fd, NOTED);
        }
        if !socket.has(CLOSELY) {
            // Only from here on what is sent is noted: whether something was sent during this pause is not known.
            self.table.flag(fd, CLOSELY);
            return note.store(state.at(now).awake().0, Relaxed);
        }
        let gap = self.rate.known::<M>();
        let path = || Some((self.rate.measured::<M>(now), tcp_info::path::<M>(fd)?));
        let (next, action) = stall::received(state, now, gap, length, path);
        note.store(next.0, Relaxed);
        if matches!(action, Action::Acknowledge) {
            acknowledge::<M>(fd);
        }
    }
}

/// Nothing was late for a while: what is sent need not be noted.
#[cold]
#[inline(never)]
fn rest(words: &Words, socket: Socket) {
    if socket.holdable() {
        // If another thread has just changed the word, it rests the next time.
        let _ = words.low.compare_exchange(socket.low(), socket.without(CLOSELY).low(), Relaxed, Relaxed);
    }
}

/// Set after each receive, because the option is not permanent (tcp(7)): the kernel returns to delayed acknowledgements.
fn acknowledge<M: Machine>(fd: c_int) {
    set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK);
}

/// Flags an open connection as watched, if its tuning asks for quick acknowledgements; for `auto` the kernel has to be
/// asked, which a confined process must not.
pub(crate) fn begin(socket: Socket, tuning: &Tuning, confined: bool) -> Socket {
    match tuning.quickack {
        Quickack::Off => socket,
        Quickack::On => socket.acknowledged(),
        Quickack::Auto if confined => socket,
        Quickack::Auto => socket.watched_for_stalls(),
    }
}

/// Does this tuning also release what the program itself holds?
pub(crate) fn releases_all(tuning: &Tuning) -> bool {
    matches!(tuning.release, Release::All)
}
