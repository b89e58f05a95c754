//! Requests in flight that wait for each other: what doctor says of tests/programs/pipelined.c ten milliseconds away, and whether what it
//! predicts comes true, with TCP_NODELAY and with the library.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::far::{Far, PATIENCE, SERVER, inside};
use crate::support::cli::{ended, tcptune};
use crate::support::{Guard, ScratchDir, compile, library, turn};

const ONE_WAY_MS: &str = "5";
/// How far a prediction may be from what was measured.
const OFF: f64 = 0.2;

/// A server at the other end of the path.
struct Server {
    _guard: Guard,
    port: String,
}

impl Server {
    fn start(far: &Far, busy_us: &str) -> Server {
        let mut command = inside(&far.spaces.server);
        command.arg(compile("pipelined")).args(["serve", SERVER, busy_us]);
        let mut guard = Guard::spawn(command.stdout(Stdio::piped()));
        let port = guard.first_line(PATIENCE);
        Server { _guard: guard, port }
    }
}

/// The client's command line: so many requests in flight, for so many seconds.
fn asking(far: &Far, server: &Server, depth: &str, seconds: &str) -> Command {
    let mut command = inside(&far.spaces.client);
    command.arg(compile("pipelined")).args(["ask", "echo", SERVER, &server.port, depth, seconds]);
    command
}

/// Its result: requests in a second.
fn rate(line: &str) -> f64 {
    line.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no rate: {line:?}"))
}

/// What doctor says of a client while it runs, with its exit status, and the rate of that client.
fn watched(far: &Far, client: &mut Command) -> (Value, i32, String) {
    let mut client = Guard::spawn(client.stdout(Stdio::piped()));
    let lines = client.lines();
    // ip has become the program by then, and the first requests are over.
    sleep(Duration::from_secs(1));
    let (report, code) = doctor(&far.spaces.client, &["--pid", &client.pid().to_string(), "--duration", "3"]);
    (report, code, lines.rest(PATIENCE).concat())
}

fn doctor(space: &str, arguments: &[&str]) -> (Value, i32) {
    let scratch = ScratchDir::new("paced");
    let file = scratch.join("report");
    let mut command = inside(space);
    command.arg(tcptune().get_program()).args(["doctor", "--json", "--output"]).arg(&file);
    let (code, _, err) = ended(command.args(arguments));
    let report = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{e}: {err}"));
    (serde_json::from_str(&report).expect("valid JSON"), code)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[track_caller]
fn expect_near(predicted: f64, measured: f64, what: &str, report: &Value) {
    assert!((predicted / measured - 1.0).abs() <= OFF, "{what}: {predicted} instead of {measured}: {report:#}");
}

#[test]
fn requests_that_wait_for_each_other_are_found_and_the_gain_comes_true() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let server = Server::start(&far, "0");
    let (report, code, plain) = watched(&far, &mut asking(&far, &server, "8", "5"));
    assert_eq!(code, 1, "{report:#}");
    let found = &report["findings"][0];
    assert_eq!((found["kind"].as_str(), found["side"].as_str()), (Some("paced"), Some("client")), "{found:#}");
    assert_eq!(found["options"]["nodelay"].as_bool(), Some(false), "{found:#}");
    for (field, words) in
        [("text", "leave one round trip after the other"), ("change", "`tcptune run -- "), ("expected", "per request")]
    {
        assert!(found[field].as_str().is_some_and(|text| text.contains(words)), "{words}: {found:#}");
    }
    assert!(found["upstream"].to_string().contains("TCP_NODELAY, &one"), "{found:#}");
    let gain = &found["gain"];
    // Eight are always under way, so that is how long one takes.
    let takes = |rate: f64| 8e3 / rate;
    expect_near(number(&gain["before_ms"]), takes(rate(&plain)), "before", found);
    let mut nodelay = asking(&far, &server, "8", "3");
    let (_, cured, _) = ended(nodelay.arg("nodelay"));
    expect_near(number(&gain["after_ms"]), takes(rate(&cured)), "after", found);
    let mut preloaded = asking(&far, &server, "8", "3");
    let (_, tuned, _) = ended(preloaded.env("LD_PRELOAD", library()));
    assert!(rate(&tuned) > rate(&plain) * 1.6, "{plain} without the library, {tuned} with it");
}

#[test]
fn requests_of_a_command_that_wait_for_each_other_are_found() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let server = Server::start(&far, "0");
    let program = compile("pipelined");
    let program = program.to_str().expect("an ASCII path");
    let library = library();
    let library = library.to_str().expect("an ASCII path");
    let client = ["--library", library, "--", program, "ask", "echo", SERVER, &server.port, "8", "3"];
    let (report, code) = doctor(&far.spaces.client, &client);
    let kinds: Vec<&str> =
        report["findings"].as_array().expect("a list").iter().filter_map(|f| f["kind"].as_str()).collect();
    assert_eq!((kinds, code), (vec!["paced"], 1), "{report:#}");
    assert_eq!(report["processes"][0]["loaded"].as_bool(), Some(true), "{report:#}");
}

#[test]
fn requests_that_lose_nothing_are_no_finding() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let (server, busy) = (Server::start(&far, "0"), Server::start(&far, "1000"));
    let mut nodelay = asking(&far, &server, "2", "5");
    nodelay.arg("nodelay");
    let mut stream = inside(&far.spaces.client);
    stream.arg(compile("pipelined")).args(["pour", SERVER, &server.port, "70000", "5"]);
    for (what, mut client) in [
        ("TCP_NODELAY is on", nodelay),
        ("one request at a time", asking(&far, &server, "1", "5")),
        ("the server is busy all the time", asking(&far, &busy, "64", "5")),
        ("a stream", stream),
    ] {
        let (report, code, _) = watched(&far, &mut client);
        assert_eq!(code, 0, "{what}: {report:#}");
    }
}
