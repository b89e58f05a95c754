//! What is printed for programs: every document keeps to its schema, every number says its unit, and the schemas in docs/ are those
//! of the command.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::scene::Scene;
use crate::support::cli::schema::{faults, fields, keeps, properties, schema};
use crate::support::cli::{ended, is_root, tcptune};
use crate::support::{Guard, Mode, ScratchDir, compile, finish, library};

const PATIENCE: Duration = Duration::from_secs(30);
const NAMES: [&str; 10] =
    ["ab", "attach", "attach-socket", "check", "doctor", "doctor-all", "env", "ls", "report", "systemd-verify"];

/// Numbers of things, numbers by which things are known, and what has no unit.
const PLAIN: &[&str] = &[
    // Things.
    "samples",
    "threads",
    "processes",
    "processors",
    "connections",
    "exchanges",
    "segments",
    "data_segments",
    "segments_sent",
    "segments_received",
    "fewest_segments",
    "retransmissions",
    "delayed_acks",
    "context_switches",
    "page_faults",
    "calls",
    "calls_sent",
    "calls_received",
    "flood_calls",
    "tiny_calls",
    "stall_calls",
    "sampled_calls",
    "sampled_bursts",
    "sampled",
    "waits",
    "stalls",
    "cork_stalls",
    "peer_stalls",
    "looks",
    "surveys",
    "closely",
    "left_out",
    "spaces",
    "spaces_left_out",
    "watched_services",
    "packets",
    "copies",
    "fragments",
    "cut",
    "unknown",
    "new_findings",
    "known_findings",
    "io_urings",
    "forks",
    "uncounted",
    "count",
    "warmup",
    "tuned",
    "bursts",
    "held",
    "held_late",
    "runts",
    "app_held",
    "exposed",
    "asked",
    "floods",
    "several",
    "closed",
    "skipped_control",
    "skipped_observing",
    "skipped_rule",
    "skipped_program_on",
    "skipped_program_off",
    "skipped_kernel",
    "never_held",
    "released_next",
    "released_wait",
    "released_end",
    "misses",
    "corks",
    "compared",
    "late_by_wait",
    "late_by_call",
    "late_by_end",
    "late_elsewhere",
    "late_preempted",
    // By which things are known.
    "schema",
    "pid",
    "pids",
    "uid",
    "setuid",
    "setgid",
    "port",
    "fd",
    "offset",
    "line",
    // Places in a list of calls.
    "frame",
    "own_frame",
    "unknown_link",
    "seed",
    "position",
    "block",
    "status",
    "bits",
    // Ratios and probabilities; runnable processes on average.
    "ratio",
    "low",
    "high",
    "p",
    "p_holm",
    "p_equal",
    "load",
    // How a command has ended.
    "status",
    "signal",
    // Of a measure of `ab`, in the unit that its name has.
    "median",
    "lower_quartile",
    "upper_quartile",
    "min",
    "max",
    "mean",
    "deviation",
];
const UNITS: &[&str] = &["us", "ms", "s", "s2", "bytes", "percent"];

/// Is it a number, or a list of numbers?
fn is_number(property: &Value) -> bool {
    let is = |kind: &Value| kind == "number" || kind == "integer";
    let kind = &property["type"];
    is(kind)
        || kind.as_array().is_some_and(|kinds| kinds.iter().any(is))
        || property.get("items").is_some_and(is_number)
}

#[test]
fn every_number_has_a_unit_or_is_a_count() {
    let mut seen = BTreeSet::new();
    for name in NAMES {
        properties(&schema(name).1, &mut |field, property| {
            if is_number(property) {
                let unit = field.split('_').any(|word| UNITS.contains(&word));
                assert!(
                    unit != PLAIN.contains(&field),
                    "{name}: {field}: a unit in its name, or a place in the list of counts"
                );
                seen.insert(field.to_owned());
            }
        });
    }
    let gone: Vec<&&str> = PLAIN.iter().filter(|field| !seen.contains(**field)).collect();
    assert!(gone.is_empty(), "in the list of counts, and in no schema: {gone:?}");
}

#[test]
fn the_schemas_in_docs_are_those_of_the_command() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    for name in NAMES {
        let file = directory.join(format!("{name}.json"));
        let (printed, _) = schema(name);
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == printed, "tcptune generate schema {name} >docs/schemas/{name}.json");
    }
    assert_eq!(fs::read_dir(&directory).expect("it is there").count(), NAMES.len());
    let (code, _, err) = ended(tcptune().args(["generate", "schema", "nothing"]));
    assert!(code == 125 && NAMES.iter().all(|name| err.contains(name)), "{err}");
}

/// Takes away what must be there: examples are shortened.
fn loosened(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.retain(|key, value| key != "required" || !value.is_array());
            // How many there must be: of both arms, say.
            object.retain(|key, _| key != "minItems");
            object.values_mut().for_each(loosened);
        }
        Value::Array(values) => values.iter_mut().for_each(loosened),
        _ => {}
    }
}

#[test]
fn the_examples_in_docs_keep_to_the_schemas() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")).expect("the page");
    for name in NAMES {
        let example = page.split_once(&format!("\n## {name}\n")).and_then(|(_, rest)| {
            let section = rest.split("\n## ").next()?;
            section.split_once("```json\n")?.1.split("```").next()
        });
        let example: Value = serde_json::from_str(example.unwrap_or_else(|| panic!("no example of {name}")))
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let (_, mut schema) = schema(name);
        let mut described = BTreeSet::new();
        properties(&schema, &mut |field, _| {
            described.insert(field.to_owned());
        });
        fields(&example, &mut |field| assert!(described.contains(field), "{name}: {field} is not in the schema"));
        loosened(&mut schema);
        let faults = faults(&schema, &example);
        assert!(faults.is_empty() && example["schema"] == 1, "{name}: {faults}");
    }
}

#[test]
fn ls_check_and_env_keep_to_theirs() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let _client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (_, out, _) = ended(tcptune().args(["ls", "--json", &std::process::id().to_string()]));
    let found = keeps("ls", &out);
    assert!(found["sockets"].as_array().is_some_and(|sockets| sockets.len() >= 2), "{found:#}");
    // None at all is a list too.
    let (_, out, _) = ended(tcptune().args(["ls", "--json", "--port", "1"]));
    keeps("ls", &out);
    let program = compile("counted");
    for target in [program.to_str().expect("text"), "/usr/bin/ldd", &std::process::id().to_string()] {
        let (_, out, _) = ended(tcptune().args(["check", "--json", "--library"]).arg(library()).arg(target));
        keeps("check", &out);
    }
    for rules in ["", "port=8080 nodelay=force", "nonsense"] {
        let (_, out, _) =
            ended(tcptune().args(["env", "--json"]).env("TCPTUNE_RULES", rules).env("TCPTUNE_NODELY", "on"));
        keeps("env", &out);
    }
}

#[test]
fn report_keeps_to_its_own() {
    let scratch = ScratchDir::new("schemas");
    let mut command = Mode::Preloaded.command(compile("counted"));
    finish(command.args(["20", "end"]).env("TCPTUNE_STATS", scratch.path()).env("TCPTUNE_SPLIT", "50")).expect();
    let (_, out, _) = ended(tcptune().args(["report", "--json"]).arg(scratch.path()));
    let found = keeps("report", &out);
    assert!(found["processes"][0]["services"].as_array().is_some_and(|services| services.len() == 2), "{found:#}");
    let empty = ScratchDir::new("schemas");
    let (_, out, _) = ended(tcptune().args(["report", "--json"]).arg(empty.path()));
    keeps("report", &out);
}

#[test]
fn ab_keeps_to_its_own() {
    let scratch = ScratchDir::new("schemas");
    let file = scratch.join("ab.json");
    let mut command = tcptune();
    command.args(["ab", "-n", "5", "--count", "every", "--library"]).arg(library());
    command.args(["--export", &format!("json={}", file.display()), "--"]).arg(compile("counted")).args(["20", "end"]);
    assert_eq!(ended(&mut command).0, 0);
    let found = keeps("ab", &fs::read_to_string(&file).expect("it was written"));
    assert_eq!(found["measures"][0]["measure"], "time_s");
    assert!(found["runs"][0]["time_s"].is_f64() && found["counted"][0]["answers"][0]["from_ms"].is_f64(), "{found:#}");
    // The names of measures are those of the runs' fields, with their units.
    let rows = found["measures"].as_array().expect("a list");
    let measures: Vec<&str> = rows.iter().map(|row| row["measure"].as_str().expect("text")).collect();
    assert!(
        measures.iter().all(|measure| PLAIN.contains(&measure.trim_start_matches("library_"))
            || measure.split('_').any(|word| UNITS.contains(&word))),
        "{measures:?}"
    );
}

#[test]
fn doctor_keeps_to_its_own() {
    let server = Server::start("once");
    let mut client = Client::start(&server, "twice");
    client.begin("100000");
    let mut at_rest = Client::start(&server, "once");
    at_rest.ask("1");
    let doctor = |arguments: &[&str]| ended(tcptune().args(["doctor", "--json", "--duration", "1"]).args(arguments)).1;
    let found = keeps("doctor", &doctor(&["--pid", &client.guard.pid().to_string()]));
    assert_eq!(found["findings"][0]["pattern_bytes"], serde_json::json!([100, 2]));
    // Nothing found, for a reason.
    let unknown = keeps("doctor", &doctor(&["--pid", &at_rest.guard.pid().to_string()]));
    assert!(unknown["doubts"][0]["reason"].is_string(), "{unknown:#}");
    // Of a command.
    let report = ScratchDir::new("schemas").join("report.json");
    fs::create_dir_all(report.parent().expect("a directory")).expect("a directory");
    let mut command = tcptune();
    command.args(["doctor", "--json", "--library"]).arg(library()).arg("--output").arg(&report);
    ended(command.arg("--").arg(compile("counted")).args(["20", "end"]));
    let found = keeps("doctor", &fs::read_to_string(&report).expect("it was written"));
    assert!(found["processes"][0]["loaded"].is_boolean(), "{found:#}");
}

#[test]
fn doctor_of_a_host_keeps_to_its_own() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    let _service = scene.service("twice", "once", 1, 0);
    let mut command: Command = scene.tcptune(env!("CARGO_BIN_EXE_tcptune"));
    let (_, out, _) = ended(command.args(["doctor", "--all", "--json", "--duration", "1.5", "--budget", "40"]));
    let found = keeps("doctor-all", &out);
    assert!(found["cost_percent"].as_f64().is_some_and(|percent| percent > 0.1), "{found:#}");
    assert!(found["services"][0]["lost_ms_per_s"].is_f64(), "{found:#}");
}

#[test]
fn attach_keeps_to_its_own() {
    let server = Server::start("once");
    let mut client = Client::start(&server, "twice");
    client.ask("1");
    let pid = client.guard.pid().to_string();
    let state = ScratchDir::new("schemas");
    let mut command = tcptune();
    command.args(["attach", "--json", "--dry-run", "--set", "keepalive=61/10/5", &pid]);
    let (code, out, err) = ended(command.arg("--state").arg(state.join("state")));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let found = keeps("attach", &out);
    assert!(found["processes"][0]["sockets"][0]["took_us"].is_f64(), "{found:#}");
    // A line of --watch is a document of its own.
    let mut command = tcptune();
    command.args(["attach", "--json", "--watch", &pid]).arg("--state").arg(state.join("state"));
    let mut watching = Guard::spawn(command.stdout(Stdio::piped()));
    keeps("attach-socket", &watching.first_line(PATIENCE));
}
