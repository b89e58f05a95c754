//! What is generated from the command line's definition and the tables of settings and hooks: complete, and committed as it is.

use crate::support::ScratchDir;
use crate::support::cli::{ended, tcptune};

#[test]
fn the_settings_page_is_the_generated_one() {
    let (code, page, err) = ended(tcptune().args(["generate", "settings"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    let committed = std::fs::read_to_string(file).expect("docs/settings.md");
    assert!(page == committed, "docs/settings.md is out of date: cargo run -- generate settings > docs/settings.md");
}

#[test]
fn the_page_of_exit_statuses_is_the_generated_one() {
    let (code, page, err) = ended(tcptune().args(["generate", "exit-status"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let committed = include_str!("../../docs/exit-status.md");
    let how = "cargo run -- generate exit-status > docs/exit-status.md";
    assert!(page == committed, "docs/exit-status.md is out of date: {how}");
}

#[test]
fn the_list_of_hooks_is_the_generated_one() {
    let (code, list, err) = ended(tcptune().args(["generate", "hooks"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let committed = include_str!("../../docs/hooks.txt");
    assert!(list == committed, "docs/hooks.txt is out of date: cargo run -- generate hooks > docs/hooks.txt");
}

/// All options of `run`, from its help.
fn options_of_run() -> Vec<String> {
    let (code, help, _) = ended(tcptune().args(["run", "--help"]));
    assert_eq!(code, 0);
    let words = help.split_ascii_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
    let plain = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_lowercase() && c != '-').to_owned());
    let mut options: Vec<String> = plain.collect();
    options.sort();
    options.dedup();
    options
}

#[test]
fn every_variable_has_an_option_and_a_place_in_the_reference() {
    let options = options_of_run();
    let (_, page, _) = ended(tcptune().args(["generate", "settings"]));
    let (_, listed, _) = ended(tcptune().arg("env"));
    let names: Vec<&str> =
        listed.lines().filter_map(|l| l.split(' ').next()).filter(|n| n.starts_with("TCPTUNE")).collect();
    assert!(names.len() >= 9, "{listed}");
    for name in names {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        if let Some(suffix) = name.strip_prefix("TCPTUNE_") {
            let option = format!("--{}", suffix.to_lowercase().replace('_', "-"));
            let singular = option.trim_end_matches('s').to_owned();
            assert!(options.contains(&option) || options.contains(&singular), "{name}: {options:?}");
        }
    }
}

#[test]
fn completions_know_every_option() {
    let options = options_of_run();
    assert!(options.len() >= 10, "{options:?}");
    for shell in ["elvish", "powershell"] {
        let (code, script, err) = ended(tcptune().args(["generate", "completions", shell]));
        assert_eq!((code, err.as_str()), (0, ""));
        for option in &options {
            assert!(script.contains(option.trim_start_matches("--")), "{shell}: {option}");
        }
    }
    // The others ask the command: tests/cli/complete.rs.
    let (code, offered, err) = ended(tcptune().args(["complete", "2", "--", "tcptune", "run", "--"]));
    assert_eq!((code, err.as_str()), (0, ""));
    for option in &options {
        assert!(offered.lines().any(|line| line.split('\t').next() == Some(option)), "{option}: {offered}");
    }
    assert_eq!(ended(tcptune().args(["generate", "completions", "abacus"])).0, 125);
}

#[test]
fn man_pages_cover_every_command() {
    let scratch = ScratchDir::new("generate");
    let (code, _, err) = ended(tcptune().args(["generate", "man"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""));
    for page in ["tcptune", "tcptune-run", "tcptune-check", "tcptune-env", "tcptune-demo", "tcptune-generate"] {
        let text =
            std::fs::read_to_string(scratch.join(&format!("{page}.1"))).unwrap_or_else(|e| panic!("{page}: {e}"));
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let run = std::fs::read_to_string(scratch.join("tcptune-run.1")).expect("written");
    for option in options_of_run() {
        assert!(run.contains(&option.replace('-', "\\-")), "{option}");
    }
    let (code, _, err) = ended(tcptune().args(["generate", "man", "/nonexistent/directory"]));
    assert!(code == 125 && err.starts_with("tcptune: cannot write man pages to"), "{err}");
}
