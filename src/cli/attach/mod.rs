//! `tcptune attach`: tunes the sockets of a running process, with nothing stopped and nothing loaded into it.
//!
//! Sockets are borrowed with pidfd_getfd: an option that is set on our copy is set on theirs, for both are the same socket.

pub mod args;
mod change;
mod print;
mod record;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use schemars::JsonSchema;
use serde::Serialize;

use crate::errors::{Context, Failure, NO, OK, say};
use crate::os::ending::Ending;
use crate::os::process::Process;
use crate::os::{proc, target, timers};
use crate::output::{self, json::Document};
use crate::units::processes;
use args::AttachArgs;
use change::{Plan, Wish};
use print::Manner;
use record::{Entry, Record, Store};
pub use session::Row;
use session::{Session, Task};

/// What `--json` prints; with --watch a line for each socket in its place.
#[derive(Serialize, JsonSchema)]
pub struct Tuned {
    processes: Vec<Report>,
}

impl Document for Tuned {
    const NAME: &'static str = "attach";
    const SCHEMA: u32 = 1;
}

/// A process in the JSON document.
#[derive(Serialize, JsonSchema)]
struct Report {
    pid: u32,
    name: String,
    sockets: Vec<Row>,
}

/// The run as it goes on.
struct Run<'a> {
    args: &'a AttachArgs,
    plan: Plan,
    store: Option<Store>,
    sessions: Vec<Session>,
    /// Processes that were tried, whatever came of it.
    known: BTreeSet<u32>,
    shared: BTreeMap<u64, Entry>,
    /// The first thing that went wrong decides the exit code.
    code: u8,
}

pub fn command(args: &AttachArgs) -> Result<u8, Failure> {
    let plan = Plan { nodelay: args.nodelay.wanted(), wishes: wishes(args)?, dry: args.dry_run };
    let store = Store::find(args.state.as_deref())?;
    let mut pids = targets(args)?;
    if store.is_none() && args.revert {
        return Err(Failure::own(
            "--revert: without XDG_RUNTIME_DIR there is no record of what was changed: give --state DIR",
        ));
    }
    let mut run =
        Run { args, plan, store, sessions: Vec::new(), known: BTreeSet::new(), shared: BTreeMap::new(), code: OK };
    run.first(&pids)?;
    if run.store.is_none() && !args.dry_run && !run.shared.is_empty() {
        say("what was changed cannot be remembered without XDG_RUNTIME_DIR: for --revert give --state DIR");
    }
    if args.watch && !args.json && !run.sessions.is_empty() {
        output::line(&format!("watching every {:?}: ends with the process or with Ctrl-C", args.interval));
    }
    let ending = if args.watch { Some(Ending::caught()?) } else { None };
    while let Some(ending) = ending.as_ref().filter(|ending| !run.sessions.is_empty() && !ending.arrived()) {
        run.wait(ending)?;
        if args.port.is_some() || args.unit.is_some() || args.children {
            // There is none left when the last one is about to end.
            pids = targets(args).unwrap_or_default();
            run.open(&pids)?;
        }
        run.again()?;
    }
    Ok(run.code)
}

/// The entries of --set, and what --quickack stands for.
fn wishes(args: &AttachArgs) -> Result<Vec<Wish>, Failure> {
    let mut wishes = change::wishes(&args.set)?;
    if args.quickack {
        let shortest = timers::shortest_delay().map_err(|why| Failure::own(format!("--quickack: {why}")))?;
        wishes.extend(change::wishes(&[format!("delack_max={}", timers::written(shortest)).into()])?);
    }
    Ok(wishes)
}

/// The processes that are meant, each once.
fn targets(args: &AttachArgs) -> Result<Vec<u32>, Failure> {
    let mut pids = match (args.port, &args.unit) {
        (Some(port), _) => {
            target::listening_on(port).map_err(|failure| failure.with_option("--port", port.to_string()))?
        }
        (None, Some(unit)) => {
            processes::of_name(unit, args.user).map_err(|failure| failure.with_option("--unit", unit))?
        }
        (None, None) => args.pids.iter().map(|pid| target::number(pid)).collect::<Result<_, _>>()?,
    };
    if args.children {
        pids = proc::with_descendants(&pids);
    }
    let mut met = BTreeSet::new();
    pids.retain(|pid| met.insert(*pid));
    Ok(pids)
}

impl Run<'_> {
    /// Open what has not been tried yet.
    fn open(&mut self, pids: &[u32]) -> Result<(), Failure> {
        for &pid in pids {
            if !self.known.insert(pid) {
                continue;
            }
            match self.session(pid) {
                Ok(Some(session)) => self.sessions.push(session),
                Ok(None) => self.note(NO),
                Err(failure) => self.complain(failure),
            }
        }
        Ok(())
    }

    /// None: there is nothing to put back.
    fn session(&self, pid: u32) -> Result<Option<Session>, Failure> {
        let process = Process::open(pid)?;
        let record = match &self.store {
            Some(store) => store.load(&process)?,
            None => None,
        };
        if let (true, None, Some(store)) = (self.args.revert, &record, &self.store) {
            let directory = store.path().display();
            say(format!("process {pid} ({}): nothing to put back is recorded in {directory}", process.name));
            return Ok(None);
        }
        Ok(Some(Session::new(process, record.unwrap_or_else(Record::default))))
    }

    /// The first scan, which tells of every socket.
    fn first(&mut self, pids: &[u32]) -> Result<(), Failure> {
        self.open(pids)?;
        let mut reports = Vec::new();
        let mut sessions = Vec::new();
        for mut session in std::mem::take(&mut self.sessions) {
            let Some(rows) = self.scan(&mut session) else { continue };
            if rows.is_empty() && !self.args.watch || rows.iter().any(|row| !row.refused.is_empty()) {
                self.note(NO);
            }
            if self.args.json && self.args.watch {
                for row in &rows {
                    output::json::row(row)?;
                }
            } else if self.args.json {
                reports.push(Report { pid: session.process.pid, name: session.process.name.clone(), sockets: rows });
            } else {
                print::list(&session.process, &rows, self.manner());
            }
            sessions.push(session);
        }
        self.sessions = sessions;
        if self.args.json && !self.args.watch {
            output::json::document(&Tuned { processes: reports })?;
        }
        Ok(())
    }

    /// A later scan, which tells only what is new.
    fn again(&mut self) -> Result<(), Failure> {
        let manner = self.manner();
        let mut sessions = Vec::new();
        for mut session in std::mem::take(&mut self.sessions) {
            if session.process.has_ended() {
                continue;
            }
            let Some(rows) = self.scan(&mut session) else { continue };
            for row in rows.iter().filter(|row| row.changed || !row.refused.is_empty() || manner.verbose) {
                if self.args.json {
                    output::json::row(row)?;
                } else {
                    print::single(row, manner);
                }
            }
            sessions.push(session);
        }
        self.sessions = sessions;
        Ok(())
    }

    /// Scan and remember. None: the process cannot be touched, which has been told.
    fn scan(&mut self, session: &mut Session) -> Option<Vec<Row>> {
        let task = match self.args.revert {
            true => Task::Revert { dry: self.args.dry_run },
            false => Task::Tune(&self.plan),
        };
        let result = session.scan(&task, &self.args.fd, &mut self.shared);
        // What was done before something went wrong is to be remembered too.
        if let (Some(store), false) = (&self.store, self.args.dry_run) {
            let all = result.as_ref().is_ok_and(|rows| rows.iter().all(|row| row.refused.is_empty()));
            if self.args.revert && all && self.args.fd.is_empty() {
                store.forget(&session.process);
            } else if result.as_ref().map_or(true, |rows| !rows.is_empty())
                && let Err(failure) = session.keep(store)
            {
                self.complain(failure);
            }
        }
        match result {
            Ok(rows) => Some(rows),
            // A process that ends is what --watch waits for.
            Err(_) if self.args.watch && session.process.has_ended() => Some(Vec::new()),
            Err(failure) => {
                self.complain(failure);
                None
            }
        }
    }

    /// Until a process ends, a signal says that it is enough, or it is time to look again.
    fn wait(&self, ending: &Ending) -> Result<(), Failure> {
        let mut handles: Vec<PollFd> = self.sessions.iter().map(|s| PollFd::new(&s.process, PollFlags::IN)).collect();
        handles.push(PollFd::new(ending, PollFlags::IN));
        let interval = self.args.interval;
        let time = Timespec::try_from(interval).doing(|| format!("wait for {interval:?}"))?;
        match poll(&mut handles, Some(&time)) {
            // Stopped and continued, for example.
            Err(Errno::INTR) => Ok(()),
            result => result.map(drop).doing(|| format!("wait for {} processes", self.sessions.len())),
        }
    }

    fn manner(&self) -> Manner {
        Manner { dry: self.args.dry_run, verbose: self.args.verbose }
    }

    fn complain(&mut self, failure: Failure) {
        say(failure.message);
        self.note(failure.code);
    }

    fn note(&mut self, code: u8) {
        if self.code == OK {
            self.code = code;
        }
    }
}
