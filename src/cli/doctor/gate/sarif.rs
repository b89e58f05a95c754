//! The findings as SARIF 2.1.0 (OASIS), which code scanning reads: the few fields that doctor has something to say in. By hand, since
//! the crate for it builds its types from the schema with a generator that nobody keeps.

use std::env;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::junit::body;
use super::outcome::Standing;
use crate::doctor::backtrace::chain::Frame;
use crate::doctor::issue;
use crate::doctor::report::{Report, Told};
use crate::doctor::script::Script;
use crate::errors::{Context, Failure};
use crate::stalls::finding::Kind;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Every path is without these; the rest is percent-encoded.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// More frames than these tell nothing more.
const FRAMES: usize = 32;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help_uri: &'static str,
    default_configuration: Value,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stacks: Vec<Value>,
    partial_fingerprints: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    properties: Value,
}

pub fn document(report: &Report) -> Result<String, Failure> {
    let mut kinds: Vec<Kind> = Vec::new();
    for told in &report.findings {
        if !kinds.contains(&told.finding.kind) {
            kinds.push(told.finding.kind);
        }
    }
    let rules: Vec<Rule> = kinds.iter().copied().map(rule).collect();
    let here = env::current_dir().unwrap_or_default();
    let results: Vec<Outcome> = report.findings.iter().map(|told| outcome(told, &kinds, &here)).collect();
    let mut invocation = Map::from_iter([("executionSuccessful".to_owned(), Value::Bool(true))]);
    if let Some(status) = report.command.and_then(|ended| ended.status) {
        invocation.insert("exitCode".to_owned(), status.into());
    }
    if let Some(ended) = &report.command_ended {
        invocation.insert("exitCodeDescription".to_owned(), ended.clone().into());
    }
    let notifications: Vec<Value> = report
        .doubts
        .iter()
        .map(|doubt| json!({ "level": "warning", "message": { "text": format!("could not tell: {}", doubt.text) } }))
        .collect();
    invocation.insert("toolExecutionNotifications".to_owned(), notifications.into());
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tcptune",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "invocations": [invocation],
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&document).doing(|| "write the findings as SARIF")?;
    Ok(text + "\n")
}

fn rule(kind: Kind) -> Rule {
    let short = match kind {
        Kind::Nagle => "Nagle's algorithm waits for a delayed acknowledgement",
        Kind::Cork => "The program holds its own data (TCP_CORK, MSG_MORE)",
        Kind::Paced => "Requests in flight wait for each other's acknowledgements",
        Kind::Peer => "The other end waits for a delayed acknowledgement",
        Kind::Flood => "A flood of tiny segments",
        Kind::Runts => "More segments than needed",
        Kind::Held => "tcptune's library held data",
    };
    Rule {
        id: kind.word(),
        short_description: Text { text: short.to_owned() },
        full_description: Text { text: issue::background(kind).trim_start_matches("Background: ").to_owned() },
        help_uri: concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/doctor.md#what-it-finds"),
        default_configuration: json!({ "level": if kind.is_grave() { "error" } else { "note" } }),
    }
}

fn outcome(told: &Told, kinds: &[Kind], here: &Path) -> Outcome {
    let chain = told.called_by.as_ref().and_then(|called| called.chains.first());
    let frames = chain.map(|chain| chain.frames.as_slice()).unwrap_or_default();
    let source = frames.iter().find(|frame| frame.file.is_some() && frame.line.is_some());
    let stack = |frames: &[Frame]| {
        let frames: Vec<Value> = frames.iter().take(FRAMES).map(|frame| frame_of(frame, here)).collect();
        json!({ "message": { "text": "the call that is at fault" }, "frames": frames })
    };
    let script = told.script.as_ref().and_then(Script::own_line);
    let physical = match (script, source) {
        (Some((file, line, _)), _) => place(Path::new(file), line, here),
        (None, Some(frame)) => place(Path::new(frame.file.as_deref().unwrap_or_default()), frame.line, here),
        // Without a source line it is the program's file; readers want some place.
        (None, None) => place(&told.finding.program.file, None, here),
    };
    let mut location = Map::new();
    if let Some(physical) = physical {
        location.insert("physicalLocation".to_owned(), physical);
    }
    let function = told.key.call.as_deref();
    let named = json!([{
        "name": function.unwrap_or(&told.key.program),
        "fullyQualifiedName": told.finding.program.shown(),
        "kind": if function.is_some() { "function" } else { "module" },
    }]);
    location.insert("logicalLocations".to_owned(), named);
    Outcome {
        rule_id: told.finding.kind.word(),
        rule_index: kinds.iter().position(|kind| *kind == told.finding.kind).unwrap_or_default(),
        level: if told.fails() { "error" } else { "note" },
        message: Text { text: body(told) },
        locations: vec![location.into()],
        stacks: if frames.is_empty() { Vec::new() } else { vec![stack(frames)] },
        partial_fingerprints: json!({ "tcptune/v1": json!(told.key).to_string() }),
        baseline_state: told.standing.map(|standing| if standing == Standing::Known { "unchanged" } else { "new" }),
        properties: json!({
            "program": told.finding.program.shown(),
            "service": told.finding.service,
            "side": told.finding.side,
            "waits": told.finding.waits,
            "waited_s": told.finding.waited_s,
        }),
    }
}

fn frame_of(frame: &Frame, here: &Path) -> Value {
    let name = frame.function.clone().unwrap_or_else(|| format!("{:#x}", frame.offset));
    let mut location = json!({ "logicalLocations": [{ "name": name, "kind": "function" }] });
    let source = frame.file.as_ref().and_then(|file| place(Path::new(file), frame.line, here));
    if let (Some(source), Some(location)) = (source, location.as_object_mut()) {
        location.insert("physicalLocation".to_owned(), source);
    }
    json!({ "module": frame.object, "location": location })
}

/// A file below the working directory is named from there, as code scanning wants it.
fn place(file: &Path, line: Option<u32>, here: &Path) -> Option<Value> {
    let below = file.strip_prefix(here).ok().filter(|_| !here.as_os_str().is_empty() && here != Path::new("/"));
    let encoded = |path: &Path| utf8_percent_encode(&path.to_string_lossy(), PATH).to_string();
    let uri = match below {
        _ if file.as_os_str().is_empty() => return None,
        Some(below) => encoded(below),
        None if file.is_absolute() => format!("file://{}", encoded(file)),
        None => encoded(file),
    };
    let mut place = json!({ "artifactLocation": { "uri": uri } });
    // SARIF counts from 1; 0 is a line that the compiler made.
    if let (Some(line @ 1..), Some(place)) = (line, place.as_object_mut()) {
        place.insert("region".to_owned(), json!({ "startLine": line }));
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::place;
    use std::path::Path;

    #[test]
    fn files_below_the_working_directory_are_named_from_there() {
        let uri = |file: &str, line| {
            let place = place(Path::new(file), line, Path::new("/src/a b")).expect("a place");
            (place["artifactLocation"]["uri"].as_str().expect("text").to_owned(), place["region"]["startLine"].as_u64())
        };
        assert_eq!(uri("/src/a b/x y.c", Some(3)), ("x%20y.c".to_owned(), Some(3)));
        assert_eq!(uri("/usr/bin/python3.11", None), ("file:///usr/bin/python3.11".to_owned(), None));
        assert_eq!(uri("client.c", Some(0)), ("client.c".to_owned(), None));
        assert!(place(Path::new(""), None, Path::new("/")).is_none());
    }
}
