//! Diagnosis of a whole host, or of some units of it: every connection is watched, for a bounded share of a core.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::args::DoctorArgs;
use super::launch::Signals;
use super::ranked::ranking::{Ranking, rank};
use crate::errors::{Failure, NO};
use crate::os::proc;
use crate::stalls::budget;
use crate::stalls::follower::urge;
use crate::stalls::host::{BUDGET, Host, List};
use crate::stalls::watch::Scope;
use crate::units::name::Name;
use crate::units::processes::{counted_to, why_none};

/// How long it is watched if nothing is said.
const USUAL: Duration = Duration::from_secs(10);
/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(100);

/// Watches for as long as was asked, or until Ctrl-C.
pub fn diagnose(args: &DoctorArgs) -> Result<Ranking, Failure> {
    let names: Vec<Name> = args
        .unit
        .iter()
        .map(|unit| {
            let name = Name::parse(unit)?;
            if counted_to(&name).is_empty() { Err(Failure::new(NO, why_none(&name))) } else { Ok(name) }
        })
        .zip(&args.unit)
        .map(|(name, unit)| name.map_err(|failure| failure.with_option("--unit", unit)))
        .collect::<Result<_, _>>()?;
    let root = rustix::process::geteuid().is_root();
    // As root the connections of processes in other places count too, though nobody here has them.
    let scope = Scope { processes: !(root && names.is_empty()), port: args.port };
    let of_units = !names.is_empty();
    let list: List = Box::new(move || match names.as_slice() {
        [] => proc::all().unwrap_or_default(),
        names => names.iter().flat_map(counted_to).collect::<BTreeSet<u32>>().into_iter().collect(),
    });
    let share = args.budget.unwrap_or(BUDGET);
    let duration = args.duration.unwrap_or(USUAL);
    let mut host = Host::new(scope, list, share, args.interval, Some(duration))?;
    let signals = Signals::note()?;
    urge();
    let (begin, used) = (Instant::now(), budget::used());
    let end = begin + duration;
    while Instant::now() < end && signals.arrived().is_none() {
        let next = host.step()?.min(end).min(Instant::now() + PATIENCE);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let watched = begin.elapsed();
    host.end()?;
    let cost = budget::used().saturating_sub(used).as_secs_f64() / watched.as_secs_f64();
    Ok(rank(&host, watched, cost, !root && !of_units))
}
