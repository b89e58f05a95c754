//! Processes that are measured: started with an environment of their own in a process group of their own, waited for with their
//! processor time, ended when the user interrupts. No shell, no pipe, no thread is in the way of the time that is taken.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::executor::Usage;
use crate::errors::{Context, Failure};
use crate::programs::start;
use crate::settings::Pair;

/// Exit status after an interruption, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;
/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a wait looks whether the user has interrupted.
const LOOK: Duration = Duration::from_millis(200);

static INTERRUPT: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGINT, SIGTERM and SIGHUP end what runs, then the session: nothing is left behind.
pub fn catch_interrupts() -> Result<(), Failure> {
    let flag = INTERRUPT.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).doing(|| format!("catch signal {signal}"))?;
    }
    Ok(())
}

/// What came so far was heard.
pub fn forget_interrupts() {
    if let Some(flag) = INTERRUPT.get() {
        flag.store(false, Ordering::Relaxed);
    }
}

/// Has the user had enough?
pub fn interrupted() -> Result<(), Failure> {
    match INTERRUPT.get() {
        Some(flag) if flag.load(Ordering::Relaxed) => Err(Failure::new(INTERRUPTED, "interrupted")),
        _ => Ok(()),
    }
}

/// Where the output of a process goes.
#[derive(Clone, Copy, Debug)]
pub enum Output<'f> {
    Shown,
    Dropped,
    Kept(&'f File),
}

impl Output<'_> {
    pub fn shown(show: bool) -> Self {
        if show { Self::Shown } else { Self::Dropped }
    }
}

/// A running process and its group. Both are gone when this is dropped.
pub struct Process {
    /// As it was started, for messages.
    name: String,
    pid: Pid,
    /// Readable when it has ended.
    ended: OwnedFd,
    reaped: bool,
}

/// What is left of a process.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Exit status; 128 and the signal's number, if a signal ended it.
    pub status: i32,
    pub usage: Usage,
}

impl Process {
    pub fn start(words: &[OsString], environment: &[Pair], output: Output<'_>) -> Result<Self, Failure> {
        let Some((program, arguments)) = words.split_first() else { return Err(Failure::own("the command is empty")) };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).process_group(0);
        let copy = |file: &File| file.try_clone().doing(|| "keep the output of the command");
        match output {
            Output::Shown => &mut command,
            Output::Dropped => command.stdout(Stdio::null()).stderr(Stdio::null()),
            Output::Kept(file) => command.stdout(copy(file)?).stderr(copy(file)?),
        };
        let child = command.spawn().map_err(|error| start::refusal(program, &error))?;
        let pid = Pid::from_child(&child);
        let name = program.display().to_string();
        let ended =
            pidfd_open(pid, PidfdFlags::empty()).doing(|| format!("watch `{name}` (process {})", child.id()))?;
        Ok(Self { name, pid, ended, reaped: false })
    }

    /// Wait for its end. `tick` is called every now and then and says when it wants to be called again.
    pub fn wait(mut self, mut tick: impl FnMut() -> Duration) -> Result<(Instant, End), Failure> {
        loop {
            if self.has_ended(tick().min(LOOK))? {
                let now = Instant::now();
                return Ok((now, self.reap()?));
            }
            if let Err(failure) = interrupted() {
                self.stop()?;
                return Err(failure);
            }
        }
    }

    /// Is it gone, or within this time?
    pub fn has_ended(&self, within: Duration) -> Result<bool, Failure> {
        let mut descriptors = [PollFd::new(&self.ended, PollFlags::IN)];
        let within = Timespec::try_from(within).doing(|| format!("wait for {within:?}"))?;
        match poll(&mut descriptors, Some(&within)) {
            Err(rustix::io::Errno::INTR) => Ok(false),
            result => result.map(|ready| ready > 0).doing(|| format!("wait for `{}`", self.name)),
        }
    }

    /// Ask it and its group to end, and make them.
    pub fn stop(&mut self) -> Result<End, Failure> {
        let _ = kill_process_group(self.pid, Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while !self.has_ended(Duration::from_millis(50))? && Instant::now() < deadline {}
        // Until it is reaped its number, and so its group's, cannot be another's.
        let _ = kill_process_group(self.pid, Signal::KILL);
        self.reap()
    }

    fn reap(&mut self) -> Result<End, Failure> {
        let mut status = 0;
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        let pid = self.pid.as_raw_nonzero().get();
        // SAFETY: needed because the standard library does not give a child's processor time. Sound because both pointers are to
        // values of ours of the right types, and the child is ours and was not waited for.
        let result = unsafe { libc::wait4(pid, &mut status, 0, usage.as_mut_ptr()) };
        if result != pid {
            return Err(io::Error::last_os_error()).doing(|| format!("take the exit status of `{}`", self.name));
        }
        self.reaped = true;
        // SAFETY: needed to read what the kernel filled in. Sound because it was zeroed, and every bit pattern is valid.
        let usage = unsafe { usage.assume_init() };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        let count = |number: libc::c_long| u64::try_from(number).unwrap_or_default();
        let usage = Usage {
            user_cpu_s: seconds(usage.ru_utime),
            system_cpu_s: seconds(usage.ru_stime),
            peak_memory_bytes: 1024 * count(usage.ru_maxrss),
            context_switches: count(usage.ru_nvcsw) + count(usage.ru_nivcsw),
            page_faults: count(usage.ru_minflt) + count(usage.ru_majflt),
        };
        let status = if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) };
        Ok(End { status, usage })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill_process_group(self.pid, Signal::KILL);
            let _ = self.reap();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, Process, interrupted};
    use std::time::{Duration, Instant};

    fn start(script: &str) -> Process {
        let words = ["/bin/sh", "-c", script].map(Into::into);
        Process::start(&words, &[("PATH".into(), "/usr/bin:/bin".into())], Output::Dropped).expect("there is a shell")
    }

    fn status(script: &str) -> i32 {
        start(script).wait(|| Duration::from_secs(1)).expect("it ends").1.status
    }

    #[test]
    fn statuses_are_the_shells() {
        assert_eq!((status("exit 0"), status("exit 7"), status("kill -9 $$")), (0, 7, 137));
    }

    #[test]
    fn processor_time_of_descendants_counts() {
        let begin = Instant::now();
        let (end, left) = start("(i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done); sleep 0.1")
            .wait(|| Duration::from_secs(1))
            .expect("it ends");
        let wall = end.duration_since(begin).as_secs_f64();
        assert!(
            left.usage.user_cpu_s > 0.005 && left.usage.user_cpu_s + left.usage.system_cpu_s < wall - 0.05,
            "{left:?} {wall}"
        );
    }

    #[test]
    fn memory_switches_and_faults_are_accounted() {
        let usage = |script: &str| start(script).wait(|| Duration::from_secs(1)).expect("it ends").1.usage;
        let (little, much) = (usage("true"), usage("sleep 0.01; sleep 0.01; sleep 0.01"));
        // The memory is at least that of this process: tests/timed/ab.rs compares it.
        assert!(little.page_faults > 10 && little.peak_memory_bytes > 100_000, "{little:?}");
        assert!(much.page_faults > little.page_faults + 100 && much.context_switches >= little.context_switches + 3);
    }

    #[test]
    fn a_whole_group_ends() {
        let scratch = std::env::temp_dir().join(format!("tcptune-ab-{}", std::process::id()));
        let mut process =
            start(&format!("trap '' TERM; (trap '' TERM; echo $$ > {0}; sleep 60) & wait", scratch.display()));
        while !scratch.exists() {
            assert!(!process.has_ended(Duration::from_millis(5)).expect("polled"));
        }
        let begin = Instant::now();
        // SIGTERM is ignored: it takes the patience, then SIGKILL.
        assert_eq!(process.stop().expect("reaped").status, 137);
        assert!(begin.elapsed() < Duration::from_secs(8));
        std::fs::remove_file(scratch).expect("it was made");
        interrupted().expect("nobody did");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let failure =
            Process::start(&["/nonexistent/program".into()], &[], Output::Dropped).err().expect("it is not there");
        assert_eq!(failure.code, 127);
        assert!(failure.message.starts_with("cannot run `/nonexistent/program`: "), "{}", failure.message);
    }
}
