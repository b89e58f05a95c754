//! `--host`: a thread that watches all connections of this host, and what it has found so far. What it keeps is bounded: every few
//! seconds what was seen is judged, added up, and forgotten.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::args::ExportArgs;
use super::lost::Lost;
use crate::errors::{Context, Failure, say};
use crate::os::ending::Ending;
use crate::os::proc;
use crate::stalls::budget;
use crate::stalls::evidence;
use crate::stalls::follower::urge;
use crate::stalls::host::{BUDGET, Host};
use crate::stalls::watch::Scope;

/// How long is watched before it is judged, as `tcptune doctor` does.
const WINDOW: Duration = Duration::from_secs(10);
/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often to look.
const INTERVAL: Duration = Duration::from_millis(2);

#[derive(Default)]
struct State {
    lost: Lost,
    /// Why nobody watches any more.
    failed: Option<String>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// What was seen so far is enough.
    enough: AtomicBool,
}

impl Shared {
    fn change(&self, what: impl FnOnce(&mut State)) {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

pub struct Watcher(Arc<Shared>);

impl Watcher {
    pub fn start(args: &ExportArgs) -> Result<Self, Failure> {
        let root = rustix::process::geteuid().is_root();
        if !root {
            say("--host: only connections of your own processes are watched; as root, all are");
        }
        let share = args.budget.unwrap_or(BUDGET);
        let most = usize::from(args.max_services);
        let scope = Scope { processes: !root, port: None };
        let list = Box::new(|| proc::all().unwrap_or_default());
        let mut host = Host::new(scope, list, share, INTERVAL, None)?;
        let shared = Arc::new(Shared::default());
        let watcher = Self(Arc::clone(&shared));
        let watch = move || {
            urge();
            loop {
                if let Err(failure) = window(&mut host, &shared, most) {
                    return shared.change(|state| state.failed = Some(failure.message));
                }
            }
        };
        thread::Builder::new().name("tcptune-host".to_owned()).spawn(watch).doing(|| "start a thread for --host")?;
        Ok(watcher)
    }

    /// Until something was judged; after a signal that is what was seen so far.
    pub fn wait(&self, ending: &Ending) -> Result<(), Failure> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.lost.watched == 0.0 && state.failed.is_none() {
            self.0.enough.store(ending.arrived(), Ordering::Relaxed);
            let waited = self.0.changed.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.failed.as_ref().map_or(Ok(()), |message| Err(Failure::own(message)))
    }

    /// What was lost so far.
    pub fn lost(&self) -> Result<Lost, Failure> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed.as_ref().map_or_else(|| Ok(state.lost.clone()), |message| Err(Failure::own(message)))
    }
}

/// Watches for a while, and adds what was seen.
fn window(host: &mut Host, shared: &Shared, most: usize) -> Result<(), Failure> {
    let begin = Instant::now();
    while begin.elapsed() < WINDOW && !shared.enough.load(Ordering::Relaxed) {
        let next = host.step()?.min(begin + WINDOW).min(Instant::now() + PATIENCE);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let seen = evidence::from_kernel(&host.watch);
    let watched = begin.elapsed();
    shared.change(|state| {
        for evidence in seen.iter().filter(|evidence| !evidence.other_end) {
            let home = evidence.pids.iter().find_map(|pid| host.watch.homes.get(pid)?.as_ref());
            let unit = home.map_or_else(String::new, |home| home.name().to_owned());
            state.lost.add(evidence, unit, watched, most);
        }
        state.lost.watched += watched.as_secs_f64();
        state.lost.cost = budget::used().as_secs_f64();
        state.lost.left_out = host.extent.left_out;
    });
    host.restart();
    Ok(())
}
