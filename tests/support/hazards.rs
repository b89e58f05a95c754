//! Compiles the hazard programs and compares a plain run of each with preloaded runs, byte for byte.
//!
//! Nothing here may excuse a difference: what a program prints, to either output, and how it ends must be equal.

use crate::support::compile::{self, file};
use crate::support::{Mode, Outcome, ScratchDir, finish, library, text};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a file of tests/hazards with these extra arguments. Warnings are off: bad pointers and lengths are the point.
pub fn build(compiler: &str, source: &str, result: &str, extra: &[&str]) -> PathBuf {
    compile::build(compiler, &["-O1", "-g", "-w"], &file("hazards").join(source), extra, &format!("hazard-{result}"))
}

/// An ordinary C program with threads.
pub fn program(name: &str) -> PathBuf {
    build("gcc", &format!("{name}.c"), name, &["-pthread", "-ldl"])
}

/// One way to start a program: its command, with these libraries preloaded and these settings.
pub struct Start<'a> {
    pub command: &'a dyn Fn() -> Command,
    pub preload: &'a [&'a Path],
    pub settings: &'a [(&'a str, &'a str)],
}

impl Start<'_> {
    pub fn run(&self) -> Outcome {
        let mut command = (self.command)();
        Mode::Plain.prepare(&mut command);
        if !self.preload.is_empty() {
            let list: Vec<OsString> = self.preload.iter().map(|p| p.as_os_str().to_owned()).collect();
            command.env("LD_PRELOAD", list.join(OsString::from(":").as_os_str()));
        }
        finish(command.envs(self.settings.iter().copied()))
    }
}

/// The first line in which two outcomes differ, or none.
pub fn difference(plain: &Outcome, other: &Outcome) -> Option<String> {
    let streams = [("standard output", &plain.stdout, &other.stdout), ("standard error", &plain.stderr, &other.stderr)];
    for (stream, left, right) in streams {
        let (left, right) = (text(left), text(right));
        let (mut lines, mut others) = (left.lines(), right.lines());
        for number in 1.. {
            match (lines.next(), others.next()) {
                (None, None) => break,
                (a, b) if a == b => {}
                (a, b) => {
                    let show = |line: Option<&str>| line.unwrap_or("(nothing)").to_owned();
                    return Some(format!("{stream}, line {number}:\n  plain: {}\n  other: {}", show(a), show(b)));
                }
            }
        }
    }
    (plain.status != other.status).then(|| format!("end:\n  plain: {}\n  other: {}", plain.status, other.status))
}

/// The settings under which every program must behave as without the library.
const SETTINGS: [(&str, &[(&str, &str)]); 3] =
    [("defaults", &[]), ("TCPTUNE=off", &[("TCPTUNE", "off")]), ("TCPTUNE_CORK=off", &[("TCPTUNE_CORK", "off")])];

/// Runs a command plain and preloaded, and fails on the first difference. `beside` is preloaded in every run, the plain
/// one too, before and after our library in turn.
pub fn compare(command: &dyn Fn() -> Command, beside: Option<&Path>) {
    let library = library();
    let alone: Vec<&Path> = beside.into_iter().collect();
    let plain = Start { command, preload: &alone, settings: &[] }.run();
    let program = (command)();
    assert!(plain.status.success(), "{program:?} fails without the library: {}\n{}", plain.status, text(&plain.stdout));
    assert!(!plain.stdout.is_empty(), "{program:?} prints nothing, so there is nothing to compare");
    let mut orders = vec![vec![library.as_path()]];
    if let Some(beside) = beside {
        orders = vec![vec![library.as_path(), beside], vec![beside, library.as_path()]];
    }
    let mut results = Vec::new();
    // Counting, with half of the connections left untouched.
    let statistics = ScratchDir::new("hazard-statistics");
    let directory = statistics.path().to_str().expect("a readable path");
    let counting = [("TCPTUNE_STATS", directory), ("TCPTUNE_SPLIT", "50")];
    for preload in &orders {
        for (name, settings) in SETTINGS.into_iter().chain([("statistics and a split", &counting[..])]) {
            let preloaded = Start { command, preload, settings }.run();
            results.push(summary(&preloaded));
            if let Some(difference) = difference(&plain, &preloaded) {
                record(&program, &plain, &results);
                panic!("{program:?} with {preload:?} and {name} differs on {difference}");
            }
        }
    }
    record(&program, &plain, &results);
}

/// How a program ended and what it printed, in a few words.
fn summary(outcome: &Outcome) -> String {
    let mut hash = DefaultHasher::new();
    (&outcome.stdout, &outcome.stderr).hash(&mut hash);
    let lines = text(&outcome.stdout).lines().count() + text(&outcome.stderr).lines().count();
    format!("{}, {lines} lines, {:08x}", outcome.status, hash.finish() as u32)
}

/// Writes a comparison down, where HAZARD_TABLE names a file to which it is to be added (scripts/check hazards).
fn record(program: &Command, plain: &Outcome, results: &[String]) {
    let Some(table) = std::env::var_os("HAZARD_TABLE") else { return };
    let words: Vec<_> = std::iter::once(program.get_program()).chain(program.get_args()).collect();
    let words: Vec<_> =
        words.iter().map(|word| Path::new(word).file_name().unwrap_or_default().to_string_lossy()).collect();
    let row = format!("{}\t{}\t{}\n", words.join(" "), summary(plain), results.join("\t"));
    let mut file = std::fs::File::options().append(true).create(true).open(table).expect("the table can be written");
    file.write_all(row.as_bytes()).expect("the table can be written");
}

/// Runs a command plain and under this other library, and gives the first difference; hangs end after a few seconds.
pub fn under_another(command: &dyn Fn() -> Command, library: &Path) -> Option<String> {
    let patience = [("HAZARD_SECONDS", "10")];
    let plain = Start { command, preload: &[], settings: &patience }.run();
    difference(&plain, &Start { command, preload: &[library], settings: &patience }.run())
}
