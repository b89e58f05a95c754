//! The application's word wins: what it sets itself is what the kernel has and what it reads back, in both directions. Only
//! turning off what reads as off is no word: programs copy the option as they read it.

use crate::support::exchange::stalls;
use crate::support::{Mode, assert_same, compile, finish};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

/// A line of tests/programs/options.c: `SCENARIO libc=L kernel=K`, or a line that says no state.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    State { scenario: String, libc: u8, kernel: u8 },
    Other(String),
}

fn parse(line: &str) -> Line {
    let words: Vec<&str> = line.split(' ').collect();
    let &[scenario, libc, kernel] = words.as_slice() else { return Line::Other(line.into()) };
    match (libc.strip_prefix("libc="), kernel.strip_prefix("kernel=")) {
        (Some(libc), Some(kernel)) => Line::State {
            scenario: scenario.into(),
            libc: libc.parse().unwrap_or_else(|e| panic!("{line:?}: {e}")),
            kernel: kernel.parse().unwrap_or_else(|e| panic!("{line:?}: {e}")),
        },
        _ => Line::Other(line.into()),
    }
}

fn lines(mode: Mode, environment: &[(&str, &str)]) -> Vec<Line> {
    let mut command = mode.command(compile("options"));
    command.envs(environment.iter().copied());
    finish(&mut command).expect().lines().map(parse).collect()
}

/// What the program sees, without the kernel's column.
fn seen(lines: &[Line]) -> Vec<String> {
    let see = |line: &Line| match line {
        Line::State { scenario, libc, .. } => format!("{scenario} libc={libc}"),
        Line::Other(other) => other.clone(),
    };
    lines.iter().map(see).collect()
}

/// The scenarios in which the application has said nothing about the option, or has turned it off where it read as off.
const UNDECIDED: [&str; 21] = [
    "client-untouched",
    "client-untouched-reused-number",
    "client-failed-set",
    "client-0-then-connect",
    "client-connect-then-0",
    "listener--1--1",
    "listener--1-0",
    "listener-0--1",
    "listener-0-0",
    "accepted--1--1",
    "accepted--1-0",
    "accepted-0--1",
    "accepted-0-0",
    "accepted--1--1-then-0",
    "accepted--1-0-then-0",
    "accepted-0--1-then-0",
    "accepted-0-0-then-0",
    "accepted--1--1-then-off-and-write",
    "accepted--1-0-then-off-and-write",
    "accepted-0--1-then-off-and-write",
    "accepted-0-0-then-off-and-write",
];

#[test]
fn the_program_sees_the_same_and_the_kernel_has_what_it_said() {
    let plain = lines(Mode::Plain, &[]);
    let preloaded = lines(Mode::Preloaded, &[]);
    assert_same("what the program sees", &seen(&preloaded), &seen(&plain));

    let mut undecided = BTreeSet::new();
    for line in &preloaded {
        let Line::State { scenario, libc, kernel } = line else { continue };
        if UNDECIDED.contains(&scenario.as_str()) {
            assert_eq!((libc, kernel), (&0, &1), "{scenario}");
            undecided.insert(scenario.as_str());
        } else if scenario != "client-untouched-unconnected" && scenario != "client-0-unconnected" {
            // (Before connect it does not matter whether the option is on yet.)
            assert_eq!(kernel, libc, "{scenario}: the kernel does not have what the program said");
        }
    }
    assert_eq!(undecided, BTreeSet::from(UNDECIDED), "scenarios that did not run");
}

/// The median exchange of turns_off.c with a server that answers when it has both writes. (Learned holding would cure the
/// stall too; here the question is the option.)
fn exchange_of_a_client(mode: Mode, way: &str) -> Duration {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let port = listener.local_addr().expect("its address").port().to_string();
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the client connects");
        let mut request = [0; 8];
        while connection.read_exact(&mut request).is_ok() {
            connection.write_all(b"r").expect("the client reads");
        }
    });
    let mut command = mode.command(compile("turns_off"));
    let line = finish(command.args([port.as_str(), way]).env("TCPTUNE_CORK", "off")).expect();
    server.join().expect("the server ends with its connection");
    let milliseconds: f64 = line.trim_end().parse().unwrap_or_else(|e| panic!("{line:?}: {e}"));
    println!("{mode:?}, {way}: {milliseconds} ms");
    Duration::from_secs_f64(milliseconds / 1000.0)
}

#[test]
fn a_client_that_turns_off_what_reads_as_off_is_cured() {
    for way in ["before", "after"] {
        assert!(stalls(exchange_of_a_client(Mode::Plain, way)), "{way}, plain");
        assert!(!stalls(exchange_of_a_client(Mode::Preloaded, way)), "{way}, preloaded");
    }
    // But what it has turned on itself it may turn off.
    assert!(stalls(exchange_of_a_client(Mode::Plain, "on-off")), "plain");
    assert!(stalls(exchange_of_a_client(Mode::Preloaded, "on-off")), "preloaded");
}

#[test]
fn force_sets_it_where_the_program_turned_it_off() {
    let plain = lines(Mode::Plain, &[]);
    let forced = lines(Mode::Preloaded, &[("TCPTUNE_NODELAY", "force")]);
    assert_same("what the program sees", &seen(&forced), &seen(&plain));
    for line in &forced {
        let Line::State { scenario, libc, kernel } = line else { continue };
        if !scenario.ends_with("unconnected") {
            assert_eq!(*kernel, 1, "{scenario} libc={libc}");
        }
    }
}

#[test]
fn switched_off_nothing_differs() {
    let plain = lines(Mode::Plain, &[]);
    for settings in [&[("TCPTUNE", "off")][..], &[("TCPTUNE_NODELAY", "off"), ("TCPTUNE_CORK", "off")]] {
        assert_same(&format!("{settings:?}"), &lines(Mode::Preloaded, settings), &plain);
    }
}
