//! `tcptune export`: the same numbers as `tcptune report`, sums that never fall whatever becomes of the files, a textfile that is
//! whole, an HTTP endpoint, bounded labels. That Prometheus itself reads them is checked by scripts/check export.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli::{ended, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish};

const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a process count so many exchanges into a directory and end.
fn count(directory: &Path, exchanges: u32) {
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args([&exchanges.to_string(), "end"]).env("TCPTUNE_STATS", directory)).expect();
}

/// Samples by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

/// The sum of a metric over all labels that contain this.
fn sum(text: &str, name: &str, labels: &str) -> f64 {
    let all = samples(text);
    all.iter()
        .filter(|(key, _)| key.split('{').next() == Some(name) && key.contains(labels))
        .map(|(_, value)| value)
        .sum()
}

fn export(directory: &Path, options: &[&str]) -> String {
    let (code, out, err) = ended(tcptune().arg("export").args(options).arg(directory));
    assert_eq!((code, err.as_str()), (0, ""));
    out
}

const EXCHANGES: &str = "tcptune_exchanges_total";

#[test]
fn has_the_numbers_of_the_report() {
    let scratch = ScratchDir::new("export");
    count(scratch.path(), 20);
    count(scratch.path(), 30);
    let text = export(scratch.path(), &[]);
    let (_, json, _) = ended(tcptune().args(["report", "--json"]).arg(scratch.path()));
    let report: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    let services = report["services"].as_array().expect("services");
    assert!(services.len() >= 2, "{json}");
    for (name, value) in services[0]["tuned"]["counters"].as_object().expect("counters") {
        let all = |service: &serde_json::Value| service["tuned"]["counters"][name].as_f64().expect("a number");
        let reported: f64 = services.iter().map(all).sum();
        let of = |name: &str, suffix: &str| sum(&text, &format!("tcptune_{name}{suffix}_total"), "");
        let exported = match (name.as_str(), name.rsplit_once('_')) {
            ("stall_calls", _) => continue,
            // No sum: the longest of a service.
            ("held_longest_ms", _) => {
                assert!(text.contains("# TYPE tcptune_held_longest_seconds gauge"), "{text}");
                continue;
            }
            (_, Some((name, "s"))) => of(name, "_seconds"),
            (_, Some((name, "s2"))) => of(name, "_seconds_squared"),
            (name, _) => of(name, ""),
        };
        // How long a tick is, is known better with every reading.
        assert!((exported - reported).abs() <= 1e-4 * reported, "{name} ({value}): {exported} is not {reported}");
    }
    // As many times to an answer as exchanges, and the buckets add up.
    assert!(sum(&text, EXCHANGES, "direction=\"client\"") >= 50.0);
    assert_eq!(sum(&text, "tcptune_answer_seconds_count", ""), sum(&text, EXCHANGES, ""));
    assert_eq!(sum(&text, "tcptune_answer_seconds_bucket", "le=\"+Inf\""), sum(&text, EXCHANGES, ""));
    let holds = services.iter().flat_map(|service| service["tuned"]["held_age"].as_array().expect("buckets"));
    let holds: f64 = holds.map(|bucket| bucket["count"].as_f64().expect("a count")).sum();
    assert!(holds > 0.0);
    assert_eq!(sum(&text, "tcptune_held_age_seconds_count", ""), holds);
    assert_eq!(sum(&text, "tcptune_held_age_seconds_bucket", "le=\"+Inf\""), holds);
    assert_eq!(sum(&text, "tcptune_processes_started_total", "program=\"program-counted\""), 2.0);
}

#[test]
fn a_textfile_is_whole_readable_and_renewed() {
    let scratch = ScratchDir::new("export");
    let stats = scratch.join("stats");
    fs::create_dir(&stats).expect("a directory");
    count(&stats, 20);
    let file = scratch.join("tcptune.prom");
    let mut command = tcptune();
    command.args(["export", "--every", "0.1", "--textfile"]).arg(&file).arg(&stats);
    let mut exporter = Guard::spawn(&mut command);
    let first = until(|| fs::read_to_string(&file).ok());
    assert!(first.ends_with('\n') && sum(&first, EXCHANGES, "client") > 0.0, "{first}");
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o644);
    count(&stats, 20);
    until(|| {
        // Whenever it is read it is whole.
        let text = fs::read_to_string(&file).expect("it is always there");
        assert!(text.contains("tcptune_export_info"), "{text}");
        (sum(&text, EXCHANGES, "client") == 2.0 * sum(&first, EXCHANGES, "client")).then_some(())
    });
    terminate(exporter.pid());
    assert_eq!(exporter.wait(PATIENCE).code(), Some(0));
    let left: Vec<_> =
        fs::read_dir(scratch.path()).expect("the directory").map(|e| e.expect("it").file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn answers_over_http_and_no_sum_falls_when_files_go() {
    let scratch = ScratchDir::new("export");
    count(scratch.path(), 20);
    let mut command = tcptune();
    command.args(["export", "--listen", "0"]).arg(scratch.path()).stderr(Stdio::piped());
    let mut exporter = Guard::spawn(&mut command);
    let mut line = String::new();
    BufReader::new(exporter.child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("tcptune: http://").and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let before = get(&address, "GET", "/metrics");
    assert!(before.contains("Content-Type: text/plain; version=0.0.4"), "{before}");
    let body = |answer: &str| answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
    let exchanges = sum(&body(&before), EXCHANGES, "");
    assert!(exchanges > 0.0);
    // The files of ended processes are removed by somebody else; another one counts.
    let (code, ..) = ended(tcptune().args(["report", "--clean"]).arg(scratch.path()));
    assert_eq!(code, 0);
    count(scratch.path(), 20);
    let after = body(&get(&address, "GET", "/metrics?name=x"));
    assert_eq!(sum(&after, EXCHANGES, ""), 2.0 * exchanges);
    assert_eq!(sum(&after, "tcptune_processes_started_total", ""), 2.0);
    assert!(get(&address, "GET", "/secret").starts_with("HTTP/1.1 404"));
    assert!(get(&address, "POST", "/metrics").starts_with("HTTP/1.1 405"));
    // A client that goes away without reading does no harm.
    for _ in 0..3 {
        let mut rude = TcpStream::connect(&address).expect("it listens");
        rude.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
    }
    assert!(get(&address, "GET", "/").starts_with("HTTP/1.1 200"));
    terminate(exporter.pid());
    assert_eq!(exporter.wait(PATIENCE).code(), Some(0));
}

#[test]
fn ended_processes_are_kept_in_a_file_and_counted_once() {
    let scratch = ScratchDir::new("export");
    let (stats, kept) = (scratch.join("stats"), scratch.join("ended.json"));
    fs::create_dir(&stats).expect("a directory");
    let options = ["--ended", kept.to_str().expect("a plain name")];
    count(&stats, 20);
    // A copy of the file, with its inode, outlives its removal: as if the exporter had been killed before that.
    let name = fs::read_dir(&stats).expect("it").next().expect("a file").expect("its name").path();
    fs::hard_link(&name, scratch.join("link")).expect("a link");
    let first = sum(&export(&stats, &options), EXCHANGES, "");
    assert!(first > 0.0 && fs::read_dir(&stats).expect("it").count() == 0);
    fs::rename(scratch.join("link"), &name).expect("it is put back");
    for _ in 0..3 {
        assert_eq!(sum(&export(&stats, &options), EXCHANGES, ""), first);
    }
    assert_eq!(fs::read_dir(&stats).expect("it").count(), 0);
    count(&stats, 20);
    // One that runs is not removed.
    let mut command = Mode::Preloaded.command(compile("counted"));
    command.args(["1", "daemon"]).env("TCPTUNE_STATS", &stats).stdout(Stdio::piped());
    let pid = Guard::spawn(&mut command).first_line(PATIENCE);
    let text = export(&stats, &options);
    assert!(sum(&text, EXCHANGES, "") > 2.0 * first, "{text}");
    assert_eq!((sum(&text, "tcptune_processes", ""), fs::read_dir(&stats).expect("it").count()), (1.0, 1));
    terminate(pid.parse().expect("a number"));
    // Where it cannot be written nothing is removed.
    count(&stats, 20);
    let files = || fs::read_dir(&stats).expect("it").count();
    let before = files();
    let (code, out, err) = ended(tcptune().args(["export", "--ended", "/proc/no/ended.json"]).arg(&stats));
    assert!(code == 125 && out.is_empty() && err.contains("/proc/no/ended.json"), "{err}");
    assert_eq!(files(), before);
}

#[test]
fn labels_are_bounded() {
    let scratch = ScratchDir::new("export");
    // A listener and a remote port of its own each: four services.
    count(scratch.path(), 20);
    count(scratch.path(), 20);
    let all = export(scratch.path(), &[]);
    let bounded = export(scratch.path(), &["--max-services", "1"]);
    let services = |text: &str| samples(text).keys().filter(|key| key.starts_with("tcptune_exchanges_total{")).count();
    assert_eq!((services(&all), services(&bounded)), (4, 3), "{bounded}");
    assert_eq!(sum(&bounded, EXCHANGES, ""), sum(&all, EXCHANGES, ""));
    assert!(sum(&bounded, EXCHANGES, "program=\"others\",service=\"others\"") > 0.0);
}

#[test]
fn bad_input_is_named_in_one_line() {
    let scratch = ScratchDir::new("export");
    let broken = scratch.file("broken.json", "{}");
    let newer = scratch.file("newer.json", r#"{"version":2,"removed":[],"programs":{},"series":[]}"#);
    let (broken, newer) = (broken.to_str().expect("plain"), newer.to_str().expect("plain"));
    for (options, words) in [
        (&["--ended", broken][..], "allowed is a new file or one that tcptune wrote"),
        (&["--ended", newer], "has version 2, allowed is 1"),
        (&["--textfile", "/proc/no/x.prom"], "--textfile /proc/no/x.prom: cannot be written"),
        (&["--listen", "192.0.2.1:1"], "--listen 192.0.2.1:1: cannot listen there"),
    ] {
        let (code, out, err) = ended(tcptune().arg("export").args(options).arg(scratch.path()));
        assert_eq!((code, out.as_str(), err.lines().count()), (125, "", 1), "{err}");
        assert!(err.contains(words), "{err}");
    }
    let wrong: [&[&str]; 4] =
        [&["--every", "5"], &["--listen", "x"], &["--listen", "1", "--textfile", "x"], &["--max-services", "0"]];
    for options in wrong {
        let (code, out, _) = ended(tcptune().arg("export").args(options).arg(scratch.path()));
        assert_eq!((code, out.as_str()), (125, ""), "{options:?}");
    }
    let (code, _, err) = ended(tcptune().arg("export"));
    assert!(code == 125 && err.contains("`tcptune export /run/tcptune`"), "{err}");
}

/// What a question gives that must have an answer in time.
fn until<T>(mut question: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < end, "nothing within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn terminate(pid: u32) {
    assert!(Command::new("kill").arg(pid.to_string()).status().expect("kill(1)").success());
}

fn get(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
