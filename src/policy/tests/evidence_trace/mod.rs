//! Reads the traces of real programs in tests/data/traces (tests/traces/record.py says what their lines mean).

#![allow(dead_code, reason = "each of its users needs a part of it")]

use std::path::{Path, PathBuf};

/// One event: so many microseconds after the one before, by this thread.
pub struct Event {
    pub after: u64,
    pub thread: usize,
    pub step: Step,
}

/// What happened.
pub enum Step {
    Open { connection: usize, service: u8 },
    Data { connection: usize, length: i64, result: i64 },
    Pass { connection: usize, result: i64 },
    More { connection: usize, result: i64 },
    Own { connection: usize },
    Receive { connection: usize },
    Close { connection: usize },
    Wait,
}

/// A whole trace.
pub struct Trace {
    pub name: String,
    pub threads: usize,
    pub connections: usize,
    pub events: Vec<Event>,
}

/// All traces of the project, by name.
pub fn all() -> Vec<Trace> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces");
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "trace"));
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Trace {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
    let events: Vec<Event> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
        .map(|(at, line)| event(line).unwrap_or_else(|| panic!("{name}, line {}: {line}", at + 1)))
        .collect();
    let threads = events.iter().map(|event| event.thread + 1).max().unwrap_or(0);
    let connections = events.iter().map(|event| event.step.connection().map_or(0, |number| number + 1)).max();
    Trace { threads, connections: connections.unwrap_or(0), name, events }
}

fn event(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    let after = words.next()?.parse().ok()?;
    let thread = words.next()?.parse().ok()?;
    let what = words.next()?;
    let numbers: Vec<i64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let step = match (what, numbers[..].iter().map(|&n| n as usize).next(), &numbers[..]) {
        ("wait", None, []) => Step::Wait,
        ("open", Some(connection), &[_, service]) => Step::Open { connection, service: service as u8 },
        ("data", Some(connection), &[_, length, result]) => Step::Data { connection, length, result },
        ("pass", Some(connection), &[_, _, result]) => Step::Pass { connection, result },
        ("more", Some(connection), &[_, _, result]) => Step::More { connection, result },
        ("recv", Some(connection), &[_, _]) => Step::Receive { connection },
        ("own", Some(connection), &[_]) => Step::Own { connection },
        ("close", Some(connection), &[_]) => Step::Close { connection },
        _ => return None,
    };
    Some(Event { after, thread, step })
}

impl Step {
    fn connection(&self) -> Option<usize> {
        match *self {
            Step::Open { connection, .. }
            | Step::Data { connection, .. }
            | Step::Pass { connection, .. }
            | Step::More { connection, .. }
            | Step::Own { connection }
            | Step::Receive { connection }
            | Step::Close { connection } => Some(connection),
            Step::Wait => None,
        }
    }
}
