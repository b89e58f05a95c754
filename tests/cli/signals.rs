//! SIGINT, SIGTERM and SIGHUP do the same wherever the command waits: it ends in order, with the exit status that its help tells
//! (docs/exit-status.md). Each case would wait for an hour.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cli::{attach, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish, library, process};

const SIGNALS: [(&str, u32); 3] = [("INT", 2), ("TERM", 15), ("HUP", 1)];
const PATIENCE: Duration = Duration::from_secs(30);
/// Of what waits, a signal shortens the wait: this is for a machine that does much else.
const SOON: Duration = Duration::from_secs(8);

/// Starts it, waits until it catches the signal, sends that, and gives exit status and stdout.
fn ended_by(arguments: &[&str], (name, number): (&str, u32)) -> (Option<i32>, String) {
    let mut command = tcptune();
    let mut guard = Guard::spawn(command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()));
    let pid = guard.pid();
    let catches = || {
        let mask = process::status(pid, "SigCgt").unwrap_or_default();
        u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 << (number - 1) != 0)
    };
    let end = Instant::now() + PATIENCE;
    while !catches() {
        assert!(Instant::now() < end, "{arguments:?} does not catch SIG{name}");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The first reading, table or run is done.
    std::thread::sleep(Duration::from_millis(300));
    let sent = Instant::now();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().expect("kill").success());
    let code = guard.wait(PATIENCE).code();
    assert!(sent.elapsed() < SOON, "{arguments:?}: {:?} after SIG{name}", sent.elapsed());
    let mut out = String::new();
    guard.child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    (code, out)
}

/// A process that has a connection, and does nothing.
fn idle() -> Guard {
    let script = "import socket, time\n\
                  l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()\n\
                  a = socket.create_connection(l.getsockname())\n\
                  print(flush=True); time.sleep(300)";
    let mut guard = Guard::spawn(Mode::Plain.command("python3").args(["-c", script]).stdout(Stdio::piped()));
    guard.first_line(PATIENCE);
    guard
}

#[test]
fn attach_ends_and_keeps_what_it_has_set() {
    let process = idle();
    let pid = process.pid().to_string();
    for signal in SIGNALS {
        let state = attach::state();
        let directory = state.path().to_str().expect("text");
        let (code, out) = ended_by(&["attach", "--state", directory, "--watch", "--interval", "1h", &pid], signal);
        assert!(code == Some(0) && out.contains("watching every 3600s"), "{signal:?}: {code:?} {out}");
        // What was changed is on record, and can be put back.
        assert!(attach::attached(&state, &["--revert", &pid]).contains("on -> off"));
    }
}

#[test]
fn detach_stops_waiting() {
    let scratch = ScratchDir::new("signals-detach");
    let script = "import socket, time\n\
                  l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()\n\
                  a = socket.create_connection(l.getsockname()); b, _ = l.accept()\n\
                  a.send(b'x'); b.recv(1)\n\
                  print(flush=True); time.sleep(300)";
    let mut command = Mode::Preloaded.command("/usr/bin/python3");
    let mut guard =
        Guard::spawn(command.args(["-c", script]).env("TCPTUNE_STATS", scratch.path()).stdout(Stdio::piped()));
    guard.first_line(PATIENCE);
    for signal in SIGNALS {
        let (code, out) = ended_by(&["detach", "--wait", "1h", &guard.pid().to_string()], signal);
        assert!(code == Some(1) && out.contains("had no exchange"), "{signal:?}: {code:?} {out}");
    }
}

#[test]
fn top_once_prints_what_came_so_far() {
    let scratch = ScratchDir::new("signals-top");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    for signal in SIGNALS {
        let directory = scratch.path().to_str().expect("text");
        let (code, out) = ended_by(&["top", "--once", "--interval", "1h", directory], signal);
        assert!(code == Some(0) && out.lines().count() == 2, "{signal:?}: {code:?} {out}");
    }
}

#[test]
fn export_ends_between_two_readings() {
    let scratch = ScratchDir::new("signals-export");
    let directory = scratch.path().to_str().expect("text");
    for signal in SIGNALS {
        let file = scratch.join(&format!("{}.prom", signal.0));
        let name = file.to_str().expect("text");
        let (code, _) = ended_by(&["export", "--textfile", name, "--every", "1h", directory], signal);
        assert!(code == Some(0) && fs::read_to_string(&file).expect("written").contains("tcptune_"), "{signal:?}");
        let (code, _) = ended_by(&["export", "--listen", "0", directory], signal);
        assert_eq!(code, Some(0), "{signal:?}");
        // Ten seconds otherwise.
        let (code, out) = ended_by(&["export", "--host"], signal);
        assert!(code == Some(0) && out.contains("tcptune_"), "{signal:?}: {code:?} {out}");
    }
}

#[test]
fn doctor_reports_what_it_has_seen() {
    let process = idle();
    let pid = process.pid().to_string();
    for signal in SIGNALS {
        let (code, out) = ended_by(&["doctor", "--json", "--pid", &pid, "--duration", "1h"], signal);
        let report: Value = serde_json::from_str(&out).expect("JSON");
        assert!(code == Some(2) && report["verdict"] == "unknown", "{signal:?}: {code:?} {out}");
        assert_eq!(report["command"], Value::Null);
        let (code, out) = ended_by(&["doctor", "--json", "--all", "--duration", "1h"], signal);
        assert!(code.is_some_and(|code| code <= 2) && out.starts_with('{'), "{signal:?}: {code:?} {out}");
    }
    let library = library();
    let library = library.to_str().expect("text");
    let scratch = ScratchDir::new("signals-doctor");
    for signal in [("TERM", 15), ("HUP", 1)] {
        let file = scratch.join("report.json");
        let name = file.to_str().expect("text");
        let arguments = ["doctor", "--json", "--output", name, "--library", library, "--", "sleep", "300"];
        let (code, _) = ended_by(&arguments, signal);
        let report: Value = serde_json::from_str(&fs::read_to_string(&file).expect("written")).expect("JSON");
        assert_eq!((code, &report["command"]["signal"]), (Some(2), &Value::from(15)), "{signal:?}");
    }
}

#[test]
fn ab_is_interrupted() {
    let library = library();
    let library = library.to_str().expect("text");
    for signal in SIGNALS {
        let (code, out) = ended_by(&["ab", "--library", library, "--", "sleep", "300"], signal);
        assert_eq!((code, out.as_str()), (Some(130), ""), "{signal:?}");
    }
}
