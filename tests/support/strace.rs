//! Runs a program under strace and counts its system calls between two marks.
//!
//! A program marks with `write(-1, "mark: NAME", …)`, which fails and does nothing; what the loader and the library do at
//! the start and at the end is outside the marks.

use super::{Mode, ScratchDir, finish};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::Command;

/// The lines of one traced run: every system call of every thread and process, in order, without the pid.
pub struct Trace {
    pub lines: Vec<String>,
}

/// Runs a program in this mode under strace, with these environment variables; it must succeed.
pub fn trace<A: AsRef<OsStr>>(mode: Mode, environment: &[(&str, &str)], program: &Path, arguments: &[A]) -> Trace {
    let scratch = ScratchDir::new("strace");
    let log = scratch.join("log");
    // strace itself runs plain: the variables are set for the program alone.
    let mut command = Command::new("strace");
    Mode::Plain.prepare(&mut command);
    command.args(["-f", "-qq", "-s", "64", "-e", "signal=none", "-o"]).arg(&log);
    if mode == Mode::Preloaded {
        let mut setting = std::ffi::OsString::from("LD_PRELOAD=");
        setting.push(super::library());
        command.arg("-E").arg(setting);
    }
    for (name, value) in environment {
        command.arg("-E").arg(format!("{name}={value}"));
    }
    command.arg("--").arg(program).args(arguments);
    finish(&mut command).expect();
    let log = std::fs::read(&log).expect("strace wrote its log");
    let lines = super::text(&log)
        .lines()
        .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().to_owned())
        .collect();
    Trace { lines }
}

impl Trace {
    /// The lines between two marks.
    pub fn between(&self, from: &str, to: &str) -> &[String] {
        let at = |name: &str| {
            let mark = format!("write(-1, \"mark: {name}\"");
            let place = self.lines.iter().position(|line| line.starts_with(&mark));
            place.unwrap_or_else(|| panic!("no mark {name:?} in the trace:\n{}", self.lines.join("\n")))
        };
        &self.lines[at(from) + 1..at(to)]
    }
}

/// How often each system call was made. setsockopt and getsockopt are told apart by their option.
#[derive(Default, PartialEq, Eq, Clone)]
pub struct Counts(BTreeMap<String, i64>);

impl Counts {
    pub fn of(lines: &[String]) -> Self {
        let mut counts = BTreeMap::new();
        for line in lines {
            if let Some(name) = name(line) {
                *counts.entry(name).or_insert(0) += 1;
            }
        }
        Counts(counts)
    }

    /// What this has more (or less: negative) than the other.
    pub fn minus(&self, other: &Counts) -> Counts {
        let mut difference = self.0.clone();
        for (name, count) in &other.0 {
            *difference.entry(name.clone()).or_insert(0) -= count;
        }
        difference.retain(|_, count| *count != 0);
        Counts(difference)
    }

    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

impl<'n> FromIterator<(&'n str, i64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (&'n str, i64)>>(pairs: I) -> Self {
        Counts(pairs.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
    }
}

impl<const N: usize> From<[(&str, i64); N]> for Counts {
    fn from(pairs: [(&str, i64); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

/// The name of the system call of a line, with the option where there is one; the second half of a call that another
/// thread interrupted in the log has been counted with its first half.
fn name(line: &str) -> Option<String> {
    if line.starts_with('<') || line.starts_with('+') || line.starts_with('-') {
        return None;
    }
    let (call, arguments) = line.split_once('(')?;
    if !call.ends_with("sockopt") {
        return Some(call.to_owned());
    }
    let option = arguments.split(", ").nth(2).unwrap_or("?");
    Some(format!("{call} {option}"))
}
