//! What is wrong with a command line, from clap's error in our form: one line that names the option or operand as it was typed,
//! its value and what is allowed.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error};

use super::words::{all, list, shown};

/// The line. `whole` is the definition of the command line, `arguments` what was typed, the command's own name included.
pub fn line(error: &Error, mut whole: Command, arguments: &[OsString]) -> String {
    whole.build();
    let typed = Typed::new(&whole, arguments);
    match error.kind() {
        ErrorKind::InvalidValue => typed.invalid_value(error),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("{}: {why}", typed.option(error))
        }
        ErrorKind::UnknownArgument => typed.unknown(error),
        ErrorKind::InvalidSubcommand => {
            let given = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let nearest = suggestion(error, ContextKind::SuggestedSubcommand);
            let allowed = list(&typed.subcommands());
            format!("{}: `{}` has no such command: allowed is {allowed}{nearest}", shown(&given), typed.name)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let (name, allowed) = (&typed.name, list(&typed.subcommands()));
            format!("a command is missing after `{name}`: allowed is {allowed} (`{name} --help` says more)")
        }
        ErrorKind::MissingRequiredArgument => typed.missing(error, &whole, arguments),
        ErrorKind::ArgumentConflict => typed.conflict(error),
        ErrorKind::TooManyValues | ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            let argument = typed.argument(error);
            let form = argument.map_or_else(|| text(error, ContextKind::InvalidArg).unwrap_or_default(), form);
            format!("{}: allowed is {form}", typed.option(error))
        }
        ErrorKind::InvalidUtf8 => {
            let odd = arguments.iter().find(|argument| argument.to_str().is_none());
            let odd = odd.map(|argument| shown(&argument.to_string_lossy())).unwrap_or_default();
            format!("{odd}: is not UTF-8, which is wanted here")
        }
        // Nothing of a user's making: the first line of what clap says.
        _ => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// The line of a failure that knows an option by its long name alone, with the option as it was typed.
pub fn as_typed(line: String, mut whole: Command, arguments: &[OsString]) -> String {
    whole.build();
    let typed = Typed::new(&whole, arguments);
    let short = typed.command.get_arguments().find_map(|argument| {
        let (long, short) = (argument.get_long()?, argument.get_short()?);
        let rest = line.strip_prefix(&format!("--{long} "))?;
        let is_long = |word: &String| word.strip_prefix("--").is_some_and(|word| word.starts_with(long));
        (!typed.words.iter().any(is_long)).then(|| format!("-{short} {rest}"))
    });
    short.unwrap_or(line)
}

/// What was typed, and the subcommand that it was typed for.
struct Typed<'c> {
    command: &'c Command,
    /// `tcptune systemd install`.
    name: String,
    /// What stands behind that name.
    words: Vec<String>,
}

impl<'c> Typed<'c> {
    fn new(whole: &'c Command, arguments: &[OsString]) -> Self {
        let mut words: Vec<String> = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let (mut command, mut name) = (whole, whole.get_name().to_owned());
        while let Some(below) = words.first().and_then(|word| command.find_subcommand(word)) {
            command = below;
            name = format!("{name} {}", words.remove(0));
        }
        Self { command, name, words }
    }

    fn subcommands(&self) -> Vec<String> {
        let visible = self.command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
        visible.map(|below| below.get_name().to_owned()).collect()
    }

    /// The option or operand that the error is about.
    fn argument(&self, error: &Error) -> Option<&'c Arg> {
        let name = text(error, ContextKind::InvalidArg)?;
        self.command.get_arguments().find(|argument| argument.to_string() == name)
    }

    /// The option and its value as they were typed; of an operand the value alone.
    fn option(&self, error: &Error) -> String {
        let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
        let argument = self.argument(error);
        let Some(argument) = argument.filter(|argument| !argument.is_positional()) else { return shown(&value) };
        self.place(argument, Some(&value)).unwrap_or_else(|| format!("{} {}", name(argument), shown(&value)))
    }

    /// How an option stands in what was typed, with this value or with any.
    fn place(&self, argument: &Arg, value: Option<&str>) -> Option<String> {
        let fits = |found: &str| value.is_none_or(|value| value == found);
        let mut names: Vec<String> = argument.get_long().iter().map(|long| format!("--{long}")).collect();
        names.extend(argument.get_short().map(|short| format!("-{short}")));
        self.words.iter().enumerate().take_while(|(_, word)| *word != "--").find_map(|(at, word)| {
            let name = names.iter().find(|name| word.starts_with(*name))?;
            let rest = &word[name.len()..];
            let next = self.words.get(at + 1);
            match rest.strip_prefix('=') {
                Some(found) if fits(found) => Some(format!("{name}={}", shown(found))),
                None if rest.is_empty() && next.is_some_and(|next| fits(next)) => {
                    Some(format!("{name} {}", next.map(|next| shown(next)).unwrap_or_default()))
                }
                None if !rest.is_empty() && !name.starts_with("--") && fits(rest) => {
                    Some(format!("{name}{}", shown(rest)))
                }
                _ => None,
            }
        })
    }

    fn invalid_value(&self, error: &Error) -> String {
        let argument = self.argument(error);
        let valid = texts(error, ContextKind::ValidValue);
        let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
        let given = argument.and_then(|argument| self.place(argument, Some(&value)));
        let nearest = suggestion(error, ContextKind::SuggestedValue);
        match argument {
            Some(argument) if value.is_empty() && given.is_none() => {
                let values = if valid.is_empty() { String::new() } else { format!(", with {}", list(&valid)) };
                format!("{}: its value is missing: allowed is {}{values}", name(argument), form(argument))
            }
            _ => format!("{}: allowed is {}{nearest}", self.option(error), list(&valid)),
        }
    }

    fn unknown(&self, error: &Error) -> String {
        let given = text(error, ContextKind::InvalidArg).unwrap_or_default();
        let name = &self.name;
        if given.starts_with('-') && given != "-" {
            let with_value = |word: &&String| word.split_once('=').is_some_and(|(option, _)| option == given);
            let typed = self.words.iter().find(with_value).unwrap_or(&given);
            let nearest = suggestion(error, ContextKind::SuggestedArg);
            let all = if nearest.is_empty() { format!(": `{name} --help` lists all") } else { nearest };
            return format!("{}: `{name}` has no such option{all}", shown(typed));
        }
        let operands: Vec<String> = self.command.get_positionals().map(form).collect();
        match operands.as_slice() {
            [] => format!("{}: `{name}` takes no operand: only options are allowed", shown(&given)),
            operands => format!("{}: `{name}` takes no more operands than {}", shown(&given), operands.join(" ")),
        }
    }

    fn missing(&self, error: &Error, whole: &Command, arguments: &[OsString]) -> String {
        let missing = texts(error, ContextKind::InvalidArg);
        let named = |text: &String| self.command.get_arguments().find(|argument| argument.to_string() == *text);
        let forms: Vec<String> = missing.iter().map(|text| named(text).map_or_else(|| bare(text), form)).collect();
        let forms = all(&forms);
        if let Some(option) = self.demanding(&missing, whole, arguments) {
            return format!("{option}: needs {forms} too");
        }
        let usage = self.command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage:").lines().map(str::trim).collect::<Vec<_>>().join("` or `");
        format!("{forms} is missing: allowed is `{usage}`")
    }

    /// The option without which nothing would be missing. clap does not tell, so each is left out once.
    fn demanding(&self, missing: &[String], whole: &Command, arguments: &[OsString]) -> Option<String> {
        let begin = arguments.len() - self.words.len();
        let own = self.words.iter().take_while(|word| *word != "--").enumerate();
        own.filter(|(_, word)| word.starts_with('-')).find_map(|(at, word)| {
            let option = word.split('=').next().unwrap_or(word);
            let argument = self.command.get_arguments().find(|argument| spelled(argument, option))?;
            let width = 1 + usize::from(argument.get_action().takes_values() && !word.contains('='));
            let mut without = arguments.to_vec();
            without.drain(begin + at..(begin + at + width).min(arguments.len()));
            let demanded = match whole.clone().try_get_matches_from(without) {
                Ok(_) => false,
                Err(other) => {
                    other.kind() == ErrorKind::MissingRequiredArgument
                        && texts(&other, ContextKind::InvalidArg).iter().any(|text| missing.contains(text))
                }
            };
            (!demanded).then(|| self.place(argument, None).filter(|_| width == 2).unwrap_or_else(|| shown(word)))
        })
    }

    fn conflict(&self, error: &Error) -> String {
        let as_typed = |text: &String| {
            let argument = self.command.get_arguments().find(|argument| argument.to_string() == *text);
            let Some(argument) = argument else { return text.clone() };
            let given = self.place(argument, None).filter(|_| argument.get_action().takes_values());
            given.unwrap_or_else(|| if argument.is_positional() { form(argument) } else { name(argument) })
        };
        let invalid = text(error, ContextKind::InvalidArg).unwrap_or_default();
        let others = texts(error, ContextKind::PriorArg);
        if others.is_empty() || others.contains(&invalid) {
            return format!("{}: allowed is to give it once", as_typed(&invalid));
        }
        let others: Vec<String> = others.iter().map(as_typed).collect();
        format!("{}: allowed is either this or {}, not both", as_typed(&invalid), list(&others))
    }
}

/// Is this how the option is written?
fn spelled(argument: &Arg, word: &str) -> bool {
    let long = word.strip_prefix("--").is_some_and(|long| argument.get_long() == Some(long));
    long || word.strip_prefix('-').is_some_and(|short| argument.get_short().is_some_and(|s| short == s.to_string()))
}

/// `--runs`; of an operand what stands for it.
fn name(argument: &Arg) -> String {
    argument.get_long().map_or_else(|| placeholder(argument), |long| format!("--{long}"))
}

/// `--runs RUNS`, `--bpf`, `COMMAND`.
fn form(argument: &Arg) -> String {
    if argument.is_positional() {
        return placeholder(argument);
    }
    match argument.get_action() {
        ArgAction::Set | ArgAction::Append => {
            let gap = if argument.is_require_equals_set() { '=' } else { ' ' };
            format!("{}{gap}{}", name(argument), placeholder(argument))
        }
        _ => name(argument),
    }
}

fn placeholder(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().to_string(), ToString::to_string)
}

/// What stands for an operand, without the marks of how often it may be given.
fn bare(text: &str) -> String {
    text.trim_end_matches("...").trim_matches(['<', '>', '[', ']']).to_owned()
}

/// What of this kind the error names, if it is one text.
fn text(error: &Error, kind: ContextKind) -> Option<String> {
    texts(error, kind).into_iter().next()
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn suggestion(error: &Error, kind: ContextKind) -> String {
    let nearest: Vec<String> = texts(error, kind).iter().map(|text| format!("`{text}`")).collect();
    if nearest.is_empty() { String::new() } else { format!(": did you mean {}?", list(&nearest)) }
}
