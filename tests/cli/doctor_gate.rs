//! `tcptune doctor --fail-on`: the exit status is the command's own unless a finding is new, what is known fails nothing, and CI systems
//! can read the findings.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::exchanges::Server;
use crate::support::cli::schema::faults;
use crate::support::cli::{c_program, ended, tcptune};
use crate::support::{ScratchDir, library, program, text};

const PYTHON: &str = "/usr/bin/python3";
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/published");

/// A suite: a shell whose child makes exchanges and that exits as it is told.
fn suite(port: &str, writes: &str, end: &str) -> String {
    let exchanges = program("exchanges.py").display().to_string();
    format!("(echo 20 | {PYTHON} {exchanges} client {port} {writes} >/dev/null)\n{end}")
}

struct Done {
    code: i32,
    report: Value,
}

/// Doctor with these options on such a suite.
fn gate(options: &[&str], script: &str) -> Done {
    let scratch = ScratchDir::new("gate");
    let file = scratch.join("report.json");
    let mut command = tcptune();
    command.args(["doctor", "--library"]).arg(library()).args(["--json", "--output"]).arg(&file);
    let (code, _, err) = ended(command.args(options).args(["--", "sh", "-c", script]));
    let report = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{options:?}: {err}"));
    Done { code, report: serde_json::from_str(&report).expect("valid JSON") }
}

#[test]
fn the_status_is_the_commands_unless_a_listed_finding_is_new() {
    let Server { guard: _server, port } = Server::start("once");
    let stalls = |end: &str| suite(&port, "twice", end);
    let whole = gate(&["--fail-on", "stall,flood"], &stalls("exit 0"));
    let found = &whole.report["findings"][0];
    assert_eq!((whole.code, found["kind"].as_str(), found["standing"].as_str()), (1, Some("nagle"), Some("new")));
    // The program is a child of the suite's child.
    let key = json!({"kind": "nagle", "program": "exchanges.py", "side": "client", "port": "ephemeral", "call": null});
    assert_eq!(found["key"], key);
    let outcome = &whole.report["gate"];
    assert_eq!((outcome["failed"].as_bool(), outcome["new_findings"].as_u64()), (Some(true), Some(1)), "{outcome:#}");

    for (listed, end, expected) in [
        ("nagle", "exit 0", 1),
        // It is reported, and fails nothing.
        ("flood,cork", "exit 0", 0),
        // A suite that failed says so itself.
        ("stall", "exit 3", 3),
        ("flood", "kill -9 $$", 137),
    ] {
        let done = gate(&["--fail-on", listed], &stalls(end));
        assert_eq!(done.code, expected, "{listed}, {end}: {:#}", done.report["gate"]);
        assert_eq!(done.report["verdict"], "found");
    }
}

#[test]
fn a_suite_without_a_stall_or_without_a_connection_passes() {
    let Server { guard: _server, port } = Server::start("once");
    assert_eq!(gate(&["--fail-on", "stall,unknown"], &suite(&port, "once", "exit 0")).code, 0);
    // Nothing was seen: whether that fails is asked for by name.
    assert_eq!(gate(&["--fail-on", "stall"], "exit 0").code, 0);
    let undecided = gate(&["--fail-on", "stall,unknown"], "exit 0");
    assert_eq!((undecided.code, undecided.report["gate"]["failed"].as_bool()), (2, Some(true)));
    assert_eq!(gate(&["--fail-on", "stall,unknown"], "exit 7").code, 7);
    // What doctor ends itself has no status of its own.
    let ended = gate(&["--fail-on", "stall", "--duration", "0.3"], "sleep 60");
    assert_eq!((ended.code, ended.report["command"]["signal"].as_u64()), (0, Some(15)));
}

#[test]
fn what_is_in_the_baseline_fails_nothing() {
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("gate-baseline"), Server::start("once"));
    let file = scratch.join("known.json");
    let name = file.to_str().expect("UTF-8");
    let stalls = suite(&port, "twice", "exit 0");
    let written = gate(&["--baseline", name, "--write-baseline"], &stalls);
    assert_eq!((written.code, written.report["gate"]["written"].as_bool()), (0, Some(true)));
    let read = || serde_json::from_str::<Value>(&std::fs::read_to_string(&file).expect("written")).expect("JSON");
    let entry = json!({"kind": "nagle", "program": "exchanges.py", "side": "client", "port": "ephemeral"});
    assert_eq!(read(), json!({"schema": 1, "findings": [entry]}));

    // Another server, at another port: the same finding.
    let Server { guard: _server, port } = Server::start("once");
    let stalls = suite(&port, "twice", "exit 0");
    let known = gate(&["--baseline", name], &stalls);
    assert_eq!((known.code, known.report["findings"][0]["standing"].as_str()), (0, Some("known")));
    assert_eq!(known.report["gate"]["known_findings"], 1);

    // Of another end it is new, and what is not found any more is told.
    let other = json!({"kind": "nagle", "program": "exchanges.py", "side": "server", "reason": "ours"});
    std::fs::write(&file, json!({"schema": 1, "findings": [other]}).to_string()).expect("room");
    let new = gate(&["--fail-on", "stall", "--baseline", name], &stalls);
    assert_eq!((new.code, new.report["gate"]["unused"][0]["reason"].as_str()), (1, Some("ours")));
    // A healthy run takes it out.
    gate(&["--baseline", name, "--write-baseline"], &suite(&port, "once", "exit 0"));
    assert_eq!(read()["findings"], json!([]));
}

#[test]
fn tests_with_a_server_each_are_judged_together() {
    // Twelve tests, each with a listener of its own and a single request, of which the end waits.
    let source = r#"
import socket, threading
def serve(listener):
    connection, _ = listener.accept()
    for _ in range(4):
        left = 102
        while left: left -= len(connection.recv(left))
        connection.sendall(b"x" * 102)
for test in range(12):
    listener = socket.socket(); listener.bind(("127.0.0.1", 0)); listener.listen()
    thread = threading.Thread(target=serve, args=(listener,)); thread.start()
    client = socket.create_connection(listener.getsockname())
    for n in range(4):
        # The kernel acknowledges the first at once.
        pieces = [b"h" * 100, b"\r\n"] if n == 3 else [b"h" * 102]
        for piece in pieces: client.sendall(piece)
        left = 102
        while left: left -= len(client.recv(left))
    thread.join()
"#;
    let scratch = ScratchDir::new("gate-suite");
    let file = scratch.file("suite.py", source);
    let script = format!("exec {PYTHON} {}", file.display());
    let done = gate(&["--fail-on", "stall"], &script);
    let found = done.report["findings"].as_array().expect("a list");
    assert_eq!((done.code, found.len()), (1, 1), "{:#}", done.report);
    assert_eq!(
        (found[0]["kind"].as_str(), found[0]["service"].as_str()),
        (Some("nagle"), Some("127.0.0.1 (several ports)"))
    );
    assert!(found[0]["waits"].as_u64().is_some_and(|waits| (8..=14).contains(&waits)), "{:#}", found[0]);
}

const CLIENT: &str = r#"
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
static int to;
static int write_body(const char *body, int length) {
    return write(to, body, length) == length; // body
}
int main(int n, char **a) {
    struct sockaddr_in at = { AF_INET, htons(atoi(a[n - 1])), { htonl(INADDR_LOOPBACK) } };
    to = socket(AF_INET, SOCK_STREAM, 0);
    char b[102];
    if (connect(to, (void *)&at, sizeof at)) return 2;
    for (int i = 0; i < 20; i++) {
        if (write(to, b, 100) != 100 || !write_body(b, 2)) return 3;
        for (int got = 0, r; got < 102; got += r) if ((r = read(to, b, 102)) <= 0) return 4;
    }
}
"#;

#[test]
fn the_findings_are_valid_junit_and_sarif_with_call_and_line() {
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("gate-files"), Server::start("once"));
    let client = c_program(&scratch, "client", CLIENT, "gcc", &["-g", "-fno-inline"]);
    let [junit, sarif, known] = ["found.xml", "found.sarif", "known.json"].map(|name| scratch.join(name));
    let files = ["--junit", text_of(&junit), "--sarif", text_of(&sarif), "--baseline", text_of(&known)];
    let run = |options: &[&str]| {
        gate(&[&files[..], &["--backtrace"], options].concat(), &format!("{} {port}", client.display()))
    };
    // Known first: then it is new again.
    let line = CLIENT.lines().position(|line| line.ends_with("// body")).map(|at| at + 1);
    for (options, code, counts, level) in [
        (&["--write-baseline"][..], 0, "skipped=\"1\" errors=\"0\" failures=\"0\"", "note"),
        (&["--fail-on", "stall"], 1, "skipped=\"0\" errors=\"0\" failures=\"1\"", "error"),
    ] {
        let done = run(options);
        assert_eq!(done.code, code, "{:#}", done.report);
        assert_eq!(done.report["findings"][0]["key"]["call"], "write_body");
        std::fs::write(&known, "{\"schema\": 1, \"findings\": []}").expect("room");

        let xml = valid_junit(&scratch, &junit);
        for words in [counts, "classname=\"tcptune.client\"", "nagle of client", "write_body (client.c:"] {
            assert!(xml.contains(words), "{words}: {xml}");
        }
        let log = valid_sarif(&sarif);
        let result = &log["runs"][0]["results"][0];
        assert_eq!((result["ruleId"].as_str(), result["level"].as_str()), (Some("nagle"), Some(level)), "{result:#}");
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().is_some_and(|uri| uri.ends_with("/client.c")), "{place:#}");
        assert_eq!(place["region"]["startLine"].as_u64(), line.map(|line| line as u64));
        assert_eq!(result["locations"][0]["logicalLocations"][0]["name"], "write_body");
    }
    // With nothing to tell they are valid too.
    let done = gate(&[&files[..4], &["--fail-on", "stall"]].concat(), "true");
    assert_eq!(done.code, 0);
    assert!(valid_junit(&scratch, &junit).contains("could not tell"));
    assert_eq!(valid_sarif(&sarif)["runs"][0]["results"], json!([]));
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn valid_junit(scratch: &ScratchDir, file: &Path) -> String {
    let xml = std::fs::read_to_string(file).expect("written");
    // Jenkins counts what is skipped for each suite, others for all of them: its schema has no attribute for that at the top.
    let (top, rest) = xml.split_once("<testsuites ").expect("suites");
    let (attributes, rest) = rest.split_once('>').expect("its end");
    let attributes: Vec<&str> = attributes.split("\" ").filter(|pair| !pair.starts_with("skipped=")).collect();
    let held = scratch.file("held.xml", format!("{top}<testsuites {}>{rest}", attributes.join("\" ")));
    let mut lint = Command::new("xmllint");
    lint.args(["--noout", "--schema", &format!("{PUBLISHED}/junit-10.xsd")]).arg(held);
    let done = lint.output().expect("xmllint (scripts/setup installs it)");
    assert!(done.status.success(), "{}{xml}", text(&done.stderr));
    xml
}

fn valid_sarif(file: &Path) -> Value {
    let read =
        |path: &Path| serde_json::from_str::<Value>(&std::fs::read_to_string(path).expect("there")).expect("JSON");
    let (schema, log) = (read(&Path::new(PUBLISHED).join("sarif-schema-2.1.0.json")), read(file));
    let faults = faults(&schema, &log);
    assert!(faults.is_empty(), "{faults}\n{log:#}");
    log
}
