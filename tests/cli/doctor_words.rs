//! What `tcptune doctor` proposes is possible: for what has the library, has ended, has given itself a title, is a service, or
//! would not start with the library.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::exchanges::Server;
use crate::support::cli::group::Group;
use crate::support::cli::{c_program, ended, is_root, tcptune};
use crate::support::{Guard, Mode, ScratchDir, library};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const PYTHON: &str = "/usr/bin/python3";
const EXCHANGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/exchanges.py");

/// Starts a client that writes twice, and so many exchanges.
fn stalling(command: &mut Command, server: &Server, exchanges: u32) -> Guard {
    command.args([EXCHANGES, "client", &server.port, "twice"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut guard = Guard::spawn(command);
    assert_eq!(guard.lines().next(PATIENCE).as_deref(), Some("ready"));
    writeln!(guard.child.stdin.as_mut().expect("piped"), "{exchanges}").expect("the client reads");
    guard
}

/// The finding of `doctor --pid`, the only one.
#[track_caller]
fn finding(pid: u32, duration: &str) -> Value {
    let (code, out, err) =
        ended(tcptune().args(["doctor", "--json", "--pid", &pid.to_string(), "--duration", duration]));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let report: Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "{report:#}");
    report["findings"][0].clone()
}

#[track_caller]
fn expect(finding: &Value, field: &str, with: &[&str], without: &[&str]) {
    let text = finding[field].as_str().unwrap_or_default();
    for words in with {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in without {
        assert!(!text.contains(words), "{words}: {text}");
    }
}

#[test]
fn who_has_the_library_is_told_its_settings_and_not_to_start_with_it() {
    let server = Server::start("once");
    let mut command = Mode::Preloaded.command(PYTHON);
    let client = stalling(command.env("TCPTUNE_NODELAY", "off"), &server, 200);
    let found = finding(client.pid(), "1");
    expect(
        &found,
        "change",
        &["the library is in it already, with TCPTUNE_NODELAY=off", "take that setting away"],
        &["tcptune run", "systemd install"],
    );
}

#[test]
fn the_other_end_of_a_command_has_its_own_library() {
    // The server writes twice, and has the library; the command is its client.
    let mut command = Mode::Preloaded.command(PYTHON);
    command.args([EXCHANGES, "server", "twice"]).env("TCPTUNE_NODELAY", "off").stdout(Stdio::piped());
    let mut server = Guard::spawn(&mut command);
    let port = server.first_line(PATIENCE);
    let scratch = ScratchDir::new("doctor-other");
    let (input, file) = (scratch.file("input", "60\n"), scratch.join("report.json"));
    let mut doctor = tcptune();
    doctor.arg("doctor").arg("--library").arg(library()).args(["--json", "--output"]).arg(&file);
    doctor.args(["--", "sh", "-c", "exec \"$@\" < \"$0\""]).arg(input);
    doctor.args([PYTHON, EXCHANGES, "client", &port, "once"]);
    let (code, _, err) = ended(&mut doctor);
    assert_eq!((code, err.as_str()), (1, ""));
    let report: Value = serde_json::from_str(&fs::read_to_string(file).expect("a report")).expect("valid JSON");
    let found = &report["findings"][0];
    assert_eq!(found["other_end"], true, "{report:#}");
    expect(found, "change", &["the library is in it already, with TCPTUNE_NODELAY=off"], &["tcptune run"]);
}

#[test]
fn a_title_is_no_command() {
    let server = Server::start("once");
    let mut command = Mode::Plain.command("bash");
    command.args(["-c", "exec -a 'nginx: worker process' \"$0\" \"$@\"", PYTHON]);
    let client = stalling(&mut command, &server, 200);
    let found = finding(client.pid(), "1");
    let file = fs::canonicalize(PYTHON).expect("it is there");
    expect(&found, "change", &[&format!("tcptune run -- {} …`", file.display())], &["-- nginx"]);
}

#[test]
fn what_has_ended_is_not_to_be_attached_to() {
    let server = Server::start("once");
    let mut client = stalling(&mut Mode::Plain.command(PYTHON), &server, 30);
    drop(client.child.stdin.take());
    // Reaped, or it would stay a zombie; either has ended.
    let pid = client.pid();
    let waiting = std::thread::spawn(move || client.wait(PATIENCE));
    let found = finding(pid, "10");
    assert!(waiting.join().expect("it ends").success());
    expect(&found, "change", &["tcptune run -- "], &["attach"]);
    expect(&found, "place", &["which has ended"], &[]);
}

#[test]
fn a_zombie_has_ended() {
    let zombie = Guard::spawn(&mut Mode::Plain.command("true"));
    std::thread::sleep(Duration::from_millis(300));
    let (code, out, err) = ended(tcptune().args(["doctor", "--pid", &zombie.pid().to_string(), "--duration", "5"]));
    assert_eq!((code, out.as_str()), (127, ""), "{err}");
    assert!(err.contains("has ended already (zombie)"), "{err}");
}

#[test]
fn a_service_is_changed_by_its_unit() {
    let name = format!("tcptune-test-{}.service", std::process::id());
    let Some(group) = Group::new(&name).filter(|_| is_root()) else { return };
    let server = Server::start("once");
    let client = stalling(&mut Mode::Plain.command(PYTHON), &server, 200);
    fs::write(group.0.join("cgroup.procs"), client.pid().to_string()).expect("root may");
    let found = finding(client.pid(), "1");
    let install = format!("`tcptune systemd install {name}`");
    expect(&found, "change", &[&install, &format!("`tcptune attach {}`", client.pid())], &["tcptune run"]);
    drop(client);
}

#[test]
fn the_programs_own_code_comes_first_and_to_send_once_before_the_option() {
    let server = Server::start("once");
    let client = stalling(&mut Mode::Plain.command(PYTHON), &server, 200);
    let (code, out, _) = ended(tcptune().args(["doctor", "--pid", &client.pid().to_string(), "--duration", "1"]));
    assert_eq!(code, 1, "{out}");
    let at = |words: &str| out.find(words).unwrap_or_else(|| panic!("{words}: {out}"));
    let order = ["what happens", "sock.sendall(a + b)", "socket.TCP_NODELAY", "  tcptune ", "  expected "].map(at);
    assert!(order.is_sorted(), "{order:?}: {out}");
}

#[test]
fn a_process_that_is_both_ends_counts_its_exchanges_once() {
    let text = "
import socket, threading, time
listener = socket.create_server(('127.0.0.1', 0))
def serve():
    connection, _ = listener.accept()
    while connection.recv(100): connection.sendall(b'answer')
threading.Thread(target=serve, daemon=True).start()
client = socket.create_connection(listener.getsockname())
print('ready', flush=True)
for _ in range(200):
    client.sendall(b'question'); client.recv(100); time.sleep(0.01)
";
    let mut program = Guard::spawn(Mode::Plain.command(PYTHON).args(["-c", text]).stdout(Stdio::piped()));
    program.first_line(PATIENCE);
    let pid = program.pid().to_string();
    let (code, out, _) = ended(tcptune().args(["doctor", "--json", "--pid", &pid, "--duration", "1"]));
    let report: Value = serde_json::from_str(&out).expect("valid JSON");
    let exchanges = report["exchanges"].as_u64().expect("a number");
    assert!(code == 0 && (50..=100).contains(&exchanges), "{report:#}");
    assert_eq!(report["connections"], 1);
}

#[test]
fn a_program_that_suffers_no_library_before_its_own_is_left_as_it_is() {
    let scratch = ScratchDir::new("doctor-asan");
    let source = r#"#include <stdio.h>
        int main(void) { puts("ran"); return 0; }"#;
    let program = c_program(&scratch, "checked", source, "gcc", &["-fsanitize=address"]);
    let program = program.to_str().expect("UTF-8");
    let library = library();
    let library = library.to_str().expect("UTF-8");
    let (code, out, _) = ended(tcptune().args(["check", program]));
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 1 && words.contains("AddressSanitizer's shared runtime"), "{out}");
    assert!(words.contains("ASAN_OPTIONS=verify_asan_link_order=0"), "{out}");
    let (code, _, _) = ended(tcptune().args(["check", program]).env("ASAN_OPTIONS", "verify_asan_link_order=0"));
    assert_eq!(code, 0);
    let (code, out, err) = ended(tcptune().args(["doctor", "--library", library, "--", program]));
    let words = err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!((code, out.as_str()), (2, "ran\n"), "{err}");
    assert!(words.contains("watched from outside only: it is linked with AddressSanitizer"), "{err}");
    let (code, out, err) = ended(tcptune().args(["run", "--library", library, "--", program]));
    assert_eq!((code, out.as_str()), (0, "ran\n"), "{err}");
    let (code, out, err) = ended(tcptune().args(["ab", "--library", library, "--runs", "2", "--", program]));
    assert_eq!((code, out.as_str()), (125, ""), "{err}");
    assert!(err.lines().last().is_some_and(|l| l.contains("verify_asan_link_order=0")), "{err}");
}
