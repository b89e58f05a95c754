//! `tcptune env`: the settings that a program started from here would get, and where each comes from.

pub mod args;
mod print;
pub mod report;

use std::collections::BTreeMap;

use tcptune_policy::VARIABLES;

use crate::errors::{Context, Failure, NO, OK, say};
use crate::output::json;
use crate::programs::preload;
use crate::settings::{self, Pair};
use args::EnvArgs;
use report::{Report, Row, Rule, Source};

pub fn command(args: &EnvArgs) -> Result<u8, Failure> {
    let environment = settings::environment();
    let reading = settings::read(&environment);
    let written = written(&environment)?;
    let rows = VARIABLES.iter().map(|row| {
        let text = written.get(row.name);
        let error = reading.faults.iter().find(|wrong| wrong.variable == row.name).map(|wrong| wrong.line.clone());
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
        preload: preload(&environment),
    };
    if args.json {
        json::document(&report)?;
    } else {
        print::table(&report);
    }
    for wrong in &reading.faults {
        say(&wrong.line);
    }
    report.unknown.iter().for_each(say);
    Ok(if reading.faults.is_empty() { OK } else { NO })
}

/// The variables as they are written, by name. Values that are not UTF-8 are shown with `\u{fffd}` in place of such bytes; the
/// faults, which the library's own reader finds in the bytes, are not affected.
fn written(environment: &[Pair]) -> Result<BTreeMap<String, String>, Failure> {
    // envy takes pairs of strings and would panic on other variables if it read the environment itself.
    let ours = environment.iter().filter(|(name, _)| settings::variable(name).is_some());
    let pairs: Vec<(String, String)> =
        ours.map(|(n, v)| (n.to_string_lossy().into_owned(), v.to_string_lossy().into_owned())).collect();
    let typed: BTreeMap<String, String> =
        envy::prefixed("TCPTUNE_").from_iter(pairs.iter().cloned()).doing(|| "read the variables TCPTUNE_*")?;
    let mut written: BTreeMap<String, String> =
        typed.into_iter().map(|(key, value)| (format!("TCPTUNE_{}", key.to_ascii_uppercase()), value)).collect();
    let switch = pairs.iter().find(|(name, _)| name == "TCPTUNE");
    written.extend(switch.cloned());
    Ok(written)
}

fn preload(environment: &[Pair]) -> Option<String> {
    preload::named(settings::value(environment, preload::VARIABLE)?).map(|entry| entry.to_string_lossy().into_owned())
}
