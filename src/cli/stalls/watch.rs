//! Looks at the connections of some processes again and again. Nothing is touched but for one thing: when a piece is seen to
//! be held, the socket's TCP_NODELAY and TCP_CORK are read, on a copy that lives for microseconds.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::owners::{self, Owners};
use super::program::Program;
use super::spaces::{End, Spaces, end_of};
use super::track::Track;
use crate::errors::{Context, Failure, plain};
use crate::os::netlink::{Key, Sighting};
use crate::os::option::integer;
use crate::os::process::Process;
use crate::os::socket::Socket;
use crate::units::home::{Home, home_of};

/// How many sockets are asked for their options: enough to tell, and no burden.
const ASKED: u32 = 64;

/// How often to look for new connections, at most; and for which part of the time.
const ALL: Duration = Duration::from_millis(12);
const ALL_SHARE: u32 = 8;
/// More connections than this are cheaper to look at all together.
const SINGLE: usize = 100;

/// How often a connection is looked at in short pauses, at most; after how many other looks; and for how long: some round trips.
const CLOSELY: u32 = 100;
const BETWEEN: u32 = 6;
const ROUND_TRIPS: f64 = 2.5;
const LEAST: Duration = Duration::from_millis(4);

/// A connection stands for no more than so many that came and went unseen; its life is not known better than this.
const HEAVIEST: f64 = 20.0;
const SHORTEST: Duration = Duration::from_millis(4);

/// Whose connections.
pub struct Scope {
    /// Their processes; none: whoever has them.
    pub processes: bool,
    /// With this port at either end.
    pub port: Option<u16>,
}

/// What is one service for all that can be told at a glance: process, whether it is a server, address and port.
pub(super) type Place = (Option<u32>, bool, Option<IpAddr>, u16);

/// What a program has set on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Options {
    pub nodelay: bool,
    pub cork: bool,
}

/// A connection of the processes in question, or the other end of one.
pub struct Seen {
    pub track: Track,
    pub pid: Option<u32>,
    /// The other end of a connection of ours, on this machine.
    pub other_end: bool,
    pub options: Option<Options>,
    asked: bool,
    /// It was opened while we watched; and the time without a look at all before the first that saw it.
    fresh: bool,
    pause: Duration,
    /// For how many connections of its kind this one stands: 1, unless surveys are so rare that others come and go between.
    pub weight: f64,
    /// The last look at all that saw it.
    round: u32,
}

pub struct Watch {
    pub(super) spaces: Spaces,
    scope: Scope,
    pub(super) owners: Owners,
    pub seen: HashMap<u64, Seen>,
    /// What the processes run, read while they still do.
    pub programs: HashMap<u32, Program>,
    /// Unit or container of those processes, where services are told apart by it.
    pub homes: HashMap<u32, Option<Home>>,
    /// The container that we are in ourselves: to be in that tells nothing of a process.
    around: Option<Home>,
    /// Which sockets listen, by namespace and port.
    pub(super) listeners: HashMap<(u64, u16), u64>,
    /// The last look at all, and the time before it in which none was made.
    pub(super) surveyed: Option<(Instant, Duration)>,
    /// No more connections than this are followed; and how many others the last look at all has seen.
    pub(super) most: usize,
    pub(super) left_out: usize,
    /// Connections that were there before us.
    old: Option<HashSet<u64>>,
    /// Connections that were there at the last look at all.
    pub(super) living: Vec<(u64, Key)>,
    /// Looks at all, and what the last one saw, kept for its memory.
    round: u32,
    all_sockets: Vec<Sighting>,
    /// When all were looked at, and how long that took.
    all: Option<(Instant, Duration)>,
    asked: u32,
    looked_closely: u32,
    pub looks: u32,
    pub longest_gap: Duration,
    last: Option<Instant>,
}

impl Watch {
    pub fn new(scope: Scope) -> Result<Self, Failure> {
        let spaces = Spaces::own().doing(|| "ask the kernel for its sockets (INET_DIAG)")?;
        Ok(Self {
            spaces,
            scope,
            owners: Owners::default(),
            seen: HashMap::new(),
            programs: HashMap::new(),
            homes: HashMap::new(),
            around: home_of(std::process::id()).filter(|home| matches!(home, Home::Container(_))),
            listeners: HashMap::new(),
            surveyed: None,
            most: usize::MAX,
            left_out: 0,
            old: None,
            living: Vec::new(),
            round: 0,
            all_sockets: Vec::new(),
            all: None,
            asked: 0,
            looked_closely: 0,
            looks: 0,
            longest_gap: Duration::ZERO,
            last: None,
        })
    }

    /// Descriptors are read when the caller says so, and services are told apart by unit and container too.
    pub(super) fn by_hand(scope: Scope, most: usize) -> Result<Self, Failure> {
        let mut watch = Self::new(scope)?;
        watch.owners.by_hand = true;
        watch.most = most;
        Ok(watch)
    }

    /// Is only a part of all seen closely?
    pub fn is_sampling(&self) -> bool {
        self.owners.by_hand
    }

    /// One look. `pids` are the processes in question as of now.
    pub fn look(&mut self, pids: &[u32]) -> Result<(), Failure> {
        let begin = Instant::now();
        if let Some(last) = self.last.replace(begin) {
            self.longest_gap = self.longest_gap.max(begin - last);
        }
        self.looks += 1;
        let due = self.all.is_none_or(|(at, took)| begin - at >= ALL.max(took * ALL_SHARE));
        if due || self.living.len() > SINGLE {
            self.look_at_all(pids)?;
            self.all = Some((begin, begin.elapsed()));
        } else {
            self.look_at_known()?;
        }
        let living = std::mem::take(&mut self.living);
        self.ask_for_options(&living, usize::MAX);
        let due = self.looks.is_multiple_of(BETWEEN);
        let closer = if due { self.look_closer(&living) } else { Ok(()) };
        self.living = living;
        closer
    }

    /// Looks at one of these several times within a round trip, where only that tells whether its other end is busy.
    pub(super) fn look_closer(&mut self, which: &[(u64, Key)]) -> Result<(), Failure> {
        if self.looked_closely >= CLOSELY {
            return Ok(());
        }
        // What holds its data itself is not of interest.
        let wanted = |(cookie, _): &(u64, Key)| {
            let seen = self.seen.get(cookie).filter(|seen| !seen.options.is_some_and(|o| o.nodelay || o.cork))?;
            seen.track.paced.closer(seen.track.round_trip())
        };
        let found = which.iter().find_map(|one| Some((one, wanted(one)?)));
        let Some(((cookie, key), pause)) = found else { return Ok(()) };
        self.looked_closely += 1;
        let round_trip = self.seen.get(cookie).map_or(LEAST, |seen| seen.track.round_trip());
        let end = Instant::now() + round_trip.mul_f64(ROUND_TRIPS).max(LEAST);
        while Instant::now() < end {
            thread::sleep(pause);
            let Some(info) = self.spaces.one(key).map_err(refused)? else { break };
            if let Some(seen) = self.seen.get_mut(cookie) {
                seen.track.look(info, Instant::now());
            }
        }
        Ok(())
    }

    fn look_at_known(&mut self) -> Result<(), Failure> {
        let mut living = std::mem::take(&mut self.living);
        self.look_at_some(&mut living)?;
        self.living = living;
        Ok(())
    }

    /// Looks at these, and leaves out those that are no more.
    pub(super) fn look_at_some(&mut self, which: &mut Vec<(u64, Key)>) -> Result<(), Failure> {
        for (cookie, key) in std::mem::take(which) {
            if let Some(info) = self.spaces.one(&key).map_err(refused)? {
                if let Some(seen) = self.seen.get_mut(&cookie) {
                    seen.track.look(info, Instant::now());
                }
                which.push((cookie, key));
            } else if let Some(seen) = self.seen.get_mut(&cookie) {
                seen.track.gone(Instant::now());
            }
        }
        Ok(())
    }

    pub(super) fn look_at_all(&mut self, pids: &[u32]) -> Result<(), Failure> {
        let mut all = std::mem::take(&mut self.all_sockets);
        self.spaces.all_into(&mut all).map_err(refused)?;
        let now = Instant::now();
        let pause = self.surveyed.map_or(Duration::ZERO, |(before, _)| now - before);
        self.surveyed = Some((now, pause));
        self.round += 1;
        self.left_out = 0;
        let before = std::mem::take(&mut self.living);
        if self.old.is_none() {
            self.old = Some(all.iter().map(|s| s.cookie).collect());
        }
        self.listeners = all.iter().filter(|s| s.listening).map(|s| (at(s), s.inode)).collect();
        let mut rest = Vec::new();
        for sighting in all.iter().filter(|s| !s.listening) {
            match belongs(sighting, &self.scope, &self.seen, &mut self.owners, pids, now) {
                Some(pid) => {
                    let pid = pid.or_else(|| self.owner_of_listener(sighting));
                    self.get_to_know(pid);
                    self.note(sighting, pid, false, (now, pause));
                }
                None => rest.push(sighting),
            }
        }
        if !rest.is_empty() {
            let ours: HashSet<End> =
                self.living.iter().filter_map(|(cookie, _)| Some(self.seen.get(cookie)?.track.end())).collect();
            for sighting in rest.into_iter().filter(|s| ours.contains(&end_of(s.key.space, s.peer, s.local))) {
                self.note(sighting, None, true, (now, pause));
            }
        }
        for (cookie, _) in before {
            if let Some(seen) = self.seen.get_mut(&cookie).filter(|seen| seen.round != self.round) {
                seen.track.gone(now);
                if self.owners.by_hand && seen.fresh {
                    seen.weight = weight(seen.pause, seen.track.life());
                }
            }
        }
        self.all_sockets = all;
        Ok(())
    }

    /// Nobody may have been seen to have a connection yet, but whose it is the listener tells.
    fn owner_of_listener(&self, sighting: &Sighting) -> Option<u32> {
        let listener = self.listeners.get(&at(sighting)).filter(|_| self.owners.by_hand)?;
        self.owners.known(*listener)
    }

    /// What a process runs, and where it is at home.
    fn get_to_know(&mut self, pid: Option<u32>) {
        remember(&mut self.programs, pid);
        if let Some(pid) = pid.filter(|pid| self.owners.by_hand && !self.homes.contains_key(pid)) {
            self.homes.insert(pid, home_of(pid).filter(|home| Some(home) != self.around.as_ref()));
        }
    }

    fn note(&mut self, sighting: &Sighting, pid: Option<u32>, other_end: bool, (now, pause): (Instant, Duration)) {
        if let Some(entry) = self.seen.get_mut(&sighting.cookie) {
            if entry.track.inode == 0 {
                // It was not accepted yet.
                entry.track.inode = sighting.inode;
            }
            entry.pid = pid.or(entry.pid);
            entry.round = self.round;
            entry.track.look(sighting.info, now);
        } else if self.seen.len() >= self.most {
            self.left_out += 1;
            return;
        } else {
            let fresh = self.old.as_ref().is_some_and(|old| !old.contains(&sighting.cookie));
            let track = Track::new(sighting, self.listeners.contains_key(&at(sighting)), fresh, now);
            let (options, asked, weight, round) = (None, false, 1.0, self.round);
            self.seen
                .insert(sighting.cookie, Seen { track, pid, other_end, options, asked, fresh, pause, weight, round });
        }
        self.living.push((sighting.cookie, sighting.key.clone()));
    }

    /// Read the options of sockets on which something is being held at this moment.
    pub(super) fn ask_for_options(&mut self, which: &[(u64, Key)], most: usize) {
        let mut left = most;
        for (cookie, _) in which {
            let Some(seen) = self.seen.get_mut(cookie).filter(|s| !s.asked && s.track.is_holding()) else { continue };
            if self.asked >= ASKED || left == 0 {
                return;
            }
            left -= 1;
            seen.asked = true;
            self.asked += 1;
            if !self.owners.by_hand || seen.other_end {
                seen.pid = seen.pid.or_else(|| owners::anybody(seen.track.inode));
                remember(&mut self.programs, seen.pid);
            }
            seen.options = seen.pid.and_then(|pid| options(pid, seen.track.inode));
        }
    }

    /// Sockets may be asked again, and looked at closely.
    pub(super) fn forget_asking(&mut self) {
        self.asked = 0;
        self.looked_closely = 0;
    }

    /// No more looks.
    pub fn end(&mut self) {
        for seen in self.seen.values_mut() {
            seen.track.finish();
        }
    }
}

fn refused(error: std::io::Error) -> Failure {
    Failure::own(format!("the kernel did not list its sockets (INET_DIAG): {}", plain(&error)))
}

/// Is it one of ours, and whose?
fn belongs(
    sighting: &Sighting,
    scope: &Scope,
    known: &HashMap<u64, Seen>,
    owners: &mut Owners,
    pids: &[u32],
    now: Instant,
) -> Option<Option<u32>> {
    if let Some(seen) = known.get(&sighting.cookie) {
        // Until it was looked for, it was taken for the listener's.
        let found = owners.known(sighting.inode).filter(|_| owners.by_hand && sighting.inode != 0);
        return (!seen.other_end).then(|| found.or(seen.pid));
    }
    if scope.port.is_some_and(|port| port != sighting.local.port() && port != sighting.peer.port()) {
        return None;
    }
    let owner = if sighting.inode == 0 { None } else { owners.owner(sighting.inode, pids, now) };
    // Without processes the port is enough, and an owner welcome.
    (owner.is_some() || !scope.processes).then_some(owner)
}

/// Where a listener may be.
fn at(sighting: &Sighting) -> (u64, u16) {
    (sighting.key.space, sighting.local.port())
}

/// A connection that lives for less than the time between two surveys is seen with the chance that one falls into its life: it
/// stands for the others.
fn weight(pause: Duration, life: Duration) -> f64 {
    (pause.as_secs_f64() / life.max(SHORTEST).as_secs_f64()).clamp(1.0, HEAVIEST)
}

impl Seen {
    pub(super) fn place(&self) -> Place {
        let track = &self.track;
        match track.server {
            true => (self.pid, true, None, track.local.port()),
            false => (self.pid, false, Some(track.peer.ip()), track.peer.port()),
        }
    }
}

fn remember(programs: &mut HashMap<u32, Program>, pid: Option<u32>) {
    if let Some(pid) = pid
        && !programs.contains_key(&pid)
        && let Some(program) = Program::of_process(pid)
    {
        programs.insert(pid, program);
    }
}

/// The options of a process's socket, where we may ask.
pub fn options(pid: u32, socket: u64) -> Option<Options> {
    let process = Process::open(pid).ok()?;
    let (descriptor, _) = process.sockets().ok()?.into_iter().find(|(_, inode)| *inode == socket)?;
    let socket = Socket::new(process.borrow(descriptor).ok()?).ok()?;
    let cork = socket.option(libc::IPPROTO_TCP, libc::TCP_CORK).ok()?;
    Some(Options { nodelay: socket.nodelay().ok()?, cork: integer(&cork) == Some(1) })
}
