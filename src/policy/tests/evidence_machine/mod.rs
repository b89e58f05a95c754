//! A machine for the rule of `policy::evidence`: a clock in microseconds, threads that sleep, compute and are preempted, and a
//! kernel that holds and lets go. What the hooks do around the rule (src/engine/src/burst.rs) is done here in the same order.
//!
//! It judges nothing: it tells how many segments left, and how old each held byte was when it did.

#![allow(dead_code, reason = "each of its users needs a part of it")]

use std::cell::{Cell, RefCell};

use tcptune_policy::evidence::{Burst, Cause, Gone, Habits, Machine, PLACE_MASK, Quick, SERVICE_AT, Todo, Usage};
use tcptune_policy::socket::NODELAY_OURS;

/// Payload of a segment at MTU 1500 with timestamps.
pub const MSS: u64 = 1_448;
/// Microseconds after which the kernel sends what MSG_MORE or TCP_CORK holds.
pub const KERNEL: u64 = 200_000;
/// What a call takes.
pub const CALL: u64 = 2;
/// From this age on held data was late.
pub const LATE: u64 = 1_000;

/// A connection, as the kernel and the library's table have it.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub word: u32,
    /// The table's note that something is held.
    flagged: bool,
    corked: bool,
    nagle: bool,
    /// Is what the kernel keeps kept by Nagle's algorithm, or by the program itself? That is what plain does.
    by_nagle: bool,
    /// Bytes that the kernel keeps, when the oldest came, and how long the thread had been preempted by then.
    tail: u64,
    since: u64,
    stolen: u64,
    received: u32,
    unread: u32,
    /// Segments that have left.
    pub segments: u64,
}

/// What has happened.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Data calls, those that were held, and options set to let go.
    pub calls: u64,
    pub holds: u64,
    pub pushes: u64,
    /// Held bytes that were so old when they left, the time apart in which their thread was preempted; the oldest of each time.
    pub ages: Vec<u64>,
    /// How often Nagle's algorithm was given back to a burst, and taken away.
    pub nagles: u64,
    pub nagle_ends: u64,
    /// How often the kernel was asked what a thread had used, and what it had received.
    pub asked_usage: u64,
    pub asked_received: u64,
}

impl Counts {
    /// How often held data was late.
    pub fn late(&self) -> usize {
        self.ages.iter().filter(|&&age| age >= LATE).count()
    }

    /// The age of the oldest held byte.
    pub fn oldest(&self) -> u64 {
        self.ages.iter().copied().max().unwrap_or(0)
    }
}

/// When something happens: the thread, the clock, what the thread has used, and what the kernel has received on a connection and
/// still has.
pub struct Moment<'a> {
    pub thread: usize,
    pub now: u64,
    pub usage: Usage,
    pub received: &'a dyn Fn(usize) -> (u32, u32),
}

/// Another form of the rule, which is told the same and asked the same.
pub trait Beside {
    /// A data call: is it held? `anothers` says that another thread holds something there; `more`, that the call can be held
    /// without a cork.
    fn data(&mut self, moment: &Moment, fd: usize, anothers: bool, more: bool) -> bool;
    fn returned(&mut self, moment: &Moment);
    /// A place to let go.
    fn end(&mut self, moment: &Moment);
    /// A poll with a timeout of zero has found nothing, while something is held.
    fn found_nothing(&mut self, moment: &Moment);
    /// A wait that may block begins, while nothing is held.
    fn waiting(&mut self, moment: &Moment);
    /// A wait that could have waited found something at once, and returned at this time.
    fn looked(&mut self, moment: &Moment, returned: u64);
    fn forked(&mut self);
    /// The number is a new connection of this service.
    fn opened(&mut self, fd: usize, service: usize);
    fn pushes(&self) -> u64;
    fn strikes(&self) -> u32;
}

pub struct World {
    /// Must agree at every step.
    pub beside: RefCell<Option<Box<dyn Beside>>>,
    pub habits: Habits,
    threads: Vec<Burst>,
    thread: Cell<usize>,
    now: Cell<u64>,
    stolen: Cell<u64>,
    usage: RefCell<Vec<Usage>>,
    connections: RefCell<Vec<Connection>>,
    pub counts: RefCell<Counts>,
}

impl World {
    /// So many threads and connections, each of a service of its own, whose program never set TCP_NODELAY.
    pub fn new(threads: usize, connections: usize) -> World {
        let world = World {
            beside: RefCell::new(None),
            habits: Habits::new(),
            threads: (0..threads).map(|_| Burst::new()).collect(),
            thread: Cell::new(0),
            now: Cell::new(1_000),
            stolen: Cell::new(0),
            usage: RefCell::new(vec![Usage::default(); threads]),
            connections: RefCell::new(vec![Connection::default(); connections]),
            counts: RefCell::default(),
        };
        for fd in 0..connections {
            world.open(fd, fd as u32);
        }
        world
    }

    /// One thread, one connection.
    pub fn single() -> World {
        World::new(1, 1)
    }

    /// The number becomes a new connection of this service.
    pub fn open(&self, fd: usize, service: u32) {
        let word = (service << SERVICE_AT) & PLACE_MASK | NODELAY_OURS as u32;
        self.connections.borrow_mut()[fd] = Connection { word, ..Connection::default() };
        self.tell(|beside, _| beside.opened(fd, service as usize));
    }

    /// Tells the other form, if there is one; what it says.
    fn tell<T>(&self, what: impl FnOnce(&mut dyn Beside, &Moment) -> T) -> Option<T> {
        let received = |fd| self.received_of(fd);
        let thread = self.thread.get();
        let moment = Moment { thread, now: self.now.get(), usage: self.usage_of(thread), received: &received };
        self.beside.borrow_mut().as_mut().map(|beside| what(&mut **beside, &moment))
    }

    /// Do both forms agree on what was let go of, and what was late?
    fn agree(&self) {
        let Some((pushes, strikes)) = self.tell(|beside, _| (beside.pushes(), beside.strikes())) else { return };
        assert_eq!(pushes, self.counts.borrow().pushes, "what was let go of, at {}", self.now.get());
        assert_eq!(strikes.min(255), u32::from(self.habits.strikes()), "strikes, at {}", self.now.get());
    }

    /// The program itself has set TCP_NODELAY on it.
    pub fn nodelay_is_the_programs(&self, fd: usize) {
        self.connections.borrow_mut()[fd].word &= !(NODELAY_OURS as u32);
    }

    pub fn clock(&self) -> u64 {
        self.now.get()
    }

    pub fn start_at(&self, now: u64) {
        self.now.set(now);
    }

    pub fn tally(&self) -> Counts {
        self.counts.borrow().clone()
    }

    pub fn segments(&self) -> u64 {
        self.connections.borrow().iter().map(|one| one.segments).sum()
    }

    pub fn word(&self, fd: usize) -> u32 {
        self.connections.borrow()[fd].word
    }

    pub fn usage_of(&self, thread: usize) -> Usage {
        self.usage.borrow()[thread]
    }

    pub fn received_of(&self, fd: usize) -> (u32, u32) {
        let all = self.connections.borrow();
        (all[fd].received, all[fd].unread)
    }

    pub fn is_flagged(&self, fd: usize) -> bool {
        self.connections.borrow()[fd].flagged
    }

    fn burst(&self) -> &Burst {
        &self.threads[self.thread.get()]
    }

    /// Has this thread an open burst?
    pub fn has_open(&self) -> bool {
        self.burst().is_open()
    }

    /// From now on this thread runs.
    pub fn switch(&self, thread: usize) {
        self.thread.set(thread);
    }

    /// Time passes; the kernel's timers end.
    pub fn pass(&self, microseconds: u64) {
        self.now.set(self.now.get() + microseconds);
        let connections = self.connections.borrow().len();
        for fd in 0..connections {
            let (kept, since) = {
                let all = self.connections.borrow();
                (all[fd].tail, all[fd].since)
            };
            if kept != 0 && self.now.get() - since >= KERNEL {
                self.leaves(fd, 0, false, since + KERNEL);
            }
        }
    }

    /// The thread computes.
    pub fn compute(&self, microseconds: u64) {
        self.usage.borrow_mut()[self.thread.get()].computed += microseconds as u32;
        self.pass(microseconds);
    }

    /// The thread sleeps where no hook sees it.
    pub fn hidden(&self, microseconds: u64) {
        self.usage.borrow_mut()[self.thread.get()].slept += 1;
        self.pass(microseconds);
    }

    /// Another has the processor.
    pub fn preempted(&self, microseconds: u64) {
        self.stolen.set(self.stolen.get() + microseconds);
        self.pass(microseconds);
    }

    /// A data call of so many bytes: true where it was held.
    pub fn data(&self, fd: usize, bytes: u64) -> bool {
        self.call(fd, bytes, true, 0)
    }

    /// A data call that cannot be held by itself.
    pub fn sendfile(&self, fd: usize, bytes: u64) -> bool {
        self.call(fd, bytes, false, 0)
    }

    /// A data call that waits in the kernel before it has anything to send (a splice from a pipe, a page of a slow disk).
    pub fn slow_data(&self, fd: usize, bytes: u64, microseconds: u64) -> bool {
        self.call(fd, bytes, false, microseconds)
    }

    fn call(&self, fd: usize, bytes: u64, more: bool, slow: u64) -> bool {
        self.counts.borrow_mut().calls += 1;
        let begun = self.now.get();
        let (number, word, flagged) = (fd as i32, self.word(fd), self.is_flagged(fd));
        let mut uncork = false;
        let anothers = flagged && !self.burst().holds(number);
        let expected = self.tell(|beside, moment| beside.data(moment, fd, anothers, more));
        let mut quick = self.burst().quickly(&self.habits, self, number, || word, true, more, || flagged);
        if quick == Some(Quick::Follow) {
            quick = self.burst().follows_quickly(&self.habits, self, more, || flagged);
        }
        let held = match quick {
            Some(Quick::Push | Quick::Forward) => false,
            Some(Quick::Hold) => {
                self.flag(fd, true);
                true
            }
            Some(Quick::Pass) => {
                self.flag(fd, false);
                false
            }
            Some(Quick::Follow) | None => {
                let todo = self.burst().sent(&self.habits, self, number, word, !anothers);
                uncork = todo == Todo::PushCorked;
                if todo == Todo::Hold {
                    if !more {
                        self.burst().corked();
                        self.connections.borrow_mut()[fd].corked = true;
                    }
                    self.flag(fd, true);
                } else if flagged && !uncork {
                    self.flag(fd, false);
                }
                todo == Todo::Hold
            }
        };
        assert_eq!(expected.unwrap_or(held), held, "a data call on {fd} at {begun}");
        self.agree();
        if slow != 0 {
            self.hidden(slow);
        }
        let (corked, nagle) = {
            let all = self.connections.borrow();
            (all[fd].corked, all[fd].nagle)
        };
        self.leaves(fd, bytes, held || corked || nagle, begun);
        self.compute(CALL);
        if quick != Some(Quick::Forward) {
            self.burst().returned(self);
        }
        self.tell(|beside, moment| beside.returned(moment));
        if uncork {
            Machine::uncork(self, number);
        }
        if held {
            self.counts.borrow_mut().holds += 1;
        }
        held
    }

    /// A held call was not taken whole: what was taken is on its way.
    pub fn cut_short(&self, fd: usize) {
        self.burst().not_held();
        self.uncork(fd as i32);
    }

    /// A call on a connection where the rule has no say; the program itself may hold it.
    pub fn by_itself(&self, fd: usize, bytes: u64, more: bool) {
        self.leaves(fd, bytes, more, self.now.get());
        self.connections.borrow_mut()[fd].by_nagle = true;
    }

    /// The other end has sent so many bytes.
    pub fn arrive(&self, fd: usize, bytes: u32) {
        let mut all = self.connections.borrow_mut();
        all[fd].received = all[fd].received.wrapping_add(bytes);
        all[fd].unread += bytes;
    }

    /// The other end has closed: the kernel counts its FIN as a byte received, and as none that is unread (net/ipv4/tcp_input.c,
    /// `tcp_rcv_nxt_update`; `tcp_inq`).
    pub fn peer_closes(&self, fd: usize) {
        self.connections.borrow_mut()[fd].received += 1;
    }

    /// The thread receives, after the answer has taken so long; a hook sees it.
    pub fn receive(&self, fd: usize, after: u64) {
        self.let_go();
        self.hidden(after);
        self.connections.borrow_mut()[fd].unread = 0;
        self.compute(CALL);
    }

    /// The same where no hook sees it.
    pub fn receive_unseen(&self, fd: usize, after: u64) {
        self.hidden(after);
        self.connections.borrow_mut()[fd].unread = 0;
        self.compute(CALL);
    }

    /// An exchange's end: the answer comes, and is received.
    pub fn answer(&self, fd: usize) {
        self.arrive(fd, 10);
        self.receive(fd, 50);
    }

    /// A place to let go that has no time-out to look at.
    pub fn let_go(&self) {
        self.tell(|beside, moment| beside.end(moment));
        self.burst().let_go(&self.habits, self, Cause::Wait);
        self.agree();
    }

    /// A hooked sleep.
    pub fn sleep(&self, microseconds: u64) {
        self.let_go();
        self.hidden(microseconds);
    }

    /// A poll that would wait so long, and finds what is `ready` at once.
    pub fn poll(&self, ready: bool, microseconds: u64) {
        let burst = self.burst();
        if burst.is_open() && burst.keeps() {
            self.compute(1);
            if ready {
                return;
            }
            self.let_go();
            return self.hidden(microseconds);
        }
        if burst.is_open() {
            self.tell(|beside, moment| beside.waiting(moment));
            burst.waiting(&self.habits, self);
        }
        let (begun, from) = (self.now(), self.now.get());
        self.compute(1);
        if !ready {
            self.hidden(microseconds);
        }
        if burst.is_open() && Burst::has_waited(self, begun) {
            self.tell(|beside, moment| beside.end(&Moment { now: from, ..*moment }));
            burst.end(&self.habits, self, begun, Cause::Wait);
            self.agree();
        } else if burst.is_open() {
            self.tell(|beside, moment| beside.looked(&Moment { now: from, ..*moment }, moment.now));
            burst.is_here(&self.habits, self, begun);
            self.agree();
        }
    }

    /// A poll with a timeout of zero.
    pub fn poll_zero(&self, ready: bool) {
        self.compute(1);
        let burst = self.burst();
        if !ready && burst.is_open() && burst.keeps() {
            self.tell(|beside, moment| beside.found_nothing(moment));
            burst.found_nothing(&self.habits, self);
            self.agree();
        }
    }

    /// fork(2), seen from the child.
    pub fn fork(&self) {
        self.tell(|beside, moment| {
            beside.end(moment);
            beside.forked();
        });
        self.burst().let_go(&self.habits, self, Cause::End);
        self.habits.forked();
        self.agree();
    }

    /// The program itself holds so many bytes (MSG_MORE), under TCPTUNE_RELEASE=all.
    pub fn program_holds(&self, fd: usize, bytes: u64) {
        self.burst().program_holds(&self.habits, self, fd as i32);
        self.flag(fd, true);
        self.leaves(fd, bytes, true, self.now.get());
        self.compute(CALL);
    }

    fn flag(&self, fd: usize, held: bool) {
        self.connections.borrow_mut()[fd].flagged = held;
    }

    /// So many bytes are given to the kernel; what fills no segment stays if `keep`.
    fn leaves(&self, fd: usize, bytes: u64, keep: bool, now: u64) {
        let mut all = self.connections.borrow_mut();
        let one = &mut all[fd];
        let (had, sum) = (one.tail, one.tail + bytes);
        one.segments += if keep { sum / MSS } else { sum.div_ceil(MSS) };
        let rest = if keep { sum % MSS } else { 0 };
        if had != 0 && !one.by_nagle && (sum >= MSS || !keep) {
            let left = if bytes == 0 { now } else { self.now.get() };
            let stolen = self.stolen.get() - one.stolen;
            self.counts.borrow_mut().ages.push((left - one.since).saturating_sub(stolen));
        }
        if rest != 0 && (had == 0 || sum >= MSS) {
            (one.since, one.stolen) = (now, self.stolen.get());
        }
        (one.tail, one.by_nagle) = (rest, one.nagle);
    }
}

impl Machine for World {
    const MILLISECOND: u32 = 1_000;

    fn now(&self) -> u32 {
        self.now.get() as u32
    }

    fn usage(&self) -> Usage {
        self.counts.borrow_mut().asked_usage += 1;
        self.usage_of(self.thread.get())
    }

    fn received(&self, fd: i32) -> Option<u32> {
        self.counts.borrow_mut().asked_received += 1;
        Some(self.received_of(fd as usize).0)
    }

    fn unread(&self, fd: i32) -> u32 {
        self.received_of(fd as usize).1
    }

    fn push(&self, fd: i32) {
        self.counts.borrow_mut().pushes += 1;
        self.uncork(fd);
    }

    fn uncork(&self, fd: i32) {
        self.flag(fd as usize, false);
        self.connections.borrow_mut()[fd as usize].corked = false;
        self.leaves(fd as usize, 0, false, self.now.get());
    }

    fn nagle(&self, fd: i32, on: bool) {
        let mut counts = self.counts.borrow_mut();
        if on {
            counts.nagles += 1;
        } else {
            counts.nagle_ends += 1;
        }
        drop(counts);
        self.connections.borrow_mut()[fd as usize].nagle = on;
        if !on {
            self.leaves(fd as usize, 0, false, self.now.get());
        }
    }

    fn remember(&self, fd: i32, place: u32) {
        let word = &mut self.connections.borrow_mut()[fd as usize].word;
        *word = *word & !PLACE_MASK | place;
    }

    fn counts(&self) -> bool {
        true
    }

    fn gone(&self, _: i32, _: Gone) {}
}
