//! `tcptune doctor` where it cannot tell: it says so, why, and what would help; and it does not where it can.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli::{ended, tcptune};
use crate::support::netns::{Pair, SERVER_ADDRESS};
use crate::support::{Guard, Mode};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const PACED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/paced.py");
const HERE: &str = "127.0.0.1";

/// One of the roles of paced.py, in this namespace or another, and the first line that it prints.
fn paced(namespace: Option<&str>, arguments: &[&str]) -> (Guard, String) {
    let mut command = Mode::Plain.command(if namespace.is_some() { "ip" } else { "/usr/bin/python3" });
    if let Some(name) = namespace {
        command.args(["netns", "exec", name, "/usr/bin/python3"]);
    }
    let mut guard = Guard::spawn(command.arg(PACED).args(arguments).stdout(Stdio::piped()));
    let line = guard.first_line(PATIENCE);
    (guard, line)
}

fn doctor(pid: u32, duration: &str) -> Command {
    let mut command = tcptune();
    command.args(["doctor", "--json", "--pid", &pid.to_string(), "--duration", duration]);
    command
}

fn report(command: &mut Command) -> (Value, i32) {
    let (code, out, err) = ended(command);
    assert_eq!(err, "");
    (serde_json::from_str(&out).expect("valid JSON"), code)
}

#[track_caller]
fn expect(report: &Value, code: i32, reason: Option<&str>) {
    let (verdict, status) = if reason.is_some() { ("unknown", 2) } else { ("none", 0) };
    assert_eq!((code, report["verdict"].as_str()), (status, Some(verdict)), "{report:#}");
    assert_eq!(report["doubts"][0]["reason"].as_str(), reason, "{report:#}");
    assert!(reason.is_none() || report["doubts"][0]["advice"].as_str().is_some_and(|t| !t.is_empty()), "{report:#}");
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().expect("kill starts").success());
}

#[test]
fn looks_that_come_too_seldom_tell_nothing() {
    let (_server, port) = paced(None, &["late", HERE, "30"]);
    let (client, _) = paced(None, &["client", HERE, &port, "0"]);
    let (seen, code) = report(&mut doctor(client.pid(), "1.5"));
    expect(&seen, code, None);
    // As on a machine that is far too busy: it gets a processor three times a second, and for no longer than a look takes.
    let mut command = doctor(client.pid(), "3");
    let mut running = Guard::spawn(command.stdout(Stdio::piped()));
    std::thread::sleep(Duration::from_millis(100));
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(4) {
        signal(running.pid(), "-STOP");
        std::thread::sleep(Duration::from_millis(300));
        signal(running.pid(), "-CONT");
        std::thread::sleep(Duration::from_micros(500));
    }
    let lines = running.lines();
    let code = running.wait(PATIENCE).code().expect("no signal ends it");
    let seen: Value = serde_json::from_str(&lines.rest(PATIENCE).join("\n")).expect("valid JSON");
    expect(&seen, code, Some("too-seldom"));
}

#[test]
fn what_only_comes_from_an_end_that_is_not_watched_tells_nothing() {
    let pair = Pair::new();
    let (_source, port) = paced(Some(&pair.server), &["source", SERVER_ADDRESS, "20"]);
    let (sink, _) = paced(Some(&pair.client), &["sink", SERVER_ADDRESS, &port]);
    let (seen, code) = report(&mut doctor(sink.pid(), "1"));
    expect(&seen, code, Some("one-way"));
    // On this machine the sender is watched too, and every piece it holds.
    let (_source, port) = paced(None, &["source", HERE, "20"]);
    let (sink, _) = paced(None, &["sink", HERE, &port]);
    let (seen, code) = report(&mut doctor(sink.pid(), "1"));
    expect(&seen, code, None);
}

#[test]
fn too_few_exchanges_tell_nothing() {
    for (count, reason) in [("2", Some("too-few-exchanges")), ("30", None)] {
        let (_server, port) = paced(None, &["late", HERE, "0"]);
        let mut command = Mode::Plain.command("/usr/bin/python3");
        command.args([PACED, "client", HERE, &port, count]).stdout(Stdio::null());
        let mut watch = tcptune();
        watch.args(["doctor", "--json", "--port", &port, "--duration", "1.5"]).stdout(Stdio::piped());
        let mut watch = Guard::spawn(&mut watch);
        std::thread::sleep(Duration::from_millis(200));
        let _client = Guard::spawn(&mut command);
        let lines = watch.lines();
        let code = watch.wait(PATIENCE).code().expect("no signal ends it");
        let seen: Value = serde_json::from_str(&lines.rest(PATIENCE).join("\n")).expect("valid JSON");
        expect(&seen, code, reason);
    }
}

#[test]
fn the_doubt_is_told_in_words_with_what_helps() {
    let idle = Guard::spawn(Mode::Plain.command("sleep").arg("30"));
    let pid = idle.pid().to_string();
    let (code, out, err) = ended(tcptune().args(["doctor", "--pid", &pid, "--duration", "0.2"]));
    assert_eq!((code, err.as_str()), (2, ""), "{out}");
    for words in ["could not tell: no TCP connection carried data", "what helps", "--duration"] {
        assert!(out.contains(words), "{words}: {out}");
    }
}
