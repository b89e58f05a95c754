//! Files of counters that somebody made by hand, in a directory that others write too: what reads them as root takes little time
//! and memory, says which it left out and why, and reads the others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tcptune_policy::counters::{
    ARMS_AT, CLIENT, HEADER_SIZE, Head, READY, SERVICE_SIZE, SERVICES, Service, head_at, service_word_at,
};

use crate::support::cli::{NOBODY, cleaned, ended, is_root, tcptune};
use crate::support::{Mode, ScratchDir, compile, finish, text};

/// No command takes longer, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Address space in kilobytes; the unoptimised command with its symbols is a quarter of that.
const ROOM: u32 = 400_000;

/// What the library writes, to begin with.
fn written() -> Vec<u8> {
    let scratch = ScratchDir::new("hostile");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    let file = fs::read_dir(scratch.path()).expect("it").next().expect("a file").expect("its name").path();
    fs::read(file).expect("its bytes")
}

fn set(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
}

/// A sound file with so many services, each as long as this, with ports of their own from `first` on.
fn with_services(model: &[u8], count: usize, size: usize, first: u64) -> Vec<u8> {
    let mut bytes = model[..HEADER_SIZE].to_vec();
    bytes.resize(HEADER_SIZE + count * size, 0);
    let length = bytes.len() as u64;
    if size < SERVICE_SIZE {
        for head in [Head::ArmSize, Head::Counters, Head::Answers, Head::Stalls, Head::Holds] {
            set(&mut bytes, head_at(head), 0);
        }
    }
    for (head, value) in [
        (Head::Size, length),
        (Head::ServicesAt, HEADER_SIZE as u64),
        (Head::Services, count as u64),
        (Head::ServiceSize, size as u64),
        (Head::Samples, 0),
    ] {
        set(&mut bytes, head_at(head), value);
    }
    for number in 0..count {
        let at = HEADER_SIZE + number * size;
        for (word, value) in [
            (Service::State, READY),
            (Service::Direction, CLIENT),
            (Service::AddressFirst, first + number as u64 + 1),
            (Service::Port, 80),
        ] {
            set(&mut bytes, at + service_word_at(word), value);
        }
    }
    bytes
}

/// Every command that reads a directory of counters, with little room; what it says.
#[track_caller]
fn read_by_all(directory: &Path) -> Vec<(&'static str, String, String)> {
    read_by(&["report", "json", "export", "top"], directory)
}

#[track_caller]
fn read_by(names: &[&str], directory: &Path) -> Vec<(&'static str, String, String)> {
    let all: [(&str, &[&str]); 4] = [
        ("report", &["report"]),
        ("json", &["report", "--json"]),
        ("export", &["export"]),
        ("top", &["top", "--once", "--interval", "0.1"]),
    ];
    let read = |(name, arguments): (&'static str, &[&str])| {
        let mut command = cleaned(Command::new("sh"));
        command.args(["-c", &format!("ulimit -v {ROOM}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_tcptune")]);
        command.args(arguments).arg(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begin = Instant::now();
        let child = command.spawn().expect("sh starts");
        let pid = rustix::process::Pid::from_child(&child);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(output) = receiver.recv_timeout(PATIENCE) else {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("{name} still runs after {:?}", begin.elapsed());
        };
        let output = output.expect("it ends");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.code().is_some_and(|code| code < 2), "{name}: {} {err}", output.status);
        eprintln!("{name}: {:?}", begin.elapsed());
        (name, out, err)
    };
    all.into_iter().filter(|(name, _)| names.contains(name)).map(read).collect()
}

#[test]
fn one_file_with_very_many_services() {
    let model = written();
    let scratch = ScratchDir::new("hostile");
    scratch.file("1-own.tcptune", &model);
    // As long as files could once be; and short enough, but with more services than any version has.
    scratch.file("2-long.tcptune", with_services(&model, 262_000, 64, 0));
    scratch.file("3-many.tcptune", with_services(&model, 60_000, 64, 0));
    for (name, out, err) in read_by_all(scratch.path()) {
        assert!(
            err.contains("2-long.tcptune` has 16772096 bytes: no version of these files is so long"),
            "{name}: {err}"
        );
        let why =
            format!("3-many.tcptune` has 60000 services: no version of these files has more than {}", 10 * SERVICES);
        assert!(err.contains(&why) && err.lines().count() == 2, "{name}: {err}");
        assert!(out.contains("program-counted"), "{name}: {out}");
    }
}

#[test]
fn the_largest_counts_are_added_up() {
    let model = written();
    let scratch = ScratchDir::new("hostile");
    for name in ["1-x", "2-x"] {
        let mut bytes = with_services(&model, SERVICES, SERVICE_SIZE, 0);
        for service in 0..SERVICES {
            let at = HEADER_SIZE + service * SERVICE_SIZE;
            bytes[at + ARMS_AT..at + SERVICE_SIZE].fill(0xff);
        }
        for head in [Head::Forks, Head::Uncounted] {
            set(&mut bytes, head_at(head), u64::MAX);
        }
        scratch.file(&format!("{name}.tcptune"), bytes);
    }
    for (name, out, err) in read_by_all(scratch.path()) {
        assert!(err.is_empty() && out.contains("program-counted"), "{name}: {out}{err}");
    }
}

#[test]
fn one_file_with_very_many_samples_or_modules() {
    let model = written();
    let scratch = ScratchDir::new("hostile");
    for (name, head, what) in [("1-x", Head::Samples, "samples"), ("2-x", Head::Modules, "modules")] {
        let mut bytes = model.clone();
        set(&mut bytes, head_at(head), 5000);
        scratch.file(&format!("{name}.tcptune"), bytes);
        let (_, _, err) = ended(tcptune().arg("report").arg(scratch.path()));
        assert!(err.contains(&format!("has 5000 {what}: no version")), "{err}");
    }
}

#[test]
fn very_many_files_of_one_user_leave_room_for_others() {
    if !is_root() {
        eprintln!("only root reads files of several users: not tested");
        return;
    }
    let model = written();
    let scratch = ScratchDir::new("hostile");
    // As full as a file may be: 100 times that would be 150 MB.
    let mut full = with_services(&model, 10 * SERVICES, SERVICE_SIZE, 0);
    set(&mut full, head_at(Head::User), u64::from(NOBODY));
    for number in 0..100 {
        let bytes = &mut full;
        for service in 0..10 * SERVICES {
            let at = HEADER_SIZE + service * SERVICE_SIZE + service_word_at(Service::AddressLast);
            set(bytes, at, number);
        }
        let file = scratch.join(&format!("1-{number}.tcptune"));
        fs::write(&file, bytes).expect("ours");
        std::os::unix::fs::chown(&file, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
    scratch.file("9-own.tcptune", &model);
    // Everything that is read as JSON is 65 MB of text: right, and slow without optimisation.
    for (name, out, err) in read_by(&["report", "export", "top"], scratch.path()) {
        assert!(err.contains("is one too many of user 65534: those before it have 8160 services"), "{name}: {err}");
        assert_eq!(err.lines().count(), 66, "{name}: {err}");
        // 34 of theirs, and ours.
        let complete = match name {
            "export" => out.contains("tcptune_processes_started_total{program=\"program-counted\"} 35\n"),
            "top" => out.lines().filter(|line| line.contains("program-counted")).count() == 35,
            _ => out.contains("127.0.0.1:"),
        };
        assert!(complete, "{name}: {out}");
    }
}

#[test]
fn very_many_files_that_are_none_are_not_all_told_of() {
    let model = written();
    let scratch = ScratchDir::new("hostile");
    for number in 0..2000 {
        scratch.file(&format!("{number}-x.tcptune"), "x");
    }
    scratch.file("own.tcptune", &model);
    for (name, out, err) in read_by_all(scratch.path()) {
        assert_eq!(err.lines().count(), 101, "{name}");
        assert!(err.contains("has 1900 more files that were left out"), "{name}: {err}");
        assert!(out.contains("program-counted"), "{name}: {out}");
        assert!(name != "export" || out.contains("tcptune_export_left_out_files 2000\n"), "{out}");
    }
}

#[test]
fn directories_of_users_are_read_and_cleaned_with_the_one_that_holds_them() {
    let model = written();
    let scratch = ScratchDir::new("hostile");
    for user in ["anna", "ben"] {
        fs::create_dir(scratch.join(user)).expect("ours");
        fs::write(scratch.join(user).join("1-x.tcptune"), &model).expect("ours");
    }
    // Not what links lead to, and no deeper.
    let outside = ScratchDir::new("outside");
    let precious = outside.file("1-x.tcptune", &model);
    std::os::unix::fs::symlink(outside.path(), scratch.join("link")).expect("ours");
    fs::create_dir_all(scratch.join("anna/deep")).expect("ours");
    fs::write(scratch.join("anna/deep/1-x.tcptune"), &model).expect("ours");
    let (code, out, err) = ended(tcptune().args(["report", "--json"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    let report: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    let files = report["processes"].as_array().expect("processes").iter();
    let files: BTreeSet<_> = files.map(|one| one["file"].as_str().expect("a name").to_owned()).collect();
    assert_eq!(files, ["anna/1-x.tcptune".to_owned(), "ben/1-x.tcptune".to_owned()].into());
    let (code, out, err) = ended(tcptune().args(["report", "--clean"]).arg(scratch.path()));
    assert!(code == 0 && out.contains("2 files of processes that are gone removed"), "{out}{err}");
    assert!(precious.exists() && scratch.join("anna/deep/1-x.tcptune").exists());
    assert!(!scratch.join("anna/1-x.tcptune").exists() && scratch.join("ben").is_dir());
}
