//! The definition of the command line as JSON: every command, its options and operands, and what they take.

use clap::{Arg, Command};
use serde::Serialize;

use crate::errors::{Context, Failure};
use crate::output;

#[derive(Serialize)]
struct Row {
    /// As it is typed: `tcptune systemd install`.
    command: String,
    options: Vec<Choice>,
    operands: Vec<Operand>,
}

#[derive(Serialize)]
struct Choice {
    long: Option<String>,
    short: Option<char>,
    /// What stands for the value; null: it takes none.
    value: Option<String>,
    /// The value must be behind an equals sign, and may be missing.
    equals: bool,
    /// The words that are allowed, where there are no others.
    words: Vec<String>,
    default: Option<String>,
    many: bool,
}

#[derive(Serialize)]
struct Operand {
    name: String,
    words: Vec<String>,
    required: bool,
    many: bool,
}

pub fn print(whole: &mut Command) -> Result<(), Failure> {
    whole.build();
    let mut rows = Vec::new();
    collect(whole, "", &mut rows);
    output::line(&serde_json::to_string_pretty(&rows).doing(|| "write the commands as JSON")?);
    Ok(())
}

fn collect(command: &Command, before: &str, rows: &mut Vec<Row>) {
    let name = format!("{before}{}", command.get_name());
    let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    let (operands, options): (Vec<&Arg>, Vec<&Arg>) = command.get_arguments().partition(|a| a.is_positional());
    rows.push(Row {
        command: name.clone(),
        options: options.into_iter().map(option).collect(),
        operands: operands.into_iter().map(operand).collect(),
    });
    below.for_each(|below| collect(below, &format!("{name} "), rows));
}

fn option(argument: &Arg) -> Choice {
    let value = argument.get_action().takes_values().then(|| placeholder(argument));
    Choice {
        long: argument.get_long().map(str::to_owned),
        short: argument.get_short(),
        words: value.as_ref().map(|_| words(argument)).unwrap_or_default(),
        value,
        equals: argument.is_require_equals_set(),
        default: argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned()),
        many: matches!(argument.get_action(), clap::ArgAction::Append),
    }
}

fn operand(argument: &Arg) -> Operand {
    Operand {
        name: placeholder(argument),
        words: words(argument),
        required: argument.is_required_set(),
        many: argument.get_num_args().is_some_and(|count| count.max_values() > 1),
    }
}

fn words(argument: &Arg) -> Vec<String> {
    argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

fn placeholder(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().to_string(), ToString::to_string)
}
