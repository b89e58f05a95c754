//! `tcptune doctor -- COMMAND`: every exchange is counted inside, what cannot be loaded is watched from outside, and every
//! descendant is accounted for. The command runs as it would without.

use crate::support;
use crate::support::cli;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli::{c_program, ended, is_root, script, set_mode, tcptune};
use crate::support::{Guard, Mode, ScratchDir, library};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const PYTHON: &str = "/usr/bin/python3";
const EXCHANGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/exchanges.py");
const ONE_WAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/one_way.py");

fn doctor() -> Command {
    let mut command = tcptune();
    command.arg("doctor").arg("--library").arg(library());
    command
}

/// The report on a command that reads its standard input from a file, its exit status, and what it printed.
fn report(scratch: &ScratchDir, input: &str, options: &[&str], words: &[&str]) -> (Value, i32, String) {
    let file = scratch.join("report.json");
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" < \"$0\""]).arg(scratch.file("input", input));
    let whole = doctor();
    command.arg(whole.get_program()).args(whole.get_args()).args(["--json", "--output"]).arg(&file);
    let mut command = cli::cleaned(command);
    let (code, out, err) = ended(command.args(options).arg("--").args(words));
    assert_eq!(err, "", "{words:?}");
    let text = std::fs::read_to_string(&file).expect("a report");
    (serde_json::from_str(&text).expect("valid JSON"), code, out)
}

fn server(writes: &str) -> (Guard, String) {
    let mut guard =
        Guard::spawn(Mode::Plain.command(PYTHON).args([EXCHANGES, "server", writes]).stdout(Stdio::piped()));
    let port = guard.first_line(PATIENCE);
    (guard, port)
}

fn processes(report: &Value) -> &Vec<Value> {
    report["processes"].as_array().expect("a list")
}

/// The process whose command line this is, or has this in it.
#[track_caller]
fn process<'r>(report: &'r Value, command: &str) -> &'r Value {
    let line = |p: &Value| p["command"].as_str().unwrap_or_default().to_owned();
    let exact = processes(report).iter().find(|p| line(p) == command);
    exact
        .or_else(|| processes(report).iter().find(|p| line(p).contains(command)))
        .unwrap_or_else(|| panic!("{command}: {report:#}"))
}

#[test]
fn every_exchange_is_counted() {
    let (scratch, (_server, port)) = (ScratchDir::new("doctor"), server("once"));
    let (report, code, out) = report(&scratch, "60\n", &[], &[PYTHON, EXCHANGES, "client", &port, "twice"]);
    // What the command prints is its own, and it stalls as it does without us.
    let median: f64 = out.lines().last().expect("a line").parse().expect("a number");
    assert!(out.starts_with("ready\n") && median >= 30.0, "{out}");
    let found = &report["findings"][0];
    assert_eq!((code, found["kind"].as_str()), (1, Some("nagle")), "{report:#}");
    // Five exchanges warm up; the first of all is acknowledged at once.
    assert_eq!(found["exchanges"], 65);
    assert!(found["waits"].as_u64().is_some_and(|n| (55..=65).contains(&n)), "{found:#}");
    assert_eq!(found["pattern_bytes"], serde_json::json!([100, 2]));
    assert_eq!(report["command_ended"], "ended with exit status 0");
    assert_eq!(report["command"], serde_json::json!({ "status": 0, "signal": null }));
    assert_eq!(process(&report, "exchanges.py")["loaded"], true);
    assert!(found["upstream"].to_string().contains("socket.TCP_NODELAY"), "{found:#}");
}

/// Markdown that says what the report says, with what to run to see it again.
#[test]
fn what_was_found_is_an_issue_for_its_authors() {
    let (scratch, (_server, port)) = (ScratchDir::new("doctor"), server("once"));
    let write = |mode: &str, exchanges: &str| {
        let issue = scratch.join("issue.md");
        let input = std::fs::File::open(scratch.file("input", exchanges)).expect("just written");
        let mut command = doctor();
        command.args(["--html"]).arg(scratch.join("page.html")).args(["--issue", "--output"]).arg(&issue);
        command.args(["--", PYTHON, EXCHANGES, "client", &port, mode]).stdin(input).stdout(Stdio::null());
        let done = command.output().expect("it starts");
        (done.status.code(), std::fs::read_to_string(issue).expect("it was written"))
    };
    let (code, issue) = write("twice", "60\n");
    assert_eq!(code, Some(1), "{issue}");
    let again = format!("-- {PYTHON} {EXCHANGES} client {port} twice\n");
    for words in [
        "## Exchanges with ",
        " because TCP_NODELAY is not set\n",
        "| bytes written, call by call | 100, 2 |",
        "| TCP_NODELAY | off |",
        "### What to change\n\n- Python: send once: `sock.sendall(a + b)`",
        "RFC 896",
        &again,
    ] {
        assert!(issue.contains(words), "{words}: {issue}");
    }
    // The same as a page: complete in itself, with a picture of the exchange beside the cured one.
    let page = std::fs::read_to_string(scratch.join("page.html")).expect("it was written");
    for words in [
        " because TCP_NODELAY is not set</h1>",
        "2 bytes wait",
        "acknowledgement</text>",
        "with the cure, one round trip",
        &again[..again.len() - 1],
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(
        !page.contains("<script") && !page.contains("http:") && !page.contains("src=") && !page.contains("url("),
        "{page}"
    );
    assert!(
        !issue.contains("--html")
            && !issue.contains("--issue")
            && !issue.contains("--output")
            && !issue.contains('\u{1b}'),
        "{issue}"
    );
    assert_eq!(write("once", "100\n").1.lines().count(), 1, "nothing was found: one line");
    let page = std::fs::read_to_string(scratch.join("page.html")).expect("it was written");
    assert!(page.contains(">No stall was found</h1>") && !page.contains("<svg"), "{page}");
}

#[test]
fn a_healthy_command_gets_a_clean_bill_and_leaves_nothing_behind() {
    let (scratch, (_server, port)) = (ScratchDir::new("doctor"), server("once"));
    let temporary = ScratchDir::new("doctor-tmp");
    let words = [PYTHON, EXCHANGES, "client", &port, "once"];
    let input = std::fs::File::open(scratch.file("input", "300\n")).expect("just written");
    let mut command = doctor();
    command.env("TMPDIR", temporary.path()).arg("--").args(words).stdin(input).stdout(Stdio::null());
    let done = command.output().expect("it starts");
    let text = support::text(&done.stderr);
    assert!(done.status.success() && text.contains("no stall found: 305 exchanges on 1 connection "), "{text}");
    assert!(text.contains("1 seen; with the library 1, without 0"), "{text}");
    assert_eq!(std::fs::read_dir(temporary.path()).expect("there").count(), 0);
}

#[test]
fn a_static_program_is_watched_from_outside() {
    let (scratch, (_server, port)) = (ScratchDir::new("doctor"), server("once"));
    let source = r#"
        #include <arpa/inet.h>
        #include <stdlib.h>
        #include <unistd.h>
        int main(int n, char **a) {
            struct sockaddr_in to = { AF_INET, htons(atoi(a[n - 1])), { htonl(INADDR_LOOPBACK) } };
            int s = socket(AF_INET, SOCK_STREAM, 0);
            char b[102];
            if (connect(s, (void *)&to, sizeof to)) return 2;
            for (int i = 0; i < 40; i++) {
                if (write(s, b, 100) != 100 || write(s, b, 2) != 2) return 3;
                for (int got = 0, r; got < 102; got += r) if ((r = read(s, b, 102)) <= 0) return 4;
            }
        }"#;
    let program = c_program(&scratch, "static-client", source, "gcc", &["-static"]);
    let program = program.to_str().expect("UTF-8");
    let (report, code, _) = report(&scratch, "", &[], &[program, &port]);
    let found = &report["findings"][0];
    assert_eq!(
        (code, found["kind"].as_str(), found["side"].as_str()),
        (1, Some("nagle"), Some("client")),
        "{report:#}"
    );
    assert!(found["waits"].as_u64().is_some_and(|n| (15..=60).contains(&n)), "{found:#}");
    let change = found["change"].as_str().expect("a text");
    assert!(
        change.contains("cannot be loaded into it, but sets TCP_NODELAY on its sockets as its supervisor"),
        "{change}"
    );
    let seen = process(&report, "static-client");
    assert_eq!(seen["loaded"], false);
    assert!(seen["reason"].as_str().is_some_and(|r| r.contains("no loader runs at its start")), "{seen:#}");
}

#[test]
fn every_descendant_is_accounted_for() {
    let scratch = ScratchDir::new("doctor");
    // As long as it takes to be seen.
    let sleep = r#"#include <unistd.h>
        int main(void) { usleep(400000); }"#;
    let plain = c_program(&scratch, "plain-sleep", sleep, "gcc", &[]);
    c_program(&scratch, "static-sleep", sleep, "gcc", &["-static"]);
    let mut expected = vec![
        ("./static-sleep", false, "no loader runs at its start"),
        ("./cleared-sleep", false, "LD_PRELOAD was dropped"),
    ];
    std::fs::copy(&plain, scratch.join("cleared-sleep")).expect("a copy");
    let mut lines = String::from("cd \"$1\"\n./plain-sleep &\n./static-sleep &\nenv -i ./cleared-sleep &\n");
    if is_root() {
        // A file of another user's with the bit: its privileges are raised, and the loader ignores LD_PRELOAD.
        let raised = scratch.join("setuid-sleep");
        std::fs::copy(&plain, &raised).expect("a copy");
        std::os::unix::fs::chown(&raised, Some(cli::NOBODY), None).expect("root may");
        set_mode(&raised, 0o4755);
        lines += "./setuid-sleep &\n";
        expected.push(("./setuid-sleep", false, "started with raised privileges"));
    }
    // An orphan, one exec after the other, and a parent that ends first.
    lines += "(sh -c './plain-sleep orphan & exit 0')\nsh -c 'exec ./plain-sleep second'\nwait\n";
    let file = script(&scratch, "tree", format!("#!/bin/sh\n{lines}"));
    let (report, code, _) =
        report(&scratch, "", &["--follow"], &[file.to_str().expect("UTF-8"), scratch.path().to_str().expect("UTF-8")]);
    assert_eq!((code, report["verdict"].as_str()), (2, Some("unknown")), "{report:#}");
    expected.extend([("./plain-sleep orphan", true, ""), ("./plain-sleep second", true, ""), ("tree", true, "")]);
    for (command, loaded, reason) in expected {
        let seen = process(&report, command);
        assert_eq!(seen["loaded"], loaded, "{command}: {seen:#}");
        assert!(seen["reason"].as_str().unwrap_or_default().contains(reason), "{command}: {seen:#}");
    }
    let unknown = processes(&report).iter().filter(|p| p["loaded"].is_null());
    for process in unknown {
        assert!(process["reason"].as_str().is_some_and(|r| r.starts_with("it ended before")), "{process:#}");
    }
}

#[test]
fn a_flood_is_told() {
    let scratch = ScratchDir::new("doctor");
    let (report, code, _) = report(&scratch, "", &[], &[PYTHON, ONE_WAY, "flood"]);
    let found = &report["findings"][0];
    assert_eq!((code, found["kind"].as_str()), (1, Some("flood")), "{report:#}");
    assert!(found["flood_calls"].as_u64().is_some_and(|n| n >= 15_000), "{found:#}");
}

#[test]
fn the_command_keeps_its_signals_and_its_end_is_told() {
    let scratch = ScratchDir::new("doctor");
    let (report, code, out) = report(&scratch, "", &[], &["sh", "-c", "grep SigIgn /proc/self/status; kill -9 $$"]);
    assert_eq!(code, 2);
    assert_eq!(report["command_ended"], "was ended by signal 9");
    assert_eq!(report["command"], serde_json::json!({ "status": null, "signal": 9 }));
    let plain = Command::new("sh").args(["-c", "grep SigIgn /proc/self/status"]).output().expect("it starts");
    // This test ignores SIGPIPE, as Rust programs do; Command sets it back for what it starts.
    assert_eq!(out, support::text(&plain.stdout));
    let (code, _, err) = ended(doctor().args(["--", "/no/such/program"]));
    assert!(code == 127 && err.contains("cannot run `/no/such/program`"), "{code} {err}");
    let file = scratch.file("text", "no program");
    let (code, _, err) = ended(doctor().arg("--").arg(file));
    assert!(code == 126 && err.contains("is not executable"), "{code} {err}");
}

#[test]
fn a_signal_to_doctor_ends_the_command_and_brings_the_report() {
    let (_server, port) = server("twice");
    let mut command = doctor();
    let words = ["--", PYTHON, EXCHANGES, "client", &port, "once"];
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = Guard::spawn(&mut command);
    std::thread::sleep(Duration::from_millis(1_000));
    let sent = Command::new("kill").args(["-TERM", &running.pid().to_string()]).status().expect("kill starts");
    assert!(sent.success());
    running.wait(PATIENCE);
    let mut text = String::new();
    let stderr = running.child.stderr.as_mut().expect("piped");
    std::io::Read::read_to_string(stderr, &mut text).expect("text");
    assert!(text.contains("was ended by signal 15"), "{text}");
}

#[test]
fn a_time_limit_ends_the_command_and_what_it_started() {
    let scratch = ScratchDir::new("doctor");
    let marker = format!("{}.5", 40_000 + std::process::id() % 10_000);
    let line = format!("sleep {marker} & sleep {marker}");
    let (report, code, _) = report(&scratch, "", &["--duration", "0.5"], &["sh", "-c", &line]);
    assert_eq!(code, 2);
    assert_eq!(report["command_ended"], "was ended by signal 15");
    assert_eq!(report["command"], serde_json::json!({ "status": null, "signal": 15 }));
    for process in processes(&report) {
        let pid = process["pid"].as_u64().expect("a number");
        // Whoever has inherited it may take a moment to wait for it: then it has no program any more.
        let program = format!("/proc/{pid}/exe");
        let patience = Instant::now() + PATIENCE;
        while std::fs::read_link(&program).is_ok() {
            assert!(Instant::now() < patience, "{process:#}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
