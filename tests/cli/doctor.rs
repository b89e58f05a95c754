//! `tcptune doctor` on processes that run already: it names the end that stalls, and leaves the healthy in peace. Nothing is
//! loaded, and nothing changes for them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::{as_nobody, copy_of_command, ended, is_root, tcptune, without_ptrace};
use crate::support::netns::{Pair, SERVER_ADDRESS};
use crate::support::{Guard, Mode, ScratchDir, free_port};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const EXCHANGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/exchanges.py");
const ONE_WAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/one_way.py");

fn python() -> Command {
    // Debian's own: a wrapper around another would be a process of its own.
    Mode::Plain.command("/usr/bin/python3")
}

/// A client that makes so many exchanges from now on.
fn client(server: &Server, writes: &str, exchanges: u32) -> Guard {
    let mut client = Client::start(server, writes);
    client.begin(&exchanges.to_string());
    client.guard
}

/// The report and exit status of `doctor --json` with these arguments.
fn report(arguments: &[&str]) -> (Value, i32) {
    let (code, out, err) = ended(tcptune().args(["doctor", "--json"]).args(arguments));
    assert_eq!(err, "", "{arguments:?}");
    (serde_json::from_str(&out).expect("valid JSON"), code)
}

#[track_caller]
fn single(report: &Value) -> &Value {
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 1, "{report:#}");
    &findings[0]
}

#[test]
fn a_client_that_writes_twice_stalls() {
    let server = Server::start("once");
    let client = client(&server, "twice", 200);
    let pid = client.pid().to_string();
    let (report, code) = report(&["--pid", &pid, "--duration", "1.5"]);
    assert_eq!((code, report["verdict"].as_str()), (1, Some("found")), "{report:#}");
    let found = single(&report);
    assert_eq!((found["kind"].as_str(), found["side"].as_str()), (Some("nagle"), Some("client")), "{found:#}");
    assert_eq!(found["pattern_bytes"], serde_json::json!([100, 2]));
    assert_eq!(found["options"]["nodelay"], false);
    assert_eq!(found["socket"][1], format!("127.0.0.1:{}", server.port));
    let number = |name: &str| found[name].as_f64().unwrap_or_else(|| panic!("{name}: {found:#}"));
    assert!((30.0..=70.0).contains(&number("wait_ms")), "{found:#}");
    // Most of the time is waiting, and the gain is that.
    assert!(number("waits") >= 5.0 && number("waited_s") >= 0.4 * number("span_s"), "{found:#}");
    assert!(found["gain"]["saved_ms"].as_f64().is_some_and(|ms| ms >= 25.0), "{found:#}");
    let upstream = found["upstream"].to_string();
    assert!(upstream.contains("socket.TCP_NODELAY") && upstream.contains("quickack 1"), "{upstream}");
    assert!(found["text"].as_str().is_some_and(|t| t.contains("for a delayed acknowledgement")), "{found:#}");
    assert!(found["change"].as_str().is_some_and(|t| t.contains(&format!("tcptune attach {pid}"))), "{found:#}");
}

#[test]
fn a_server_that_writes_twice_stalls_seen_by_its_port_and_in_words() {
    let server = Server::start("twice");
    let _client = client(&server, "once", 200);
    let (code, out, err) = ended(tcptune().args(["doctor", "--port", &server.port, "--duration", "1.5"]));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "stall found: ",
        &format!("exchanges with clients of port {} waited", server.port),
        &format!("(process {}), server", server.guard.pid()),
        "100 bytes are sent at once; Nagle's algorithm holds the next 2 bytes until they are acknowledged",
        "TCP_NODELAY is off",
    ] {
        assert!(text.contains(words), "{words}: {out}");
    }
}

#[test]
fn the_other_end_is_named_when_it_is_the_one_that_stalls() {
    let server = Server::start("once");
    let client = client(&server, "twice", 200);
    let (report, code) = report(&["--pid", &server.guard.pid().to_string(), "--duration", "1.5"]);
    let found = single(&report);
    assert_eq!((code, found["other_end"].as_bool()), (1, Some(true)), "{found:#}");
    assert_eq!(found["pids"], serde_json::json!([client.pid()]));
    assert!(found["change"].as_str().is_some_and(|t| t.contains("TCPTUNE_QUICKACK=auto")), "{found:#}");
}

#[test]
fn an_end_on_another_machine_is_recognised_by_its_pauses() {
    let pair = Pair::new();
    let inside = |namespace: &str| {
        let mut command = Mode::Plain.command("ip");
        command.args(["netns", "exec", namespace, "/usr/bin/python3", EXCHANGES]);
        command
    };
    let mut server = Guard::spawn(inside(&pair.server).args(["server", "once", "0", "0.0.0.0"]).stdout(Stdio::piped()));
    let port = server.first_line(PATIENCE);
    let mut client = inside(&pair.client);
    client.args(["client", &port, "twice", SERVER_ADDRESS]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = Guard::spawn(&mut client);
    assert_eq!(client.lines().next(PATIENCE).as_deref(), Some("ready"));
    writeln!(client.child.stdin.as_mut().expect("piped"), "200").expect("the client reads");
    // Its namespace is entered; the client is in another.
    // Looks as far apart as they may be see it too.
    for interval in ["2", "10"] {
        let pid = server.pid().to_string();
        let (report, code) = report(&["--pid", &pid, "--duration", "2", "--interval", interval]);
        let found = single(&report);
        assert_eq!((code, found["kind"].as_str()), (1, Some("peer")), "{found:#}");
        assert!(found["change"].as_str().is_some_and(|t| t.contains("--quickack auto")), "{found:#}");
    }
}

#[test]
fn healthy_exchanges_are_left_in_peace() {
    let server = Server::start("once");
    let client = client(&server, "once", 30_000);
    let (report, code) = report(&["--pid", &client.pid().to_string(), "--duration", "1"]);
    assert_eq!((code, report["verdict"].as_str()), (0, Some("none")), "{report:#}");
    assert!(report["exchanges"].as_u64().is_some_and(|n| n >= 1_000), "{report:#}");
    assert_eq!(report["findings"], serde_json::json!([]));
}

#[test]
fn a_process_without_connections_cannot_be_judged() {
    let idle = Guard::spawn(Mode::Plain.command("sleep").arg("30"));
    let (report, code) = report(&["--pid", &idle.pid().to_string(), "--duration", "0.2"]);
    assert_eq!((code, report["verdict"].as_str()), (2, Some("unknown")), "{report:#}");
}

#[test]
fn what_the_program_itself_holds_is_not_blamed_on_nagle() {
    let sender = Guard::spawn(python().args([ONE_WAY, "cork"]));
    let (report, code) = report(&["--pid", &sender.pid().to_string(), "--duration", "1.5"]);
    let found = single(&report);
    assert_eq!((code, found["kind"].as_str()), (1, Some("cork")), "{found:#}");
    assert_eq!(found["options"]["nodelay"], true);
    assert!(found["change"].as_str().is_some_and(|t| t.contains("--release all")), "{found:#}");
    assert!(found["gain"]["saved_ms"].as_f64().is_some_and(|ms| ms >= 40.0), "{found:#}");
}

#[test]
fn tokens_sent_one_by_one_are_no_flood() {
    let sender = Guard::spawn(python().args([ONE_WAY, "tokens"]));
    let (report, code) = report(&["--pid", &sender.pid().to_string(), "--duration", "1"]);
    assert_eq!((code, report["verdict"].as_str()), (0, Some("none")), "{report:#}");
}

#[test]
fn the_kernel_is_only_asked() {
    let server = Server::start("once");
    let mut client = client(&server, "twice", 30);
    let (_, code) = report(&["--pid", &client.pid().to_string(), "--duration", "0.7"]);
    assert_eq!(code, 1);
    // It stalls on as before: 35 exchanges of 40 ms and more.
    drop(client.child.stdin.take());
    let begin = std::time::Instant::now();
    assert!(client.wait(PATIENCE).success());
    assert!(begin.elapsed() > Duration::from_millis(200), "the stalls have gone");
}

#[test]
fn mistakes_are_answered_in_one_line() {
    let port = free_port().to_string();
    let scratch = ScratchDir::new("doctor");
    let nowhere = scratch.join("no/such/file");
    let nowhere = nowhere.to_str().expect("a path in UTF-8");
    for (arguments, code, words) in [
        (&["--pid", "nginx"][..], 125, "--pid nginx: `nginx` is no process ID"),
        (&["--pid", "4194305"], 127, "there is no process 4194305"),
        (&["--port", &port, "--duration", "0.1", "--output", nowhere], 125, "cannot be written: No such file"),
    ] {
        let (given, out, err) = ended(tcptune().arg("doctor").args(arguments));
        assert_eq!((given, out.as_str(), err.lines().count()), (code, "", 1), "{arguments:?}: {err}");
        assert!(err.starts_with("tcptune: ") && err.contains(words), "{err}");
    }
    for (arguments, words) in [
        (&["--port", "1", "--duration", "0"][..], "100ms to 24h"),
        (&["--pid", "1", "--interval", "0"], "from 1ms to 10ms"),
        (&["--pid", "1", "--", "true"], "allowed is either this or"),
    ] {
        let (given, _, err) = ended(tcptune().arg("doctor").args(arguments));
        assert!(given == 125 && err.contains(words), "{arguments:?}: {given} {err}");
    }
}

#[test]
fn anothers_process_is_refused_with_a_reason() {
    if !is_root() {
        return;
    }
    let scratch = ScratchDir::new("doctor");
    std::fs::set_permissions(scratch.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let command = copy_of_command(&scratch.join("bin"));
    let ours = Guard::spawn(Mode::Plain.command("sleep").arg("30"));
    let arguments = ["doctor", "--pid", &ours.pid().to_string()];
    let mut others = Command::new(command);
    as_nobody(&mut others).args(arguments);
    for (mut command, words) in [
        (others, "it belongs to another user (uid 0, here 65534): try again as root"),
        (without_ptrace(&arguments), "root needs CAP_SYS_PTRACE"),
    ] {
        let (code, _, err) = ended(&mut command);
        assert!(code == 126 && err.contains(&format!("may not be looked at: {words}")), "{code} {err}");
    }
}

#[test]
fn an_interrupt_ends_the_watch_with_a_report() {
    let server = Server::start("once");
    let client = client(&server, "twice", 200);
    let mut command = tcptune();
    command.args(["doctor", "--json", "--pid", &client.pid().to_string(), "--duration", "60"]).stdout(Stdio::piped());
    let mut doctor = Guard::spawn(&mut command);
    std::thread::sleep(Duration::from_millis(1_500));
    let sent = Command::new("kill").args(["-INT", &doctor.pid().to_string()]).status().expect("kill starts");
    assert!(sent.success());
    let lines = doctor.lines();
    assert_eq!(doctor.wait(PATIENCE).code(), Some(1));
    assert!(lines.rest(PATIENCE).concat().contains("\"verdict\": \"found\""));
}
