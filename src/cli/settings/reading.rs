//! The settings as this command sees them: read by the same code as in the library, with faults as lines for people.
//!
//! It knows no setting by itself: names, words and texts come from the table in `tcptune_policy`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use tcptune_policy::{Settings, Tuning, VARIABLES, Variable};

use crate::output;

/// A variable of the environment.
pub type Pair = (OsString, OsString);

/// What reading gave.
pub struct Reading {
    pub settings: Settings,
    pub faults: Vec<Wrong>,
    /// Names that begin like ours and are none, as a line each.
    pub unknown: Vec<String>,
}

/// What is wrong with a variable.
#[derive(Clone, Debug)]
pub struct Wrong {
    pub variable: &'static str,
    /// In the library's own words, which people find in the logs of their programs too.
    pub line: String,
    /// What is allowed; before it the word that is not, unless it is the whole value. To stand behind an option and its value.
    pub what: String,
}

/// The environment this command was started with.
pub fn environment() -> Vec<Pair> {
    std::env::vars_os().collect()
}

/// A variable of an environment.
pub fn value<'e>(environment: &'e [Pair], name: &str) -> Option<&'e OsStr> {
    environment.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_os_str())
}

/// Put a variable in the place of all of its name.
pub fn put(environment: &mut Vec<Pair>, name: &str, value: OsString) {
    environment.retain(|(other, _)| other != name);
    environment.push((name.into(), value));
}

/// Read all variables, as the library does at a program's start.
pub fn read(environment: &[Pair]) -> Reading {
    let mut reading = Reading { settings: Settings::DEFAULT, faults: Vec::new(), unknown: Vec::new() };
    for (name, value) in environment {
        if let Err(fault) = reading.settings.apply(name.as_bytes(), value.as_bytes()) {
            let line = text(|put| fault.reason(value.as_bytes(), put));
            let allowed = format!("allowed is {}", text(|put| fault.allowed(put)));
            let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
            let word = value.as_bytes().get(place(fault.start)..place(fault.end)).unwrap_or_default();
            let what = match value.as_bytes().trim_ascii() == word {
                true => allowed,
                false => format!("`{}`: {allowed}", output::printable(&String::from_utf8_lossy(word))),
            };
            reading.faults.push(Wrong { variable: fault.variable(), line, what });
        }
        reading.unknown.extend(unknown(name));
    }
    reading.settings.finish();
    reading
}

/// What is wrong with the value of one variable, if anything is.
pub fn objection(row: &Variable, value: &OsStr) -> Option<String> {
    read(&[(row.name.into(), value.to_owned())]).faults.into_iter().next().map(|wrong| wrong.what)
}

/// The row of a variable.
pub fn variable(name: &OsStr) -> Option<&'static Variable> {
    VARIABLES.iter().find(|row| name == row.name)
}

/// Is this variable for us, or meant to be?
pub fn is_ours(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    bytes.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"TCPTUNE"))
}

fn unknown(name: &OsStr) -> Option<String> {
    if !is_ours(name) || variable(name).is_some() {
        return None;
    }
    let shown = output::printable(&name.to_string_lossy());
    let upper = shown.to_ascii_uppercase();
    let nearest = VARIABLES.iter().map(|row| (distance(&upper, row.name), row.name)).min();
    Some(match nearest {
        Some((steps, name)) if steps <= 2 => format!("{shown} is no setting and is ignored: did you mean {name}?"),
        _ => format!("{shown} is no setting and is ignored: `tcptune env` lists all"),
    })
}

/// How many letters must be added, taken away or changed to make one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A tuning in the words of a rule.
pub fn describe(tuning: &Tuning) -> String {
    text(|put| tuning.describe(put))
}

/// Rule `index`, counted from 1.
pub fn describe_rule(settings: &Settings, index: u8) -> String {
    text(|put| settings.describe_rule(index, put))
}

/// What a variable comes to by itself, in the words it could have been set with. `written` is its text.
pub fn effective(row: &Variable, written: &str) -> String {
    let settings = read(&[(row.name.into(), written.into())]).settings;
    let base = &settings.base;
    match row.name {
        "TCPTUNE" if settings.observing() => "observe".to_owned(),
        "TCPTUNE" => if settings.enabled() { "on" } else { "off" }.to_owned(),
        "TCPTUNE_NODELAY" => base.nodelay.word().to_owned(),
        "TCPTUNE_CORK" => base.cork.word().to_owned(),
        "TCPTUNE_RELEASE" => base.release.word().to_owned(),
        "TCPTUNE_QUICKACK" => base.quickack.word().to_owned(),
        "TCPTUNE_SET" => text(|put| base.set.describe(put)),
        "TCPTUNE_RULES" => {
            let rules: Vec<String> = (1..=settings.rule_count()).map(|n| describe_rule(&settings, n)).collect();
            rules.join("; ")
        }
        "TCPTUNE_SPLIT" => settings.split().to_string(),
        "TCPTUNE_TUNED_SHARE" => 100u8.saturating_sub(settings.split()).to_string(),
        "TCPTUNE_STATS" if settings.stats().is_empty() => row.default.to_owned(),
        _ if written.trim().is_empty() => row.default.to_owned(),
        _ => written.trim().to_owned(),
    }
}

fn text(describe: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut bytes = Vec::new();
    describe(&mut |piece| bytes.extend_from_slice(piece));
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{distance, effective, read};
    use tcptune_policy::VARIABLES;

    #[test]
    fn suggests_the_nearest_name() {
        let unknown = |name: &str| read(&[(name.into(), "on".into())]).unknown;
        assert_eq!(
            unknown("TCPTUNE_NODELY"),
            ["TCPTUNE_NODELY is no setting and is ignored: did you mean TCPTUNE_NODELAY?"]
        );
        assert!(unknown("tcptune_rule")[0].contains("did you mean TCPTUNE_RULES?"));
        assert!(!unknown("TCPTUNE_SOMETHING_ELSE")[0].contains("did you mean"));
        assert!(unknown("TCPTUNE_SET").is_empty());
        assert!(unknown("TCP").is_empty());
    }

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn every_default_in_the_table_is_what_holds() {
        for row in &VARIABLES {
            assert_eq!(effective(row, ""), row.default, "{}", row.name);
        }
    }

    #[test]
    fn every_example_in_the_table_is_valid_and_takes_effect() {
        for row in &VARIABLES {
            let reading = read(&[(row.name.into(), row.example.into())]);
            assert!(reading.faults.is_empty(), "{:?}", reading.faults);
            assert_ne!(effective(row, row.example), row.default, "{}", row.name);
        }
    }
}
