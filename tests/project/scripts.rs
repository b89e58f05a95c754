//! scripts/check is the one way to everything in scripts/checks: it lists all of it and nothing else, tells what each is, and
//! says what is allowed instead of a wrong name.
//!
//! No check is run here.

use crate::support::{Outcome, finish, text};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Outcome { status, stdout, stderr, .. } = finish(Command::new(scripts().join("check")).args(arguments));
    (status.code(), text(&stdout), text(&stderr))
}

/// The names of the folder; each must be a program.
fn checks() -> BTreeSet<String> {
    let entries = std::fs::read_dir(scripts().join("checks")).expect("the folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let meta = entry.metadata().expect("it is there");
        let name = entry.file_name().into_string().expect("a readable name");
        assert!(meta.is_file() && meta.permissions().mode() & 0o111 == 0o111, "scripts/checks/{name} is no program");
        name
    };
    let names: BTreeSet<String> = entries.map(name).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// The lines of the list, up to the empty line behind it: name, time, needs, and what it shows.
#[test]
fn the_list_is_the_folder() {
    let (code, out, err) = check(&[]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(check(&["--help"]), (Some(0), out.clone(), String::new()));
    let mut lines = out.lines().take_while(|line| !line.is_empty());
    let places = ["NAME", "TIME", "NEEDS", "SHOWS"].map(|title| out.find(title).expect("a title"));
    assert_eq!(lines.next().map(str::len), Some(places[3] + "SHOWS".len()));
    let mut listed = Vec::new();
    for line in lines {
        assert!(line.len() <= 120, "{line}");
        for place in places {
            assert!(place == 0 || line[..place].ends_with(' '), "{line}");
            assert!(line[place..].starts_with(|c: char| c != ' '), "{line}");
        }
        listed.extend(line.split(' ').next().map(str::to_owned));
    }
    assert_eq!(listed, checks().into_iter().collect::<Vec<_>>());
}

#[test]
fn each_says_what_it_does() {
    for name in checks() {
        for option in ["--help", "-h"] {
            let (code, out, err) = check(&[&name, option]);
            assert_eq!((code, err.as_str()), (Some(0), ""), "{name}");
            // A few lines of text, and none of the program.
            assert!(out.lines().count() > 1 && out.len() > 150, "{name}: {out}");
            for word in ["#!", "set -e", "\nimport ", "cd \"$", "\"\"\""] {
                assert!(!out.contains(word), "{name}: {word}: {out}");
            }
        }
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    for wrong in ["fuz", "../test", "fuzz traces", "traces|", "--list", ".*"] {
        let (code, out, err) = check(&[wrong, "--help"]);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{wrong}: {err}");
        let names = checks().into_iter().collect::<Vec<_>>().join(", ");
        assert_eq!(err, format!("check: there is no check `{wrong}`: allowed are {names}\n"));
    }
}
