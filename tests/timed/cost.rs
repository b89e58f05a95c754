//! What being preloaded costs, where it can be counted exactly: instructions and system calls, at the start and per call.
//! The numbers and the measuring stand in tests/measure/overhead (gates.txt, gates.sh); times and memory are left to
//! `scripts/check overhead gates`, because a machine that does other things too must not fail a test.

use crate::support;
use crate::support::turn;
use crate::support::{Mode, Outcome, ScratchDir, text};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Holds a library against the gates whose "measure: what" matches the expression.
fn gates(only: &str, library: &Path) -> Outcome {
    let mut command = Mode::Plain.command(root().join("scripts/check"));
    support::finish(command.args(["overhead", "gates", "--quick", "--only", only]).arg(library))
}

/// The gates must hold; the table is shown either way, so that `--nocapture` tells the distance to the aims. The rule for
/// holding reads a clock, so a run that the machine interrupts takes rarer paths: the best of three is what a call costs.
fn hold(only: &str) {
    let mut outcome = gates(only, &support::library());
    for _ in 0..2 {
        if !outcome.status.success() {
            print!("{}", text(&outcome.stdout));
            outcome = gates(only, &support::library());
        }
    }
    let table = text(&outcome.stdout);
    print!("{table}");
    assert!(outcome.status.success(), "{table}{}", text(&outcome.stderr));
    assert!(table.lines().count() > 2, "no line was measured: {table}");
}

#[test]
fn starting_a_program_costs_what_is_promised() {
    let _turn = turn::beside_its_file();
    hold("^start( with settings)?: ");
}

#[test]
fn calls_on_other_files_cost_what_is_promised() {
    let _turn = turn::beside_its_file();
    hold("^instructions: (write null|write file|write pipe|read zero|open[+]close file)$");
}

#[test]
fn calls_on_sockets_cost_what_is_promised() {
    let _turn = turn::beside_its_file();
    hold("^instructions: ((write|send|recv) tcp|poll 64|epoll_wait|dup[+]close tcp)$");
    hold("^instructions: (serve|write[+]sendfile|write[+]write[+]read)$");
    hold("^instructions: (socket[+]close|socket[+]connect[+]close|accept[+]close)$");
}

#[test]
fn threads_cost_nothing_more() {
    let _turn = turn::beside_its_file();
    hold("^threads: (write null x2|write tcp x4)$");
}

#[test]
fn no_system_call_is_added_in_the_steady_state() {
    let _turn = turn::beside_its_file();
    hold("^system calls: ");
}

/// The gates can fail: a library that looks up every function at its start is too slow to start, and needs libc.
#[test]
fn a_library_over_its_gates_fails() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("gates");
    let slow = scratch.join("slow.so");
    let built = Command::new("gcc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&slow)
        .arg(root().join("tests/measure/overhead/pass.c"))
        .status()
        .expect("gcc starts (scripts/setup installs it)");
    assert!(built.success());
    let outcome = gates("^(start: instructions|file: NEEDED entries|file: bytes)$", &slow);
    let table = text(&outcome.stdout);
    assert_eq!(outcome.status.code(), Some(1), "{table}{}", text(&outcome.stderr));
    for line in ["|start: instructions|", "|file: NEEDED entries|"] {
        let line = table.lines().find(|l| l.starts_with(line)).expect("the line is there");
        assert!(line.ends_with("|OVER THE GATE|"), "{table}");
    }
}
