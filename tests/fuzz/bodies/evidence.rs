//! Holding on evidence, driven by any steps of two threads on three sockets of two services, beside a model made of what the
//! rule says in words (src/policy/src/evidence/mod.rs), not of how it counts:
//!
//! - a call is held only where the last eight calls at its place, in a row, were followed promptly, the last eight bursts of its
//!   service ended promptly, in a row, and the kernel was asked and did not say that the program receives unseen; and it is
//!   held where nothing has ever spoken against it;
//! - a place from which a thread went elsewhere needs a thousand more; so does a service at which held data was late, the
//!   second time a hundred thousand; the third time ends all holding;
//! - no call is held while what is held already is old; after a place to let go nothing is;
//! - the quick path decides and does the same as the one behind it.
//!
//! The first byte says what the kernel tells and whose TCP_NODELAY it is; then three bytes make a step: what, who and where,
//! how long.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use tcptune_policy::evidence::{Burst, Cause, Gone, Habits, Machine, Quick, SERVICE_AT, Todo, Usage};
use tcptune_policy::socket::NODELAY_OURS;

const THREADS: usize = 2;
const SOCKETS: usize = 3;
/// Their services.
const SERVICE: [u32; SOCKETS] = [5, 5, 40];
/// In microseconds, the clock's unit here: what is prompt, and what is late.
const PROMPT: u64 = 300;
const LATE: u64 = 1000;
/// Of the clock's range: calls that far apart may look close.
const LONGEST_RUN: u64 = 1 << 30;

/// What both libraries run on. Times and usage are the driver's; what the rule does is noted.
#[derive(Default)]
struct Fake {
    now: Cell<u64>,
    thread: Cell<usize>,
    usage: Cell<[Usage; THREADS]>,
    received: Cell<[u32; SOCKETS]>,
    unread: Cell<[u32; SOCKETS]>,
    tells: Cell<bool>,
    counts: Cell<bool>,
    words: Cell<[u32; SOCKETS]>,
    /// Questions for what was received, and for what the thread has used.
    asked: Cell<u32>,
    looked: Cell<u32>,
    done: RefCell<Vec<Done>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Done {
    Push(i32),
    Uncork(i32),
    Nagle(i32, bool),
    Remember(i32, u32),
    Gone(i32, Gone),
}

impl Machine for Fake {
    const MILLISECOND: u32 = 1000;

    fn now(&self) -> u32 {
        self.now.get() as u32
    }

    fn usage(&self) -> Usage {
        self.looked.set(self.looked.get() + 1);
        self.usage.get()[self.thread.get()]
    }

    fn received(&self, fd: i32) -> Option<u32> {
        self.asked.set(self.asked.get() + 1);
        self.tells.get().then(|| self.received.get()[fd as usize])
    }

    fn unread(&self, fd: i32) -> u32 {
        self.unread.get()[fd as usize]
    }

    fn push(&self, fd: i32) {
        self.done.borrow_mut().push(Done::Push(fd));
    }

    fn uncork(&self, fd: i32) {
        self.done.borrow_mut().push(Done::Uncork(fd));
    }

    fn nagle(&self, fd: i32, on: bool) {
        self.done.borrow_mut().push(Done::Nagle(fd, on));
    }

    fn remember(&self, fd: i32, place: u32) {
        let mut words = self.words.get();
        let word = &mut words[fd as usize];
        *word = *word & !tcptune_policy::evidence::PLACE_MASK | place;
        self.words.set(words);
        self.done.borrow_mut().push(Done::Remember(fd, place));
    }

    fn counts(&self) -> bool {
        self.counts.get()
    }

    fn gone(&self, fd: i32, hold: Gone) {
        self.done.borrow_mut().push(Done::Gone(fd, hold));
    }
}

/// One of two that must be the same: by the quick path, or without it.
struct Side {
    quick: bool,
    habits: Habits,
    bursts: [Burst; THREADS],
    machine: Fake,
}

impl Side {
    fn new(quick: bool) -> Side {
        Side { quick, habits: Habits::new(), bursts: Default::default(), machine: Fake::default() }
    }

    /// A data call: is it held?
    fn call(&self, thread: usize, fd: i32, may: bool, held: bool) -> bool {
        let (burst, word) = (&self.bursts[thread], self.machine.words.get()[fd as usize]);
        let quick = if self.quick { burst.quickly(&self.habits, &self.machine, fd, word, may, || held) } else { None };
        let holds = match quick {
            Some(Quick::Hold) => true,
            Some(Quick::Push | Quick::Pass) => false,
            None => {
                let anothers = held && !burst.holds(fd);
                burst.sent(&self.habits, &self.machine, fd, word, may && !anothers) == Todo::Hold
            }
        };
        burst.returned(&self.machine);
        holds
    }
}

/// What was seen at a place, or of a service.
#[derive(Default)]
struct Seen {
    /// Confirmations in a row: calls that were followed promptly, bursts that ended promptly.
    row: u32,
    /// And all since a thousand or more were wanted.
    since: u32,
    wanted: u32,
}

impl Seen {
    fn confirm(&mut self) {
        (self.row, self.since) = (self.row + 1, self.since + 1);
    }

    fn deny(&mut self) {
        self.row = 0;
    }

    fn want(&mut self, confirmations: u32) {
        self.row = 0;
        if self.wanted.saturating_sub(self.since) < confirmations {
            (self.since, self.wanted) = (0, confirmations);
        }
    }

    fn is_proved(&self) -> bool {
        self.row >= 8 && self.since >= self.wanted
    }
}

/// Where a thread was.
#[derive(Clone, Copy, PartialEq)]
enum Was {
    Here,
    Preempted,
    Elsewhere,
    Unknown,
}

/// A burst, as the model knows it.
#[derive(Clone, Copy)]
struct Open {
    fd: usize,
    /// The lengths of the two bursts before it.
    before: (u32, u32),
    calls: u32,
    at: u64,
    usage: Usage,
    /// What the thread had used was looked at when it began.
    known: bool,
    /// What the kernel had received when it began, if that was asked.
    received: Option<u32>,
    /// When the oldest byte was held.
    held: Option<u64>,
    empty: bool,
    nagle: bool,
}

struct Model {
    places: HashMap<(u32, u32, u32, u32), Seen>,
    services: HashMap<u32, Seen>,
    /// Services where the program was found to receive unseen.
    never: HashSet<u32>,
    lengths: [(u32, u32); SOCKETS],
    open: [Option<Open>; THREADS],
    strikes: u32,
    /// Something has spoken against a service: then only what may not be held is checked, not what must be.
    spoiled: bool,
    started: u64,
}

pub fn check(input: &[u8]) {
    let Some((&how, steps)) = input.split_first() else { return };
    let sides = [Side::new(true), Side::new(false)];
    for side in &sides {
        // The clock wraps on the way, sooner or later.
        side.machine.now.set((1 << 32) - (u64::from(how) << 9));
        side.machine.tells.set(how & 3 != 3);
        side.machine.counts.set(how & 4 != 0);
        let ours = if how & 8 != 0 { NODELAY_OURS as u32 } else { 0 };
        side.machine.words.set(SERVICE.map(|service| service << SERVICE_AT | ours));
    }
    let mut model = Model {
        places: HashMap::new(),
        services: HashMap::new(),
        never: HashSet::new(),
        lengths: Default::default(),
        open: [None; THREADS],
        strikes: 0,
        spoiled: false,
        started: sides[0].machine.now.get(),
    };
    for step in steps.chunks_exact(3) {
        if sides[0].machine.now.get() - model.started > LONGEST_RUN {
            break;
        }
        model.step(&sides, step[0], usize::from(step[1]) % THREADS, usize::from(step[1] >> 1) % SOCKETS, step[2]);
    }
    for thread in 0..THREADS {
        model.let_go(&sides, thread);
    }
}

/// Most pauses are short; some lie around what is prompt or late, and some are long.
fn pause(byte: u8) -> u64 {
    match u64::from(byte) {
        short @ 0..0xc0 => short / 4,
        near @ 0xc0..0xd8 => PROMPT - 12 + (near - 0xc0),
        near @ 0xd8..0xe8 => LATE - 8 + (near - 0xd8),
        long => PROMPT << ((long - 0xe8) / 3),
    }
}

impl Model {
    fn step(&mut self, sides: &[Side; 2], what: u8, thread: usize, at: usize, how: u8) {
        let time = pause(how);
        let both = |change: &dyn Fn(&Fake)| sides.iter().for_each(|side| change(&side.machine));
        both(&|machine| machine.thread.set(thread));
        let pass = |time: u64| both(&|machine| machine.now.set(machine.now.get() + time));
        let uses = |slept: u32, computed: u64| {
            both(&|machine| {
                let mut usage = machine.usage.get();
                usage[thread].slept += slept;
                usage[thread].computed = usage[thread].computed.wrapping_add(computed as u32);
                machine.usage.set(usage);
            });
        };
        match what % 16 {
            0..=4 => {
                pass(time);
                self.call(sides, thread, at, what % 16 != 4);
            }
            5 | 6 => {
                pass(time);
                self.let_go(sides, thread);
            }
            7 => self.found_nothing(sides, thread),
            // The thread computes, sleeps, or does not run.
            8 => {
                pass(time);
                uses(0, time);
            }
            9 => {
                pass(time);
                uses(1, 0);
            }
            10 => pass(time),
            // The other end answers; the program takes it where no hook sees it, or leaves it.
            11 => both(&|machine| {
                let (mut received, mut unread) = (machine.received.get(), machine.unread.get());
                received[at] = received[at].wrapping_add(u32::from(how));
                unread[at] = if how & 1 == 0 { unread[at] + u32::from(how) } else { 0 };
                machine.received.set(received);
                machine.unread.set(unread);
            }),
            12 => {
                sides.iter().for_each(|side| side.habits.forked());
                self.services.values_mut().for_each(Seen::deny);
                self.spoiled = true;
            }
            _ => {
                // Habits, without which nothing is held.
                for _ in 0..how >> 3 {
                    for _ in 0..=(how & 3) {
                        pass(10);
                        self.call(sides, thread, at, true);
                    }
                    pass(u64::from(how & 4));
                    self.let_go(sides, thread);
                }
            }
        }
        for side in sides {
            assert_eq!(u32::from(side.habits.strikes()), self.strikes.min(255));
        }
    }

    fn call(&mut self, sides: &[Side; 2], thread: usize, at: usize, may: bool) {
        let machine = &sides[0].machine;
        let (now, usage) = (machine.now.get(), machine.usage.get()[thread]);
        let (asked, looked) = (machine.asked.get(), machine.looked.get());
        let other = self.open[thread].take_if(|open| open.fd != at);
        let before = self.open[thread];
        let held_by = (0..THREADS).find(|&it| it != thread && self.open[it].is_some_and(|it| it.holds(at)));
        let held = held_by.is_some() || before.is_some_and(|open| open.holds(at));
        let [holds, same] = [0, 1].map(|side: usize| sides[side].call(thread, at as i32, may, held));
        assert_eq!(holds, same, "the quick path decides otherwise");
        let done = did_the_same(sides);
        let (mut asked, mut looked) = (machine.asked.get() - asked, machine.looked.get() - looked);

        // A call on another socket is a place to let go.
        if let Some(other) = &other {
            let was = other.was(now, usage, other.known && looked > 0 && (looked > 1 || other.holds(other.fd)));
            looked -= u32::from(was == Was::Preempted || was == Was::Elsewhere);
            self.ends(machine, other, was, &mut asked, now);
            self.closed(other, &done, true);
        }
        let (mut was, lengths) = (Was::Here, self.lengths[at]);
        let ended = done.iter().any(|it| matches!(it, Done::Remember(fd, _) if *fd == at as i32));
        if let Some(open) = &before {
            let late = now - open.at > PROMPT;
            was = if !ended && late {
                Was::Preempted
            } else {
                open.was(now, usage, open.known && looked > 0 && (looked > 1 || open.holds(at)))
            };
            assert_eq!(ended, matches!(was, Was::Elsewhere | Was::Unknown));
            looked -= u32::from(matches!(was, Was::Preempted | Was::Elsewhere));
            if ended {
                self.ends(machine, open, was, &mut asked, now);
                self.closed(open, &done, false);
            } else if was == Was::Here {
                self.place(open).confirm();
            }
        }
        let mut open = match before.filter(|_| !ended) {
            Some(open) => Open { calls: open.calls + 1, ..open },
            None => Open {
                fd: at,
                // The one that a late call has ended does not count yet.
                before: lengths,
                calls: 1,
                at: now,
                usage,
                known: looked > 0,
                received: (asked > 0 && machine.tells.get()).then(|| machine.received.get()[at]),
                held: None,
                empty: false,
                nagle: false,
            },
        };
        for step in &done {
            if let Done::Nagle(fd, on) = step
                && *fd == at as i32
                && !ended
            {
                open.nagle = *on;
            }
        }
        self.may_and_must(machine, &open, holds, may && held_by.is_none(), was == Was::Here, now);
        open.at = now;
        open.held = if holds { open.held.or(Some(now)) } else { None };
        self.open[thread] = Some(open);
    }

    /// Is it right that this call is held, or is not?
    fn may_and_must(&mut self, machine: &Fake, open: &Open, holds: bool, may: bool, prompt: bool, now: u64) {
        let strikes = self.strikes;
        let never = self.never.contains(&SERVICE[open.fd]);
        let old = open.held.is_some_and(|since| now - since > PROMPT);
        let followed = self.place(open).is_proved();
        let service = self.services.entry(SERVICE[open.fd]).or_default();
        if holds {
            assert!(may, "a call that cannot be held");
            assert!(followed, "call {} after {:?} was not followed", open.calls, open.before);
            assert!(service.is_proved(), "bursts did not end promptly");
            assert!(machine.tells.get() && machine.asked.get() > 0, "the kernel was not asked");
            assert!(!never, "the program receives unseen");
            assert!(strikes < 3, "it was late too often");
            assert!(!old && open.calls < 15, "{} calls, old: {old}", open.calls);
        }
        // The question to the kernel may have to wait for a burst that begins and ends alone.
        let proved = followed && service.row >= 16 && machine.tells.get() && !never && !self.spoiled;
        if may && prompt && proved && !old && open.calls < 15 {
            assert!(holds, "nothing speaks against call {} after {:?}", open.calls, open.before);
        }
    }

    /// What is learned where a burst has ended.
    fn ends(&mut self, machine: &Fake, open: &Open, was: Was, asked: &mut u32, now: u64) {
        let service = self.services.entry(SERVICE[open.fd]).or_default();
        self.spoiled |= was != Was::Here;
        match was {
            Was::Here | Was::Preempted => {
                service.confirm();
                if let Some(before) = open.received
                    && *asked > 0
                {
                    *asked -= 1;
                    let (received, unread) = (machine.received.get()[open.fd], machine.unread.get()[open.fd]);
                    if received.wrapping_sub(unread).wrapping_sub(before).cast_signed() > 0 {
                        self.never.insert(SERVICE[open.fd]);
                    }
                }
            }
            Was::Elsewhere | Was::Unknown => service.deny(),
        }
        if let Some(since) = open.held
            && matches!(was, Was::Elsewhere | Was::Unknown)
            && now - since >= LATE
        {
            self.strikes += 1;
            match self.strikes {
                1 if was == Was::Elsewhere => service.want(1000),
                2 => service.want(100_000),
                _ => {}
            }
        }
        match was {
            Was::Here => self.place(open).deny(),
            Was::Elsewhere => self.place(open).want(1000),
            Was::Preempted | Was::Unknown => {}
        }
    }

    fn let_go(&mut self, sides: &[Side; 2], thread: usize) {
        self.leaves(sides, thread, |side| side.bursts[thread].let_go(&side.habits, &side.machine, Cause::Wait));
    }

    /// A wait with a timeout of zero has found nothing. The library asks only where the kernel keeps something.
    fn found_nothing(&mut self, sides: &[Side; 2], thread: usize) {
        if !sides[0].bursts[thread].keeps() {
            return;
        }
        if let Some(open) = &mut self.open[thread]
            && !std::mem::replace(&mut open.empty, true)
        {
            for side in sides {
                side.bursts[thread].found_nothing(&side.habits, &side.machine);
                assert!(side.bursts[thread].keeps());
            }
            return;
        }
        self.leaves(sides, thread, |side| side.bursts[thread].found_nothing(&side.habits, &side.machine));
    }

    fn leaves(&mut self, sides: &[Side; 2], thread: usize, leave: impl Fn(&Side)) {
        let machine = &sides[0].machine;
        let (asked, looked, now) = (machine.asked.get(), machine.looked.get(), machine.now.get());
        for side in sides {
            side.machine.thread.set(thread);
            leave(side);
            assert!(!side.bursts[thread].is_open() && !side.bursts[thread].keeps());
        }
        let done = did_the_same(sides);
        let Some(open) = self.open[thread].take() else { return assert_eq!(done, []) };
        let (mut asked, looked) = (machine.asked.get() - asked, machine.looked.get() - looked);
        let was = open.was(now, machine.usage.get()[thread], looked > 0);
        self.ends(machine, &open, was, &mut asked, now);
        self.closed(&open, &done, true);
    }

    /// What must have been done where a burst has ended; `pushes` says that no call takes along what was held.
    fn closed(&mut self, open: &Open, done: &[Done], pushes: bool) {
        let fd = open.fd as i32;
        assert_eq!(done.contains(&Done::Push(fd)), pushes && open.held.is_some(), "{done:?}");
        assert_eq!(done.contains(&Done::Nagle(fd, false)), open.nagle, "{done:?}");
        self.lengths[open.fd] = (open.before.1, open.calls.min(3));
        let (older, last) = self.lengths[open.fd];
        let place = SERVICE[open.fd] << SERVICE_AT | older << 6 | last << 4;
        assert!(done.contains(&Done::Remember(fd, place)), "{done:?}, not {place:x}");
    }

    fn place(&mut self, open: &Open) -> &mut Seen {
        let key = (SERVICE[open.fd], open.before.0, open.before.1, open.calls);
        self.places.entry(key).or_default()
    }
}

impl Open {
    fn holds(&self, fd: usize) -> bool {
        self.fd == fd && self.held.is_some()
    }

    /// Where its thread was since the last call, if that was looked at.
    fn was(&self, now: u64, usage: Usage, looked: bool) -> Was {
        if now - self.at <= PROMPT {
            return Was::Here;
        }
        if !looked {
            return Was::Unknown;
        }
        let computed = usage.computed.wrapping_sub(self.usage.computed);
        let elsewhere = usage.slept != self.usage.slept || u64::from(computed) > PROMPT;
        if elsewhere { Was::Elsewhere } else { Was::Preempted }
    }
}

/// What both have done since the last question.
fn did_the_same(sides: &[Side; 2]) -> Vec<Done> {
    let [done, same] = [0, 1].map(|side: usize| sides[side].machine.done.take());
    assert_eq!(done, same, "the quick path does otherwise");
    assert_eq!(sides[0].machine.words.get(), sides[1].machine.words.get());
    done
}
