//! A client and a server that exchange over loopback on request (tests/programs/exchanges.py), and whether they stall.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::guard::Lines;
use crate::support::{Guard, Mode};

const PATIENCE: Duration = Duration::from_secs(30);
/// Between a stall (40 ms and more) and a tenth of it lies nothing but doubt.
const STALLED: f64 = 20.0;
const HEALTHY: f64 = 4.0;

/// Debian's own: a wrapper around another would be a process of its own.
fn python() -> Command {
    Mode::Plain.command("/usr/bin/python3")
}

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/exchanges.py");

pub struct Server {
    pub guard: Guard,
    pub port: String,
}

impl Server {
    pub fn start(writes: &str) -> Self {
        let mut guard = Guard::spawn(python().args([PROGRAM, "server", writes]).stdout(Stdio::piped()));
        let port = guard.first_line(PATIENCE);
        Self { guard, port }
    }
}

pub struct Client {
    pub guard: Guard,
    lines: Lines,
}

impl Client {
    pub fn start(server: &Server, writes: &str) -> Self {
        Self::of(python().args([PROGRAM, "client", &server.port, writes]))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut guard = Guard::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let lines = guard.lines();
        assert_eq!(lines.next(PATIENCE).as_deref(), Some("ready"));
        Self { guard, lines }
    }

    /// Has the command done, and does not wait for it.
    pub fn begin(&mut self, command: &str) {
        let stdin = self.guard.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{command}").expect("the client reads");
    }

    pub fn ask(&mut self, command: &str) -> String {
        self.begin(command);
        self.lines.next(PATIENCE).expect("the client answers")
    }

    /// The median of a few exchanges in milliseconds.
    fn exchange(&mut self) -> f64 {
        self.ask("9").parse().expect("a number")
    }

    #[track_caller]
    pub fn expect_stalls(&mut self, stalls: bool) {
        expect_stalls(self.exchange(), stalls);
    }
}

/// Is this median of exchanges, in milliseconds, one of stalls or of health?
#[track_caller]
pub fn expect_stalls(median: f64, stalls: bool) {
    assert!(if stalls { median >= STALLED } else { median <= HEALTHY }, "{median} ms, expected a stall: {stalls}");
}
