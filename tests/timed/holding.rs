//! What holding must bring, and what it must never cost: segments are counted, and the kernel's own times of arrival tell
//! what came late. Late is what no timer but the kernel's explains (a held write waits for 200 ms), never a few per cent.

use crate::support;
use crate::support::turn;
use crate::support::{Mode, compile, finish, text};
use std::path::PathBuf;

/// Runs a program of tests/programs in a network of its own, in which no acknowledgement is delayed, and gives its lines.
fn alone(mode: Mode, program: &PathBuf, arguments: &[&str]) -> Vec<String> {
    const NETWORK: &str = "ip link set lo up && ip route replace local 127.0.0.1 dev lo table local proto kernel scope host \
                           src 127.0.0.1 quickack 1 && exec \"$@\"";
    let mut command = Mode::Plain.command("unshare");
    command.args(["--net", "sh", "-c", NETWORK, "sh", "env"]);
    if mode == Mode::Preloaded {
        command.arg(format!("LD_PRELOAD={}", support::library().display()));
    }
    let outcome = finish(command.arg(program).args(arguments));
    assert!(outcome.status.success(), "{}: {}{}", outcome.status, text(&outcome.stdout), text(&outcome.stderr));
    let lines = text(&outcome.stdout).lines().map(str::to_owned).collect();
    println!("{mode:?}: {lines:#?}");
    lines
}

/// The first number of a text.
fn number(text: &str) -> u32 {
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty());
    digits.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no number in {text:?}"))
}

/// How many segments an answer of reused.c takes.
fn segments(mode: Mode, arguments: &[&str]) -> f64 {
    let line = finish(mode.command(compile("reused")).args(arguments)).expect();
    let number = line.trim_end().strip_prefix("segments ").and_then(|number| number.parse().ok());
    let number = number.unwrap_or_else(|| panic!("expected `segments N`, got {line:?}"));
    println!("{mode:?} {arguments:?}: {number}");
    number
}

/// Between header and body a file is copied, whose number was a connection's before: its read is no wait.
#[test]
fn a_file_under_a_connection_s_old_number_lets_nothing_go() {
    let _turn = turn::beside_its_file();
    for serving in [&[][..], &["threads"]] {
        for connections in ["1", "8"] {
            let arguments = [&[connections, "200"], serving].concat();
            // Header and body are a segment each where nothing is held, so the count sees what it is to see.
            assert!(segments(Mode::Plain, &arguments) >= 1.9, "{arguments:?}");
            let held = segments(Mode::Preloaded, &arguments);
            assert!(held <= 1.3, "{arguments:?}: {held} segments an answer");
        }
    }
}

/// Batches of 100 to 5,000 small writes, each followed by a wait that is seen or hidden: their ends leave at once.
#[test]
fn the_end_of_a_batch_is_never_late() {
    let _turn = turn::beside_its_file();
    let program = compile("batches");
    let (plain, preloaded) = (alone(Mode::Plain, &program, &[]), alone(Mode::Preloaded, &program, &[]));
    assert_eq!(plain.len(), preloaded.len());
    for (plain, preloaded) in plain.iter().zip(&preloaded) {
        let late = |line: &str| number(line.split_once(": ").expect("WAY: N of M late").1);
        // One may be the machine's doing.
        assert!(late(preloaded) <= late(plain) + 1, "plain {plain:?}, preloaded {preloaded:?}");
    }
}

/// Each child of a server learns for itself, and may be wrong three times in its life: then nothing is held any more.
#[test]
fn a_child_is_wrong_three_times_at_most() {
    let _turn = turn::beside_its_file();
    let program = compile("forking");
    assert_eq!(number(&alone(Mode::Plain, &program, &[])[0]), 0, "late without the library");
    let line = &alone(Mode::Preloaded, &program, &[])[0];
    assert!(number(line) <= 3, "{line}");
}

/// What is held when a descriptor ends unseen, or when its thread never comes back, is late or lost: three times in a process
/// at the most. Where a hook can see it, never.
#[test]
fn ends_that_no_hook_sees_are_noticed() {
    let _turn = turn::alone();
    let program = compile("unseen_ends");
    for (mode, most) in [("fclose", 0), ("empty", 0), ("closed", 3), ("parked", 3)] {
        assert_eq!(alone(Mode::Plain, &program, &[mode, "20"]), ["late 0, lost 0"], "{mode}");
        let lines = alone(Mode::Preloaded, &program, &[mode, "20"]);
        let (late, lost) = lines[0].split_once(',').expect("two numbers");
        assert!(number(late) + number(lost) <= most, "{mode}: {lines:?}");
    }
}
