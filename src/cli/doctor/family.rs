//! Every process that a command starts, directly and not: which it is, and whether the library is in it. Followed in /proc;
//! being their subreaper, doctor becomes the parent of those whose parent has ended, and loses none that lives long enough to
//! be seen once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::CANNOT_EXECUTE;
use crate::os::proc::{self, Stat};
use crate::programs::library::Library;
use crate::programs::reach;
use crate::stalls::program::Program;

/// A program that was run by a descendant. One process that calls exec is several of these.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Member {
    pub pid: u32,
    #[serde(flatten)]
    pub program: Program,
    /// None: that was not found out.
    pub loaded: Option<bool>,
    /// Why the library was not loaded, or why that is not known.
    pub reason: Option<String>,
    #[serde(skip)]
    started: u64,
    #[serde(skip)]
    looks: u32,
    #[serde(skip)]
    next_look: Option<Instant>,
}

/// When to look whether the library is there: the loader needs its time, and more of it on a busy machine.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(10), Duration::from_millis(50), Duration::from_millis(250)];

pub struct Family {
    /// None: nothing is loaded, so there is nothing to find out but who is there.
    library: Option<Library>,
    /// The living, with the place of their present program in `members`.
    alive: BTreeMap<u32, usize>,
    pub members: Vec<Member>,
}

impl Family {
    pub fn new(library: Option<Library>) -> Self {
        Self { library, alive: BTreeMap::new(), members: Vec::new() }
    }

    /// The living, the youngest last.
    pub fn pids(&self) -> Vec<u32> {
        self.alive.keys().copied().collect()
    }

    /// Looks at all descendants of this process as they are now.
    pub fn look(&mut self) {
        let now = Instant::now();
        let mut found = Vec::new();
        let mut next = proc::children(std::process::id());
        while let Some(pid) = next.pop() {
            next.extend(proc::children(pid));
            found.push(pid);
        }
        self.alive.retain(|pid, _| found.contains(pid));
        for pid in found {
            self.meet(pid, now);
        }
    }

    fn meet(&mut self, pid: u32, now: Instant) {
        let Some(Stat { name, parent, start: started, .. }) = Stat::of(pid) else { return };
        let known = self.alive.get(&pid).copied();
        let same = known.and_then(|at| self.members.get(at)).is_some_and(|m| {
            // The link of a program that was just started is read only when its name has changed.
            m.started == started && m.program.name == name && proc::executable(pid).is_ok_and(|e| e == m.program.file)
        });
        if !same {
            let Some(program) = Program::of_process(pid).filter(|p| !p.file.as_os_str().is_empty()) else { return };
            let renamed = known.and_then(|at| self.members.get_mut(at)).filter(|m| {
                m.started == started && (m.program.file == program.file && m.program.command == program.command)
            });
            match renamed {
                // It gave itself another name, or another of its threads did.
                Some(member) => member.program.name = program.name,
                None => {
                    let mut member = Member::new(pid, program, started);
                    if self.running(parent).is_some_and(|p| p.program == member.program && p.loaded == Some(true)) {
                        // A copy of its parent, which has not called exec (yet).
                        (member.loaded, member.reason) = (Some(true), None);
                    }
                    self.alive.insert(pid, self.members.len());
                    self.members.push(member);
                }
            }
        }
        let member = self.alive.get(&pid).and_then(|&at| self.members.get_mut(at));
        if let (Some(member), Some(library)) = (member, &self.library) {
            member.look(library, now);
        }
    }
}

impl Family {
    fn running(&self, pid: u32) -> Option<&Member> {
        self.alive.get(&pid).and_then(|&at| self.members.get(at))
    }
}

impl Member {
    fn new(pid: u32, program: Program, started: u64) -> Self {
        let reason = Some("it ended before it could be looked at".to_owned());
        Self { pid, program, loaded: None, reason, started, looks: 0, next_look: None }
    }

    /// Is the library there? Asked again for a while if not.
    fn look(&mut self, library: &Library, now: Instant) {
        let due = self.next_look.is_none_or(|at| now >= at);
        if self.loaded == Some(true) || !due || self.looks as usize >= LOOKS.len() {
            return;
        }
        self.looks += 1;
        self.next_look = LOOKS.get(self.looks as usize).map(|&pause| now + pause);
        match reach::process_standing(self.pid, library) {
            Ok(standing) if standing.loaded => (self.loaded, self.reason) = (Some(true), None),
            Ok(standing) => {
                let dropped =
                    "the environment it was started with does not name the library any more (LD_PRELOAD was dropped)";
                let last = self.looks as usize >= LOOKS.len();
                // Soon after its start a program may be seen before its loader has come to the library.
                self.loaded = (!standing.early || last).then_some(false);
                self.reason = match self.loaded {
                    Some(_) => standing.reason.or_else(|| (!standing.handed_on).then(|| dropped.to_owned())),
                    None => Some("it ended before the library was seen in it".to_owned()),
                };
            }
            // It ends, or may not be looked at: the next time tells.
            Err(failure) if failure.code == CANNOT_EXECUTE && !proc::has_ended(self.pid) => {
                self.reason = Some(failure.message);
            }
            Err(_) => {}
        }
    }
}

/// Processes that counted have the library, whether they were seen or not.
pub fn acknowledge(members: &mut Vec<Member>, counted: &[(u32, Program)]) {
    for (pid, program) in counted {
        let known = members.iter_mut().find(|m| m.pid == *pid && m.program.file == program.file);
        match known {
            Some(member) => (member.loaded, member.reason) = (Some(true), None),
            None => {
                let mut member = Member::new(*pid, program.clone(), 0);
                (member.loaded, member.reason) = (Some(true), None);
                members.push(member);
            }
        }
    }
}
