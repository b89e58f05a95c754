//! `tcptune env`: the settings that a program started from here would get, and where each comes from.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::Serialize;
use tcptune_policy::VARIABLES;

use crate::errors::{Failure, NO, OK, say};
use crate::output::{BAD, BOLD, FAINT, line, styled, wrapped};
use crate::programs::library;
use crate::settings;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// Are programs tuned at all? Not with TCPTUNE=off, and not after a fault.
    enabled: bool,
    settings: Vec<Row>,
    rules: Vec<Rule>,
    /// Names that look like settings and are none.
    unknown: Vec<String>,
    /// Our entry in LD_PRELOAD, if there is one.
    preload: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    /// What holds.
    value: String,
    source: Source,
    /// What the variable says, if it is set.
    written: Option<String>,
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Default,
    Environment,
}

#[derive(Debug, Serialize)]
struct Rule {
    rule: String,
    /// What holds for a socket that it matches.
    tuning: String,
}

pub fn command(json: bool) -> Result<u8, Failure> {
    let environment = settings::environment();
    let reading = settings::read(&environment);
    let written = written(&environment)?;
    let rows = VARIABLES.iter().map(|row| {
        let text = written.get(row.name);
        let error = reading.faults.iter().find(|(name, _)| *name == row.name).map(|(_, line)| line.clone());
        let set = text.is_some_and(|t| !t.trim().is_empty());
        Row {
            name: row.name,
            value: settings::effective(row, text.map_or("", String::as_str)),
            source: if set { Source::Environment } else { Source::Default },
            written: text.cloned(),
            error,
        }
    });
    let rules = (1..=reading.settings.rule_count()).map(|n| Rule {
        rule: settings::describe_rule(&reading.settings, n),
        tuning: settings::describe(reading.settings.tuning(n)),
    });
    let report = Report {
        enabled: reading.settings.enabled(),
        settings: rows.collect(),
        rules: rules.collect(),
        unknown: reading.unknown,
        preload: preload(),
    };
    if json {
        line(&serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    for (_, fault) in &reading.faults {
        say(fault);
    }
    report.unknown.iter().for_each(say);
    Ok(if reading.faults.is_empty() { OK } else { NO })
}

/// The variables as they are written, by name. Values that are not UTF-8 are shown with `\u{fffd}` in place of such bytes; the
/// faults, which the library's own reader finds in the bytes, are not affected.
fn written(environment: &[(OsString, OsString)]) -> Result<BTreeMap<String, String>, Failure> {
    // envy takes pairs of strings and would panic on other variables if it read the environment itself.
    let ours = environment.iter().filter(|(name, _)| settings::variable(name).is_some());
    let pairs: Vec<(String, String)> =
        ours.map(|(n, v)| (n.to_string_lossy().into_owned(), v.to_string_lossy().into_owned())).collect();
    let typed: BTreeMap<String, String> = envy::prefixed("TCPTUNE_").from_iter(pairs.iter().cloned())?;
    let mut written: BTreeMap<String, String> =
        typed.into_iter().map(|(key, value)| (format!("TCPTUNE_{}", key.to_ascii_uppercase()), value)).collect();
    let switch = pairs.iter().find(|(name, _)| name == "TCPTUNE");
    written.extend(switch.cloned());
    Ok(written)
}

fn preload() -> Option<String> {
    let list = std::env::var_os("LD_PRELOAD")?.to_string_lossy().into_owned();
    let mut entries = list.split([':', ' ', '\t']);
    entries.find(|entry| library::is_named_like_ours(Path::new(OsStr::new(entry)))).map(str::to_owned)
}

fn print(report: &Report) {
    line(&styled(BOLD, format_args!("{:18}{:14}{}", "setting", "from", "value")));
    for row in &report.settings {
        let from = match row.source {
            _ if row.error.is_some() => styled(BAD, format_args!("{:14}", "invalid")),
            Source::Default => styled(FAINT, format_args!("{:14}", "default")),
            Source::Environment => format!("{:14}", "environment"),
        };
        let shown = match (&row.error, row.value.as_str()) {
            (Some(_), _) => row.written.clone().unwrap_or_default().escape_debug().to_string(),
            (None, "") => "-".to_owned(),
            (None, value) => value.escape_debug().to_string(),
        };
        line(format!("{:18}{from}{}", row.name, wrapped(&shown, 66, 32)).trim_end());
    }
    for (n, rule) in report.rules.iter().enumerate() {
        line(&format!("{:18}{:14}{}", format!("  rule {}", n + 1), "", wrapped(&rule.rule, 66, 32)));
        line(&styled(FAINT, format_args!("{:32}gives {}", "", wrapped(&rule.tuning, 60, 38))));
    }
    line("");
    line(match (report.enabled, report.settings.iter().any(|row| row.error.is_some())) {
        (_, true) => "A setting is invalid: tuning is off for every program that is started like this.",
        (true, false) => "Tuning is on.",
        (false, false) => "Tuning is off.",
    });
    line(&match &report.preload {
        Some(entry) => format!("LD_PRELOAD names the library: {entry}"),
        None => "LD_PRELOAD does not name the library here; `tcptune run` puts it there.".to_owned(),
    });
}
