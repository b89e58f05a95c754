//! Watches all connections of a host for a bounded share of a core. All of them are looked at now and then, in a survey, whose
//! counters tell on which something may wait; as many of these as the budget allows are looked at closely, as `Watch` does, and
//! others in their turn.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::budget::{self, Part};
use super::choice::Choice;
use super::watch::{Scope, Watch};
use crate::errors::Failure;
use crate::os::netlink::Key;
use crate::os::proc::{self, Space};

/// The share of one core that is taken if nothing is said.
pub const BUDGET: f64 = 0.02;
/// How the budget is divided: what is left goes for what is done once.
const SURVEYS: f64 = 0.26;
const OWNERS: f64 = 0.1;
const CLOSELY: f64 = 0.42;
/// For options, and for looks that are to tell when answers come.
const OPTIONS: f64 = 0.06;
/// The shortest time between two surveys, and between two readings of all descriptors.
const SURVEY: Duration = Duration::from_millis(20);
const READING: Duration = Duration::from_millis(250);
/// The second survey comes so long after the first, whatever that cost: the difference of two tells where to look.
const SECOND: Duration = Duration::from_millis(250);
/// Looks further apart than this do not see well what is held: then fewer connections are looked at.
const APART: Duration = Duration::from_millis(8);
/// What it takes to wake up, however few are looked at, until it has been measured.
const WAKING: Duration = Duration::from_micros(15);
/// For so long the same connections are looked at closely: several stalls.
const ROUND: Duration = Duration::from_millis(400);
/// More connections than this are not followed: memory is bounded too.
const MOST: usize = 50_000;
/// What is left of the budget, at least, after a start that was dear.
const LEAST: f64 = 0.4;
/// The process that a machine begins with.
const FIRST: u32 = 1;

/// Which processes there are, whenever it is asked.
pub type List = Box<dyn FnMut() -> Vec<u32> + Send>;

pub struct Host {
    pub watch: Watch,
    list: List,
    budget: f64,
    duration: Option<Duration>,
    /// In all network namespaces; else in ours.
    everywhere: bool,
    pids: Vec<u32>,
    surveys: Part,
    readings: Part,
    looks: Part,
    asks: Part,
    round: Instant,
    interval: Duration,
    /// What is looked at closely now.
    close: Vec<(u64, Key)>,
    /// What one look at one connection costs, and the share that such looks may have.
    each: Duration,
    share: f64,
    /// What this thread had used when it last went to sleep, and what it takes to sleep and to wake up again.
    slept: Duration,
    waking: Duration,
    choice: Choice,
    pub extent: Extent,
}

/// How it was watched.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Extent {
    pub surveys: u32,
    /// Looks at single connections.
    pub looks: u64,
    /// The most connections that were there at once, that were looked at closely at once, and that were too many to be followed.
    pub connections: usize,
    pub closely: usize,
    pub left_out: usize,
    /// The most network namespaces at once, and of those that were left out.
    pub spaces: usize,
    pub spaces_left_out: usize,
    /// The longest time between two surveys.
    #[serde(rename = "apart_ms", serialize_with = "in_milliseconds")]
    pub apart: Duration,
}

fn in_milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e3)
}

impl Host {
    /// `budget`: the share of one core that it may take. `duration`: for how long it will go on, if that is known.
    pub fn new(
        scope: Scope,
        list: List,
        budget: f64,
        interval: Duration,
        duration: Option<Duration>,
    ) -> Result<Self, Failure> {
        let now = Instant::now();
        Ok(Self {
            watch: Watch::by_hand(scope, MOST)?,
            list,
            budget,
            duration,
            // Who is in a namespace of its own, a container's, is told of that one.
            everywhere: proc::shares(FIRST, Space::Network) == Some(true),
            pids: Vec::new(),
            surveys: Part::new(budget * SURVEYS, SURVEY, now),
            readings: Part::new(budget * OWNERS, READING, now),
            looks: Part::new(budget * CLOSELY, interval, now),
            asks: Part::new(budget * OPTIONS, interval, now),
            round: now,
            interval,
            close: Vec::new(),
            each: Duration::from_micros(5),
            share: budget * CLOSELY,
            slept: budget::used(),
            waking: WAKING,
            choice: Choice::default(),
            extent: Extent::default(),
        })
    }

    /// Does what is due, and says when something is due again.
    pub fn step(&mut self) -> Result<Instant, Failure> {
        let now = Instant::now();
        let mut waking = budget::used().saturating_sub(self.slept);
        if self.surveys.is_due(now) {
            self.survey(now, waking)?;
            waking = Duration::ZERO;
        }
        if self.looks.is_due(now) {
            self.look(now, waking)?;
        }
        self.slept = budget::used();
        // Without connections to look at there is nothing to do before the next survey.
        let next = if self.close.is_empty() { None } else { Some(self.looks.due()) };
        Ok(next.map_or(self.surveys.due(), |next| next.min(self.surveys.due())))
    }

    /// `waking`: what it has cost to come to this.
    fn survey(&mut self, now: Instant, waking: Duration) -> Result<(), Failure> {
        if self.readings.is_due(now) {
            let everywhere = self.everywhere;
            let (watch, pids, list) = (&mut self.watch, &mut self.pids, &mut self.list);
            self.readings.run(now, || {
                *pids = list();
                watch.owners.read(pids);
                if everywhere {
                    watch.spaces.follow(pids);
                }
            });
        }
        let read = budget::used();
        self.watch.look_at_all(&self.pids)?;
        let room = self.room();
        self.choice.gather(&self.watch, room - room / 4);
        let held = self.choice.holding(room.saturating_sub(self.close.len()), &self.close);
        self.close.extend(held);
        if self.close.is_empty() {
            self.renew(now);
        }
        let cost = budget::used().saturating_sub(read);
        self.surveys.charge(now, cost + waking);
        self.extent.surveys += 1;
        if self.extent.surveys == 1 {
            // The start costs more than any later one: memory is taken, programs are read.
            self.surveys.hasten(now + SECOND);
            self.spread(budget::used_in_all() + cost);
        }
        let extent = &mut self.extent;
        extent.connections = extent.connections.max(self.watch.living.len());
        extent.spaces = extent.spaces.max(self.watch.spaces.count());
        extent.spaces_left_out = extent.spaces_left_out.max(self.watch.spaces.left_out);
        extent.left_out = extent.left_out.max(self.watch.left_out);
        extent.apart = extent.apart.max(self.watch.surveyed.map_or(Duration::ZERO, |(_, pause)| pause));
        Ok(())
    }

    /// What the start has cost, and the end will, is saved between, if it is known for how long the watch goes on; not all of the
    /// budget, or nothing would be seen.
    fn spread(&mut self, cost: Duration) {
        let Some(duration) = self.duration else { return };
        let saved = 1.0 - cost.as_secs_f64() / (duration.as_secs_f64() * self.budget).max(1e-3);
        let left = saved.clamp(LEAST, 1.0);
        for part in [&mut self.surveys, &mut self.readings, &mut self.looks, &mut self.asks] {
            part.lessen(left);
        }
        self.share *= left;
    }

    fn look(&mut self, now: Instant, waking: Duration) -> Result<(), Failure> {
        if now >= self.round {
            self.renew(now);
        }
        let count = self.close.len();
        let before = budget::used();
        self.watch.look_at_some(&mut self.close)?;
        let cost = budget::used().saturating_sub(before);
        self.looks.charge(now, cost + waking);
        if let Ok(count) = u32::try_from(count)
            && count > 0
        {
            self.each = running(self.each, cost / count);
            self.waking = running(self.waking, waking);
            self.watch.looks += 1;
            self.extent.looks += u64::from(count);
        }
        if self.asks.is_due(now) {
            let (watch, close) = (&mut self.watch, &self.close);
            self.asks.run(now, || {
                watch.ask_for_options(close, 1);
                watch.look_closer(close)
            })?;
        }
        Ok(())
    }

    /// How many connections can be looked at closely at a time.
    fn room(&self) -> usize {
        let may = APART.mul_f64(self.share).saturating_sub(self.waking);
        (may.as_secs_f64() / self.each.as_secs_f64().max(1e-7)).max(1.0) as usize
    }

    /// Others have their turn. Some room is kept for what is found being held before the next.
    fn renew(&mut self, now: Instant) {
        let room = self.room();
        let round = ROUND.max(self.interval * 10);
        self.round = now + round;
        self.close = self.choice.pick((room - room / 4).max(1), round.as_secs_f64());
        self.extent.closely = self.extent.closely.max(self.close.len());
    }

    /// No more looks: a last one at all, so that what happened since the one before is not missed.
    pub fn end(&mut self) -> Result<(), Failure> {
        self.survey(Instant::now(), Duration::ZERO)?;
        self.watch.end();
        Ok(())
    }

    /// What became of the connections so far; what is there goes on, and all counts begin anew.
    pub fn restart(&mut self) {
        let now = Instant::now();
        let living: HashSet<u64> = self.watch.living.iter().map(|(cookie, _)| *cookie).collect();
        self.watch.seen.retain(|cookie, _| living.contains(cookie));
        let mut pids = HashSet::new();
        let mut sockets: HashSet<u64> = self.watch.listeners.values().copied().collect();
        for seen in self.watch.seen.values_mut() {
            seen.track.restart(now);
            pids.extend(seen.pid);
            sockets.insert(seen.track.inode);
        }
        self.choice.restart();
        self.watch.forget_asking();
        self.watch.owners.keep(&sockets);
        self.watch.programs.retain(|pid, _| pids.contains(pid));
        self.watch.homes.retain(|pid, _| pids.contains(pid));
    }
}

/// A running average. One that was interrupted says little.
fn running(average: Duration, new: Duration) -> Duration {
    (average * 15 + new.min(average * 2)) / 16
}
