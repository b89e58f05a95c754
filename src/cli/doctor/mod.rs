//! `tcptune doctor`: does a program wait for nothing? Watches the connections of a command or of running processes, and says
//! what was found, where, what tcptune would change, what that gains, and what to send upstream.

pub mod args;
mod counted;
mod cures;
mod diag;
mod directory;
mod evidence;
mod family;
mod finding;
mod launch;
mod owners;
mod print;
mod program;
mod report;
mod tcp_info;
mod track;
mod watch;
mod words;

use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::attach::target;
use crate::errors::{self, CANNOT_EXECUTE, Failure, NOT_FOUND};
use crate::library::Library;
use crate::{check, library, output, settings};

use args::DoctorArgs;
use directory::Directory;
use evidence::Evidence;
use family::{Family, Member};
use finding::{Finding, Kind};
use launch::Signals;
use report::{Report, Told, Verdict};
use watch::{Scope, Watch};

/// How long processes that run already are watched if nothing is said.
const USUAL: f64 = 10.0;
/// How often to look for new descendants of processes that run already.
const FAMILY_REFRESH: Duration = Duration::from_millis(100);
/// How long a command that was told to end may take to do so.
const GRACE: Duration = Duration::from_secs(5);

pub fn command(args: &DoctorArgs) -> Result<u8, Failure> {
    let report = if args.command.is_empty() { of_processes(args)? } else { of_command(args)? };
    let text = match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => print::text(&report),
    };
    hand_over(args, &text)?;
    Ok(match report.verdict {
        Verdict::None => errors::OK,
        Verdict::Found => errors::NO,
        Verdict::Unseen => 2,
    })
}

/// Writes the report where it is wanted: a command has stdout for itself.
fn hand_over(args: &DoctorArgs, text: &str) -> Result<(), Failure> {
    if let Some(file) = &args.output {
        let refuse =
            |e: std::io::Error| Failure::own(format!("`{}` cannot be written: {}", file.display(), errors::plain(&e)));
        let opened = std::fs::File::create(file).map_err(refuse)?;
        anstream::StripStream::new(opened).write_all(text.as_bytes()).map_err(refuse)?;
    } else if args.command.is_empty() {
        output::line(text.trim_end());
    } else {
        // Nobody may read it any more; the exit status tells all the same.
        let _ = anstream::stderr().lock().write_all(text.as_bytes());
    }
    Ok(())
}

/// Processes that run already: nothing is started, nothing touched.
fn of_processes(args: &DoctorArgs) -> Result<Report, Failure> {
    let mut roots: Vec<u32> = args.pid.iter().map(|text| target::number(text)).collect::<Result<_, _>>()?;
    for &pid in &roots {
        may_be_seen(pid)?;
    }
    if let (true, Some(port)) = (args.pid.is_empty(), args.port) {
        // One that listens is watched with all its connections of that port; for the rest it is enough to know the port.
        roots = target::listening_on(port).unwrap_or_default();
    }
    enter_network_of(roots.first().copied())?;
    let mut watch = Watch::new(Scope { processes: !args.pid.is_empty(), port: args.port })?;
    let signals = Signals::note()?;
    let begin = Instant::now();
    let end = begin + Duration::from_secs_f64(args.duration.unwrap_or(USUAL));
    let only_these = !args.pid.is_empty();
    let follower = Follower::start(FAMILY_REFRESH, move || target::with_descendants(&roots));
    urge();
    while Instant::now() < end && signals.arrived().is_none() {
        let pids = follower.pids();
        if only_these && pids.iter().all(|pid| !exists(*pid)) {
            break;
        }
        tick(&mut watch, &pids, args)?;
    }
    let watched = begin.elapsed();
    follower.stop();
    watch.end();
    Ok(assemble(&watch, &evidence::from_kernel(&watch), watched, Vec::new(), None))
}

fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// A process whose descriptors may not be listed cannot be watched.
fn may_be_seen(pid: u32) -> Result<(), Failure> {
    match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(_) => Ok(()),
        Err(_) if !exists(pid) => Err(Failure::new(NOT_FOUND, format!("there is no process {pid}"))),
        Err(error) => Err(Failure::new(
            CANNOT_EXECUTE,
            format!("process {pid} may not be looked at: {} (try again as its user or root)", errors::plain(&error)),
        )),
    }
}

/// Sockets are listed for each network namespace: go where the process is.
fn enter_network_of(pid: Option<u32>) -> Result<(), Failure> {
    let Some(pid) = pid else { return Ok(()) };
    let place = format!("/proc/{pid}/ns/net");
    let (theirs, ours) = (std::fs::read_link(&place), std::fs::read_link("/proc/self/ns/net"));
    if theirs.is_ok() && ours.is_ok() && theirs.ok() == ours.ok() {
        return Ok(());
    }
    let refused = |e: std::io::Error| {
        let why = errors::plain(&e);
        Failure::new(
            CANNOT_EXECUTE,
            format!(
                "process {pid} is in another network namespace, which may not be entered ({why}): try again as root"
            ),
        )
    };
    let file = std::fs::File::open(place).map_err(refused)?;
    let kind = rustix::thread::LinkNameSpaceType::Network;
    rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(kind))
        .map_err(|e| refused(e.into()))
}

/// One look, then a pause; longer than asked for where looking itself takes long.
fn tick(watch: &mut Watch, pids: &[u32], args: &DoctorArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    watch.look(pids)?;
    let took = begin.elapsed();
    thread::sleep(Duration::from_millis(args.interval.into()).saturating_sub(took).max(took));
    Ok(())
}

/// A command and all that it starts.
fn of_command(args: &DoctorArgs) -> Result<Report, Failure> {
    let mut notes = Vec::new();
    let library = match library::find(args.library.as_deref()) {
        Ok(library) => Some(library),
        Err(failure) if args.library.is_some() => return Err(failure),
        Err(failure) => {
            notes.push(format!("watched from outside only: {}", failure.message));
            None
        }
    };
    let mut watch = Watch::new(Scope { processes: true, port: args.port })?;
    // Connections that are there before the command.
    watch.look(&[])?;
    let directory = Directory::new()?;
    let environment = environment(library.as_ref(), directory.path());
    let begin = Instant::now();
    let child = launch::start(&args.command, &environment)?;
    let signals = Signals::note()?;
    let family = Arc::new(Mutex::new(Family::new(library)));
    let followed = Arc::clone(&family);
    let follower = Follower::start(Duration::from_millis(args.interval.into()), move || {
        let mut family = followed.lock().unwrap_or_else(PoisonError::into_inner);
        family.look();
        family.pids()
    });
    urge();
    let mut course = Course { child, status: None, told: None, told_to: Vec::new() };
    loop {
        let pids = follower.pids();
        tick(&mut watch, &pids, args)?;
        course.status = course.status.or_else(|| launch::reap(child));
        let over = args.duration.is_some_and(|limit| begin.elapsed().as_secs_f64() >= limit);
        if course.is_over(args.follow, &pids, over, signals.arrived()) {
            break;
        }
    }
    let watched = begin.elapsed();
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
    let mut report = assemble(&watch, &evidence, watched, members, ended);
    report.notes.splice(0..0, notes);
    Ok(report)
}

/// The environment of the command: the library is loaded and only observes.
fn environment(library: Option<&Library>, counters: &Path) -> Vec<settings::Pair> {
    let mut environment = settings::environment();
    if let Some(library) = library {
        let existing = environment.iter().find(|(name, _)| name == "LD_PRELOAD").map(|(_, value)| value.as_os_str());
        let list = library::preload_list(&library.file, existing);
        let ours: [settings::Pair; 3] = [
            ("LD_PRELOAD".into(), list),
            ("TCPTUNE".into(), "observe".into()),
            ("TCPTUNE_STATS".into(), counters.into()),
        ];
        environment.retain(|(name, _)| ours.iter().all(|(own, _)| name != own));
        environment.extend(ours);
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

/// Keeps the list of processes up to date on a thread of its own: that takes longer than a look at the sockets may.
struct Follower {
    pids: Arc<Mutex<Vec<u32>>>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Follower {
    fn start(pause: Duration, mut list: impl FnMut() -> Vec<u32> + Send + 'static) -> Self {
        let (pids, stop) = (Arc::new(Mutex::new(list())), Arc::new(AtomicBool::new(false)));
        let (published, stopped) = (Arc::clone(&pids), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let begin = Instant::now();
                let fresh = list();
                *published.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                thread::sleep(pause.max(begin.elapsed() * 2));
            }
        });
        Self { pids, stop, thread }
    }

    fn pids(&self) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// Looks that come late see less: before other work, where that is allowed. For this thread alone, and not for what it has
/// started.
fn urge() {
    let _ = rustix::process::setpriority_process(None, -10);
}

fn assemble(
    watch: &Watch,
    evidence: &[Evidence],
    watched: Duration,
    processes: Vec<Member>,
    command_ended: Option<String>,
) -> Report {
    let ours = || evidence.iter().filter(|e| !e.other_end);
    let mut findings: Vec<Finding> = evidence.iter().flat_map(finding::judge).collect();
    // Where the end that waits was seen itself, the pauses it makes need not be told.
    let seen: Vec<u16> = findings.iter().filter(|f| f.kind == Kind::Nagle).map(|f| f.port).collect();
    findings.retain(|f| f.kind != Kind::Peer || !seen.contains(&f.port));
    let mut findings: Vec<Told> = findings.into_iter().map(tell).collect();
    findings.sort_by(|a, b| b.finding.waited_s.total_cmp(&a.finding.waited_s));
    let connections = ours().map(|e| e.connections).sum();
    let mut notes = Vec::new();
    let verdict = if findings.iter().any(|told| told.finding.kind.is_grave()) {
        Verdict::Found
    } else if connections == 0 {
        Verdict::Unseen
    } else {
        Verdict::None
    };
    notes.extend(ours().filter(|e| slight(e)).map(|e| {
        let waits = e.nagle.count + e.cork.count;
        let time = words::time((e.nagle.total + e.cork.total).as_secs_f64());
        format!("{waits} waits with {} took {time}: too little to be worth a change", e.service.shown())
    }));
    if watch.longest_gap > Duration::from_millis(40) {
        notes.push(format!(
            "this machine is busy: up to {} lay between two looks, in which a stall may have been missed",
            words::time(watch.longest_gap.as_secs_f64())
        ));
    }
    Report {
        verdict,
        findings,
        connections,
        exchanges: ours().map(|e| e.exchanges).sum(),
        watched_s: watched.as_secs_f64(),
        looks: watch.looks,
        longest_gap_ms: watch.longest_gap.as_secs_f64() * 1e3,
        processes,
        command_ended,
        notes,
    }
}

/// Waits that are no finding.
fn slight(evidence: &Evidence) -> bool {
    evidence.nagle.count + evidence.cork.count > 0 && finding::judge(evidence).iter().all(|f| f.waits == 0)
}

/// The finding with its sentences.
fn tell(finding: Finding) -> Told {
    let reachable = finding.pids.first().is_none_or(|&pid| can_be_loaded(pid, &finding));
    Told {
        text: words::verdict(&finding),
        place: words::place(&finding),
        pattern_text: words::pattern(&finding),
        change: words::change(&finding, reachable),
        expected: words::expected(&finding),
        upstream: cures::upstream(&finding),
        finding,
    }
}

/// Could the library be loaded into this program if it were started with it?
fn can_be_loaded(pid: u32, finding: &Finding) -> bool {
    let Ok(library) = library::find(None) else { return true };
    match check::process_standing(pid, &library) {
        Ok(standing) => standing.reason.is_none(),
        // It has ended: its file tells nearly as much.
        Err(_) => check::program_verdict(finding.program.file.as_os_str(), &library).is_ok_and(|v| v.reachable),
    }
}
