//! Starts the command that is to be diagnosed, and takes notice of its end. The command gets the signals, descriptors and
//! environment that we were given; only LD_PRELOAD and the library's own variables are added.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};

use crate::errors::{Context, Failure};
use crate::programs::start as starting;
use crate::settings::Pair;

/// Signals that are meant to end us, and which the command is told of instead.
const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// The latest signal of those that arrived; 0: none.
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// From here on they only leave a note.
    pub fn note() -> Result<Self, Failure> {
        let noted = Arc::new(AtomicUsize::new(0));
        for signal in ENDING {
            signal_hook::flag::register_usize(signal, Arc::clone(&noted), signal as usize)
                .doing(|| format!("catch signal {signal}"))?;
        }
        Ok(Self(noted))
    }

    pub fn arrived(&self) -> Option<i32> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => i32::try_from(signal).ok(),
        }
    }
}

/// What a signal did when we were started.
fn disposition(signal: i32) -> libc::sighandler_t {
    // SAFETY: needed to read a disposition, for which the standard library has nothing. A zeroed sigaction is a valid one.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: needed for the same. Sound because only the old disposition is asked for, into a value of ours.
    unsafe { libc::sigaction(signal, std::ptr::null(), &mut now) };
    now.sa_sigaction
}

/// Start it. Must come before [`Signals::note`], so that it gets the dispositions that we were given.
pub fn start(command: &[OsString], environment: &[Pair]) -> Result<Pid, Failure> {
    set_child_subreaper(Some(rustix::process::getpid()))
        .doing(|| "become the parent of what the command leaves behind")?;
    let name = command.first().map(OsString::as_os_str).unwrap_or_default();
    let mut child = Command::new(name);
    child.args(command.get(1..).unwrap_or_default()).env_clear().envs(environment.iter().cloned());
    let pipe = disposition(libc::SIGPIPE);
    let restore = move || {
        // The standard library has just set it to its default.
        // SAFETY: needed so that the command gets what we were given. Sound: signal(2) may be called between fork and exec.
        unsafe { libc::signal(libc::SIGPIPE, pipe) };
        Ok(())
    };
    // SAFETY: needed to run code between fork and exec. Sound because the closure makes one async-signal-safe call.
    unsafe { child.pre_exec(restore) };
    let started = child.spawn().map_err(|error| starting::refusal(name, &error))?;
    Pid::from_raw(started.id().cast_signed())
        .ok_or_else(|| Failure::own(format!("`{}` was started without a process number", name.display())))
}

/// Reaps what has ended. Gives the status of the command if it is among these.
pub fn reap(command: Pid) -> Option<ExitStatus> {
    let mut status = None;
    while let Ok(Some((pid, ended))) = wait(WaitOptions::NOHANG) {
        if pid == command {
            status = Some(ExitStatus::from_raw(ended.as_raw()));
        }
    }
    status
}

/// Tell a process to end. One that has gone already needs no telling.
pub fn tell(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

/// How it ended, in words.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "ended".to_owned(),
    }
}
