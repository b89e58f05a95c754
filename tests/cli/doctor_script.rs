//! `tcptune doctor --backtrace` of programs in Python: the line of the script is named, of the right thread, the script's own before
//! those of the modules that it calls; and where it cannot be known, one note says why.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::support::cli::exchanges::Server;
use crate::support::cli::{c_program, ended, is_root, joined, tcptune, without_ptrace};
use crate::support::{Guard, Mode, ScratchDir, library, program};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const PYTHON: &str = "/usr/bin/python3";
const COUNT: &str = "12";

fn imap_server() -> (Guard, String) {
    let mut command = Mode::Plain.command(PYTHON);
    let mut guard = Guard::spawn(command.arg(program("lines.py")).arg("imap-server").stdout(Stdio::piped()));
    let port = guard.first_line(PATIENCE);
    (guard, port)
}

fn source() -> String {
    fs::read_to_string(program("lines.py")).expect("the script's source")
}

/// The line of the script with this comment.
fn line(comment: &str) -> u64 {
    let at = source().lines().position(|line| line.ends_with(comment)).expect("such a line");
    at as u64 + 1
}

/// What doctor prints about the script.
fn doctor(options: &[&str], how: &str, port: &str) -> String {
    let mut command = tcptune();
    command.args(["doctor", "--backtrace", "--library"]).arg(library()).args(options).args(["--", PYTHON]);
    let (code, _, err) = ended(command.arg(program("lines.py")).args([how, port, COUNT]));
    assert_eq!(code, 1, "{err}");
    err
}

/// The commonest place of the first finding, after a check that most looks found it.
fn place(how: &str, port: &str) -> Value {
    let report: Value = serde_json::from_str(&doctor(&["--json"], how, port)).expect("valid JSON");
    let finding = &report["findings"][0];
    assert_eq!(finding["kind"], "nagle", "{report:#}");
    let script = &finding["script"];
    let place = script["places"][0].clone();
    let [all, here] = [&script["looks"], &place["looks"]].map(|n| n.as_u64().unwrap_or(0));
    assert!(here >= 2 && here * 2 > all, "{how}: {script:#}");
    assert_eq!(report["notes"], serde_json::json!([]));
    place
}

fn functions(place: &Value) -> Vec<&str> {
    let frames = place["frames"].as_array().map(Vec::as_slice).unwrap_or_default();
    frames.iter().filter_map(|frame| frame["function"].as_str()).collect()
}

#[test]
fn a_gate_knows_the_script_s_function_and_line() {
    let Server { guard: _server, port } = Server::start("once");
    let scratch = ScratchDir::new("script-gate");
    let (baseline, sarif) = (scratch.join("baseline.json"), scratch.join("report.sarif"));
    let mut command = tcptune();
    command.args(["doctor", "--backtrace", "--fail-on", "stall", "--library"]).arg(library());
    command.arg("--baseline").arg(&baseline).arg("--write-baseline").arg("--sarif").arg(&sarif);
    let (_, _, err) = ended(command.args(["--", PYTHON]).arg(program("lines.py")).args(["plain", &port, COUNT]));
    let read = |file| -> Value {
        serde_json::from_str(&fs::read_to_string(file).unwrap_or_else(|e| panic!("{e}: {err}"))).expect("JSON")
    };
    let known = read(&baseline);
    assert_eq!(known["findings"][0]["call"], "append", "{known:#}");
    let report = read(&sarif);
    let place = &report["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    let file = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
    assert!(file.ends_with("lines.py") && place["region"]["startLine"] == line("# body"), "{place:#}");
}

#[test]
fn the_line_that_sent_is_named_wherever_the_script_waits() {
    let Server { guard: _server, port } = Server::start("once");
    let plain = place("plain", &port);
    assert_eq!(functions(&plain), ["append", "exchanges", "<module>"]);
    let frame = &plain["frames"][0];
    assert_eq!((frame["line"].as_u64(), frame["own"].as_bool()), (Some(line("# body") + 1), Some(true)), "{plain:#}");
    assert_eq!(plain["frames"][1]["line"], line("# each"));
    let sent = serde_json::json!({ "frame": 0, "line": line("# body"), "text": "connection.send(BODY)" });
    assert_eq!(plain["write"], sent, "{plain:#}");
    let helper = place("helper", &port);
    assert_eq!(functions(&helper)[..3], ["answer", "ask", "exchanges"]);
    assert_eq!(
        (&helper["write"]["frame"], &helper["write"]["line"]),
        (&1.into(), &line("# asks").into()),
        "{helper:#}"
    );
    // What was sent last, the source alone does not tell.
    let branch = place("branch", &port);
    assert_eq!((&branch["frames"][0]["line"], &branch["write"]), (&line("# after a choice").into(), &Value::Null));
}

#[test]
fn of_several_threads_it_is_the_one_that_made_the_call() {
    let Server { guard: _server, port } = Server::start("once");
    let place = place("threads", &port);
    assert_eq!(functions(&place)[..3], ["append", "exchanges", "Thread.run"], "{place:#}");
    assert_eq!((&place["threads"], &place["write"]["line"]), (&1.into(), &line("# body").into()), "{place:#}");
}

#[test]
fn the_scripts_own_line_comes_before_those_of_the_module_that_it_calls() {
    let (_server, port) = imap_server();
    let place = place("imap", &port);
    let own = place["own_frame"].as_u64().expect("a line of its own");
    let frames = place["frames"].as_array().expect("frames");
    let (below, above) = frames.split_at(usize::try_from(own).expect("a small number"));
    assert_eq!((&above[0]["function"], &above[0]["line"]), (&"imap".into(), &line("# mail").into()), "{place:#}");
    let in_module = |frame: &Value| frame["own"] == false && frame["line"].is_u64();
    assert!(below.iter().all(in_module) && functions(&place).contains(&"IMAP4.append"), "{place:#}");
    let text = joined(&doctor(&[], "imap", &port));
    let row = format!("your line lines.py:{} (imap) < lines.py:", line("# mail"));
    let at = text.find(&row).unwrap_or_else(|| panic!("{text}"));
    let rest = &text[at..];
    assert!(rest.contains("which calls imaplib.py:") && rest.contains("(IMAP4.append) > imaplib.py:"), "{text}");
    assert!(rest.find("imaplib.py") < rest.find("called by"), "{text}");
}

#[test]
fn people_read_it_in_the_report_the_issue_and_the_page() {
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("lines"), Server::start("once"));
    let page = scratch.join("page.html");
    let sent = format!("lines.py:{} (append) < lines.py:{} (exchanges)", line("# body"), line("# each"));
    let text = joined(&doctor(&["--html", page.to_str().expect("UTF-8")], "plain", &port));
    assert!(text.contains(&format!("your line {sent}")), "{text}");
    let why = format!("by the source the last call that sends before lines.py:{} (append)", line("# body") + 1);
    assert!(text.contains(&format!("connection.send(BODY), {why}")), "{text}");
    let page = fs::read_to_string(page).expect("the page");
    assert!(page.contains("Which line of the script") && page.contains(&sent.replace('<', "&lt;")), "{page}");
    let issue = doctor(&["--issue"], "plain", &port);
    assert!(issue.contains(&format!("The script waited here:\n\n```text\n{sent}")), "{issue}");
}

/// Something else that is called python3 cannot be read: a note says so, and all else is as it was.
#[test]
fn where_the_interpreter_cannot_be_read_a_note_says_why() {
    let (scratch, Server { guard: _server, port }) = (ScratchDir::new("lines"), Server::start("once"));
    let source = fs::read_to_string(program("traced.c")).expect("the program's source");
    let other = c_program(&scratch, "python3", &source, "gcc", &["-O2", "-g", "-pthread"]);
    let mut command = tcptune();
    command.args(["doctor", "--backtrace", "--json", "--library"]).arg(library()).arg("--").arg(other);
    let (code, out, err) = ended(command.args(["plain", &port, COUNT]));
    assert_eq!((code, &*out), (1, "12 requests\n"), "{err}");
    let report: Value = serde_json::from_str(&err).expect("valid JSON");
    assert_eq!(report["findings"][0]["called_by"]["chains"][0]["frames"][0]["function"], "put", "{report:#}");
    unknown(&report);
    // One that lets nobody look.
    if !is_root() {
        return;
    }
    let library = library();
    let mut words =
        vec!["doctor", "--backtrace", "--json", "--library", library.to_str().expect("UTF-8"), "--", PYTHON];
    let script = program("lines.py");
    words.extend([script.to_str().expect("UTF-8"), "private", &port, COUNT]);
    let (code, _, err) = ended(&mut without_ptrace(&words));
    let report: Value = serde_json::from_str(&err).expect("valid JSON");
    assert_eq!((code, report["findings"][0]["kind"].as_str()), (1, Some("nagle")), "{report:#}");
    assert!(report["findings"][0]["called_by"]["samples"].as_u64() >= Some(2), "{report:#}");
    assert!(unknown(&report).contains("which sockets it has: "), "{report:#}");
}

/// The one note about the line that is not known.
#[track_caller]
fn unknown(report: &Value) -> &str {
    assert_eq!(report["findings"][0]["script"]["looks"], 0, "{report:#}");
    let notes = report["notes"].as_array().expect("notes");
    let about = |note: &&Value| note.as_str().is_some_and(|note| note.starts_with("which line of "));
    let found: Vec<&Value> = notes.iter().filter(about).collect();
    let [note] = found[..] else { panic!("{report:#}") };
    let note = note.as_str().unwrap_or_default();
    assert!(note.contains(" cannot be read: ") && !note.contains('\n'), "{note}");
    note
}
