//! Every option and operand of every subcommand, from the command's own definition (`tcptune generate commands`), used wrongly in
//! each way that it can be. An option that is added later is tried too: one whose error does not name it fails here.

use std::process::Stdio;

use serde_json::Value;

use super::{image, one_line, text};
use crate::support::cli::{ended, tcptune};
use crate::support::library;

/// What no option takes; a file of this name is in a directory that is not there.
const ABSURD: &str = "@@";
const NO_FILE: &str = "/nonexistent/@@";

/// Options that take any text.
const FREE: [(&str, &str); 4] = [
    ("only", "every text is a pattern"),
    ("skip", "every text is a pattern"),
    (
        "prepare",
        "a command that the shell runs: what it says and ends with is its own affair, and tested in tests/cli/errors.rs",
    ),
    ("cleanup", "the same"),
];

struct Subcommand {
    words: Vec<String>,
    options: Vec<Value>,
    operands: Vec<Value>,
}

impl Subcommand {
    fn is(&self, name: &str) -> bool {
        self.words.join(" ") == name
    }

    /// What must stand behind an option for it to be the only thing that is wrong.
    fn rest(&self, option: &str) -> Vec<String> {
        let words: &[&str] = match (self.words.join(" ").as_str(), option) {
            ("attach", "port" | "unit")
            | ("detach", "unit")
            | ("doctor", "pcap" | "unit" | "budget" | "pid")
            | ("ab", "load" | "serve") => &[],
            ("run" | "check" | "doctor", _) => &["true"],
            ("ab", "arm") => &["true"],
            ("ab", "at-most") => &["--until-decided", "--", "true"],
            ("ab", "tune" | "ready-port") => &["--serve", "true", "--load", "true"],
            ("ab", _) => &["-n", "1", "--warmup", "0", "--count", "off", "--", "true"],
            ("attach", "interval") => &["--watch", "1"],
            ("attach" | "detach", _) => &["1"],
            ("export", "budget") => &["--host"],
            ("export", "every") => &["--textfile", "/dev/null"],
            ("export" | "report" | "top", _) => &["/"],
            ("systemd install" | "systemd remove" | "systemd show", "root") => &["x"],
            (name, "library") if name.starts_with("systemd ") => &["--root", "IMAGE", "x"],
            (name, _) if name.starts_with("systemd ") => &["x"],
            _ => &[],
        };
        let more: &[&str] = match (self.words[0].as_str(), option) {
            ("ab", "load") => &["--serve", "true", "--ready-port", "1"],
            ("ab", "serve") => &["--load", "true", "--ready-port", "1"],
            _ => &[],
        };
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// Exit status and stderr, which is one line; nothing is on stdout.
    fn fails(&self, arguments: &[String]) -> (i32, String) {
        let mut command = tcptune();
        command.args(&self.words).args(arguments).stdin(Stdio::null());
        let (code, out, err) = ended(&mut command);
        let line = format!("tcptune {} {}: {code} {out}{err}", self.words.join(" "), arguments.join(" "));
        assert!(code != 0 && out.is_empty(), "{line}");
        assert!(one_line(&err).is_some(), "{line}");
        (code, err)
    }
}

fn all() -> Vec<Subcommand> {
    let (code, out, err) = ended(tcptune().args(["generate", "commands"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let rows: Value = serde_json::from_str(&out).expect("JSON");
    let list = |row: &Value, key: &str| row[key].as_array().expect("a list").clone();
    let words = |row: &Value| row["command"].as_str().expect("text").split(' ').skip(1).map(str::to_owned).collect();
    let rows = rows.as_array().expect("a list").iter();
    rows.map(|row| Subcommand { words: words(row), options: list(row, "options"), operands: list(row, "operands") })
        .collect()
}

/// Of each option its long name, and the whole of it.
fn options(subcommand: &Subcommand) -> impl Iterator<Item = (&str, &Value)> {
    let usual = ["help", "version"];
    let named = subcommand.options.iter().map(|option| (option["long"].as_str().expect("a long name"), option));
    named.filter(move |(long, _)| !usual.contains(long))
}

#[test]
fn a_bad_value_is_named_with_its_option() {
    let mut tried = 0;
    let image = image("errors-walk");
    for subcommand in all() {
        for (long, option) in options(&subcommand) {
            let Some(value) = option["value"].as_str() else { continue };
            // `show` lists what is wrong with a library among what stands in the way.
            let shown = subcommand.is("systemd show") && long == "library"
                // A directory of a service is judged when the library is found.
                || subcommand.is("systemd install") && long == "stats";
            if shown || FREE.iter().any(|(free, _)| *free == long) {
                continue;
            }
            let bad = match value {
                "FILE" | "DIR" => NO_FILE.to_owned(),
                _ if value.ends_with("=FILE") => format!("{ABSURD}={NO_FILE}"),
                _ => ABSURD.to_owned(),
            };
            let mut arguments = match option["equals"] == true {
                true => vec![format!("--{long}={bad}")],
                false => vec![format!("--{long}"), bad.clone()],
            };
            // Where it is not the library that is to be judged, there is one.
            let library = library().to_str().expect("text").to_owned();
            let takes_library = options(&subcommand).any(|(other, _)| other == "library");
            if takes_library && long != "library" && !subcommand.words[0].starts_with("systemd") {
                arguments.splice(
                    0..0,
                    ["--library".to_owned(), library]
                        .into_iter()
                        .filter(|_| !["pcap", "unit", "budget", "pid"].contains(&long)),
                );
            }
            arguments.extend(subcommand.rest(long));
            let image = text(image.path());
            arguments.iter_mut().filter(|word| *word == "IMAGE").for_each(|word| image.clone_into(word));
            let (_, err) = subcommand.fails(&arguments);
            let typed = [format!("tcptune: --{long} {bad}: "), format!("tcptune: --{long}={bad}: ")];
            assert!(typed.iter().any(|typed| err.starts_with(typed)), "{arguments:?}: {err}");
            tried += 1;
        }
    }
    assert!(tried > 55, "{tried}");
}

#[test]
fn a_missing_value_is_told_what_is_allowed() {
    for subcommand in all() {
        for (long, option) in options(&subcommand) {
            let Some(value) = option["value"].as_str() else { continue };
            if option["equals"] == true {
                continue;
            }
            let (code, err) = subcommand.fails(&[format!("--{long}")]);
            let expected = format!("tcptune: --{long}: its value is missing: allowed is --{long} {value}");
            assert!(code == 125 && err.starts_with(&expected), "{err}");
        }
    }
}

#[test]
fn a_switch_takes_no_value_and_is_given_once() {
    for subcommand in all() {
        for (long, option) in options(&subcommand).filter(|(_, option)| option["value"].is_null()) {
            let (code, err) = subcommand.fails(&[format!("--{long}={ABSURD}")]);
            assert_eq!((code, err), (125, format!("tcptune: --{long}={ABSURD}: allowed is --{long}\n")));
            let twice = vec![format!("--{long}"); 2];
            let (code, err) = subcommand.fails(&twice);
            assert_eq!((code, err), (125, format!("tcptune: --{long}: allowed is to give it once\n")), "{option}");
        }
    }
}

#[test]
fn an_unknown_option_is_named_with_the_nearest() {
    for subcommand in all() {
        let name = ["tcptune"].into_iter().chain(subcommand.words.iter().map(String::as_str));
        let name = name.collect::<Vec<_>>().join(" ");
        let (code, err) = subcommand.fails(&["--qqqqq".to_owned()]);
        let expected = format!("tcptune: --qqqqq: `{name}` has no such option: `{name} --help` lists all\n");
        assert_eq!((code, err), (125, expected));
        for (long, _) in options(&subcommand) {
            let wrong = format!("--{long}x");
            let (code, err) = subcommand.fails(&[format!("{wrong}=1")]);
            let expected = format!("tcptune: {wrong}=1: `{name}` has no such option: did you mean `--{long}`?\n");
            assert_eq!((code, err), (125, expected));
        }
    }
}

#[test]
fn operands_that_are_missing_or_too_many_are_named() {
    for subcommand in all() {
        let required: Vec<&Value> = subcommand.operands.iter().filter(|operand| operand["required"] == true).collect();
        if let Some(operand) = required.first() {
            let (code, err) = subcommand.fails(&[]);
            let name = operand["name"].as_str().expect("a name");
            assert!(
                code == 125 && err.starts_with(&format!("tcptune: {name} is missing: allowed is `tcptune ")),
                "{err}"
            );
        }
        let many = subcommand.operands.iter().any(|operand| operand["many"] == true);
        let above = ["", "systemd", "generate"].iter().any(|name| subcommand.is(name));
        if many || above {
            continue;
        }
        let known =
            |operand: &Value| operand["words"].as_array().and_then(|words| words.first()?.as_str().map(str::to_owned));
        let mut arguments: Vec<String> =
            subcommand.operands.iter().map(|operand| known(operand).unwrap_or_else(|| "x".to_owned())).collect();
        arguments.push(ABSURD.to_owned());
        let (code, err) = subcommand.fails(&arguments);
        assert!(code == 125 && err.starts_with(&format!("tcptune: {ABSURD}: `tcptune ")), "{err}");
    }
}

#[test]
fn subcommands_that_are_missing_or_unknown_are_told_what_there_is() {
    for name in ["", "systemd", "generate"] {
        let subcommand = all().into_iter().find(|subcommand| subcommand.is(name)).expect("it is there");
        let below: Vec<String> = all()
            .iter()
            .filter(|other| {
                other.words.len() == subcommand.words.len() + 1 && other.words.starts_with(&subcommand.words)
            })
            .filter_map(|other| other.words.last().cloned())
            .collect();
        for arguments in [vec![], vec![ABSURD.to_owned()]] {
            let (code, err) = subcommand.fails(&arguments);
            let all_named = below.iter().all(|below| err.contains(below.as_str()));
            assert!(code == 125 && below.len() > 3 && all_named, "{err}");
            assert!(arguments.is_empty() || err.contains("@@: "), "{err}");
        }
    }
}

#[test]
fn words_are_all_listed_and_times_have_their_unit() {
    for subcommand in all() {
        for (long, option) in options(&subcommand) {
            let default = option["default"].as_str().unwrap_or_default();
            if option["value"] == "TIME" && !default.is_empty() {
                assert!(default.ends_with('s'), "--{long} {default}");
            }
            for word in option["words"].as_array().expect("a list") {
                let mut arguments = vec![format!("--{long}"), ABSURD.to_owned()];
                arguments.extend(subcommand.rest(long));
                let (_, err) = subcommand.fails(&arguments);
                assert!(err.contains(word.as_str().expect("text")), "{err}");
            }
        }
    }
}
