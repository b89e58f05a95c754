//! The values of settings, from the tables of settings, socket options and words of rules. Whether a word is valid is asked of
//! the reader of settings itself.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;
use tcptune_policy::{OPTION_TEXTS, RULE_WORDS, VARIABLES, Variable};

use super::candidates::{beginning, files};
use crate::settings;

/// For the option of a variable.
pub fn values(row: &'static Variable, current: &OsStr) -> Vec<CompletionCandidate> {
    match row.name {
        "TCPTUNE_SET" => options(current),
        "TCPTUNE_RULES" => rules(current),
        "TCPTUNE_STATS" => files(current),
        _ => beginning(current, words(row)),
    }
}

/// `key=value` entries; the last of them is completed.
pub fn options(current: &OsStr) -> Vec<CompletionCandidate> {
    last(current, [' ', ','], |entry| match entry.split_once('=') {
        None => OPTION_TEXTS.iter().map(|text| (format!("{}=", text.key), text.meaning.to_owned())).collect(),
        Some((key, _)) => {
            let example = OPTION_TEXTS.iter().filter(|text| text.key == key).map(|text| text.example.to_owned());
            let switches = ["on", "off"].map(|word| format!("{key}={word}"));
            let valid = |entry: &String| is_valid("TCPTUNE_SET", entry);
            with_help(example.chain(switches).filter(valid))
        }
    })
}

/// Words of a rule; the last of them is completed.
fn rules(current: &OsStr) -> Vec<CompletionCandidate> {
    last(current, [' ', ';'], |word| match word.split_once('=') {
        None => {
            let bare =
                |syntax: &str| syntax.find(['=', '(']).map_or_else(|| syntax.to_owned(), |at| syntax[..=at].to_owned());
            RULE_WORDS.iter().map(|word| (bare(word.syntax), word.meaning.to_owned())).collect()
        }
        Some((key, _)) => {
            let Some(row) = RULE_WORDS.iter().find(|word| word.syntax.starts_with(&format!("{key}="))) else {
                return Vec::new();
            };
            let named = row.values.split(|c: char| !c.is_ascii_alphabetic()).map(|value| format!("{key}={value}"));
            // A condition alone is no rule.
            let rule = |word: &str| if row.condition { format!("{word} on") } else { word.to_owned() };
            let valid = |word: &String| is_valid("TCPTUNE_RULES", &rule(word));
            let example = std::iter::once(row.example.to_owned()).filter(|_| row.condition);
            with_help(named.filter(valid).chain(example))
        }
    })
}

/// `cork=off`: a setting in lower case, and its value.
pub fn pairs(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().into_owned();
    let short = |row: &Variable| row.name.strip_prefix("TCPTUNE_").unwrap_or(row.name).to_ascii_lowercase();
    let Some((name, value)) = typed.split_once('=') else {
        let names = VARIABLES.iter().map(|row| (format!("{}=", short(row)), row.meaning.to_owned()));
        return beginning(current, names.chain([("none".to_owned(), "without the library".to_owned())]));
    };
    let Some(row) = VARIABLES.iter().find(|row| short(row) == name || row.name == name) else { return Vec::new() };
    values(row, value.as_ref()).into_iter().map(|found| found.add_prefix(format!("{name}="))).collect()
}

/// The words that a variable takes, where it takes no other text.
fn words(row: &Variable) -> Vec<(String, String)> {
    if is_valid(row.name, "@@") {
        return Vec::new();
    }
    let words = row.values.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    with_help(words.map(str::to_owned).filter(|word| is_valid(row.name, word)))
}

fn is_valid(variable: &str, value: &str) -> bool {
    settings::read(&[(variable.into(), value.into())]).faults.is_empty()
}

/// Each once, without words behind it.
fn with_help(values: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for value in values {
        if !found.iter().any(|(other, _)| *other == value) {
            found.push((value, String::new()));
        }
    }
    found
}

/// Completes the last part of a text whose parts have such gaps between them.
fn last(
    current: &OsStr,
    gaps: [char; 2],
    candidates: impl Fn(&str) -> Vec<(String, String)>,
) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().into_owned();
    let at = typed.rfind(gaps).map_or(0, |at| at + 1);
    let (before, part) = typed.split_at(at);
    beginning(part.as_ref(), candidates(part)).into_iter().map(|found| found.add_prefix(before)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: Vec<CompletionCandidate>) -> Vec<String> {
        found.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn words_are_those_that_are_valid() {
        let of = |name: &str| {
            let row = VARIABLES.iter().find(|row| row.name == name).expect("a setting");
            names(values(row, "".as_ref()))
        };
        assert_eq!(of("TCPTUNE_NODELAY"), ["on", "off", "force"]);
        assert_eq!(of("TCPTUNE_QUICKACK"), ["off", "on", "auto"]);
        assert!(of("TCPTUNE_ONLY").is_empty());
    }

    #[test]
    fn the_last_entry_is_completed() {
        assert_eq!(names(options("ttl=64 user_t".as_ref())), ["ttl=64 user_timeout="]);
        assert_eq!(
            names(options("thin_linear_timeouts=o".as_ref())),
            ["thin_linear_timeouts=on", "thin_linear_timeouts=off"]
        );
        assert_eq!(names(rules("port=143 cork=".as_ref())), ["port=143 cork=auto", "port=143 cork=off"]);
        assert_eq!(names(rules("pee".as_ref())), ["peer="]);
        assert_eq!(names(pairs("cork=o".as_ref())), ["cork=off"]);
        assert_eq!(names(pairs("nod".as_ref())), ["nodelay="]);
    }
}
