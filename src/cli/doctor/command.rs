//! Diagnosis of a command and of all that it starts: the library observes inside, and everything is watched from outside.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::args::DoctorArgs;
use super::conclude::conclude;
use super::family::{self, Family};
use super::launch::{self, Signals};
use super::pace::tick;
use super::report::{Ended, Report};
use super::{backtrace, counted, script};
use crate::counters::Scratch;
use crate::errors::Failure;
use crate::os::proc;
use crate::programs::library::{self, Library};
use crate::programs::preload;
use crate::programs::reach;
use crate::programs::start;
use crate::settings;
use crate::stalls::evidence;
use crate::stalls::follower::{Follower, urge};
use crate::stalls::pooled::pooled;
use crate::stalls::waits;
use crate::stalls::watch::{Scope, Watch};

/// How long a command that was told to end may take to do so.
const GRACE: Duration = Duration::from_secs(5);

/// Runs it to its end.
pub fn diagnose(args: &DoctorArgs) -> Result<Report, Failure> {
    let mut notes = Vec::new();
    let name = args.command.first().map(OsString::as_os_str).unwrap_or_default();
    start::exists(name)?;
    let library = match library::find(args.library.as_deref()) {
        Ok(library) => Some(library),
        Err(failure) if args.library.is_some() => return Err(failure),
        Err(failure) => {
            notes.push(format!("watched from outside only: {}", failure.message));
            None
        }
    };
    let library = library.filter(|library| {
        let verdict = reach::program_verdict(name, library).ok().filter(|verdict| verdict.refuses);
        notes.extend(verdict.iter().map(|verdict| {
            let advice = verdict.advice.first().map_or("", String::as_str);
            format!("watched from outside only: {}; to have the library count in it, {advice}", verdict.reason)
        }));
        verdict.is_none()
    });
    let mut watch = Watch::new(Scope { processes: true, port: args.port })?;
    // Connections that are there before the command.
    watch.look(&[])?;
    // What root starts may count as another user.
    let mode = if rustix::process::geteuid().is_root() { 0o1777 } else { 0o700 };
    let directory = Scratch::new("tcptune-doctor", mode)?;
    let environment = environment(library.as_ref(), directory.path(), args.backtrace);
    let begin = Instant::now();
    let child = launch::start(&args.command, &environment)?;
    let signals = Signals::note()?;
    let family = Arc::new(Mutex::new(Family::new(library)));
    let followed = Arc::clone(&family);
    let follower = Follower::start(args.interval, move || {
        let mut family = followed.lock().unwrap_or_else(PoisonError::into_inner);
        family.look();
        family.pids()
    });
    urge();
    let mut course = Course { child, status: None, told: None, told_to: Vec::new(), stopped: false };
    let mut looks = args.backtrace.then(script::Looks::start);
    loop {
        let pids = follower.pids();
        tick(&mut watch, &pids, args)?;
        if let Some(looks) = &mut looks {
            looks.step(&watch, &pids);
        }
        // Also once the command has ended: what it left behind is ours.
        let ended = launch::reap(child);
        course.status = course.status.or(ended);
        let over = args.duration.is_some_and(|limit| begin.elapsed() >= limit);
        if course.is_over(args.follow, &pids, over, signals.arrived()) {
            break;
        }
    }
    let watched = begin.elapsed();
    let lines = looks.map(script::Looks::end);
    watch.end();
    follower.stop();
    let mut family = family.lock().unwrap_or_else(PoisonError::into_inner);
    family.look();
    let still: Vec<String> = family.pids().iter().map(u32::to_string).collect();
    if !still.is_empty() {
        notes.push(format!(
            "still running: {} (`tcptune doctor --pid`, or --follow to stay with them)",
            still.join(", ")
        ));
    }
    let ended = course.status.map(launch::ending);
    let mut members = family.members.clone();
    let counted = counted::read(directory.path(), watched)?;
    family::acknowledge(&mut members, &counted.programs);
    notes.extend(counted.notes);
    let evidence = counted::combine(evidence::from_kernel(&watch), counted.evidence);
    let evidence = match args.gated() {
        true => pooled(evidence, &proc::ephemeral_ports()),
        false => evidence,
    };
    let mut report = conclude(&watch, &evidence, watched, members, ended, args.library.as_deref());
    report.command = course.status.map(|status| Ended { status: status.code(), signal: status.signal() });
    report.stopped = course.stopped;
    report.waits = args.waits.then(|| waits::timed(&watch));
    if let Some(lines) = lines {
        report.notes.extend(backtrace::tell(&mut report.findings, &counted.backtraces, &report.processes));
        report.notes.extend(script::tell(&mut report.findings, &counted.backtraces, &lines));
    }
    report.notes.splice(0..0, notes);
    Ok(report)
}

/// The environment of the command: the library is loaded and only observes.
fn environment(library: Option<&Library>, counters: &Path, backtrace: bool) -> Vec<settings::Pair> {
    let mut environment = settings::environment();
    if let Some(library) = library {
        preload::add(&mut environment, &library.file);
        settings::put(&mut environment, "TCPTUNE", if backtrace { "backtrace" } else { "observe" }.into());
        settings::put(&mut environment, "TCPTUNE_STATS", counters.into());
    }
    environment
}

/// How far a command has come.
struct Course {
    child: Pid,
    status: Option<ExitStatus>,
    /// When it was told to end, and which processes were.
    told: Option<Instant>,
    told_to: Vec<u32>,
    /// It was ended because its time was over, and not for a signal to us.
    stopped: bool,
}

impl Course {
    /// Is there nothing more to watch? Passes signals on, and ends what has had its time.
    fn is_over(&mut self, follow: bool, pids: &[u32], over: bool, signal: Option<i32>) -> bool {
        if self.status.is_some() && (pids.is_empty() || signal.is_some() || !follow && !over) {
            return true;
        }
        if !over && signal.is_none() {
            return false;
        }
        self.stopped |= signal.is_none();
        let late = self.told.get_or_insert_with(Instant::now).elapsed() > GRACE;
        match signal {
            // A terminal has told the command of Ctrl-C already; who ends us by number has not.
            Some(libc::SIGINT | libc::SIGQUIT) => {}
            Some(_) => self.tell(&[self.child.as_raw_nonzero().get().cast_unsigned()]),
            None => self.tell(pids),
        }
        if late && over {
            for pid in pids.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
                launch::tell(pid, Signal::KILL);
            }
        }
        late
    }

    /// Each of them once.
    fn tell(&mut self, pids: &[u32]) {
        for &pid in pids {
            if !self.told_to.contains(&pid) {
                self.told_to.push(pid);
                if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                    launch::tell(pid, Signal::TERM);
                }
            }
        }
    }
}
