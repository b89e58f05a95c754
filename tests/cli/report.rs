//! `tcptune report` and `tcptune run --summary`: what they print, what they do with files that cannot be trusted, how they end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::exchanges::Server;
use crate::support::cli::{c_program, ended, joined, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish, library, text};
use tcptune_policy::counters::{Counter, Head, head_at};

const PATIENCE: Duration = Duration::from_secs(30);

/// A file that the library has written, in a directory of its own, and its bytes.
fn written() -> (ScratchDir, String, Vec<u8>) {
    let scratch = ScratchDir::new("report");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path())).expect();
    let name =
        fs::read_dir(scratch.path()).expect("the directory").next().expect("a file").expect("its name").file_name();
    let name = name.into_string().expect("a plain name");
    let bytes = fs::read(scratch.join(&name)).expect("its bytes");
    (scratch, name, bytes)
}

fn report(directory: &Path) -> (i32, String, String) {
    ended(tcptune().arg("report").arg(directory))
}

#[test]
fn tells_what_was_counted() {
    let (scratch, _, _) = written();
    let (code, out, err) = report(scratch.path());
    assert_eq!((code, err.as_str()), (0, ""));
    for words in [
        "program-counted 20 end",
        "connections to 127.0.0.1:",
        "served on port ",
        "calls held for the next",
        "the longest that a byte was held",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let (code, out, _) = ended(tcptune().arg("report").env("TCPTUNE_STATS", scratch.path()));
    assert!(code == 0 && out.contains("program-counted"), "{out}");
}

#[test]
fn stalls_that_it_could_not_see_are_not_told_to_be_none() {
    let scratch = ScratchDir::new("report");
    // It sends by system calls of its own, and stalls at each of them: the library sees it receive.
    let source = r#"
        #include <arpa/inet.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int main(int n, char **a) {
            struct sockaddr_in to = { AF_INET, htons(atoi(a[1])), { htonl(INADDR_LOOPBACK) } };
            int s = socket(AF_INET, SOCK_STREAM, 0);
            char b[102];
            if (connect(s, (void *)&to, sizeof to)) return 2;
            for (int i = 0; i < 10; i++) {
                syscall(SYS_write, s, b, 100);
                syscall(SYS_write, s, b, 2);
                for (int got = 0, r; got < 102; got += r) if ((r = read(s, b, 102)) <= 0) return 4;
            }
            close(s);
        }"#;
    let program = c_program(&scratch, "past", source, "gcc", &[]);
    let server = Server::start("once");
    let counters = ScratchDir::new("report-past");
    let mut command = Mode::Preloaded.command(&program);
    finish(command.arg(&server.port).env("TCPTUNE_STATS", counters.path())).expect();
    let (code, out, _) = report(counters.path());
    assert!(code == 0 && out.contains("whether there were stalls is not known"), "{out}");
    let (_, out, _) = ended(tcptune().args(["report", "--json"]).arg(counters.path()));
    let seen: serde_json::Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(seen["services"][0]["tuned"]["stalls_known"], false, "{seen:#}");
    let (_, out, _) = ended(tcptune().args(["top", "--once"]).arg(counters.path()));
    let cells =
        |line: Option<&str>| line.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (titles, row) = (cells(out.lines().next()), cells(out.lines().nth(1)));
    let at = titles.iter().position(|title| title == "STALLS").expect("a column");
    assert_eq!(row[at], "-", "{out}");
    let (_, out, _) = report(written().0.path());
    assert!(!out.contains("not known"), "{out}");
}

#[test]
fn tells_what_the_library_has_held_for_too_long() {
    let scratch = ScratchDir::new("report");
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(["100", "wait"]).env("TCPTUNE_STATS", scratch.path()).stdout(Stdio::piped());
    let mut program = Guard::spawn(&mut command);
    program.first_line(PATIENCE);
    let (code, out, err) = report(scratch.path());
    assert_eq!((code, err.as_str()), (0, ""));
    let row = out.lines().find(|line| line.contains("held for more than a millisecond")).unwrap_or_default();
    assert!(row.trim_end().ends_with("1 (wait 1)"), "{out}");
    // And so does the doctor, of the process that runs.
    let pid = program.pid().to_string();
    let (code, out, err) = ended(tcptune().args(["doctor", "--pid", &pid, "--duration", "0.2"]));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in
        ["held by the library itself", "held data for 127.0.0.1:", "1 time for more than 1 ms", "TCPTUNE_CORK=off"]
    {
        assert!(text.contains(words), "{words}: {out}");
    }
}

#[test]
fn a_file_of_an_earlier_version_is_read() {
    let (scratch, name, bytes) = written();
    // Without the rows and buckets that came later: what follows the stalls is cut off from each arm.
    let word = |bytes: &[u8], at: Head| -> usize {
        let at = head_at(at);
        usize::try_from(u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("a word"))).expect("a size")
    };
    let (services, size, arms) =
        (word(&bytes, Head::Services), word(&bytes, Head::ServiceSize), word(&bytes, Head::ArmsAt));
    let (counters, earlier) = (word(&bytes, Head::Counters), Counter::HeldTime as usize);
    let buckets = word(&bytes, Head::Answers) + word(&bytes, Head::Stalls);
    let (arm, short) = (word(&bytes, Head::ArmSize), (earlier + buckets) * 8);
    let begin = word(&bytes, Head::ServicesAt);
    let mut old = bytes[..begin].to_vec();
    for service in 0..services {
        let at = begin + service * size;
        old.extend(&bytes[at..at + arms]);
        for at in [at + arms, at + arms + arm] {
            old.extend(&bytes[at..at + earlier * 8]);
            old.extend(&bytes[at + counters * 8..at + (counters + buckets) * 8]);
        }
    }
    let length = old.len();
    for (at, value) in [
        (Head::Size, length),
        (Head::ServiceSize, arms + 2 * short),
        (Head::ArmSize, short),
        (Head::Counters, earlier),
        (Head::Holds, 0),
    ] {
        old[head_at(at)..][..8].copy_from_slice(&(value as u64).to_ne_bytes());
    }
    fs::write(scratch.join(&name), &old).expect("the file");
    let (code, out, err) = report(scratch.path());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("calls held for the next") && !out.contains("the longest that"), "{out}");
}

#[test]
fn without_counters_or_a_directory_one_line_says_so() {
    let scratch = ScratchDir::new("report");
    let file = scratch.file("file", "");
    let empty = scratch.join("empty");
    fs::create_dir(&empty).expect("a directory");
    let (code, out, err) = report(&empty);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(
        out.starts_with("Nothing was counted in `") && joined(&out).ends_with("TCP connection or listener."),
        "{out}"
    );
    for (directory, reason) in [(&scratch.join("missing"), "is not there"), (&file, "is no directory")] {
        let (code, out, err) = report(directory);
        assert_eq!((code, out.as_str()), (125, ""));
        assert!(err.contains(reason) && err.contains("TCPTUNE_STATS") && err.lines().count() == 1, "{err}");
    }
    let (code, _, err) = ended(tcptune().arg("report"));
    assert!(code == 125 && err.contains("DIR is missing"), "{err}");
}

#[test]
fn files_that_cannot_be_trusted_are_left_out_with_a_line_each() {
    let (scratch, name, bytes) = written();
    let damaged = |at: usize, value: u64| {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    scratch.file("1-short.tcptune", &bytes[..5000]);
    scratch.file("2-empty.tcptune", "");
    scratch.file("3-newer.tcptune", damaged(8, 2));
    scratch.file("4-begun.tcptune", damaged(0, 0));
    scratch.file("5-other.tcptune", "x".repeat(90_000));
    // Places of services outside the file.
    scratch.file("6-places.tcptune", damaged(3 * 8, 1 << 40));
    std::os::unix::fs::symlink("/etc/passwd", scratch.join("7-link.tcptune")).expect("a link");
    let foreign = scratch.file("8-foreign.tcptune", &bytes);
    std::os::unix::fs::chown(&foreign, Some(65534), None).expect("tests run as root");
    assert!(Command::new("mkfifo").arg(scratch.join("9-pipe.tcptune")).status().expect("mkfifo(1)").success());
    scratch.file("no-counters.txt", "something else");
    let (code, out, err) = report(scratch.path());
    assert_eq!(code, 0, "{err}");
    let reasons = [
        "is truncated: 5000 of ",
        "is truncated: 0 bytes",
        "has layout 2, this command knows up to 1: use the tcptune that came with the library",
        "is not finished",
        "is no file of counters",
        "is damaged",
        "is a symbolic link",
        "was not written by its owner (user 65534)",
        "is no regular file",
    ];
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), reasons.len(), "{err}");
    for ((number, line), reason) in (1..).zip(lines).zip(reasons) {
        assert!(line.starts_with("tcptune: `") && line.contains(&format!("/{number}-")), "{line}");
        assert!(line.contains(reason) && line.ends_with(": left out"), "{line} does not say {reason}");
    }
    // The sound one is told of all the same.
    assert!(out.contains("program-counted 20 end"), "{out}");
    // Any damage to the header or to the first service is survived.
    for at in (0..8 * 31).chain(8192..8192 + 8 * 8).step_by(8) {
        fs::write(scratch.join(&name), damaged(at, 0x4141_4141_4141_4141)).expect("the file is ours");
        let (code, _, err) = report(scratch.path());
        assert!(code == 0 || code == 1, "byte {at}: {code} {err}");
    }
}

#[test]
fn clean_removes_what_is_gone_and_keeps_what_runs() {
    let (scratch, name, _) = written();
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(["1", "daemon"]).env("TCPTUNE_STATS", scratch.path()).stdout(Stdio::piped());
    let mut daemon = Guard::spawn(&mut command);
    let pid = daemon.first_line(PATIENCE);
    let (code, out, err) = ended(tcptune().args(["report", "--clean"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.ends_with("1 file of processes that are gone removed, 1 file of running ones kept\n"), "{out}");
    assert!(!scratch.join(&name).exists());
    let (_, out, _) = report(scratch.path());
    assert!(out.contains("running"), "{out}");
    assert!(Command::new("kill").arg(&pid).status().expect("kill(1)").success());
}

/// `tcptune run --summary` with the library under test.
fn summary() -> Command {
    let mut command = tcptune();
    command.args(["run", "--summary", "--library"]).arg(library()).arg("--");
    command
}

#[test]
fn a_summary_is_three_lines_about_the_program() {
    let temporary = ScratchDir::new("report-temporary");
    let mut tuned = summary();
    tuned.arg(compile("counted")).args(["20", "end"]).env("TMPDIR", temporary.path());
    let (code, out, err) = ended(&mut tuned);
    assert_eq!((code, out.as_str()), (0, ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 3, "{err}");
    assert_eq!(lines[0], "tcptune: tuned: 2 connections in 1 process, TCP_NODELAY set on 2");
    // Five more exchanges warm the connection up; the last of them ends no wait.
    assert!(lines[1].starts_with("tcptune: saved: up to 25 waits for a delayed acknowledgement"), "{err}");
    assert!(lines[1].contains(" segments net; ") && lines[1].contains("held for "), "{err}");
    assert!(lines[2].starts_with("tcptune: not seen: nothing that is known"), "{err}");
    assert_eq!(fs::read_dir(temporary.path()).expect("it stays").count(), 0, "its own directory is removed");

    let (code, _, err) = ended(summary().args(["sh", "-c", "exit 7"]));
    assert!(code == 7 && err.contains("not seen: no process opened a TCP connection"), "{err}");

    let scratch = ScratchDir::new("report");
    let mut kept = tcptune();
    kept.args(["run", "--summary", "--stats"]).arg(scratch.path()).arg("--library").arg(library());
    let (code, _, err) = ended(kept.arg(compile("counted")).args(["20", "end"]));
    assert!(code == 0 && err.contains("tuned: 2 connections in 1 process"), "{err}");
    assert_eq!(fs::read_dir(scratch.path()).expect("it stays").count(), 1);
}

#[test]
fn with_a_summary_signals_and_ends_are_the_programs() {
    // It dies by a signal, and so do we.
    let outcome = finish(summary().args(["sh", "-c", "kill -TERM $$"]));
    assert_eq!(outcome.status.signal(), Some(15), "{}: {}", outcome.status, text(&outcome.stderr));
    // Signals that are sent to us reach it.
    for (signal, code) in [("TERM", 3), ("HUP", 4), ("USR1", 5)] {
        let script = format!("trap 'exit {code}' {signal}; echo ready; while :; do sleep 0.01; done");
        let mut guard =
            Guard::spawn(summary().args(["sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null()));
        assert_eq!(guard.first_line(PATIENCE), "ready");
        let sent = Command::new("kill").args([&format!("-{signal}"), &guard.pid().to_string()]).status();
        assert!(sent.expect("kill(1)").success());
        assert_eq!(guard.wait(PATIENCE).code(), Some(code), "{signal}");
    }
    // What cannot be started is told as without a summary.
    let (code, _, err) = ended(summary().arg("/nonexistent"));
    assert_eq!((code, err.as_str()), (127, "tcptune: cannot run `/nonexistent`: No such file or directory\n"));
}
