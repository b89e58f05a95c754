//! `tcptune doctor` on a whole host: services in the order of the time that they lose, each with its cure; only what may be seen;
//! never "no stall" where too little was seen. A built command without optimisation is slow: it gets a larger budget. What it
//! costs and finds on real servers is measured by scripts/check host.

use std::fs;

use crate::support::ScratchDir;
use crate::support::cli::group::Group;
use crate::support::cli::scene::Scene;
use crate::support::cli::{copy_of_command, ended, is_root, set_mode, tcptune};
use serde_json::Value;

const COMMAND: &str = env!("CARGO_BIN_EXE_tcptune");

fn report(scene: &Scene, program: &str, arguments: &[&str]) -> (Value, i32) {
    let (code, out, err) = ended(scene.tcptune(program).args(["doctor", "--json"]).args(arguments));
    assert_eq!(err, "", "{arguments:?}");
    (serde_json::from_str(&out).expect("valid JSON"), code)
}

/// What each row is about, the worst first: "port N" of a server, the address of a client's other end.
fn ranked(report: &Value) -> Vec<&str> {
    let rows = report["services"].as_array().expect("a list");
    rows.iter().map(|row| row["with"].as_str().expect("text")).collect()
}

#[test]
fn services_are_ranked_by_the_time_they_lose_and_the_healthy_are_left_out() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let healthy = [scene.service("once", "once", 2, 20), scene.service("once", "once", 1, 50)];
    let most = scene.service("twice", "once", 3, 0);
    let some = scene.service("once", "twice", 1, 0);
    let few = scene.service("twice", "once", 1, 60);
    let (report, code) = report(&scene, COMMAND, &["--duration", "4", "--budget", "40"]);
    assert_eq!((code, report["verdict"].as_str()), (1, Some("found")), "{report:#}");
    let expected = [format!("port {}", most.port), format!("127.0.0.1:{}", some.port), format!("port {}", few.port)];
    assert_eq!(ranked(&report), expected, "{report:#}");
    // Three connections that wait nearly all of the time, one, and one that waits for 40 ms of each 100.
    for (row, (lost, pid)) in [(2800.0, most.server), (930.0, some.client), (400.0, few.server)].into_iter().enumerate()
    {
        let row = &report["services"][row];
        let seen = row["lost_ms_per_s"].as_f64().expect("a number");
        assert!((0.75..=1.25).contains(&(seen / lost)), "{seen} and not {lost}: {row:#}");
        assert_eq!((row["kind"].as_str(), row["at_fault"].as_str()), (Some("nagle"), Some("process")), "{row:#}");
        assert_eq!(row["pids"], serde_json::json!([pid]));
        assert!((30.0..=60.0).contains(&row["wait_ms"].as_f64().expect("a number")), "{row:#}");
        assert!(row["cure"].as_str().is_some_and(|cure| cure.starts_with("tcptune run -- ")), "{row:#}");
    }
    let text = report.to_string();
    assert!(healthy.iter().all(|service| !text.contains(&format!("port {}\"", service.port))), "{report:#}");
    // As many connections as there are, each counted once.
    assert_eq!(report["connections"], 8, "{report:#}");
}

#[test]
fn the_table_fits_a_terminal_and_names_the_command_for_more() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let service = scene.service("twice", "once", 1, 0);
    let (code, out, err) = ended(scene.tcptune(COMMAND).args(["doctor", "--all", "--duration", "2", "--budget", "40"]));
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    for words in [
        "1 of 2 services loses time to stalls",
        "LOST",
        &format!("port {}", service.port),
        "steady.py",
        "itself",
        &format!("more tcptune doctor --pid {}", service.server),
        "of one core",
    ] {
        assert!(out.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{words}: {out}");
    }
    let table: Vec<&str> = out.lines().collect();
    assert!(table.iter().all(|line| line.chars().count() <= 80), "{out}");
    // Of one port, and the way that is proposed.
    let other = scene.service("twice", "once", 1, 0);
    let (report, code) =
        report(&scene, COMMAND, &["--all", "--port", &other.port, "--duration", "2", "--budget", "40"]);
    assert_eq!((code, ranked(&report)), (1, vec![format!("port {}", other.port).as_str()]), "{report:#}");
}

#[test]
fn where_nothing_waits_it_says_what_was_looked_at() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    scene.service("once", "once", 5, 20);
    let (code, out, err) = ended(scene.tcptune(COMMAND).args(["doctor", "--duration", "2", "--budget", "40"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let text = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.starts_with("no stall found ") && text.contains(" on 5 connections of 2 services in 2.0"), "{out}");
    drop(scene);
    let empty = Scene::new();
    let (report, code) = report(&empty, COMMAND, &["--duration", "0.3"]);
    assert_eq!((code, report["doubts"][0]["reason"].as_str()), (2, Some("nothing-seen")), "{report:#}");
}

/// With next to no budget too little is seen to say that nothing waits.
#[test]
fn too_small_a_budget_is_no_all_clear() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    scene.service("twice", "once", 30, 0);
    let (report, code) = report(&scene, COMMAND, &["--duration", "2", "--budget", "0.1"]);
    assert!(code == 1 || code == 2 && report["doubts"][0]["reason"] == "too-seldom", "{code} {report:#}");
    // It kept to it, but for its start.
    assert!(report["cost_percent"].as_f64().is_some_and(|percent| percent < 5.0), "{report:#}");
}

#[test]
fn an_ordinary_user_is_told_of_own_processes_alone() {
    if !is_root() {
        return;
    }
    let scratch = ScratchDir::new("doctor-host");
    set_mode(scratch.path(), 0o755);
    let copy = copy_of_command(scratch.path());
    let copy = copy.to_str().expect("UTF-8");
    let mut scene = Scene::new();
    scene.service("twice", "once", 2, 0);
    scene.as_nobody(true);
    let own = scene.service("twice", "once", 1, 0);
    let arguments = ["--duration", "3", "--budget", "40"];
    let (report, code) = report(&scene, copy, &arguments);
    assert_eq!((code, ranked(&report)), (1, vec![format!("port {}", own.port).as_str()]), "{report:#}");
    assert_eq!(report["own_only"], true);
    let (_, out, _) = ended(scene.tcptune(copy).arg("doctor").args(arguments));
    assert!(out.contains("only your own processes were looked at: as root, all are"), "{out}");
}

/// As containers are: the command sees their processes, and has to enter their networks. A process of this test's own is the first
/// that it knows, so that no other network is its business.
#[test]
fn services_in_other_network_namespaces_are_seen_too() {
    if !is_root() {
        return;
    }
    let steady = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/steady.py");
    let inside = |network: &str, how: &str| {
        let start = format!("ip link set lo up; exec /usr/bin/python3 {steady} alone {how}");
        format!("{network} sh -c '{start}' >&2 &\n")
    };
    let script = format!(
        "{}{}{}sleep 1.5\nexec {COMMAND} doctor --json --duration 2 --budget 40",
        inside("", "once"),
        inside("unshare --net", "twice"),
        inside("unshare --net", "once"),
    );
    let mut command = std::process::Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", &script]);
    let (code, out, err) = ended(&mut command);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!((code, report["services"].as_array().map(Vec::len)), (1, Some(1)), "{report:#}");
    assert_eq!((report["extent"]["spaces"].as_u64(), report["connections"].as_u64()), (Some(3), Some(3)), "{report:#}");
    let row = &report["services"][0];
    let lost = row["lost_ms_per_s"].as_f64().expect("a number");
    assert!(row["side"] == "server" && row["name"] == "steady.py" && (800.0..=1050.0).contains(&lost), "{row:#}");
}

#[test]
fn a_unit_alone_and_its_cure() {
    let name = format!("tcptune-host-{}.service", std::process::id());
    let Some(group) = Group::new(&name).filter(|_| is_root()) else { return };
    let mut scene = Scene::new();
    scene.service("twice", "once", 2, 0);
    let service = scene.service("twice", "once", 1, 0);
    fs::write(group.0.join("cgroup.procs"), service.server.to_string()).expect("root may");
    // The kind may be left out, as for systemctl.
    for unit in [name.as_str(), name.trim_end_matches(".service")] {
        let (report, code) = report(&scene, COMMAND, &["--unit", unit, "--duration", "2", "--budget", "40"]);
        assert_eq!((code, ranked(&report)), (1, vec![format!("port {}", service.port).as_str()]), "{report:#}");
        let row = &report["services"][0];
        assert_eq!((row["unit"].as_str(), row["name"].as_str()), (Some(name.as_str()), Some(name.as_str())), "{row:#}");
        assert_eq!(row["cure"], format!("tcptune systemd install {name}"));
    }
    drop(scene);
    let (code, out, err) = ended(tcptune().args(["doctor", "--unit", "tcptune-no-such"]));
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("`tcptune-no-such.service` has no process now"), "{err}");
}

#[test]
fn mistakes_are_answered() {
    for (arguments, words) in [
        (&["--all", "--", "true"][..], "allowed is either this or"),
        (&["--all", "--pid", "1"], "allowed is either this or"),
        (&["--all", "--unit", "x"], "allowed is either this or"),
        (&["--budget", "0"], "0.1 to 100"),
        (&["--budget", "2", "--pid", "1"], "allowed is either this or"),
        (&["--unit", "a/b"], "is a path"),
    ] {
        let (code, out, err) = ended(tcptune().arg("doctor").args(arguments));
        assert!(code == 125 && out.is_empty() && err.contains(words), "{arguments:?}: {code} {err}");
    }
}
