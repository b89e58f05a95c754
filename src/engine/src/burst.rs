//! Data calls, receives and waits: each hook asks here what to do before the real call, and says when it has returned.

use core::ffi::c_int;

use policy::evidence::{Burst, Cause, Quick, Todo};
use policy::socket::{ATTEND, CLOSELY, CORKED, Kind, NO_HOLD, SHARED, Socket};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::{GAVE_NAGLE, HAS_BURSTS};
use crate::sync::Relaxed;
use crate::table::Words;
use crate::threads::Place;

/// Flags with which a call is never held: MSG_EOR makes MSG_MORE an error, urgent data is urgent, a zero-copy call's
/// completion would wait with it, and MSG_MORE is the program's own word.
const SPECIAL: c_int = libc::MSG_EOR | libc::MSG_OOB | libc::MSG_ZEROCOPY | libc::MSG_MORE;

/// What a hook does with a data call after the first instructions ([`Library::first`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Make it, and nothing else.
    Forward,
    /// Look at it ([`Library::usual`]): the descriptor is one of the usual ones.
    Usual,
    /// Look closer ([`Library::sending`]).
    Closer,
}

/// What a hook does with a data call.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// Make it, and nothing else.
    Forward,
    /// Make it, and note when it has returned ([`Library::sent`]).
    Send(&'a Place),
    /// It follows others: [`Library::follows`] says more.
    Follow(&'a Place),
    /// Make it so that it is held ([`Library::held`]). Never for a call that cannot be.
    Hold(&'a Place),
    /// It takes along what was held; or it finds nothing to send, and that is still there ([`Library::passed`]).
    Pass(&'a Place),
    /// Make it, then take the cork off ([`Library::uncorked`]).
    Uncork,
    /// Look closer ([`Library::sending`], which never says this).
    Closer,
}

/// What is done with a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// It is made, and nothing else.
    Forward,
    /// What it has found is noted: it begins at this time.
    Time(u32),
    /// What has come already may be served first, so that is asked first, without waiting. If there is nothing, what is held
    /// leaves.
    Ask,
}

/// What a hook does with a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// Make it, and nothing else.
    Forward,
    /// Say afterwards what it has given ([`Library::received`]).
    Watch,
}

/// What a hook does with a receive after the first look.
#[derive(Clone, Copy, Debug)]
pub enum LookAtReceive<'a> {
    /// Make it, and nothing else.
    Forward,
    /// A burst is open in this thread's place and ends, quickly ([`Library::ends_quickly`]) or not ([`Library::receive_at_end`]).
    End(&'a Place),
    /// Look closer ([`Library::receiving`]).
    Closer,
}

/// A data call, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The program's flags.
    pub flags: c_int,
    /// Can it be held by MSG_MORE? Otherwise (sendfile) only by a cork.
    pub more: bool,
    /// Has it data, and arguments with which the held form behaves alike?
    pub may: bool,
    /// Do only sockets have such a call? Then a descriptor that was never met came from elsewhere; otherwise it is a file.
    pub only_sockets: bool,
}

impl<M: Machine> Library<M> {
    /// The thread makes a data call: the first instructions of every hook that sends.
    #[inline(always)]
    pub fn first(&self, fd: c_int, flags: c_int, only_sockets: bool) -> First {
        let Some(words) = self.table.near(fd) else {
            return if self.table.is_beyond(fd) { First::Closer } else { First::Forward };
        };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if socket.has(ATTEND) {
            return if socket.has(CLOSELY | CORKED) { First::Closer } else { First::Usual };
        }
        // A call that only sockets have, on one that was never met; or flags that say something.
        if only_sockets && !socket.is_met() || flags & SPECIAL != 0 && !socket.has(NO_HOLD) {
            return First::Closer;
        }
        First::Forward
    }

    /// The thread makes a data call for which [`Library::first`] has just said [`First::Usual`]: all that most calls need.
    /// [`Look::Closer`] where it is not: then nothing has been noted.
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

    /// The same for one that [`Look::Follow`] says to follow others.
    #[inline(always)]
    pub fn follows<'a>(&'a self, fd: c_int, place: &'a Place, call: Call) -> Look<'a> {
        let words = self.table.known_near(fd);
        look_at(place, words, place.burst.follows_quickly(&self.habits, self, call.more, || words.is_held()))
    }

    /// The thread makes a data call: the closer look.
    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub fn sending(&self, fd: c_int, call: Call) -> Look<'_> {
        let low = match self.table.near(fd) {
            Some(words) => words.low.load(Relaxed),
            None => 0,
        };
        if !Socket::of(low, 0).is_usual() || call.flags & SPECIAL != 0 {
            return self.sending_rarely(fd, call);
        }
        self.sending_on(fd, self.table.get(fd), call)
    }

    /// A data call on a connection on which calls may be held.
    #[unsafe(link_section = ".text.tcp")]
    fn sending_on(&self, fd: c_int, socket: Socket, call: Call) -> Look<'_> {
        // A call without data says nothing and pushes nothing.
        let place = if call.may { self.own_place() } else { None };
        let Some(place) = place else {
            // A thread without a place stays behind nobody's cork either.
            return if call.may && socket.is_corked() { Look::Uncork } else { Look::Forward };
        };
        let burst = &place.burst;
        // What another thread holds goes out with this call, whatever is expected: neither thread has to wait for the other.
        let held = socket.is_held();
        // (A thread whose own was taken along by another still believes that it holds; but the cork is not its own.)
        let anothers = held && (!burst.holds(fd) || socket.is_corked() && !burst.is_corked());
        // Not corked where another number stands for the same socket: a call on that one would be kept back too.
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
        if anothers && socket.is_corked() {
            self.uncork(fd);
        }
        if !held {
            return Look::Send(place);
        }
        self.table.hold(fd, false);
        Look::Pass(place)
    }

    /// A data call on any other descriptor.
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

    /// Makes a data call that is not held.
    #[inline(always)]
    pub fn sent<R>(&self, place: &Place, real: impl FnOnce() -> R) -> R {
        let sent = real();
        place.burst.returned(self);
        sent
    }

    /// Makes a data call that is held: `held` makes it so, `real` as the program wants it. `whole` is its length, if the call
    /// says it. Gives its result.
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
                // A signal handler has come between, and let go before there was anything.
                self.push(fd);
            }
            return sent;
        }
        if !self.cut_short(fd, place, sent) {
            return sent;
        }
        // What the call that should not have been made has left in errno is not the program's.
        place.set_error(error);
        real()
    }

    /// Makes a data call that takes along what was held. `keeps` says of its result whether something of that is still there: it
    /// failed, met the end of its file or, as kernels before 6.5 do with the tail of a sendfile that is shorter than was asked,
    /// kept something back.
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

    /// Makes a receive with which the burst in this place ends.
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

    /// Makes the last call of a corked run.
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

    /// A held call has returned, and was not taken whole: it failed, or the buffer is full. `sent` is what it returned. True
    /// where the descriptor is no socket any more: then the call is to be made again as it was. Otherwise what was taken is on
    /// its way (a full buffer pushes), and nothing waits for more.
    #[cold]
    #[inline(never)]
    fn cut_short(&self, fd: c_int, place: &Place, sent: isize) -> bool {
        place.burst.returned(self);
        place.burst.not_held();
        if sent < 0 && place.error() == libc::ENOTSOCK {
            // The number was closed behind our back and now names something else.
            place.burst.forget(fd);
            self.table.set(fd, Socket(0));
            return true;
        }
        if sent == 0 || sent < 0 && place.error() != libc::EAGAIN {
            // What was held before it is still there.
            self.push(fd);
        } else {
            self.uncork(fd);
            self.table.hold(fd, false);
        }
        false
    }

    /// The thread is about to receive: the first look, which is all that most calls need.
    #[inline(always)]
    pub fn look_at_receive(&self, fd: c_int, only_sockets: bool) -> LookAtReceive<'_> {
        let Some(words) = self.table.near(fd) else {
            return if self.table.is_beyond(fd) { LookAtReceive::Closer } else { LookAtReceive::Forward };
        };
        let socket = Socket::of(words.low.load(Relaxed), 0);
        if socket.is_usual() {
            return match self.threads.slot_with_open(M::thread()) {
                Some(place) => LookAtReceive::End(place),
                None => LookAtReceive::Forward,
            };
        }
        // What is not a socket now must not act like one: a program copies files between header and body.
        if socket.is_met() || only_sockets { LookAtReceive::Closer } else { LookAtReceive::Forward }
    }

    /// The thread is about to receive, and a burst is open in the place that it would have: nothing is kept, and nothing owed, in
    /// most, and then it is over. (So what the receive gives says nothing more.) Another thread's goes on. False where the
    /// receive is to be looked at.
    #[inline(always)]
    pub fn ends_quickly(&self, place: &Place) -> bool {
        !place.is_of(M::thread()) || place.burst.ends_quickly(&self.habits, self, M::ticks())
    }

    /// The receive has given something, or nothing: then nothing is proved.
    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn received_in_burst(&self, place: &Place, begun: u32, something: bool) {
        if place.burst.is_open() {
            place.burst.received(&self.habits, self, begun, something);
        }
    }

    /// The thread is about to receive: everything.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    pub fn receiving(&self, fd: c_int, only_sockets: bool) -> Receive {
        let mut socket = self.table.get(fd);
        if matches!(socket.kind(), Kind::Unknown) || only_sockets && !socket.is_met() && self.is_enabled() {
            socket = self.meet(fd);
        }
        if only_sockets || socket.is_met() {
            self.let_go(Cause::Wait);
        }
        if self.is_watched(socket) { Receive::Watch } else { Receive::Forward }
    }

    /// This thread's place, taken if need be; None where another thread has it.
    #[inline]
    pub(crate) fn own_place(&self) -> Option<&Place> {
        let thread = M::thread();
        self.threads.taken(thread).or_else(|| self.take_place(thread))
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn take_place(&self, thread: usize) -> Option<&Place> {
        self.mode.raise(HAS_BURSTS);
        self.threads.take::<M>(thread)
    }

    /// Has this thread an open burst, or one that has its place?
    #[inline(always)]
    pub fn has_open(&self) -> bool {
        self.threads.has_open(M::thread())
    }

    /// The thread is at a place to let go.
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

    /// A wait where [`Library::has_open`] says that there is a burst. `blocks` says whether it waits if nothing has come; `ask`
    /// makes the call without waiting, if that can be done without other effects; `call` makes it as the program wants it.
    /// Both give the call's result, 0 where nothing has come.
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

    /// What is done with it; `asks` says whether it can be made without waiting.
    #[inline(never)]
    #[unsafe(link_section = ".text.tcp")]
    fn waiting(&self, blocks: bool, asks: bool) -> Wait {
        let Some(burst) = self.threads.open(M::thread()) else { return Wait::Forward };
        if burst.matters() {
            return self.waiting_rarely(burst, blocks, asks);
        }
        if blocks { Wait::Time(M::ticks()) } else { Wait::Forward }
    }

    /// The same where something is kept, or to be asked.
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

    /// A wait that began at this time has returned, and has found so many, 0 where nothing has come.
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

    /// A descriptor ends, or is to be shared: what any thread holds on it leaves, and what this thread holds anywhere.
    #[inline]
    #[unsafe(link_section = ".text.tcp")]
    pub fn let_go_of(&self, fd: c_int) {
        self.let_go(Cause::End);
        let socket = self.table.get(fd);
        // Another thread's, which will find nothing; or Nagle's rule that it was let, which would stay under the other number.
        if socket.is_held() || socket.has(SHARED) && self.mode.is(GAVE_NAGLE) && self.is_kept(fd) {
            self.push(fd);
        }
    }

    /// Does the kernel keep something of any thread's burst on this descriptor, or may it?
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

    /// A data call on `fd` is about to be made that may wait for its source: nothing is kept back over that.
    #[inline]
    pub fn sending_from_elsewhere(&self, fd: c_int) {
        if self.table.get(fd).is_held() {
            self.let_go_of(fd);
        }
    }

    /// The process ends: everything that any thread holds leaves.
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

    /// This process is a child that fork(2) has made: its threads have to prove themselves.
    pub fn forked(&self) {
        self.habits.forked();
    }
}

/// What a hook does with a data call of the usual kind. The table notes whether something is held.
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
