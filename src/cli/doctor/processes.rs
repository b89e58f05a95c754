//! Diagnosis of processes that run already: nothing is started, nothing is touched.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::args::DoctorArgs;
use super::conclude::conclude;
use super::counted;
use super::launch::Signals;
use super::pace::tick;
use super::report::Report;
use crate::errors::{CANNOT_EXECUTE, Failure, plain};
use crate::os::proc::{self, Space, Stat};
use crate::os::{refusal, target};
use crate::stalls::evidence;
use crate::stalls::follower::{Follower, urge};
use crate::stalls::waits;
use crate::stalls::watch::{Scope, Watch};

/// How long they are watched if nothing is said.
const USUAL: Duration = Duration::from_secs(10);
/// How often to look for new descendants.
const REFRESH: Duration = Duration::from_millis(100);

/// Watches them for as long as was asked, or until they end or Ctrl-C.
pub fn diagnose(args: &DoctorArgs) -> Result<Report, Failure> {
    let seen = |text: &OsString| {
        let pid = target::number(text)?;
        may_be_seen(pid).map(|()| pid)
    };
    let of_option = |text: &OsString| seen(text).map_err(|failure| failure.with_option("--pid", text));
    let mut roots: Vec<u32> = args.pid.iter().map(of_option).collect::<Result<_, _>>()?;
    if let (true, Some(port)) = (args.pid.is_empty(), args.port) {
        // One that listens is watched with all its connections of that port; for the rest it is enough to know the port.
        roots = target::listening_on(port).unwrap_or_default();
    }
    enter_network_of(roots.first().copied())?;
    let mut watch = Watch::new(Scope { processes: !args.pid.is_empty(), port: args.port })?;
    let signals = Signals::note()?;
    let begin = Instant::now();
    let end = begin + args.duration.unwrap_or(USUAL);
    let only_these = !args.pid.is_empty();
    let follower = Follower::start(REFRESH, move || proc::with_descendants(&roots));
    urge();
    let mut watched_pids = BTreeSet::new();
    while Instant::now() < end && signals.arrived().is_none() {
        let pids = follower.pids();
        if only_these && pids.iter().all(|pid| proc::has_ended(*pid)) {
            break;
        }
        watched_pids.extend(pids.iter().copied());
        tick(&mut watch, &pids, args)?;
    }
    let watched = begin.elapsed();
    follower.stop();
    watch.end();
    let evidence = counted::with_holds(evidence::from_kernel(&watch), counted::holds(&watched_pids));
    let report = conclude(&watch, &evidence, watched, Vec::new(), None, args.library.as_deref());
    Ok(Report { waits: args.waits.then(|| waits::timed(&watch)), ..report })
}

/// A process whose descriptors may not be listed cannot be watched.
fn may_be_seen(pid: u32) -> Result<(), Failure> {
    if let Some(stat) = Stat::of(pid).filter(|stat| stat.zombie) {
        return Err(refusal::of_ended(pid, &stat.name));
    }
    match proc::descriptors(pid) {
        Ok(_) => Ok(()),
        Err(_) if !proc::exists(pid) => Err(refusal::of_none(pid)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refusal::of_sight(pid)),
        Err(error) => {
            Err(Failure::new(CANNOT_EXECUTE, format!("process {pid} cannot be looked at: {}", plain(&error))))
        }
    }
}

/// Sockets are listed for each network namespace: go where the process is.
fn enter_network_of(pid: Option<u32>) -> Result<(), Failure> {
    let Some(pid) = pid else { return Ok(()) };
    match proc::shares(pid, Space::Network) {
        Some(true) => return Ok(()),
        None if proc::exists(pid) => return Err(refusal::of_sight(pid)),
        _ => {}
    }
    let refused = |e: io::Error| {
        let why = plain(&e);
        Failure::new(
            CANNOT_EXECUTE,
            format!(
                "process {pid} is in another network namespace, which may not be entered ({why}): try again as root"
            ),
        )
    };
    let file = File::open(proc::entry(pid, Space::Network.file())).map_err(refused)?;
    let kind = LinkNameSpaceType::Network;
    move_into_link_name_space(file.as_fd(), Some(kind)).map_err(|e| refused(e.into()))
}
