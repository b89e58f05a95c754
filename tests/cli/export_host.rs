//! `tcptune export --host`: the time that services of a host lose, counted without the library, in sums that never fall.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::Guard;
use crate::support::ScratchDir;
use crate::support::cli::exporter::PATIENCE;
use crate::support::cli::scene::Scene;
use crate::support::cli::{ended, is_root, tcptune};

const COMMAND: &str = env!("CARGO_BIN_EXE_tcptune");

/// The value of a series whose labels contain all of these; none: there is no such series.
fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_meant = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|l| line.contains(l))
    };
    let found: Vec<&str> = text.lines().filter(is_meant).collect();
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|line| line.rsplit(' ').next().expect("a value").parse().expect("a number"))
}

const LOST: &str = "tcptune_host_lost_seconds_total";
const OWN: &str = "end=\"process\"";

fn of_port(port: &str) -> String {
    format!("service=\"port {port}\"")
}

#[test]
fn what_services_lose_is_counted_on_and_on_and_outlives_them() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let stalls = scene.service("twice", "once", 2, 0);
    let healthy = scene.service("once", "once", 1, 20);
    let scratch = ScratchDir::new("export-host");
    let file = scratch.join("host.prom");
    let mut command = scene.tcptune(COMMAND);
    command.args(["export", "--host", "--budget", "40", "--every", "0.5", "--textfile"]).arg(&file);
    let _exporter = Guard::spawn(command.stderr(Stdio::null()));
    let end = Instant::now() + PATIENCE;
    let until = |what: &dyn Fn(&str) -> bool| loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if what(&text) {
            return text;
        }
        assert!(Instant::now() < end + PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(100));
    };
    let first = until(&|text| value(text, LOST, &[&of_port(&stalls.port), OWN]).is_some());
    let lost = |text: &str| value(text, LOST, &[&of_port(&stalls.port), OWN]).expect("a series");
    let watched = |text: &str| value(text, "tcptune_host_watched_seconds_total", &[]).expect("a series");
    // Two connections that wait nearly all of the time.
    let share = lost(&first) / watched(&first);
    assert!((1.4..=2.05).contains(&share), "{share}: {first}");
    let waits = value(&first, "tcptune_host_waits_total", &[&of_port(&stalls.port), OWN]).expect("a series");
    assert!((0.03..=0.06).contains(&(lost(&first) / waits)), "{first}");
    assert!(first.contains("# TYPE tcptune_host_lost_seconds_total counter"), "{first}");
    assert!(first.contains("program=\"steady.py\"") && first.contains("direction=\"server\""), "{first}");
    // Who is healthy has a zero, for it was judged; who holds is named once, at the end that does.
    assert_eq!(value(&first, LOST, &[&of_port(&healthy.port), OWN]), Some(0.0), "{first}");
    assert_eq!(value(&first, LOST, &[&format!("service=\"127.0.0.1:{}\"", stalls.port), OWN]), Some(0.0), "{first}");
    // It goes, and its sum stays.
    scene.end(&stalls);
    let second =
        until(&|text| value(text, "tcptune_host_watched_seconds_total", &[]).unwrap_or(0.0) > watched(&first) + 5.0);
    assert!(lost(&second) >= lost(&first), "{second}");
    let third =
        until(&|text| value(text, "tcptune_host_watched_seconds_total", &[]).unwrap_or(0.0) > watched(&second) + 5.0);
    assert_eq!(lost(&third), lost(&second), "{third}");
    assert!(value(&third, "tcptune_host_watch_cpu_seconds_total", &[]).is_some_and(|cost| cost > 0.0), "{third}");
}

#[test]
fn it_answers_over_http_at_once_and_claims_nothing_yet() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let mut command = scene.tcptune(COMMAND);
    let mut exporter = Guard::spawn(command.args(["export", "--host", "--listen", "9919"]).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(exporter.child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    assert!(line.contains("http://127.0.0.1:9919/metrics"), "{line}");
    let mut ask = scene.command("/usr/bin/python3");
    ask.args(["-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9919/metrics').read().decode())"]);
    let (code, text, err) = ended(&mut ask);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(value(&text, "tcptune_host_watched_seconds_total", &[]), Some(0.0), "{text}");
    assert!(!text.contains(LOST) && text.contains("tcptune_export_info"), "{text}");
}

#[test]
fn mistakes_are_answered() {
    for (arguments, words) in [
        (&["--budget", "2", "/tmp"][..], "--host"),
        (&["--host", "--budget", "101"], "0.1 to 100"),
        (&["--host", "/tcptune/no/such"], "/tcptune/no/such"),
    ] {
        let (code, out, err) = ended(tcptune().arg("export").args(arguments));
        assert!(code == 125 && out.is_empty() && err.contains(words), "{arguments:?}: {code} {err}");
    }
}
