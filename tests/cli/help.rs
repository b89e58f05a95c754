//! The help: the short one fits one screen, what stands below the options is whole, and the man pages have it too, in sections
//! that a formatter leaves alone.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::cli::{ended, tcptune};
use crate::support::{ScratchDir, finish, text};

/// One screen.
const LINES: usize = 40;
const COLUMNS: usize = 80;

/// Every command as it is typed, without `tcptune`.
fn commands() -> Vec<Vec<String>> {
    let (code, out, err) = ended(tcptune().args(["generate", "commands"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let rows: Value = serde_json::from_str(&out).expect("JSON");
    let words = |row: &Value| row["command"].as_str().expect("text").split(' ').skip(1).map(str::to_owned).collect();
    rows.as_array().expect("a list").iter().map(words).collect()
}

fn help(words: &[String], option: &str) -> String {
    let (code, out, err) = ended(tcptune().args(words).arg(option).env("COLUMNS", COLUMNS.to_string()));
    assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
    out
}

/// Pages below a page that has exit statuses and examples need none.
fn has_own(words: &[String]) -> bool {
    !matches!(words, [parent, _] if parent == "generate")
}

/// The commands of the examples.
fn examples(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    // What stands behind a command, or below it, is far from it.
    lines
        .filter(|line| !line.starts_with("   "))
        .map(|line| line[2..].split("   ").next().unwrap_or_default())
        .collect()
}

#[test]
fn the_short_help_fits_one_screen() {
    for words in commands() {
        let short = help(&words, "-h");
        assert!(short.lines().count() <= LINES, "{words:?}: {} lines\n{short}", short.lines().count());
    }
}

#[test]
fn no_line_is_wider_and_every_example_is_indented() {
    for words in commands() {
        for option in ["-h", "--help"] {
            let help = help(&words, option);
            let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > COLUMNS).collect();
            assert!(wide.is_empty(), "{words:?} {option}: {wide:?}");
            if !has_own(&words) {
                continue;
            }
            let below: Vec<&str> = help.lines().skip_while(|line| *line != "Examples:").skip(1).collect();
            assert!(!below.is_empty(), "{words:?} {option}");
            assert!(below.iter().all(|line| line.starts_with("  ")), "{words:?} {option}: {below:?}");
        }
        assert!(!has_own(&words) || help(&words, "--help").contains("\nExit status:\n  "), "{words:?}");
    }
}

/// Examples are command lines that the command takes: with `--help` among their options nothing is done.
#[test]
fn every_example_is_valid() {
    for words in commands().iter().filter(|words| has_own(words)) {
        let long = help(words, "--help");
        assert!(!examples(&long).is_empty(), "{words:?}");
        for example in examples(&long) {
            let script = example.replace("tcptune ", &format!("'{}' ", env!("CARGO_BIN_EXE_tcptune")));
            // What follows in a pipe, or is written, is no matter here; a command that is started is `true`.
            let script = script.split([';', '|', '>']).next().unwrap_or_default().to_owned();
            let script = script.replacen(" -- ", " --help -- ", 1);
            let script = if script.contains("--help") { script } else { format!("{script} --help") };
            let mut shell = Command::new("sh");
            let outcome = finish(shell.args(["-c", &script]));
            assert!(outcome.status.success(), "{example}: {}", text(&outcome.stderr));
        }
    }
}

fn pages(scratch: &ScratchDir) {
    let (code, _, err) = ended(tcptune().args(["generate", "man"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""));
}

fn name_of(words: &[String]) -> String {
    let mut parts = vec!["tcptune".to_owned()];
    parts.extend(words.iter().cloned());
    parts.join("-") + ".1"
}

/// What a reader of a page sees.
fn read(page: &Path, width: &str) -> String {
    let mut man = Command::new("man");
    let outcome =
        finish(man.args(["--warnings", "-E", "UTF-8", "-l"]).arg(page).env("MANWIDTH", width).env("MANPAGER", "cat"));
    let warnings = text(&outcome.stderr);
    assert!(outcome.status.success() && warnings.is_empty(), "{}: {warnings}", page.display());
    text(&outcome.stdout)
}

#[test]
fn man_pages_have_statuses_and_examples_that_are_not_filled() {
    let scratch = ScratchDir::new("help-man");
    pages(&scratch);
    for words in commands() {
        let page = scratch.join(&name_of(&words));
        let read = read(&page, "60");
        assert!(read.contains("\nEXIT STATUS\n") && read.contains("\nEXAMPLES\n"), "{words:?}: {read}");
        let parent: Vec<String> = if has_own(&words) { words.clone() } else { words[..1].to_vec() };
        let long = help(&parent, "--help");
        for example in examples(&long) {
            // In a narrow page too a command is one line.
            assert!(read.lines().any(|line| line.trim() == example), "{words:?}: {example}\n{read}");
        }
    }
}

#[test]
fn man_pages_are_without_a_warning_of_groff() {
    let scratch = ScratchDir::new("help-groff");
    pages(&scratch);
    for words in commands() {
        let mut groff = Command::new("groff");
        let outcome = finish(groff.args(["-man", "-ww", "-Tutf8", "-z"]).arg(scratch.join(&name_of(&words))));
        assert!(outcome.status.success() && outcome.stderr.is_empty(), "{words:?}: {}", text(&outcome.stderr));
    }
}
