//! What was counted in a directory, as `tcptune report --json` tells it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

/// The whole report; it must be possible to read the directory.
pub fn report(directory: &Path) -> Value {
    let output = super::finish(Command::new(env!("CARGO_BIN_EXE_tcptune")).args(["report", "--json"]).arg(directory));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", super::text(&output.stderr)))
}

/// The only service of this side.
pub fn service(report: &Value, side: &str) -> Value {
    let all = report["services"].as_array().expect("services");
    let mut found = all
        .iter()
        .filter(|service| service["side"] == side && service["tuned"]["counters"]["connections"].as_u64() > Some(0));
    let one = found.next().unwrap_or_else(|| panic!("no {side} in {report:#}"));
    assert!(found.next().is_none(), "more than one {side} in {report:#}");
    one.clone()
}

/// A counter of an arm ("tuned", "untouched").
pub fn count(service: &Value, arm: &str, name: &str) -> u64 {
    service[arm]["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name} in {service:#}"))
}

/// A time of an arm, by its name with the unit.
pub fn time(service: &Value, arm: &str, name: &str) -> Duration {
    let value = service[arm]["counters"][name].as_f64().unwrap_or_else(|| panic!("no counter {name} in {service:#}"));
    Duration::from_secs_f64(if name.ends_with("_ms") { value / 1e3 } else { value })
}
