//! Completion: what the command offers at a place, and what real shells make of it: bash, zsh and fish on a terminal of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{cleaned, ended, tcptune};
use crate::support::{Guard, ScratchDir, finish, text};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/complete_line.py");

/// The candidates for the last of these words, each with what it means.
fn offered(words: &[&str]) -> Vec<(String, String)> {
    let index = (words.len() - 1).to_string();
    let (_, out, err) = ended(tcptune().args(["complete", &index, "--"]).args(words));
    assert_eq!(err, "", "{words:?}");
    let pair = |line: &str| line.split_once('\t').map(|(value, help)| (value.to_owned(), help.to_owned()));
    out.lines().map(|line| pair(line).unwrap_or_else(|| panic!("no tab: {line}"))).collect()
}

fn names(words: &[&str]) -> Vec<String> {
    offered(words).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn settings_have_their_values() {
    for subcommand in [&["run"][..], &["systemd", "install"]] {
        let of = |option, current| names(&[&["tcptune"][..], subcommand, &[option, current]].concat());
        assert_eq!(of("--nodelay", ""), ["on", "off", "force"]);
        assert_eq!(of("--cork", ""), ["auto", "off"]);
        assert_eq!(of("--release", "a"), ["all"]);
        assert_eq!(of("--seccomp", ""), ["own", "all"]);
        assert!(of("--set", "").contains(&"keepalive=".to_owned()), "{:?}", of("--set", ""));
        assert_eq!(of("--set", "ttl=64 user_t"), ["ttl=64 user_timeout="]);
        assert_eq!(of("--rule", "port=143 nodelay=f"), ["port=143 nodelay=force"]);
    }
    assert_eq!(names(&["tcptune", "ab", "--setting", "cork="]), ["cork=auto", "cork=off"]);
    assert!(names(&["tcptune", "ab", "--vs", ""]).contains(&"none".to_owned()));
    assert_eq!(names(&["tcptune", "attach", "--nodelay", ""]), ["on", "off", "keep"]);
    assert_eq!(names(&["tcptune", "run", "--nodelay=f"]), ["--nodelay=force"]);
}

#[test]
fn processes_are_offered_with_their_names() {
    let process = Guard::spawn(Command::new("sleep").arg("60"));
    let pid = process.pid().to_string();
    let typed = &pid[..pid.len() - 1];
    for words in [&["attach", typed][..], &["doctor", "--pid", typed], &["ls", typed], &["check", typed]] {
        let found = offered(&[&["tcptune"], words].concat());
        assert!(found.contains(&(pid.clone(), "sleep".to_owned())), "{words:?}: {found:?}");
        assert!(found.iter().all(|(other, _)| other.starts_with(typed)), "{words:?}: {found:?}");
    }
    // A thread of the kernel runs no program.
    let kernel = names(&["tcptune", "attach", "2"]);
    let is_thread = std::fs::read("/proc/2/cmdline").is_ok_and(|line| line.is_empty());
    assert!(!is_thread || !kernel.contains(&"2".to_owned()));
}

/// A unit that there is, if there is systemd, and the first letters that only it has.
fn unit() -> Option<(String, String)> {
    let all = names(&["tcptune", "systemd", "install", ""]);
    let unique = |name: &str| {
        let ends = (4..name.len()).filter(|end| name.is_char_boundary(*end)).map(|end| name[..end].to_owned());
        let alone = |typed: &String| all.iter().filter(|other| other.starts_with(typed.as_str())).count() == 1;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        ends.filter(|_| plain).find(alone)
    };
    all.iter().find_map(|name| Some((name.clone(), unique(name)?)))
}

#[test]
fn units_are_those_of_the_machine() {
    let has_file = |name: &String| Path::new("/usr/lib/systemd/system").join(name).exists();
    let installed = names(&["tcptune", "systemd", "install", ""]);
    let directory = std::fs::read_dir("/usr/lib/systemd/system").map(|entries| entries.count()).unwrap_or(0);
    assert!(directory == 0 || installed.iter().any(has_file), "{installed:?}");
    for words in [
        &["systemd", "verify", ""][..],
        &["systemd", "remove", ""],
        &["attach", "--unit", ""],
        &["doctor", "--unit", ""],
    ] {
        let found = names(&[&["tcptune"], words].concat());
        // Services that only run can come and go meanwhile.
        let files: Vec<&String> = installed.iter().filter(|name| has_file(name)).collect();
        assert!(files.iter().all(|name| found.contains(name)), "{words:?}: {found:?}, not all of {files:?}");
    }
}

#[test]
fn programs_come_from_path_and_their_arguments_are_files() {
    assert!(names(&["tcptune", "run", "base6"]).contains(&"base64".to_owned()));
    assert!(names(&["tcptune", "ab", "--", "base6"]).contains(&"base64".to_owned()));
    assert!(names(&["tcptune", "run", "--", "cat", "/etc/passw"]).contains(&"/etc/passwd".to_owned()));
}

/// What a line has become in a shell when Tab was pressed behind it.
fn completed(shell: &str, line: &str) -> String {
    let scratch = ScratchDir::new("complete");
    let (code, script, _) = ended(tcptune().args(["generate", "completions", shell]));
    assert_eq!(code, 0);
    let script = scratch.file("script", &script);
    let command = PathBuf::from(env!("CARGO_BIN_EXE_tcptune"));
    let path = std::env::var("PATH").expect("PATH");
    let path = format!("{}:{path}", command.parent().expect("a directory").display());
    let mut typed = cleaned(Command::new("/usr/bin/python3"));
    typed.arg(PROGRAM).arg(shell).arg(&script).arg(line).env("PATH", path).env("HOME", scratch.path());
    let outcome = finish(typed.env("TERM", "xterm").env("ZDOTDIR", scratch.path()));
    assert!(outcome.status.success(), "{shell} {line}: {} (scripts/setup installs it)", text(&outcome.stderr));
    text(&outcome.stdout).trim_end().to_owned()
}

/// All lines in all shells at once; a shell that was too slow once is asked again.
fn become_in_all(lines: &[(&str, &str)]) {
    let in_one = |shell: &str| {
        for (line, expected) in lines {
            let mut found = completed(shell, line);
            if found != *expected {
                found = completed(shell, line);
            }
            assert_eq!(found, *expected, "{shell}: {line}");
        }
    };
    std::thread::scope(|scope| SHELLS.map(|shell| scope.spawn(move || in_one(shell))).map(|thread| thread.join()))
        .into_iter()
        .for_each(|ended| ended.expect("it is completed"));
}

#[test]
fn shells_complete_commands_options_and_settings() {
    become_in_all(&[
        ("tcptune doc", "tcptune doctor"),
        ("tcptune run --nodel", "tcptune run --nodelay"),
        ("tcptune run --nodelay fo", "tcptune run --nodelay force"),
        ("tcptune systemd ver", "tcptune systemd verify"),
        ("tcptune ab --setting nodelay=fo", "tcptune ab --setting nodelay=force"),
        ("tcptune run --set user_ti", "tcptune run --set user_timeout="),
    ]);
}

/// A process, its number, and the first digits that only it has.
fn process() -> (Guard, String, String) {
    for _ in 0..200 {
        let process = Guard::spawn(Command::new("sleep").arg("300"));
        let pid = process.pid().to_string();
        let typed = pid[..pid.len() - 1].to_owned();
        if names(&["tcptune", "attach", &typed]) == [pid.as_str()] {
            return (process, pid, typed);
        }
    }
    panic!("no process has a number of its own but for the last digit");
}

#[test]
fn shells_complete_processes_units_and_the_command_behind_dashes() {
    let (_process, pid, typed) = process();
    let mut lines = vec![
        (format!("tcptune attach {typed}"), format!("tcptune attach {pid}")),
        (format!("tcptune doctor --pid {typed}"), format!("tcptune doctor --pid {pid}")),
        ("tcptune run -- mktem".to_owned(), "tcptune run -- mktemp".to_owned()),
        ("tcptune run -- cat /etc/hostn".to_owned(), "tcptune run -- cat /etc/hostname".to_owned()),
    ];
    if let Some((unit, typed)) = unit() {
        lines.push((format!("tcptune systemd install {typed}"), format!("tcptune systemd install {unit}")));
        lines.push((format!("tcptune attach --unit {typed}"), format!("tcptune attach --unit {unit}")));
    }
    let lines: Vec<(&str, &str)> = lines.iter().map(|(line, expected)| (line.as_str(), expected.as_str())).collect();
    become_in_all(&lines);
}
