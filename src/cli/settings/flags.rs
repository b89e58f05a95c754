//! The options of `run` and `systemd install` that set the library's variables, made from the table of settings: one for each row.

use std::ffi::{OsStr, OsString};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use tcptune_policy::{VARIABLES, Variable};

use super::reading::{self, Wrong};
use crate::errors::shown;

/// Variables that were given as options, ready for the environment.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags {
    pub given: Vec<(&'static Variable, OsString)>,
}

impl SettingFlags {
    /// The directory of `--stats`, if it names one.
    pub fn stats(&self) -> Option<&OsStr> {
        let given = self.given.iter().find(|(row, _)| row.name == "TCPTUNE_STATS");
        given.map(|(_, value)| value.as_os_str()).filter(|value| *value != "off")
    }

    /// What is wrong with settings that are right one by one, or with one of the environment; and how many more are wrong.
    pub fn named(&self, wrong: &Wrong, more: usize) -> String {
        let given = self.given.iter().find(|(row, _)| row.name == wrong.variable);
        let option = given.map(|(row, value)| (flag(row).long, value));
        let line = match option {
            Some((long, value)) => format!("--{long} {}: {}", shown(&value.to_string_lossy()), wrong.what),
            None => wrong.line.clone(),
        };
        if more == 0 { line } else { format!("{line} (and {more} more: `tcptune env` lists those of the environment)") }
    }
}

/// What is wrong with a value, if anything is.
fn objection(row: &Variable, value: &OsStr) -> Option<String> {
    // A directory may be given by a path from here; `run` makes it whole before it is judged.
    (row.name != "TCPTUNE_STATS").then(|| reading::objection(row, value))?
}

/// Those that are in the short help.
const USUAL: [&str; 4] = ["TCPTUNE_NODELAY", "TCPTUNE_CORK", "TCPTUNE_SET", "TCPTUNE_RULES"];

/// How a variable appears on the command line.
struct Flag {
    long: String,
    value_name: &'static str,
    /// Given more than once, the values are joined by this.
    join: Option<&'static str>,
}

fn flag(row: &Variable) -> Flag {
    let long = row.name.strip_prefix("TCPTUNE_").unwrap_or("mode").to_ascii_lowercase().replace('_', "-");
    match long.as_str() {
        "rules" => Flag { long: "rule".to_owned(), value_name: "RULE", join: Some("; ") },
        "set" => Flag { long, value_name: "KEY=VALUE", join: Some(" ") },
        "only" | "skip" => Flag { long, value_name: "PATTERN", join: Some(",") },
        "split" | "tuned-share" => Flag { long, value_name: "PERCENT", join: None },
        "stats" => Flag { long, value_name: "DIR", join: None },
        _ => Flag { long, value_name: "WORD", join: None },
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in &VARIABLES {
            let flag = flag(row);
            let Some(values) = matches.get_many::<OsString>(row.name) else { continue };
            let mut joined = OsString::new();
            for (n, value) in values.enumerate() {
                if n > 0 {
                    joined.push(flag.join.unwrap_or(" "));
                }
                joined.push(value);
            }
            self.given.retain(|(given, _)| given.name != row.name);
            self.given.push((row, joined));
        }
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(mut command: Command) -> Command {
        for row in &VARIABLES {
            let flag = flag(row);
            let mut help =
                row.meaning.split_once(". ").map_or(row.meaning, |(first, _)| first).trim_end_matches('.').to_owned();
            if !row.default.is_empty() {
                help.push_str(&format!(" [{}; default: {}]", row.values, row.default));
            }
            let mut long_help = format!("{}\n\nAllowed: {}.", row.meaning, row.values);
            if !row.default.is_empty() {
                long_help.push_str(&format!(" Default: {}.", row.default));
            }
            let quote = if row.example.bytes().all(|b| b.is_ascii_alphanumeric()) { "" } else { "'" };
            long_help.push_str(&format!(" Example: --{} {quote}{}{quote}.", flag.long, row.example));
            long_help.push_str(&format!(" Variable: {}.", row.name));
            if flag.join.is_some() {
                long_help.push_str(" May be given more than once.");
            }
            let action = if flag.join.is_some() { ArgAction::Append } else { ArgAction::Set };
            command = command.arg(
                Arg::new(row.name)
                    .long(flag.long)
                    .value_name(flag.value_name)
                    .help(help)
                    .hide_short_help(!USUAL.contains(&row.name))
                    .long_help(long_help)
                    .help_heading("Settings")
                    .value_parser(
                        OsStringValueParser::new().try_map(move |value| objection(row, &value).map_or(Ok(value), Err)),
                    )
                    .action(action),
            );
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
