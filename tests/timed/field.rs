//! The field grid in small: programs of tests/measure/field whose data must not arrive later with the library than without, on loopback,
//! with few messages. `scripts/check field` is the whole of it.
//!
//! A test may only assert what noise does not undo: a message is late after 20 ms, and a median is worse when it is ten times
//! plain's. A pattern that fails is run again before it is judged, because another process may have had the processor meanwhile.

use crate::support::compile::{self, file};
use crate::support::turn;
use crate::support::{Mode, finish, library, text};
use std::path::{Path, PathBuf};

fn source(name: &str) -> PathBuf {
    file("measure/field").join(name)
}

/// Compiles a program of tests/measure/field, once; called in its turn alone.
pub(crate) fn compile(name: &str) -> PathBuf {
    let options = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"];
    compile::build("gcc", &options, &source(&format!("{name}.c")), &[], &format!("field-{name}"))
}

/// What tests/measure/field/arrival.c prints.
struct Arrival {
    median: f64,
    longest: f64,
    late: u64,
}

impl Arrival {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim_end().split('\t').collect();
        let &[_, median, _, _, longest, late, _] = fields.as_slice() else { return None };
        Some(Arrival { median: median.parse().ok()?, longest: longest.parse().ok()?, late: late.parse().ok()? })
    }

    fn words(&self) -> String {
        format!("median {:.3} ms, longest {:.1} ms, {} late", self.median, self.longest, self.late)
    }

    /// Does data come later than in this plain run? Where plain itself stalls, nothing late is allowed but what it has.
    fn worse_than(&self, plain: &Arrival) -> bool {
        self.late > plain.late || self.median > plain.median * 10.0 + 1.0
    }
}

/// The words of arrival.c for what a program cannot do on this machine.
const NOT_HERE: i32 = 77;

/// Runs a command under arrival, which preloads the library into it alone; none if the machine cannot.
fn arrive(mode: Mode, program: &Path, arguments: &[&str]) -> Option<Arrival> {
    let mut command = Mode::Plain.command(compile("arrival"));
    command.args(["-t", "20"]);
    if mode == Mode::Preloaded {
        command.arg("-p").arg(library());
    }
    let outcome = finish(command.arg(program).args(arguments));
    if outcome.status.code() == Some(NOT_HERE) {
        println!("left out, {}", text(&outcome.stderr).trim_end());
        return None;
    }
    let line = outcome.expect();
    Some(Arrival::parse(&line).unwrap_or_else(|| panic!("not a line of arrival: {line:?}")))
}

/// Runs it plain and preloaded, and again if the library looks worse: it is, when it is three times.
fn never_later(program: &Path, arguments: &[&str]) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (Some(plain), Some(preloaded)) =
            (arrive(Mode::Plain, program, arguments), arrive(Mode::Preloaded, program, arguments))
        else {
            return;
        };
        if !preloaded.worse_than(&plain) {
            return;
        }
        seen.push(format!("plain: {}; preloaded: {}", plain.words(), preloaded.words()));
    }
    panic!("{} {arguments:?}:\n{}", program.display(), seen.join("\n"));
}

/// A program in C with its arguments, as one line.
fn pattern(line: &str) {
    let _turn = turn::alone();
    let mut words = line.split_whitespace();
    let program = compile(words.next().expect("a program"));
    never_later(&program, &words.collect::<Vec<_>>());
}

macro_rules! patterns {
    ($($name:ident: $line:literal)*) => { $(#[test] fn $name() { pattern($line); })* };
}

patterns! {
    paced_by_a_spin: "paced 400 200 spin"
    paced_by_work: "paced 400 200 compute"
    paced_by_a_direct_call: "paced 400 200 raw"
    paced_by_the_c_library: "paced 400 200 libc"
    paced_by_a_futex: "paced 400 200 futex"
    paced_by_a_semaphore: "paced 400 200 semaphore"
    paced_by_a_rwlock: "paced 400 200 rwlock"
    paced_by_an_eventfd: "paced 400 200 raw-eventfd"
    paced_by_a_file_lock: "paced 400 200 lock"
    paced_by_page_faults: "paced 400 200 fault"
    paced_by_io_uring: "paced 400 200 uring"
    paced_slowly: "paced 300 900 raw"
    queue_by_a_condition_variable: "queue 800 4 500 condition"
    queue_by_a_semaphore: "queue 800 4 500 semaphore"
    queue_by_an_eventfd: "queue 800 4 500 eventfd"
    queue_that_is_looked_at: "queue 800 4 500 look"
    one_line_and_fgets: "stdio_reader 400 1"
    one_line_and_fgets_with_pauses: "stdio_reader 200 1 1000"
    two_lines_and_fgets: "stdio_reader 30 2"
    exchange_and_recv: "exchange 25 2 recv"
    exchange_and_a_reader_thread: "exchange 25 2 thread"
    exchange_of_many_at_once: "exchange 60 2 window"
    bursts_of_varying_length: "bursts 200 1 4 900 raw"
    long_bursts: "bursts 80 8 40 900 raw"
    every_second_burst_hidden: "betray 60 3 2 300 libc"
    threads_that_end: "threads 150 3 ends 900"
    threads_that_wait: "threads 150 3 waits 900"
    threads_in_turn: "threads 150 3 turns 900"
    numbers_used_again: "reused 8 8 900"
    a_child_for_each_connection: "forked 3 10 2 raw"
    all_calls: "calls 150 900 raw"
    signal_handler: "alarm 200 1000"
    two_threads_on_one_connection: "duplex 300 300 raw poll"
    two_connections: "two 65 3 900 raw"
}

#[test]
fn python_event() {
    let _turn = turn::alone();
    let script = source("condvar.py");
    never_later(Path::new("python3"), &[script.to_str().expect("a readable path"), "150"]);
}

#[test]
fn python_queue() {
    let _turn = turn::alone();
    let script = source("lang/patterns.py");
    never_later(Path::new("python3"), &[script.to_str().expect("a readable path"), "queue", "800", "4", "1000"]);
}
