//! Looks at the connections of some processes again and again. Nothing is touched but for one thing: when a piece is seen to
//! be held, the socket's TCP_NODELAY and TCP_CORK are read, on a copy that lives for microseconds.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::owners::{self, Owners};
use super::program::Program;
use super::track::Track;
use crate::errors::{Context, Failure, plain};
use crate::os::netlink::{Diag, Key, Sighting};
use crate::os::option::integer;
use crate::os::process::Process;
use crate::os::socket::Socket;

/// How many sockets are asked for their options: enough to tell, and no burden.
const ASKED: u32 = 64;

/// How often to look for new connections, at most; and for which part of the time.
const ALL: Duration = Duration::from_millis(12);
const ALL_SHARE: u32 = 8;
/// More connections than this are cheaper to look at all together.
const SINGLE: usize = 100;

/// Whose connections.
pub struct Scope {
    /// Their processes; none: whoever has them.
    pub processes: bool,
    /// With this port at either end.
    pub port: Option<u16>,
}

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
}

pub struct Watch {
    diag: Diag,
    scope: Scope,
    owners: Owners,
    pub seen: HashMap<u64, Seen>,
    /// What the processes run, read while they still do.
    pub programs: HashMap<u32, Program>,
    /// Connections that were there before us.
    old: Option<HashSet<u64>>,
    /// Connections that were there at the last look at all.
    living: Vec<(u64, Key)>,
    /// When all were looked at, and how long that took.
    all: Option<(Instant, Duration)>,
    asked: u32,
    pub looks: u32,
    pub longest_gap: Duration,
    last: Option<Instant>,
}

impl Watch {
    pub fn new(scope: Scope) -> Result<Self, Failure> {
        let diag = Diag::open().doing(|| "ask the kernel for its sockets (INET_DIAG)")?;
        Ok(Self {
            diag,
            scope,
            owners: Owners::default(),
            seen: HashMap::new(),
            programs: HashMap::new(),
            old: None,
            living: Vec::new(),
            all: None,
            asked: 0,
            looks: 0,
            longest_gap: Duration::ZERO,
            last: None,
        })
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
        self.ask_for_options();
        Ok(())
    }

    fn look_at_known(&mut self) -> Result<(), Failure> {
        for (cookie, key) in std::mem::take(&mut self.living) {
            if let Some(info) = self.diag.one(&key).map_err(refused)? {
                if let Some(seen) = self.seen.get_mut(&cookie) {
                    seen.track.look(info, Instant::now());
                }
                self.living.push((cookie, key));
            } else if let Some(seen) = self.seen.get_mut(&cookie) {
                seen.track.gone(Instant::now());
            }
        }
        Ok(())
    }

    fn look_at_all(&mut self, pids: &[u32]) -> Result<(), Failure> {
        let all = self.diag.all().map_err(refused)?;
        let now = Instant::now();
        let there: HashSet<u64> = all.iter().map(|s| s.cookie).collect();
        for (cookie, _) in self.living.drain(..).filter(|(cookie, _)| !there.contains(cookie)) {
            if let Some(seen) = self.seen.get_mut(&cookie) {
                seen.track.gone(now);
            }
        }
        let old = self.old.get_or_insert_with(|| all.iter().map(|s| s.cookie).collect());
        let ports: HashSet<u16> = all.iter().filter(|s| s.listening).map(|s| s.local.port()).collect();
        let mut ours: HashSet<(SocketAddr, SocketAddr)> = HashSet::new();
        let mut rest = Vec::new();
        for sighting in all.iter().filter(|s| !s.listening) {
            match belongs(sighting, &self.scope, &self.seen, &mut self.owners, pids, now) {
                Some(pid) => {
                    remember(&mut self.programs, pid);
                    ours.insert((sighting.local, sighting.peer));
                    note(&mut self.seen, sighting, pid, false, &ports, old, now);
                    self.living.push((sighting.cookie, sighting.key.clone()));
                }
                None => rest.push(sighting),
            }
        }
        for sighting in rest.into_iter().filter(|s| ours.contains(&(s.peer, s.local))) {
            note(&mut self.seen, sighting, None, true, &ports, old, now);
            self.living.push((sighting.cookie, sighting.key.clone()));
        }
        Ok(())
    }

    /// Read the options of sockets on which something is being held at this moment.
    fn ask_for_options(&mut self) {
        for (cookie, _) in &self.living {
            let Some(seen) = self.seen.get_mut(cookie).filter(|s| !s.asked && s.track.is_holding()) else { continue };
            if self.asked >= ASKED {
                return;
            }
            seen.asked = true;
            self.asked += 1;
            seen.pid = seen.pid.or_else(|| owners::anybody(seen.track.inode));
            remember(&mut self.programs, seen.pid);
            seen.options = seen.pid.and_then(|pid| options(pid, seen.track.inode));
        }
    }

    /// No more looks.
    pub fn end(&mut self) {
        for seen in self.seen.values_mut() {
            seen.track.end();
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
        return (!seen.other_end).then_some(seen.pid);
    }
    if scope.port.is_some_and(|port| port != sighting.local.port() && port != sighting.peer.port()) {
        return None;
    }
    let owner = if sighting.inode == 0 { None } else { owners.owner(sighting.inode, pids, now) };
    // Without processes the port is enough, and an owner welcome.
    (owner.is_some() || !scope.processes).then_some(owner)
}

fn note(
    seen: &mut HashMap<u64, Seen>,
    sighting: &Sighting,
    pid: Option<u32>,
    other_end: bool,
    ports: &HashSet<u16>,
    old: &HashSet<u64>,
    now: Instant,
) {
    if let Some(entry) = seen.get_mut(&sighting.cookie) {
        if entry.track.inode == 0 {
            // It was not accepted yet.
            entry.track.inode = sighting.inode;
        }
        entry.track.look(sighting.info, now);
        return;
    }
    let fresh = !old.contains(&sighting.cookie);
    let track = Track::new(sighting, ports.contains(&sighting.local.port()), fresh, now);
    seen.insert(sighting.cookie, Seen { track, pid, other_end, options: None, asked: false });
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
