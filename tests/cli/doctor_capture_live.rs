//! `tcptune doctor` on running processes and on what tcpdump has captured at both ends of their connections meanwhile: they
//! agree.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::cli::capture::{Tcpdump, report};
use crate::support::cli::exchanges::Client;
use crate::support::cli::{ended, tcptune};
use crate::support::netns::{Pair, SERVER_ADDRESS};
use crate::support::{Guard, Mode, ScratchDir, program};

const PATIENCE: Duration = Duration::from_secs(20);

fn inside(namespace: &str) -> std::process::Command {
    let mut command = Mode::Plain.command("ip");
    command.args(["netns", "exec", namespace]);
    command
}

fn python(namespace: &str, arguments: &[&str]) -> std::process::Command {
    let mut command = inside(namespace);
    command.arg("/usr/bin/python3").arg(program("exchanges.py")).args(arguments);
    command
}

/// What doctor says of the client and of the server as they run, and of captures at the client and at the server.
fn four_views(client_writes: &str, server_writes: &str, exchanges: &str) -> [(Value, i32); 4] {
    let pair = Pair::new();
    let scratch = ScratchDir::new("capture");
    let server = python(&pair.server, &["server", server_writes, "0", "0.0.0.0"]).stdout(Stdio::piped()).spawn();
    let mut server = Guard { child: server.expect("python3 starts") };
    let port = server.first_line(PATIENCE);
    let captures = [(&pair.client, "veth-c", "client"), (&pair.server, "any", "server")]
        .map(|(space, interface, name)| Tcpdump::start(space, interface, &scratch.join(name)));
    let mut client = Client::of(&mut python(&pair.client, &["client", &port, client_writes, SERVER_ADDRESS]));
    client.begin(exchanges);
    let watch = |space: &str, pid: u32| {
        let mut command = inside(space);
        command.arg(tcptune().get_program()).args(["doctor", "--json", "--duration", "2", "--pid", &pid.to_string()]);
        std::thread::spawn(move || ended(&mut command))
    };
    let live = [watch(&pair.client, client.guard.pid()), watch(&pair.server, server.pid())].map(|doctor| {
        let (code, out, err) = doctor.join().expect("doctor ends");
        assert_eq!(err, "");
        (serde_json::from_str(&out).expect("valid JSON"), code)
    });
    let captured = captures.map(|tcpdump| report(&tcpdump.end(), &["--port", &port]));
    let ([a, b], [c, d]) = (live, captured);
    [a, b, c, d]
}

/// Kind, side, and the time of a wait and the gain of an exchange in milliseconds.
fn finding(report: &Value) -> (&str, &str, f64, f64) {
    let found = &report["findings"][0];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{report:#}"));
    let word = |name: &str| found[name].as_str().unwrap_or_else(|| panic!("{report:#}"));
    (word("kind"), word("side"), number(&found["wait_ms"]), number(&found["gain"]["saved_ms"]))
}

#[test]
fn stalls_are_the_same_live_and_in_captures_of_both_ends() {
    for (client_writes, server_writes, side) in [("twice", "once", "client"), ("once", "twice", "server")] {
        let views = four_views(client_writes, server_writes, "200");
        assert!(views.iter().all(|(report, code)| *code == 1 && report["verdict"] == "found"), "{views:#?}");
        // Of those who run, the one that writes twice is sure of it.
        let live = &views[usize::from(side == "server")].0;
        let (kind, found_side, wait, gain) = finding(live);
        assert_eq!((kind, found_side), ("nagle", side), "{live:#}");
        for (report, _) in &views[2..] {
            assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "{report:#}");
            let (kind, found_side, captured_wait, captured_gain) = finding(report);
            assert_eq!((kind, found_side), ("nagle", side), "{report:#}");
            assert!((captured_wait - wait).abs() < 6.0, "{wait} {report:#}");
            assert!((captured_gain / gain - 1.0).abs() < 0.3, "{gain} {report:#}");
        }
    }
}

#[test]
fn healthy_exchanges_are_left_in_peace_live_and_in_captures_of_both_ends() {
    for (report, code) in four_views("once", "once", "30000") {
        assert_eq!((code, report["verdict"].as_str()), (0, Some("none")), "{report:#}");
        assert!(report["exchanges"].as_u64().is_some_and(|n| n >= 1_000), "{report:#}");
    }
}

#[test]
fn what_a_program_itself_holds_is_recognised_by_the_kernels_timer() {
    let pair = Pair::new();
    let scratch = ScratchDir::new("capture");
    for (way, code, kind) in [("cork", 1, Some("cork")), ("tokens", 0, None)] {
        let tcpdump = Tcpdump::start(&pair.server, "lo", &scratch.join(way));
        let mut sender = Guard::spawn(inside(&pair.server).arg("/usr/bin/python3").arg(program("one_way.py")).arg(way));
        assert!(sender.wait(PATIENCE).success());
        let (report, given) = report(&tcpdump.end(), &[]);
        assert_eq!((given, report["findings"][0]["kind"].as_str()), (code, kind), "{way} {report:#}");
    }
}
