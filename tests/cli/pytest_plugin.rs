//! The plug-in for pytest (src/python): it names the test in which a connection waited, and the call.

use std::process::Command;

use crate::support::ScratchDir;
use crate::support::cli::{cleaned, ended, is_root};

const PYTHON: &str = "/usr/bin/python3";
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/python");

const TESTS: &str = r#"
import socket, threading

def serve(listener):
    connection, _ = listener.accept()
    while True:
        left = 102
        while left:
            piece = connection.recv(left)
            if not piece: return
            left -= len(piece)
        connection.sendall(b"x" * 102)

class Mailbox:
    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        self.socket = socket.create_connection(listener.getsockname())
    def append(self, *pieces):
        for piece in pieces: self.socket.sendall(piece)
        left = 102
        while left: left -= len(self.socket.recv(left))  # waits

def test_once():
    mailbox = Mailbox()
    for _ in range(20): mailbox.append(b"h" * 102)

def test_twice():
    mailbox = Mailbox()
    for _ in range(6): mailbox.append(b"h" * 100, b"\r\n")

def test_nothing():
    assert True
"#;

/// pytest on these tests: its exit status, and what it printed.
fn pytest(scratch: &ScratchDir, options: &[&str]) -> (i32, String) {
    run(Command::new(PYTHON), scratch, options)
}

fn run(python: Command, scratch: &ScratchDir, options: &[&str]) -> (i32, String) {
    let mut command = cleaned(python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tcptune.pytest_plugin"]);
    command.args(["--tcptune-command", env!("CARGO_BIN_EXE_tcptune")]).args(options);
    command.env("PYTHONPATH", SOURCES).env("PYTHONDONTWRITEBYTECODE", "1").env("COLUMNS", "200");
    let (code, out, err) = ended(command.current_dir(scratch.path()));
    (code, out + &err)
}

fn tests() -> ScratchDir {
    let scratch = ScratchDir::new("pytest");
    scratch.file("test_mailbox.py", TESTS);
    scratch
}

/// The line of the source with this comment.
fn line(comment: &str) -> usize {
    TESTS.lines().position(|line| line.ends_with(comment)).expect("such a line") + 1
}

#[track_caller]
fn names_the_test(out: &str) {
    let named = "test_mailbox.py::test_twice: ";
    let call = format!(" in append (test_mailbox.py:{}) < test_twice (test_mailbox.py:", line("# waits"));
    for words in [named, "ms lost (nagle, client of 127.0.0.1:", &call, "\n1 test lost time to stalls, "] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let waits: u32 = out.split(named).nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    assert!((4..=6).contains(&waits) && !out.contains("test_once:") && !out.contains("test_nothing:"), "{out}");
}

#[test]
fn the_test_and_the_call_are_named() {
    let scratch = tests();
    let (code, out) = pytest(&scratch, &["--tcptune-doctor"]);
    assert_eq!(code, 0, "{out}");
    names_the_test(&out);
    assert_eq!(pytest(&scratch, &["--tcptune-fail-on", "stall"]).0, 1);
    // It is no cork.
    assert_eq!(pytest(&scratch, &["--tcptune-fail-on", "cork"]).0, 0);
}

#[test]
fn workers_watch_themselves() {
    let (code, out) = pytest(&tests(), &["-n", "2", "--tcptune-fail-on", "nagle"]);
    assert_eq!(code, 1, "{out}");
    names_the_test(&out);
}

#[test]
fn tests_that_do_not_wait_are_left_in_peace() {
    let scratch = tests();
    let (code, out) = pytest(&scratch, &["--tcptune-fail-on", "stall", "-k", "not twice"]);
    assert!(code == 0 && out.contains("\nno connection stalled\n"), "{out}");
    // Who does not ask for it gets nothing of it; a failing suite keeps its own status.
    let (code, out) = pytest(&scratch, &["-k", "once"]);
    assert!(code == 0 && !out.contains("tcptune doctor"), "{out}");
    assert_eq!(pytest(&scratch, &["--tcptune-fail-on", "stall", "-k", "no_such_test"]).0, 5);
}

#[test]
fn one_line_says_why_it_cannot_watch() {
    let scratch = tests();
    // A process that may not be looked at.
    scratch.file("conftest.py", "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n");
    let python = || match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-sys_ptrace", "--", PYTHON]);
            command
        }
        false => Command::new(PYTHON),
    };
    for (options, expected) in [(&["--tcptune-doctor"][..], 0), (&["--tcptune-fail-on", "stall"], 1)] {
        let (code, out) = run(python(), &scratch, options);
        assert_eq!(code, expected, "{out}");
        assert_eq!(out.matches("could not watch: tcptune: --pid ").count(), 1, "{out}");
        assert!(out.contains(" may not be looked at: ") && !out.contains("no connection waited"), "{out}");
    }
    let (code, out) = pytest(&scratch, &["--tcptune-doctor", "--tcptune-command", "/nonexistent/tcptune"]);
    assert!(code == 0 && out.contains("could not watch: /nonexistent/tcptune cannot be run: No such file"), "{out}");
}
