//! `tcptune ab`: it finds the difference that is there, none where there is none, and leaves nothing behind.
//!
//! What takes how long is said by the test (`sleep`) where only the command is tested; a stall of 40 ms is the difference where
//! the library is.

use crate::support::cli;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::{ended, joined, script, tcptune};
use crate::support::cyrus::Cyrus;
use crate::support::turn;
use crate::support::{Guard, ScratchDir, free_port, library, program};
use serde_json::Value;

/// `tcptune ab` with the library under test.
fn ab(options: &[&str]) -> Command {
    let mut command = tcptune();
    command.args(["ab", "--library"]).arg(library()).args(options);
    command
}

/// The last sentence, which may take several lines.
fn verdict(out: &str) -> String {
    let lines: Vec<&str> = out.lines().collect();
    let begin = lines.iter().rposition(|line| !line.starts_with(' ')).expect("a line");
    joined(&lines[begin..].join(" "))
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("it was written")).expect("valid JSON")
}

fn median(report: &Value, measure: &str, arm: &str) -> f64 {
    let rows = report["measures"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["measure"] == measure).unwrap_or_else(|| panic!("no {measure}: {rows:?}"));
    row[arm]["median"].as_f64().expect("a number")
}

#[test]
fn the_import_into_cyrus_is_several_times_as_fast() {
    let _turn = turn::alone();
    let cyrus = Cyrus::start();
    let scratch = ScratchDir::new("ab");
    let export = format!("json={}", scratch.join("ab.json").display());
    let mut command = ab(&["-n", "7", "--export", &export, "--", "python3"]);
    let (code, out, err) = ended(command.arg(program("migrate_imap.py")).args(cyrus.address()).arg("30"));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(verdict(&out).starts_with("tcptune is ") && verdict(&out).contains(" times as fast as plain"), "{out}");
    let report = json(&scratch.join("ab.json"));
    let comparison = &report["measures"][0]["comparison"];
    let [low, ratio, high] = ["low", "ratio", "high"].map(|key| comparison[key].as_f64().expect("a number"));
    // 30 mails at 40 ms against start-up alone.
    assert!(low <= ratio && ratio <= high && ratio < 0.7, "{comparison}");
    assert_eq!(comparison["verdict"], "less");
    assert!(median(&report, "time_s", "baseline") - median(&report, "time_s", "candidate") > 0.6, "{out}");
    assert!(median(&report, "delayed_acks", "baseline") >= 25.0, "{out}");
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(14));
    // Counted in one run of each: the baseline's library only observes.
    let counted = |arm: usize, what: &str| report["counted"][arm][what].as_u64().expect("a number");
    assert!(counted(0, "stalls") >= 25 && counted(1, "stalls") <= 3, "{}", report["counted"]);
    assert_eq!((counted(0, "connections"), counted(0, "tuned"), counted(1, "tuned")), (1, 0, 1));
    assert!(counted(0, "segments_sent") >= counted(1, "segments_sent") + 15, "{}", report["counted"]);
    // One run of each was followed.
    for line in report["time_lines"].as_array().expect("two") {
        assert!(line.as_array().is_some_and(|points| points.len() > 20), "{line}");
    }
}

/// http.server with a page, and a client that gets it several times on one connection.
fn http_server(scratch: &ScratchDir, port: u16, options: &[&str]) -> Value {
    scratch.file("page.txt", "a line of the page\n".repeat(50));
    let serve = format!(
        "python3 -m http.server --protocol HTTP/1.1 --bind 127.0.0.1 --directory '{}' {port}",
        scratch.path().display()
    );
    let load = format!("python3 {} 127.0.0.1 {port} /page.txt 15", program("http_get.py").display());
    let export = format!("json={}", scratch.join("ab.json").display());
    let mut command = ab(&["-n", "5", "--export", &export, "--ready-port", &port.to_string()]);
    let (code, out, err) = ended(command.args(["--serve", &serve, "--load", &load]).args(options));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    json(&scratch.join("ab.json"))
}

#[test]
fn a_server_is_started_for_each_run_and_tuned() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let port = free_port();
    let report = http_server(&scratch, port, &[]);
    assert_eq!(report["measures"][0]["comparison"]["verdict"], "less", "{}", report["verdict"]);
    assert!(
        median(&report, "time_s", "baseline") - median(&report, "time_s", "candidate") > 0.3,
        "{}",
        report["verdict"]
    );
    assert!(median(&report, "server_user_cpu_s", "baseline") > 0.0);
    // It is gone.
    std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[test]
fn every_run_can_be_counted() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let report = http_server(&scratch, free_port(), &["--count", "every"]);
    // 15 pages on one connection; the first exchanges do not stall yet.
    assert!(median(&report, "library_stalls", "baseline") >= 8.0, "{}", report["measures"]);
    assert!(median(&report, "library_stalls", "candidate") <= 2.0, "{}", report["measures"]);
    assert!(report["runs"].as_array().expect("a list").iter().all(|run| run["counted"]["connections"] == 1));
    // A library that cannot count is said so only where that is asked for.
    let idle = cli::c_program(&scratch, "libidle.so", "int idle;", "gcc", &["-shared", "-fPIC"]);
    let mut command = tcptune();
    let (code, _, err) = ended(command.args(["ab", "--count", "every", "--library"]).arg(&idle).args(["--", "true"]));
    assert!(code == 125 && err.contains("--count every: the library") && err.contains("does not count"), "{err}");
    let mut command = tcptune();
    assert_eq!(ended(command.args(["ab", "-n", "5", "--library"]).arg(&idle).args(["--", "true"])).0, 0);
}

#[test]
fn the_load_can_be_tuned_instead() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let report = http_server(&scratch, free_port(), &["--tune", "load", "--count", "off"]);
    // What stalls is the server's Nagle: the client's own options do nothing for it.
    assert!(median(&report, "time_s", "candidate") > 0.4, "{}", report["verdict"]);
    assert_eq!(report["subject"]["tuned"], "load");
    assert!(report["counted"][0].is_null() && report["runs"][0]["counted"].is_null());
}

/// A command that takes the time that its environment says, and notes what it was started with.
fn sleeper(scratch: &ScratchDir) -> String {
    let body =
        "#!/bin/sh\necho \"${TCPTUNE:-on} ${LD_PRELOAD:-none} ${TCPTUNE_CORK:-auto}\" >> \"$0.log\"\nexec sleep $T\n";
    script(scratch, "sleeper", body).display().to_string()
}

#[test]
fn two_settings_are_compared_and_a_slower_one_fails() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let sleeper = sleeper(&scratch);
    let slower = ["-n", "6", "--setting", "T=0.12", "--vs", "T=0.04"];
    for (option, expected) in [("--fail-if-slower", 1), ("--fail-if-slower=50", 1), ("--fail-if-slower=400%", 0)] {
        let (code, out, err) = ended(ab(&slower).args([option, "--", &sleeper]));
        assert_eq!((code, err.as_str()), (expected, ""), "{option}: {out}");
        assert!(verdict(&out).starts_with("T=0.12 takes "), "{out}");
    }
    let faster = ["-n", "6", "--setting", "T=0.04", "--vs", "T=0.12", "--fail-if-slower", "--"];
    assert_eq!(ended(ab(&faster).arg(&sleeper)).0, 0);
}

#[test]
fn equal_things_do_not_differ() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let options = ["-n", "12", "--setting", "T=0.05", "--vs", "T=0.05", "--fail-if-slower", "--"];
    let (code, out, _) = ended(ab(&options).arg(sleeper(&scratch)));
    assert_eq!(code, 0, "{out}");
    assert!(verdict(&out).starts_with("no difference found: T=0.05 B takes "), "{out}");
}

#[test]
fn commands_are_compared_with_the_first() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let export = format!("json={}", scratch.join("ab.json").display());
    // No library is needed: one that is named wrongly is not looked for.
    let mut command = tcptune();
    command.args(["ab", "-n", "8", "--export", &export, "sleep 0.1", "sleep 0.4", "--arm", "short=sleep 0.01"]);
    let (code, out, err) = ended(command.env_remove("TCPTUNE_LIB"));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(!out.contains("saw no TCP connection"), "{out}");
    let report = json(&scratch.join("ab.json"));
    let rows = report["measures"].as_array().expect("a list").iter().filter(|row| row["measure"] == "time_s");
    let found: Vec<(&str, &str)> = rows
        .map(|row| (row["arm"].as_str().expect("text"), row["comparison"]["verdict"].as_str().expect("text")))
        .collect();
    assert_eq!(found, [("candidate", "more"), ("candidate-2", "less")]);
    assert_eq!((&report["arms"][2]["name"], &report["library"]), (&"short".into(), &Value::Null));
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(24));
    let said = joined(&out);
    assert!(said.contains("sleep 0.4 takes ") && said.contains("short is "), "{out}");
    // One of them is slower.
    let gate = ["ab", "-n", "8", "--fail-if-slower", "sleep 0.02", "sleep 0.02", "sleep 0.2"];
    assert_eq!(ended(tcptune().args(gate)).0, 1);
    let gate = ["ab", "-n", "8", "--fail-if-slower", "sleep 0.2", "sleep 0.02", "sleep 0.02"];
    assert_eq!(ended(tcptune().args(gate)).0, 0);
}

fn of_time<'r>(report: &'r Value, arm: &str) -> &'r Value {
    let rows = report["measures"].as_array().expect("a list").iter();
    let mut rows = rows.filter(|row| row["measure"] == "time_s" && row["arm"] == arm);
    &rows.next().expect("it was timed")["comparison"]
}

#[test]
fn a_clear_difference_ends_the_session_and_an_unclear_one_does_not() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let export = format!("json={}", scratch.join("ab.json").display());
    let decide = |options: &[&str], arms: &[&str]| {
        let mut command = tcptune();
        command.args(["ab", "--until-decided", "--export", &export]).args(options).args(arms);
        let begin = std::time::Instant::now();
        let (code, out, err) = ended(&mut command);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        (json(&scratch.join("ab.json")), joined(&out), begin.elapsed())
    };
    let (report, out, _) = decide(&[], &["sleep 0.02", "sleep 0.06", "sleep 0.04"]);
    assert!(report["method"]["decided"] == true && out.contains("until all was decided"), "{out}");
    // Ten of each, or with two candidates a few more, are what it takes.
    let runs = report["runs"].as_array().map_or(0, Vec::len);
    assert!((30..=60).contains(&runs), "{runs}: {out}");
    assert_eq!(["candidate", "candidate-2"].map(|arm| of_time(&report, arm)["verdict"].clone()), ["more", "more"]);
    let (report, out, took) = decide(&["--equal-within", "0.001", "--at-most", "2s"], &["sleep 0.02", "sleep 0.02"]);
    assert!(report["method"]["decided"] == false && out.contains("until time was up"), "{out}");
    assert_eq!(of_time(&report, "candidate")["verdict"], "undecided", "{out}");
    assert!(out.contains("not decided: sleep 0.02 B takes "), "{out}");
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn equality_is_shown_and_noise_is_measured() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("ab");
    let export = format!("json={}", scratch.join("ab.json").display());
    let options = ["ab", "-n", "12", "--equal-within", "20", "--noise", "--fail-if-slower", "--export", &export];
    let (code, out, err) = ended(tcptune().args(options).args(["sleep 0.05", "sleep 0.05"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let report = json(&scratch.join("ab.json"));
    assert_eq!(of_time(&report, "candidate")["verdict"], "equal", "{out}");
    assert_eq!(
        (report["method"]["noise"].as_str(), report["arms"].as_array().map(Vec::len)),
        (Some("candidate-2"), Some(3))
    );
    let out = joined(&out);
    assert!(out.contains("equal within 20 % in this session: sleep 0.05 B takes "), "{out}");
    assert!(out.contains("noise: sleep 0.05 A against itself takes "), "{out}");
}

#[test]
fn numbers_that_a_command_prints_are_compared() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let file = |name: &str| scratch.join(name).display().to_string();
    let printer =
        script(&scratch, "printer", "#!/bin/sh\necho 1 requests/s\necho \"$R.5 requests/s\" >&2\necho done\n");
    let arms = ["100", "200"].map(|rate| format!("R={rate} {}", printer.display()));
    let mut command = tcptune();
    command.args([
        "ab",
        "-n",
        "6",
        "--metric",
        r"rate=([\d.]+) requests/s",
        "--export",
        &format!("json={}", file("json")),
    ]);
    let (code, out, err) = ended(command.args(["--export", &format!("csv={}", file("csv"))]).args(&arms));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(!out.contains("requests/s\ndone"), "{out}");
    let report = json(&scratch.join("json"));
    assert_eq!(["baseline", "candidate"].map(|arm| median(&report, "rate", arm)), [100.5, 200.5]);
    assert_eq!(report["runs"][0]["metrics"].as_object().map(serde_json::Map::len), Some(1));
    let csv = fs::read_to_string(scratch.join("csv")).expect("written");
    assert!(csv.lines().next().is_some_and(|head| head.contains(",time_s,rate,user_cpu_s,")), "{csv}");
    assert!(csv.lines().skip(1).all(|row| row.contains(",100.5,") || row.contains(",200.5,")), "{csv}");
    // What the kernel accounts is there too.
    let export = format!("json={}", file("memory"));
    let mut command = tcptune();
    command.args(["ab", "-n", "3", "--export", &export, "true"]);
    command.arg("sh -c 'x=$(head -c 50000000 /dev/zero | tr \"\\0\" x)'");
    assert_eq!(ended(&mut command).0, 0);
    let report = json(&scratch.join("memory"));
    let more = |measure: &str| median(&report, measure, "candidate") - median(&report, measure, "baseline");
    assert!(more("peak_memory_bytes") > 40e6 && more("page_faults") > 1000.0, "{}", report["measures"]);
    assert!(more("context_switches") > 2.0, "{}", report["measures"]);
    // It can be shown as well.
    let shown = ["ab", "-n", "2", "-w", "0", "--show-output", "--metric", "n=^(.+)$", "echo 7", "echo 8"];
    let (_, out, _) = ended(tcptune().args(shown));
    assert_eq!((out.matches("7\n").count(), out.matches("\n8\n").count() > 0), (2, true), "{out}");
}

#[test]
fn commands_have_their_own_environment_and_preparation() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let sleeper = sleeper(&scratch);
    let log = scratch.join("prepared");
    let note = |word: &str| format!("echo {word} >> {}", log.display());
    let arms =
        [format!("T=0.01 {sleeper}"), format!("tcptune=on T=0.02 {sleeper}"), format!("cork=off T=0.01 {sleeper}")];
    let prepare: Vec<String> = ["a", "b", "c"].iter().flat_map(|word| ["--prepare".to_owned(), note(word)]).collect();
    let mut command = ab(&["-n", "2", "--count", "off"]);
    let (code, out, err) = ended(command.args(&prepare).args(&arms).env("TCPTUNE_CORK", "auto"));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines = fs::read_to_string(format!("{sleeper}.log")).expect("written");
    let count = |wanted: &str| lines.lines().filter(|line| *line == wanted).count();
    assert_eq!(count("off none auto"), 3, "{lines}");
    assert_eq!(count(&format!("on {} auto", library().display())), 3, "{lines}");
    assert_eq!(count(&format!("on {} off", library().display())), 3, "{lines}");
    let prepared = fs::read_to_string(&log).expect("written");
    let of = |word: &str| prepared.lines().filter(|line| *line == word).count();
    assert_eq!([of("a"), of("b"), of("c")], [3; 3], "{prepared}");
}

#[test]
fn each_arm_runs_as_often_and_in_its_own_environment() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let sleeper = sleeper(&scratch);
    let log = || fs::read_to_string(format!("{sleeper}.log")).unwrap_or_default();
    // Even under a preload, and with settings all around, the plain arm is plain.
    let mut command = ab(&["-n", "5", "-w", "2", "--count", "off", "--setting", "cork=off", "--", &sleeper]);
    let (code, out, err) = ended(command.env("T", "0.01").env("LD_PRELOAD", library()).env("TCPTUNE_CORK", "auto"));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let lines = log();
    let count = |wanted: &str| lines.lines().filter(|line| *line == wanted).count();
    assert_eq!(count("off none auto"), 7, "{lines}");
    assert_eq!(count(&format!("on {} off", library().display())), 7, "{lines}");
    assert_eq!(lines.lines().count(), 14, "{lines}");
    // Counting is kept to the warm-up.
    fs::remove_file(format!("{sleeper}.log")).expect("it is there");
    ended(ab(&["-n", "3", "--", &sleeper]).env("T", "0.01"));
    let lines = log();
    let observed = format!("observe {} auto", library().display());
    assert_eq!(lines.lines().filter(|line| **line == observed).count(), 1, "{lines}");
    assert_eq!(lines.lines().filter(|line| **line == *"off none auto").count(), 3, "{lines}");
}

#[test]
fn setup_prepare_and_cleanup_are_run_as_often_as_they_say() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let log = scratch.join("log");
    let note = |word: &str| format!("echo {word} $LD_PRELOAD >> {}", log.display());
    let around = ["--setup", &note("setup"), "--prepare", &note("prepare"), "--cleanup", &note("cleanup")];
    let (code, _, err) = ended(ab(&["-n", "3", "-w", "1"]).args(around).args(["--", "true"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let lines = fs::read_to_string(&log).expect("written");
    let expected = [vec!["setup"], vec!["prepare"; 8], vec!["cleanup"]].concat();
    assert_eq!(lines.lines().map(str::trim).collect::<Vec<_>>(), expected);
    // After a failure too.
    fs::remove_file(&log).expect("it is there");
    let (code, _, err) = ended(ab(&["-n", "3"]).args(around).args(["--", "false"]));
    assert_eq!(code, 125);
    assert!(err.contains("`false` exited with 1 in a run of `plain`: --show-output"), "{err}");
    let lines = fs::read_to_string(&log).expect("written");
    assert_eq!(lines.lines().map(str::trim).collect::<Vec<_>>(), ["setup", "prepare", "cleanup"]);
    let (code, _, err) = ended(&mut ab(&["--setup", "exit 3", "--", "true"]));
    assert!(code == 125 && err.contains("--setup 'exit 3': the command exited with 3"), "{err}");
}

#[test]
fn failing_runs_can_be_counted() {
    let _turn = turn::beside_its_file();
    let (code, out, err) = ended(&mut ab(&["-n", "5", "--ignore-failure", "--", "false"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("5 of 5 runs of `plain` failed") && out.contains("5 of 5 runs of `tcptune` failed"), "{out}");
}

#[test]
fn the_output_of_the_command_is_shown_only_if_it_is_wanted() {
    let _turn = turn::beside_its_file();
    let (_, out, _) = ended(&mut ab(&["-n", "5", "-w", "0", "--", "echo", "from the command"]));
    assert!(!out.contains("from the command\n"), "{out}");
    let (_, out, _) = ended(&mut ab(&["-n", "5", "-w", "0", "--show-output", "--", "echo", "from the command"]));
    assert_eq!(out.matches("from the command\n").count(), 10, "{out}");
    // A shell only where it is asked for.
    let shell = ["-n", "5", "-w", "0", "--show-output", "--shell", "--", "echo", "$((6 * 7))"];
    assert_eq!(ended(&mut ab(&shell)).1.matches("42\n").count(), 10);
}

#[test]
fn results_are_written_in_every_form() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let file = |name: &str| scratch.join(name).display().to_string();
    let mut command = ab(&["-n", "5", "--seed", "77", "--html", &file("page.html")]);
    for format in ["json", "csv", "markdown"] {
        command.args(["--export", &format!("{format}={}", file(format))]);
    }
    let (code, out, err) = ended(command.args(["--", "sleep", "0.01"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let read = |name: &str| fs::read_to_string(scratch.join(name)).expect("written");
    assert_eq!(read("csv").lines().count(), 11);
    assert!(read("markdown").contains("| time |"));
    let page = read("page.html");
    assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("http"), "it asks for nothing from elsewhere");
    let report = json(&scratch.join("json"));
    // Where it was measured, and with which build.
    assert_eq!(report["library"]["file"].as_str(), library().to_str());
    assert!(report["library"]["crc32"].as_str().is_some_and(|sum| sum.len() == 8), "{}", report["library"]);
    assert!(report["machine"]["host"].is_string() && report["machine"]["kernel"].is_string());
    assert_eq!((report["seed"].as_u64(), report["verdict"].as_str()), (Some(77), Some(verdict(&out).as_str())));
    // The seed repeats the order.
    let order = |report: &Value| {
        report["runs"].as_array().expect("a list").iter().map(|run| run["arm"].to_string()).collect::<Vec<String>>()
    };
    let again = format!("json={}", file("again"));
    ended(&mut ab(&["-n", "5", "--seed", "77", "--export", &again, "--", "sleep", "0.01"]));
    assert_eq!(order(&json(&scratch.join("again"))), order(&report));
}

#[test]
fn mistakes_are_one_line_before_anything_is_run() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let touched = scratch.join("touched");
    let touch = touched.display().to_string();
    for (options, code, said) in [
        (&["--setting", "cork=maybe"][..], 125, "--setting cork=maybe: allowed is auto or off"),
        (&["--setting", "crok=off"], 125, "there is no setting `crok`"),
        (&["--vs", "cork"], 125, "--vs cork: allowed is NAME=VALUE"),
        (&["--fail-if-slower", "-n", "4"], 125, "-n 4: with --fail-if-slower allowed is 5 or more"),
        (&["--export", "xml=x"], 125, "--export xml=x: allowed is json=FILE"),
        (&["--html", "/nonexistent/page.html"], 125, "--html /nonexistent/page.html: cannot be written"),
        (&["--library", "/nonexistent.so"], 125, "--library /nonexistent.so: "),
    ] {
        let mut command = tcptune();
        command.arg("ab");
        if !options.contains(&"--library") {
            command.arg("--library").arg(library());
        }
        let (found, out, err) = ended(command.args(options).args(["--", "touch", &touch]));
        assert_eq!((found, out.as_str(), err.lines().count()), (code, "", 1), "{options:?}: {err}");
        assert!(err.starts_with("tcptune: ") && err.contains(said), "{options:?}: {err}");
    }
    let (code, _, err) = ended(&mut ab(&["--setup", &format!("touch {touch}"), "--", "no-such-program"]));
    assert!(code == 127 && err.contains("`no-such-program`"), "{err}");
    let (code, _, err) = ended(&mut ab(&["--serve", "'", "--ready-port", "1", "--load", "true"]));
    assert!(code == 125 && err.contains("a quote is not closed"), "{err}");
    assert!(!touched.exists(), "something was run");
    // clap's own.
    for wrong in
        [&["-n", "0", "--", "true"][..], &[], &["--serve", "true", "--", "true"], &["--fail-if-slower=x", "--", "true"]]
    {
        assert_eq!(ended(&mut ab(wrong)).0, 125, "{wrong:?}");
    }
}

#[test]
fn servers_that_do_not_come_up_are_named() {
    let _turn = turn::beside_its_file();
    let port = free_port();
    let serve =
        |command: &str| ended(&mut ab(&["--serve", command, "--ready-port", &port.to_string(), "--load", "true"]));
    let (code, _, err) = serve("sh -c 'exit 3'");
    assert!(code == 125 && err.contains("the server `sh` ended before it listened on port"), "{err}");
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).expect("free");
    let (code, _, err) = serve("sleep 5");
    assert!(code == 125 && err.contains("another process listens there already"), "{err}");
}

#[test]
fn an_interruption_leaves_nothing_behind() {
    let _turn = turn::beside_its_file();
    let scratch = ScratchDir::new("ab");
    let port = free_port();
    let cleaned = scratch.join("cleaned");
    let serve = format!("python3 -m http.server --bind 127.0.0.1 {port}");
    let cleanup = format!("touch {}", cleaned.display());
    let mut command =
        ab(&["--serve", &serve, "--ready-port", &port.to_string(), "--load", "sleep 60", "--cleanup", &cleanup]);
    let mut guard = Guard::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(matches!(guard.child.try_wait(), Ok(None)), "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The load runs once the server listens.
    std::thread::sleep(Duration::from_millis(300));
    let kill = Command::new("kill").args(["-INT", &guard.pid().to_string()]).status().expect("there is a kill");
    assert!(kill.success());
    assert_eq!(guard.wait(Duration::from_secs(15)).code(), Some(130));
    assert!(cleaned.exists());
    std::net::TcpListener::bind(("127.0.0.1", port)).expect("the server is gone");
}

#[test]
fn a_bar_is_shown_on_a_terminal_and_only_there() {
    let _turn = turn::beside_its_file();
    let (_, _, err) = ended(&mut ab(&["-n", "5", "--", "sleep", "0.05"]));
    assert_eq!(err, "");
    // script(1) gives it one.
    let line = format!("{} ab --library {} -n 5 -- sleep 0.05", env!("CARGO_BIN_EXE_tcptune"), library().display());
    let mut command = cli::cleaned(Command::new("script"));
    let (code, out, _) = ended(command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm"));
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("warm-up [") && out.contains("measuring [") && out.contains(" left, now `"), "{out}");
}
