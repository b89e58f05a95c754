//! Starts a program and stays its parent until it ends, as if it were not there: signals that others send to us reach the program,
//! those of the terminal it gets by itself, stopping stops both, and its exit status or the signal that ended it become ours.

use std::ffi::{OsString, c_int};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, waitpid};

use super::exec;
use crate::errors::{Context, Failure};
use crate::os::fork::{end, fork};
use crate::settings::Pair;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(u8),
    Killed(c_int),
}

/// Runs a command to its end; the inner error is that of its start.
pub fn run(command: &[OsString], environment: &[Pair]) -> Result<io::Result<End>, Failure> {
    let name = command.first().map(|name| name.display().to_string()).unwrap_or_default();
    let staying = || format!("stay the parent of `{name}` (--summary)");
    let signals = Blocked::all().doing(staying)?;
    // The child's end is closed when the program runs; before that an error number comes through it.
    let (mut from_child, to_parent) = pipe_with(PipeFlags::CLOEXEC)
        .map(|(r, w)| (io::PipeReader::from(r), io::PipeWriter::from(w)))
        .doing(staying)?;
    let Some(child) = fork().doing(staying)? else {
        drop(from_child);
        signals.restore();
        let error = exec::replace_process(command, environment);
        let number = error.raw_os_error().unwrap_or(libc::EINVAL);
        let mut to_parent = to_parent;
        let _ = to_parent.write_all(&number.to_ne_bytes());
        end(127);
    };
    drop(to_parent);
    let mut number = [0; 4];
    if from_child.read_exact(&mut number).is_ok() {
        waitpid(Some(child), WaitOptions::empty()).doing(staying)?;
        return Ok(Err(io::Error::from_raw_os_error(c_int::from_ne_bytes(number))));
    }
    let how = signals.pass_on_until_ended(child).doing(staying)?;
    signals.restore();
    Ok(Ok(how))
}

/// Ends this process by a signal, as the program ended by it. Without a core file of ours: it would hide the program's.
pub fn die_by(signal: c_int) -> u8 {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: needed because the standard library has no resource limits. Sound because the structure is whole.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    // SAFETY: needed because the signal may be ignored here. Sound because SIG_DFL is no function of ours.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(getpid(), signal);
    }
    // Not ended by it: a shell would say this.
    u8::try_from(signal + 128).unwrap_or(u8::MAX)
}

/// All signals, held back so that they can be taken one after the other, and the mask that was in force before.
struct Blocked {
    all: libc::sigset_t,
    before: libc::sigset_t,
}

impl Blocked {
    fn all() -> io::Result<Self> {
        let mut all = MaybeUninit::uninit();
        // SAFETY: needed to make a signal set. Sound because it fills in what it is given.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: filled in above.
        let all = unsafe { all.assume_init() };
        let mut before = MaybeUninit::uninit();
        // SAFETY: needed to hold signals back. Sound because both sets live here.
        let result = unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, before.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: filled in by the successful call.
        Ok(Self { all, before: unsafe { before.assume_init() } })
    }

    fn restore(&self) {
        // SAFETY: needed to take signals as before. Sound because the set is the one that was in force.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
    }

    fn pass_on_until_ended(&self, child: Pid) -> io::Result<End> {
        loop {
            // The child may have ended, or stopped, before the first signal is waited for.
            while let Some((_, status)) = waitpid(Some(child), WaitOptions::NOHANG | WaitOptions::UNTRACED)? {
                if let Some(end) = ended(status) {
                    return Ok(end);
                }
                stop_too();
            }
            let mut about = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: needed to take the next signal with its sender. Sound because both live here.
            let signal = unsafe { libc::sigwaitinfo(&raw const self.all, about.as_mut_ptr()) };
            if signal < 0 || signal == libc::SIGCHLD {
                continue;
            }
            // SAFETY: filled in by the successful call.
            let about = unsafe { about.assume_init() };
            // What the terminal sends goes to the whole group: the program has got it.
            if about.si_code != libc::SI_KERNEL
                && let Some(signal) = Signal::from_named_raw(signal)
            {
                let _ = kill_process(child, signal);
            }
        }
    }
}

fn ended(status: WaitStatus) -> Option<End> {
    let exited = status.exit_status().map(|code| End::Exited(u8::try_from(code).unwrap_or(u8::MAX)));
    exited.or_else(|| status.terminating_signal().map(End::Killed))
}

/// The program was stopped: so are we, until somebody continues us, and then the program.
fn stop_too() {
    let _ = kill_process(getpid(), Signal::STOP);
}
