//! The rule of `policy::evidence` once more, from its text: slow, plain, without packed words and quick paths. Long bursts get
//! no Nagle's algorithm back here (the programs compared have set TCP_NODELAY themselves).

use std::collections::HashMap;

use super::evidence_machine::{Beside, Moment};
use tcptune_policy::evidence::Usage;

/// Microseconds.
const PROMPT: u64 = 300;
const OLD: u64 = 200;
const LATE: u64 = 1_000;
const SURELY_LATE: u64 = 20_000;
const ROW: u64 = 8;
/// Confirmations before which the kernel is asked, and what a service owes whose thread slept unseen: twice as much each time.
const ASKS: u64 = 3;
const SLEPT: u64 = 8;
const DOUBLES: u32 = 7;
/// After so many single calls after single calls, one in so many is looked at.
const SINGLES: u32 = 64;
const ONE_IN: u32 = 16;
const NEVER: u64 = u64::MAX;
/// Calls that have a place of their own.
const PLACES: usize = 14;

/// A place: the connection's service, the lengths of its last two bursts (1, 2, more), and the call's number.
type Place = (usize, [usize; 2], usize);

/// An open burst.
struct Burst {
    fd: usize,
    history: [usize; 2],
    number: usize,
    returned: u64,
    held_since: Option<u64>,
    usage: Option<Usage>,
    /// What was received, where the kernel is to be asked before the end; and whether it was, at the entry of this call.
    check: Option<u32>,
    verified: bool,
    empty_polls: u32,
    corked: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Thread {
    Here,
    Preempted,
    Elsewhere,
    Unknown,
}

/// All that is known.
pub struct Reference {
    service_of: Vec<usize>,
    services: HashMap<usize, u64>,
    /// How often a service's thread has slept unseen.
    slept: HashMap<usize, u32>,
    places: HashMap<Place, u64>,
    histories: HashMap<usize, [usize; 2]>,
    bursts: HashMap<usize, Burst>,
    /// So many more bursts of a thread are not to be looked at, after one of this service that was.
    unseen: HashMap<usize, (u32, usize)>,
    /// How many single calls after single calls there were in a row.
    singles: u32,
    /// How often a thread went elsewhere, up to 4.
    distrusted: u32,
    watched: u64,
    strikes: u32,
    pushes: u64,
}

impl Reference {
    pub fn new(service_of: &[usize]) -> Reference {
        Reference {
            service_of: service_of.to_vec(),
            services: HashMap::new(),
            slept: HashMap::new(),
            places: HashMap::new(),
            histories: HashMap::new(),
            bursts: HashMap::new(),
            unseen: HashMap::new(),
            singles: 0,
            distrusted: 0,
            watched: 0,
            strikes: 0,
            pushes: 0,
        }
    }

    fn service(&mut self, fd: usize) -> &mut u64 {
        self.services.entry(self.service_of[fd]).or_insert(ROW)
    }

    /// What the place of this burst's last call owes; nothing to say beyond those that have one.
    fn place(&mut self, burst: &Burst) -> Option<&mut u64> {
        let place = (self.service_of[burst.fd], burst.history, burst.number);
        if burst.number <= PLACES { Some(self.places.entry(place).or_insert(ROW)) } else { None }
    }

    fn trusts(&mut self, burst: &Burst) -> bool {
        *self.service(burst.fd) == 0 && self.place(burst).is_some_and(|owes| *owes == 0)
    }

    /// Does nothing ever follow the first call there, as far as is known, on a service that is trusted?
    fn is_single(&mut self, fd: usize) -> bool {
        let history = *self.histories.entry(fd).or_default();
        let owes = *self.places.entry((self.service_of[fd], history, 1)).or_insert(ROW);
        *self.service(fd) == 0 && history == [1, 1] && owes != 0
    }

    fn watch(&mut self, bursts: u64) {
        self.watched = self.watched.max(bursts);
    }

    fn begin(&mut self, fd: usize, moment: &Moment) -> Burst {
        // Before the last confirmations are paid the kernel is asked.
        let last = (1..=ASKS).contains(self.service(fd));
        let usage = (self.watched > 0 || last).then_some(moment.usage);
        self.watched = self.watched.saturating_sub(1);
        let check = last.then(|| (moment.received)(fd).0);
        let history = *self.histories.entry(fd).or_default();
        Burst {
            fd,
            history,
            number: 1,
            returned: 0,
            held_since: None,
            usage,
            check,
            verified: false,
            empty_polls: 0,
            corked: false,
        }
    }

    fn whereabouts(&mut self, burst: &Burst, moment: &Moment) -> Thread {
        if moment.now - burst.returned <= PROMPT {
            return Thread::Here;
        }
        // Asked only where it matters.
        let matters = burst.held_since.is_some() || *self.service(burst.fd) < ROW;
        match burst.usage.filter(|_| matters) {
            None => Thread::Unknown,
            Some(before) => {
                let computed = moment.usage.computed.wrapping_sub(before.computed);
                let elsewhere = moment.usage.slept != before.slept || u64::from(computed) > PROMPT;
                if elsewhere { Thread::Elsewhere } else { Thread::Preempted }
            }
        }
    }

    /// A place to let go begins: has the program received, or its thread slept, where no hook saw it?
    fn verify(&mut self, burst: &mut Burst, moment: &Moment) {
        let Some(before) = burst.check.filter(|_| !burst.verified) else { return };
        let (received, unread) = (moment.received)(burst.fd);
        let taken = i64::from(received) - i64::from(unread) - i64::from(before);
        let answered = received != before && taken > 1;
        let slept = burst.usage.is_some_and(|usage| usage.slept != moment.usage.slept);
        if answered || slept {
            let mut price = NEVER;
            if !answered {
                let times = self.slept.entry(self.service_of[burst.fd]).or_insert(0);
                price = SLEPT << *times;
                *times = (*times + 1).min(DOUBLES);
            }
            let owes = self.service(burst.fd);
            *owes = (*owes).max(price);
            burst.check = None;
        } else {
            burst.verified = true;
        }
    }

    /// The burst is over. `push` says that what is held leaves by itself, not with a call.
    fn end_of(&mut self, mut burst: Burst, moment: &Moment, thread: Thread, push: bool) {
        self.pushes += u64::from(push && burst.held_since.is_some() && !burst.corked);
        if thread == Thread::Here {
            self.verify(&mut burst, moment);
            let owes = *self.service(burst.fd);
            if owes != NEVER && owes != 0 && (burst.verified || owes > ASKS) {
                *self.service(burst.fd) = owes - 1;
            }
        }
        match thread {
            Thread::Here => {
                if let Some(owes) = self.place(&burst) {
                    *owes = (*owes).max(ROW);
                }
            }
            Thread::Preempted => self.watch(1_000),
            Thread::Unknown | Thread::Elsewhere => {
                if thread == Thread::Elsewhere {
                    let price = 64 << self.distrusted;
                    self.distrusted = (self.distrusted + 1).min(4);
                    if let Some(owes) = self.place(&burst) {
                        *owes = (*owes).max(price);
                    }
                } else if burst.held_since.is_some() || *self.service(burst.fd) < ROW {
                    self.watch(1_000);
                }
                let owes = self.service(burst.fd);
                *owes = (*owes).max(ROW);
                let age = burst.held_since.map_or(0, |since| moment.now - since);
                if age >= LATE {
                    self.strike(thread == Thread::Elsewhere || age >= SURELY_LATE);
                }
            }
        }
        self.histories.insert(burst.fd, [burst.history[1], burst.number.min(3)]);
    }

    fn strike(&mut self, sure: bool) {
        self.strikes += 1;
        let price = match self.strikes {
            1 if sure => 1_000,
            1 => return,
            2 => 100_000,
            _ => NEVER,
        };
        if self.strikes == 2 {
            self.watch(1_000_000);
        }
        // All services, those that were never seen too.
        for service in 0..64 {
            let owes = self.services.entry(service).or_insert(ROW);
            *owes = (*owes).max(price);
        }
    }

    fn let_go(&mut self, moment: &Moment) {
        if let Some(burst) = self.bursts.remove(&moment.thread) {
            let thread = self.whereabouts(&burst, moment);
            self.end_of(burst, moment, thread, true);
        }
    }
}

impl Beside for Reference {
    fn data(&mut self, moment: &Moment, fd: usize, anothers: bool, more: bool) -> bool {
        let open = self.bursts.contains_key(&moment.thread);
        if self.bursts.get(&moment.thread).is_some_and(|burst| burst.fd != fd) {
            // A data call on another socket is a place to let go.
            self.let_go(moment);
        }
        let service = self.service_of[fd];
        let single = !open && !anothers && self.watched == 0 && self.is_single(fd);
        // Another of the same service is not asked about anything.
        let same = !open && !anothers && self.histories.get(&fd) == Some(&[1, 1]);
        let (unseen, of) = self.unseen.entry(moment.thread).or_default();
        if *unseen > 0 && (single || same && *of == service) {
            *unseen -= 1;
            return false;
        }
        let mut had = None;
        let mut preempted = false;
        let mut fresh = true;
        let mut burst = match self.bursts.remove(&moment.thread) {
            None => {
                let known = single && self.singles >= SINGLES;
                self.unseen.insert(moment.thread, (if known { ONE_IN - 1 } else { 0 }, service));
                self.singles = (self.singles + u32::from(single)).min(SINGLES);
                self.begin(fd, moment)
            }
            Some(mut burst) => {
                had = burst.held_since;
                let thread = self.whereabouts(&burst, moment);
                match thread {
                    Thread::Here | Thread::Preempted => {
                        fresh = false;
                        if thread == Thread::Preempted {
                            preempted = true;
                            self.watch(1_000);
                        } else if let Some(owes) = self.place(&burst).filter(|owes| **owes != 0) {
                            *owes = if *owes == NEVER { NEVER } else { *owes - 1 };
                            self.singles = 0;
                        }
                        burst.number += 1;
                        burst
                    }
                    Thread::Elsewhere | Thread::Unknown => {
                        // Its data leaves with this call.
                        self.end_of(burst, moment, thread, false);
                        self.unseen.insert(moment.thread, (0, service));
                        self.begin(fd, moment)
                    }
                }
            }
        };
        let trusted = self.trusts(&burst) && !anothers && !preempted;
        let hold = match had {
            None => trusted,
            Some(_) if fresh => false,
            Some(since) => trusted && moment.now - since <= OLD,
        };
        burst.corked = hold && (burst.corked || !more);
        burst.held_since = if hold { had.or(Some(moment.now)) } else { None };
        self.bursts.insert(moment.thread, burst);
        hold
    }

    fn returned(&mut self, moment: &Moment) {
        if let Some(burst) = self.bursts.get_mut(&moment.thread) {
            burst.returned = moment.now;
        }
    }

    fn end(&mut self, moment: &Moment) {
        self.let_go(moment);
    }

    fn found_nothing(&mut self, moment: &Moment) {
        if let Some(burst) = self.bursts.get_mut(&moment.thread) {
            burst.empty_polls += 1;
            if burst.empty_polls > 1 {
                self.let_go(moment);
            }
        }
    }

    fn waiting(&mut self, moment: &Moment) {
        if let Some(mut burst) = self.bursts.remove(&moment.thread) {
            self.verify(&mut burst, moment);
            self.bursts.insert(moment.thread, burst);
        }
    }

    fn looked(&mut self, moment: &Moment, returned: u64) {
        match self.bursts.get_mut(&moment.thread) {
            Some(burst) if moment.now - burst.returned <= PROMPT => {
                burst.returned = returned;
                burst.verified = false;
            }
            _ => self.let_go(moment),
        }
    }

    fn forked(&mut self) {
        for service in 0..64 {
            let owes = self.services.entry(service).or_insert(ROW);
            *owes = (*owes).max(ROW);
        }
    }

    fn opened(&mut self, fd: usize, service: usize) {
        self.service_of[fd] = service;
        self.histories.remove(&fd);
    }

    fn pushes(&self) -> u64 {
        self.pushes
    }

    fn strikes(&self) -> u32 {
        self.strikes
    }
}
