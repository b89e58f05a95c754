//! Runs a program natively or preloaded, with an environment that holds no setting of tcptune but the test's own.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How a program is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Preloaded,
}

impl Mode {
    pub const BOTH: [Mode; 2] = [Mode::Plain, Mode::Preloaded];

    /// A command that starts this program in this way.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command
    }

    /// Sets LD_PRELOAD of a command, or removes it; other settings of tcptune are removed.
    pub fn prepare(self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TCPTUNE") {
                command.env_remove(name);
            }
        }
        match self {
            Mode::Plain => command.env_remove("LD_PRELOAD"),
            Mode::Preloaded => command.env("LD_PRELOAD", super::library()),
        };
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub took: Duration,
}

impl Outcome {
    /// Standard output as text, of a run that must have succeeded.
    pub fn expect(self) -> String {
        assert!(self.status.success(), "{}: {}{}", self.status, text(&self.stdout), text(&self.stderr));
        text(&self.stdout)
    }
}

/// Bytes as text for messages and for comparison.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How long a program may run before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a command to its end and collects its output; one that hangs is killed and fails the test.
pub fn finish(command: &mut Command) -> Outcome {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut guard = super::Guard::spawn(command);
    let stdout = collect(guard.child.stdout.take().expect("piped"));
    let stderr = collect(guard.child.stderr.take().expect("piped"));
    let status = guard.wait(PATIENCE);
    let took = begin.elapsed();
    Outcome {
        status,
        stdout: stdout.join().expect("standard output is read"),
        stderr: stderr.join().expect("standard error is read"),
        took,
    }
}

/// Runs a program with arguments to its end.
pub fn run<A: AsRef<OsStr>>(mode: Mode, program: impl AsRef<OsStr>, arguments: &[A]) -> Outcome {
    finish(mode.command(program).args(arguments))
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).expect("the output can be read");
        all
    })
}
