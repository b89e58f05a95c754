//! `tcptune doctor --json --waits`: each wait has the time at which it began, on a clock that other programs read too.

use crate::support::cli::{ended, tcptune};
use crate::support::{ScratchDir, library};
use serde_json::Value;

/// Exchanges with a server in the same program, of which the second half waits; prints when that half began and ended.
const PROGRAM: &str = r#"
import socket, threading, time
def serve(listener):
    connection, _ = listener.accept()
    for _ in range(40):
        left = 102
        while left: left -= len(connection.recv(left))
        connection.sendall(b"x" * 102)
listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
threading.Thread(target=serve, args=(listener,)).start()
client = socket.create_connection(listener.getsockname())
def exchanges(*pieces):
    for _ in range(20):
        for piece in pieces: client.sendall(piece)
        left = 102
        while left: left -= len(client.recv(left))
exchanges(b"h" * 102)
time.sleep(0.3)
print(time.monotonic())
exchanges(b"h" * 100, b"\r\n")
print(time.monotonic())
"#;

#[test]
fn each_wait_lies_in_the_time_in_which_the_program_waited() {
    let scratch = ScratchDir::new("waits");
    let (program, file) = (scratch.file("program.py", PROGRAM), scratch.join("report.json"));
    let mut command = tcptune();
    command.args(["doctor", "--json", "--waits", "--library"]).arg(library()).arg("--output").arg(&file);
    let (code, out, err) = ended(command.args(["--", "/usr/bin/python3"]).arg(program));
    assert_eq!((code, err.as_str()), (1, ""));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("written")).expect("valid JSON");
    let waits = report["waits"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let number = |wait: &Value, name: &str| wait[name].as_f64().unwrap_or_else(|| panic!("{name}: {wait:#}"));
    let [began, ended] = [0, 1].map(|line| out.lines().nth(line).and_then(|line| line.parse().ok()).unwrap_or(0.0_f64));

    // The first of the exchanges may be acknowledged at once. A look is 2 ms from the next, on a busy machine more.
    let delayed: Vec<&Value> = waits.iter().filter(|wait| wait["delayed"] == true).collect();
    assert!((15..=20).contains(&delayed.len()), "{waits:#?}");
    let mut before = began - 0.02;
    for wait in delayed {
        let (at, took) = (number(wait, "began_monotonic_s"), number(wait, "took_ms"));
        assert!(at >= before && at + took / 1e3 <= ended + 0.02, "{began} to {ended}: {wait:#}");
        assert!((25.0..=120.0).contains(&took), "{wait:#}");
        assert_eq!((wait["kind"].as_str(), wait["side"].as_str()), (Some("nagle"), Some("client")), "{wait:#}");
        assert_eq!((number(wait, "in_flight_bytes"), number(wait, "held_bytes")), (100.0, 2.0), "{wait:#}");
        before = at;
    }
}

#[test]
fn without_the_option_they_are_left_out() {
    let mut command = tcptune();
    command.args(["doctor", "--json", "--library"]).arg(library());
    let (_, _, err) = ended(command.args(["--", "true"]));
    let report: Value = serde_json::from_str(&err).expect("valid JSON");
    assert!(report.get("waits").is_none(), "{report:#}");
}
