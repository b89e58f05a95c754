//! Data calls, receives and waits. Each hook asks here what to do before it makes the real call, and reports when the
//! call has returned.

use core::ffi::c_int;

use policy::evidence::{Burst, Cause, Quick, Todo};
use policy::socket::{ATTEND, CLOSELY, CORKED, Kind, NO_HOLD, SHARED, Socket};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::{GAVE_NAGLE, HAS_BURSTS};
use crate::sync::Relaxed;
use crate::table::{ALL, Words};
use crate::threads::Place;

/// Flags that exclude a call from being held: MSG_MORE is invalid with MSG_EOR, urgent data (MSG_OOB) must not wait,
/// the completion of a zero-copy call would wait with its data, and with MSG_MORE the program itself says that more
/// follows.
const SPECIAL: c_int = libc::MSG_EOR | libc::MSG_OOB | libc::MSG_ZEROCOPY | libc::MSG_MORE;

/// What a hook does with a data call after the test in [`Library::first`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Make the call; the engine needs to know nothing more.
    Forward,
    /// Ask [`Library::usual`]: calls may be held on this connection.
    Usual,
    /// Ask [`Library::sending`]: the descriptor or the flags need a closer look.
    Closer,
}

/// How a hook makes a data call.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// Make the call; the engine needs to know nothing more.
    Forward,
    /// Make the call, and note the time at which it returned ([`Library::sent`]).
    Send(&'a Place),
    /// The call continues an open burst: ask [`Library::follows`].
    Follow(&'a Place),
    /// Hold the call ([`Library::held`]). Never returned for a call that cannot be held.
    Hold(&'a Place),
    /// Make the call, which takes along what was held. If it sends nothing, the held data is still there and has to be
    /// pushed ([`Library::passed`]).
    Pass(&'a Place),
    /// Make the call, then clear TCP_CORK ([`Library::uncorked`]).
    Uncork,
    /// Ask [`Library::sending`], which itself returns neither this nor [`Look::Follow`].
    Closer,
}

/// How a wait is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Make the call; the engine needs to know nothing more.
    Forward,
    /// Make the call, begun at this time, and note what it found ([`Library::waited`]).
    Time(u32),
    /// Poll first, without blocking: the program may handle events that are ready while its data stays held. If none is
    /// ready, release what is held, then make the real call.
    Ask,
}

/// What a hook does with a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// Make the call; the engine needs to know nothing more.
    Forward,
    /// Make the call, and report how much it received ([`Library::received`]).
    Watch,
}

/// What a hook does with a receive after the test in [`Library::look_at_receive`].
#[derive(Clone, Copy, Debug)]
pub enum LookAtReceive<'a> {
    /// Make the call; the engine needs to know nothing more.
    Forward,
    /// A burst is open in this slot and ends with the receive: try [`Library::ends_quickly`] first, and
    /// [`Library::receive_at_end`] if that returns false.
    End(&'a Place),
    /// Ask [`Library::receiving`].
    Closer,
}

/// What the engine needs to know of a data call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The flags that the program passed.
    pub flags: c_int,
    /// True if MSG_MORE can hold the call. Otherwise (sendfile, for instance) only TCP_CORK can.
    pub more: bool,
    /// True if the call has data, and its arguments are such that the held form of the call behaves like the original.
    pub may: bool,
    /// True if the call exists for sockets only (send, not write). Then an unmet descriptor must be a socket that came
    /// from elsewhere; otherwise it is taken for a file.
    pub only_sockets: bool,
}

impl<M: Machine> Library<M> {
    /// The first test of a data call, inlined into every hook that sends.
    #[inline(always)]
    pub fn first(&self, fd: c_int, flags: c_int, only_sockets: bool) -> First {
        let Some(words) = self.table.near(fd) else {
            return if self.table.is_beyond(fd) { First::Closer } else { First::Forward };
        };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if socket.has(ATTEND) {
            return if socket.has(CLOSELY | CORKED) { First::Closer } else { First::Usual };
        }
        // An unmet descriptor in a call that only sockets have; or flags that tell the engine something.
        if only_sockets && !socket.is_met() || flags & SPECIAL != 0 && !socket.has(NO_HOLD) {
            return First::Closer;
        }
        First::Forward
    }

    /// Decides a data call for which [`Library::first`] has returned [`First::Usual`]; most calls need nothing more. If
    /// the case is an unusual one, returns [`Look::Closer`] and has noted nothing.
    #[inline(always)]
    pub fn usual(&self, fd: c_int, call: Call) -> Look<'_> {
        if call.flags & SPECIAL != 0 {
            return Look::Closer;
        }
        let Some(place) = self.threads.taken(M::thread()) else { return Look::Closer };
        let words = self.table.known_near(fd);
        let word = || words.low.load(Relaxed);
        let quick = place.burst.quickly(&self.habits, self, fd, word, call.may, call.more, || words.is_held());
        look_at(place, words, quick)
    }

    /// Decides a call for which [`Library::usual`] has returned [`Look::Follow`]: the thread's burst on this socket is
    /// open.
    #[inline(always)]
    pub fn follows<'a>(&'a self, fd: c_int, place: &'a Place, call: Call) -> Look<'a> {
        let words = self.table.known_near(fd);
        look_at(place, words, place.burst.follows_quickly(&self.habits, self, call.more, || words.is_held()))
    }

    /// Decides a data call in every case that [`Library::first`], [`Library::usual`] and [`Library::follows`] leave
    /// open.
    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub fn sending(&self, fd: c_int, call: Call) -> Look<'_> {
        let low = match self.table.near(fd) {
            Some(words) => words.low.load(Relaxed),
            None => 0,
        };
        let socket = Socket::of(low, 0);
        if call.may && socket.is_watched_for_stalls() && socket.holdable() && !socket.has(CORKED) {
            // Receives are watched; of what is sent that wants to know no more than this.
            self.spoke(fd);
            match self.usual(fd, call) {
                Look::Closer | Look::Follow(_) => {}
                look => return look,
            }
        }
        if !socket.is_usual() || call.flags & SPECIAL != 0 {
            return self.sending_rarely(fd, call);
        }
        self.sending_on(fd, self.table.get(fd), call)
    }

    /// Decides a data call on a connection on which calls may be held.
    #[unsafe(link_section = ".text.tcp")]
    fn sending_on(&self, fd: c_int, socket: Socket, call: Call) -> Look<'_> {
        // A call without data is no evidence, and the kernel pushes nothing for it.
        let place = if call.may { self.own_place() } else { None };
        let Some(place) = place else {
            // This thread has no slot, so nothing is held for it; nor may its data wait behind a cork that another
            // thread has set.
            return if call.may && socket.is_corked() { Look::Uncork } else { Look::Forward };
        };
        let burst = &place.burst;
        // What another thread has held on this socket leaves with this call, whatever the evidence says: neither thread
        // may have to wait for the other.
        let held = socket.is_held();
        // (If another thread's call has taken along what this thread held, its burst still says that it holds. TCP_CORK
        // tells the two apart: a cork that this burst did not set belongs to another thread.)
        let anothers = held && (!burst.holds(fd) || socket.is_corked() && !burst.is_corked());
        // Never cork a socket that has several descriptors: the cork would also delay calls through the others.
        let may = !anothers && (call.more || !socket.has(SHARED));
        let todo = burst.sent(&self.habits, self, fd, socket.low(), may);
        if todo == Todo::Hold {
            if call.more {
                self.table.hold(fd, true);
                return Look::Hold(place);
            }
            if burst.is_corked() || self.cork(fd) {
                burst.corked();
                return Look::Send(place);
            }
            burst.not_held();
        }
        if todo == Todo::PushCorked {
            return Look::Uncork;
        }
        if anothers {
            self.look_at_others();
            if socket.is_corked() {
                self.uncork(fd);
            }
        }
        if !held {
            return Look::Send(place);
        }
        self.table.hold(fd, false);
        Look::Pass(place)
    }

    /// Decides a data call on any other descriptor.
    #[cold]
    #[inline(never)]
    fn sending_rarely(&self, fd: c_int, call: Call) -> Look<'_> {
        let mut socket = self.table.get(fd);
        let new = matches!(socket.kind(), Kind::Unknown);
        if new || call.only_sockets && !socket.is_met() && self.is_enabled() {
            socket = self.meet(fd);
        }
        if matches!(socket.kind(), Kind::Fresh) && call.flags & libc::MSG_FASTOPEN != 0 {
            socket = self.opened_by_send(fd, socket);
        }
        if !socket.is_connection() || !call.may {
            return Look::Forward;
        }
        if !socket.holdable() || call.flags & SPECIAL != 0 {
            self.program_sent(fd, socket, call.flags);
            return Look::Forward;
        }
        if socket.has(CLOSELY) {
            self.spoke(fd);
        }
        self.sending_on(fd, self.table.get(fd), call)
    }

    /// Makes a data call that is not held, and notes when it returned.
    #[inline(always)]
    pub fn sent<R>(&self, place: &Place, real: impl FnOnce() -> R) -> R {
        let sent = real();
        place.burst.returned(self);
        sent
    }

    /// Makes a data call that is to be held and returns its result. `held` makes the held form of the call, `real` the
    /// call as the program wants it. `whole` is the length of its data, where the arguments tell.
    #[inline(always)]
    pub fn held(
        &self,
        fd: c_int,
        place: &Place,
        whole: Option<usize>,
        held: impl FnOnce() -> isize,
        real: impl FnOnce() -> isize,
    ) -> isize {
        let error = place.error();
        let sent = held();
        if whole.map_or(sent > 0, |whole| sent == whole.cast_signed()) {
            if place.burst.is_on(fd) {
                place.burst.returned(self);
            } else {
                // A signal handler ran meanwhile and released the burst, before this data was there: push it.
                self.push(fd);
            }
            return sent;
        }
        if !self.cut_short(fd, place, sent) {
            return sent;
        }
        // The held call has set errno, but the program did not make that call.
        place.set_error(error);
        real()
    }

    /// Makes a data call that takes along what was held. `keeps` tells from its result whether some of that data is
    /// still in the kernel: because the call failed or found the end of its file, or because it was a short sendfile on
    /// a kernel before 6.5, which keeps the tail.
    #[inline(always)]
    pub fn passed(
        &self,
        fd: c_int,
        place: &Place,
        real: impl FnOnce() -> isize,
        keeps: impl FnOnce(isize) -> bool,
    ) -> isize {
        let sent = self.sent(place, real);
        if keeps(sent) {
            self.push(fd);
        }
        sent
    }

    /// Makes a receive that ends the burst in this slot.
    #[inline(always)]
    pub fn receive_at_end(&self, place: &Place, real: impl FnOnce() -> isize) -> isize {
        let begun = M::ticks();
        let over = place.burst.receiving(&self.habits, self, begun);
        let got = real();
        if !over {
            self.received_in_burst(place, begun, got >= 0);
        }
        got
    }

    /// Makes the last call of a corked burst, then clears TCP_CORK.
    #[inline(always)]
    pub fn uncorked<R>(&self, fd: c_int, real: impl FnOnce() -> R) -> R {
        let sent = real();
        self.made_corked(fd);
        sent
    }

    #[cold]
    #[inline(never)]
    fn made_corked(&self, fd: c_int) {
        if let Some(place) = self.threads.taken(M::thread()) {
            place.burst.returned(self);
        }
        self.uncork(fd);
    }

    /// Handles a held call that did not take all its data: it failed, or the send buffer is full. `sent` is its result.
    /// Returns true if the descriptor is no socket any more, or the held form is forbidden; the call must then be made
    /// again in its original form. Otherwise nothing stays held: the kernel pushes when the buffer is full, and what was
    /// held before is pushed here.
    #[cold]
    #[inline(never)]
    fn cut_short(&self, fd: c_int, place: &Place, sent: isize) -> bool {
        place.burst.returned(self);
        place.burst.not_held();
        if sent < 0 && place.error() == libc::ENOTSOCK {
            // The descriptor was closed by a call that no hook saw, and now names something else.
            place.burst.forget(fd);
            self.table.set(fd, Socket(0));
            return true;
        }
        if sent < 0 && matches!(place.error(), libc::EPERM | libc::ENOSYS) {
            // A filter that allows the program's call but not the held form of it.
            self.program_holds(fd, self.table.get_rarely(fd));
            return true;
        }
        if sent == 0 || sent < 0 && place.error() != libc::EAGAIN {
            // What was held before this call is still there.
            self.push(fd);
        } else {
            self.uncork(fd);
            self.table.hold(fd, false);
        }
        false
    }

    /// The first test of a receive, inlined into every hook that receives; most calls need nothing more.
    #[inline(always)]
    pub fn look_at_receive(&self, fd: c_int, only_sockets: bool) -> LookAtReceive<'_> {
        let Some(words) = self.table.near(fd) else {
            return if self.table.is_beyond(fd) { LookAtReceive::Closer } else { LookAtReceive::Forward };
        };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if socket.is_usual_to_receive() {
            return match self.threads.slot_with_open(M::thread()) {
                Some(place) => LookAtReceive::End(place),
                None => LookAtReceive::Forward,
            };
        }
        // A read of what is not known to be a socket must not release anything: programs read a file between header and
        // body.
        if socket.is_met() || only_sockets { LookAtReceive::Closer } else { LookAtReceive::Forward }
    }

    /// Ends the burst in `place` if that is cheap, which it mostly is: nothing is held, and the service owes nothing.
    /// What the receive returns then proves nothing more. A burst of another thread, which shares the slot, stays open.
    /// Returns false if the receive has to be made by [`Library::receive_at_end`].
    #[inline(always)]
    pub fn ends_quickly(&self, place: &Place) -> bool {
        !place.is_of(M::thread()) || place.burst.ends_quickly(&self.habits, self, M::ticks())
    }

    /// Reports a receive during an open burst. `something` is false if it failed; then it proves nothing.
    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn received_in_burst(&self, place: &Place, begun: u32, something: bool) {
        if place.burst.is_open() {
            place.burst.received(&self.habits, self, begun, something);
        }
    }

    /// The full decision for a receive.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub fn receiving(&self, fd: c_int, only_sockets: bool) -> Receive {
        if self.table.near(fd).is_some_and(|words| Socket::of(words.low.load(Relaxed), 0).is_watched())
            && self.threads.slot_with_open(M::thread()).is_none_or(|place| self.ends_quickly(place))
        {
            return Receive::Watch;
        }
        self.receiving_rarely(fd, only_sockets)
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn receiving_rarely(&self, fd: c_int, only_sockets: bool) -> Receive {
        let mut socket = self.table.get(fd);
        if matches!(socket.kind(), Kind::Unknown) || only_sockets && !socket.is_met() && self.is_enabled() {
            socket = self.meet(fd);
        }
        if only_sockets || socket.is_met() {
            self.let_go(Cause::Wait);
        }
        if socket.is_watched() { Receive::Watch } else { Receive::Forward }
    }

    /// This thread's slot, taken now if it has none; None if another thread has it.
    #[inline]
    pub(crate) fn own_place(&self) -> Option<&Place> {
        let thread = M::thread();
        self.threads.taken(thread).or_else(|| self.take_place(thread))
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn take_place(&self, thread: usize) -> Option<&Place> {
        self.look_at_others();
        self.mode.raise(HAS_BURSTS);
        self.threads.take::<M>(thread)
    }

    /// Releases what other threads hold that have not come back for long, and counts it as late: a thread that never enters a
    /// hook again shows in nothing else.
    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn look_at_others(&self) {
        if !self.mode.is(HAS_BURSTS) {
            return;
        }
        let now = M::ticks();
        self.threads.each(|burst| {
            if let Some(fd) = burst.left_behind::<Self>(now) {
                self.habits.strike(true);
                self.push(fd);
            }
        });
    }

    /// Is a burst open in this thread's slot? (It may belong to another thread that shares the slot.)
    #[inline(always)]
    pub fn has_open(&self) -> bool {
        self.threads.has_open(M::thread())
    }

    /// The thread has reached a release point: releases what it holds and ends its burst.
    #[inline(always)]
    pub fn let_go(&self, cause: Cause) {
        if self.has_open() {
            self.let_go_now(cause);
        }
    }

    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn let_go_now(&self, cause: Cause) {
        if let Some(burst) = self.threads.open(M::thread()) {
            burst.end(&self.habits, self, M::ticks(), cause);
        }
    }

    /// Makes a wait for a thread of which [`Library::has_open`] says that its burst is open, and ends the burst if it
    /// really waited: the usual case, in which nothing is held and the kernel is not to be asked. Otherwise calls
    /// `closer` instead of `real`, to go on with [`Library::wait`]. `blocks` is false if the timeout is zero. Both return
    /// the call's result, 0 if nothing is ready.
    #[inline(always)]
    pub fn timed(&self, blocks: bool, real: impl FnOnce() -> c_int, closer: impl FnOnce() -> c_int) -> c_int {
        let place = if blocks { self.threads.taken(M::thread()) } else { None };
        let Some(place) = place.filter(|place| !place.burst.matters()) else { return closer() };
        let begun = M::ticks();
        self.ended_by_wait(place, begun, real())
    }

    /// Reports the result of a wait that was timed; returns `found`, so that hooks can jump here.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn ended_by_wait(&self, place: &Place, begun: u32, found: c_int) -> c_int {
        let burst = &place.burst;
        // (A signal handler may have ended the burst meanwhile.)
        let ended = Burst::has_waited(self, begun) && burst.is_open() && burst.ends_quickly(&self.habits, self, begun);
        if !ended {
            self.waited(true, begun, found);
        }
        found
    }

    /// Makes a wait in every case that [`Library::timed`] leaves open. `ask` makes the same call with a timeout of zero,
    /// if that has no other effects; `call` makes it as the program wants it.
    #[inline(always)]
    pub fn wait(&self, blocks: bool, ask: Option<impl FnOnce() -> c_int>, call: impl FnOnce() -> c_int) -> c_int {
        let wait = self.waiting(blocks, ask.is_some());
        if wait == Wait::Ask
            && let Some(ask) = ask
        {
            let found = ask();
            if found != 0 {
                return found;
            }
            self.let_go_now(Cause::Wait);
        }
        let found = call();
        if let Wait::Time(begun) = wait {
            self.waited(blocks, begun, found);
        }
        found
    }

    /// Decides how a wait is made; `asks` says whether it can be tried with a timeout of zero.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn waiting(&self, blocks: bool, asks: bool) -> Wait {
        let Some(burst) = self.threads.open(M::thread()) else { return Wait::Forward };
        if burst.matters() {
            return self.waiting_rarely(burst, blocks, asks);
        }
        if blocks { Wait::Time(M::ticks()) } else { Wait::Forward }
    }

    /// Decides a wait of a thread that holds data, or of whose service the kernel is still to be asked.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn waiting_rarely(&self, burst: &Burst, blocks: bool, asks: bool) -> Wait {
        if !burst.keeps() {
            if blocks {
                burst.waiting(&self.habits, self);
            }
            return Wait::Time(M::ticks());
        }
        let old = burst.is_old(self);
        if blocks && asks && !old {
            return Wait::Ask;
        }
        if blocks || old {
            self.let_go_now(Cause::Wait);
            return Wait::Forward;
        }
        Wait::Time(M::ticks())
    }

    /// Reports the result of a wait that began at `begun`: `found` is what it returned, 0 if nothing was ready.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn waited(&self, blocks: bool, begun: u32, found: c_int) {
        let Some(burst) = self.threads.open(M::thread()) else { return };
        if blocks {
            if Burst::has_waited(self, begun) {
                burst.end(&self.habits, self, begun, Cause::Wait);
            } else {
                burst.is_here(&self.habits, self, begun);
            }
        } else if found == 0 && burst.keeps() {
            burst.found_nothing(&self.habits, self);
        }
    }

    /// Releases what any thread holds on `fd`, and what this thread holds anywhere. Called before `fd` is closed or
    /// duplicated, and when the program takes TCP_NODELAY or corking into its own hands.
    #[inline]
    #[unsafe(link_section = ".text.tcp")]
    pub fn let_go_of(&self, fd: c_int) {
        self.let_go(Cause::End);
        let socket = self.table.get(fd);
        // Data that another thread holds; its next release will find nothing left. Or Nagle's algorithm, given back to a
        // burst: it would outlive this descriptor under the socket's other ones.
        if socket.is_held() || socket.has(SHARED) && self.mode.is(GAVE_NAGLE) && self.is_kept(fd) {
            self.push(fd);
        }
    }

    /// May the kernel be delaying data of some thread's burst on this descriptor?
    #[cold]
    #[inline(never)]
    pub(crate) fn is_kept(&self, fd: c_int) -> bool {
        let mut kept = false;
        if !self.mode.is(HAS_BURSTS) {
            return kept;
        }
        self.threads.each(|burst| kept |= burst.is_on(fd) && burst.keeps());
        kept
    }

    /// Prepares for a data call on `fd` that may block on its source (splice from a pipe): nothing may stay held
    /// meanwhile.
    #[inline]
    pub fn sending_from_elsewhere(&self, fd: c_int) {
        if self.table.get(fd).is_held() {
            self.let_go_of(fd);
        }
    }

    /// Releases what every thread holds, because the process is about to end.
    #[cold]
    #[unsafe(link_section = ".text.usual")]
    pub fn let_go_of_all(&self) {
        if !self.mode.is(HAS_BURSTS) {
            return;
        }
        self.let_go(Cause::End);
        self.threads.each(|burst| {
            if burst.keeps() {
                self.push(burst.descriptor());
            }
        });
    }

    /// This process is the child of a fork(2): its threads may behave differently, so its services have to earn trust
    /// again.
    ///
    /// Its connections are other processes' too: a cork, which belongs to the socket, would outlive a child that is killed. So
    /// none is set on them.
    pub fn forked(&self) {
        self.habits.forked();
        self.each(0, ALL, |fd, socket| {
            if socket.is_connection() {
                self.table.flag(fd, SHARED);
            }
        });
    }
}

/// Turns the verdict of the quick path into what the hook does, and notes in the table whether data is now held.
#[inline(always)]
fn look_at<'a>(place: &'a Place, words: &Words, quick: Option<Quick>) -> Look<'a> {
    match quick {
        Some(Quick::Forward) => Look::Forward,
        Some(Quick::Push) => Look::Send(place),
        Some(Quick::Follow) => Look::Follow(place),
        Some(Quick::Hold) => {
            words.hold(true);
            Look::Hold(place)
        }
        Some(Quick::Pass) => {
            words.hold(false);
            Look::Pass(place)
        }
        None => Look::Closer,
    }
}
