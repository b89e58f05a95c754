//! The process that is at fault: does it live, how was it started, is the library in it, and by what can it be reached? Asked when
//! the watch is over, for what is proposed has to be possible then.

use std::path::Path;

use tcptune_policy::{Cork, Nodelay};

use crate::os::{proc, timers};
use crate::programs::library;
use crate::programs::process::has_library;
use crate::programs::reach;
use crate::programs::verdict::Supervisable;
use crate::settings;
use crate::stalls::finding::Finding;
use crate::units::processes::{self, Service};

/// How a program can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Preload,
    /// It loads nothing, but `run` supervises it.
    Supervise,
    /// Only from outside, once it runs.
    Attach,
}

/// The library in a process, as its environment sets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Its variables, as they were given; empty: all defaults.
    pub settings: String,
    /// It does nothing, or only counts.
    pub idle: bool,
    /// It does not set TCP_NODELAY.
    pub leaves_nodelay: bool,
    /// It may hold data.
    pub holds: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Those of its processes that live.
    pub living: Vec<u32>,
    /// What starts the program, as a shell takes it.
    pub command: Option<String>,
    /// The program's file.
    pub file: String,
    pub service: Option<Service>,
    pub loaded: Option<Loaded>,
    pub reach: Reach,
    /// The kernel lets sockets bound their delayed acknowledgements.
    pub bounds_delay: bool,
}

impl Target {
    /// `observed`: the library was put into it only to watch it.
    pub fn of(finding: &Finding, library: Option<&Path>, observed: bool) -> Self {
        let living: Vec<u32> = finding.pids.iter().copied().filter(|&pid| !proc::has_ended(pid)).collect();
        let first = living.first().copied();
        Self {
            command: finding.program.start.clone(),
            file: finding.program.file.display().to_string(),
            service: first.filter(|_| !observed).and_then(processes::service_of),
            loaded: first.filter(|_| !observed).and_then(loaded),
            reach: reach(first, finding, library),
            bounds_delay: timers::shortest_delay().is_ok(),
            living,
        }
    }
}

fn loaded(pid: u32) -> Option<Loaded> {
    has_library(pid).filter(|there| *there)?;
    let environment = proc::environment(pid).ok()?;
    let shown = |(name, value): &settings::Pair| format!("{}={}", name.display(), value.display());
    let given: Vec<String> = environment.iter().filter(|(name, _)| settings::is_ours(name)).map(shown).collect();
    let reading = settings::read(&environment).settings;
    Some(Loaded {
        settings: given.join(" "),
        idle: !reading.enabled() || reading.observing(),
        leaves_nodelay: reading.base.nodelay == Nodelay::Off,
        holds: reading.base.cork == Cork::Auto,
    })
}

/// How the program can be reached if it is started anew.
fn reach(pid: Option<u32>, finding: &Finding, library: Option<&Path>) -> Reach {
    let Ok(library) = library::find(library) else { return Reach::Preload };
    let of_file = || reach::program_verdict(finding.program.file.as_os_str(), &library);
    let loads = match pid.and_then(|pid| reach::process_standing(pid, &library).ok()) {
        Some(standing) => standing.reason.is_none(),
        // It has ended: its file tells nearly as much.
        None => of_file().is_ok_and(|verdict| verdict.reachable),
    };
    match loads {
        true => Reach::Preload,
        false if of_file().is_ok_and(|verdict| verdict.supervisable == Supervisable::Yes) => Reach::Supervise,
        false => Reach::Attach,
    }
}
