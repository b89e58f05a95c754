//! The pages that say which test keeps which promise name tests that are there: docs/specification.md and docs/security.md, in the
//! last column of their tables.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a directory.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Names of functions, and of the files that tests and what they run are in.
fn known() -> BTreeSet<String> {
    let mut found = Vec::new();
    ["tests", "src"].iter().for_each(|directory| files(&root().join(directory), &mut found));
    let mut names = BTreeSet::new();
    for file in found {
        names.extend(file.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        if file.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&file).expect("a source file");
            let functions = text.split("fn ").skip(1);
            names.extend(functions.map(|rest| rest.split(|c: char| !is_of_name(c)).next().unwrap_or("").to_owned()));
        }
    }
    // What is measured has its gate there.
    let gates = fs::read_to_string(root().join("tests/measure/overhead/gates.txt")).expect("the gates");
    names.extend(gates.split(|c: char| !is_of_name(c)).map(str::to_owned));
    names
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The rows of the tables that say what keeps a promise.
fn rows(text: &str) -> Vec<&str> {
    let (mut found, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        inside = line.starts_with('|') && (inside || line.ends_with("| kept by |"));
        found.extend(Some(line).filter(|_| inside));
    }
    found
}

/// What stands between backquotes in the last cell of a table's row.
fn named(row: &str) -> Vec<&str> {
    let cells: Vec<&str> = row.trim().trim_matches('|').split(" | ").collect();
    let last = cells.last().copied().unwrap_or_default();
    last.split('`').skip(1).step_by(2).collect()
}

/// Why a name is none.
fn wrong(name: &str, known: &BTreeSet<String>) -> Option<String> {
    if let Some(check) = name.strip_prefix("scripts/check ") {
        let check = check.split(' ').next().unwrap_or_default();
        let is_there = root().join("scripts/checks").join(check).is_file();
        return (!is_there).then(|| format!("there is no check `{check}`"));
    }
    if name.starts_with("scripts/") || name.starts_with("src/") || name.starts_with("tests/") {
        return (!root().join(name).exists()).then(|| format!("there is no `{name}`"));
    }
    if !name.chars().all(|c| is_of_name(c) || c == ':') {
        return None;
    }
    let (path, last) = name.rsplit_once("::").unwrap_or(("", name));
    if let Some(kind) =
        path.split("::").next().filter(|kind| !kind.is_empty() && root().join("tests").join(kind).is_dir())
    {
        let file = root().join("tests").join(kind).join(format!("{last}.rs"));
        return (!file.is_file()).then(|| format!("there is no {}", file.display()));
    }
    (!known.contains(last)).then(|| format!("there is no test or file `{last}`"))
}

#[test]
fn what_keeps_a_promise_is_there() {
    let known = known();
    for (page, least) in [("docs/specification.md", 80), ("docs/security.md", 20)] {
        let text = fs::read_to_string(root().join(page)).expect("the page");
        let names: Vec<&str> = rows(&text).into_iter().flat_map(named).collect();
        assert!(names.len() >= least, "{page} names {} tests", names.len());
        let faults: Vec<String> = names.iter().filter_map(|name| wrong(name, &known)).collect();
        assert!(faults.is_empty(), "{page}: {}", faults.join("; "));
    }
}

#[test]
fn a_name_that_is_none_is_noticed() {
    let known = known();
    for good in ["cli::systemd", "promises", "a_name_that_is_none_is_noticed", "scripts/check fuzz table"] {
        assert_eq!(wrong(good, &known), None);
    }
    for bad in ["cli::nothing", "no_such_test_at_all", "scripts/check nothing", "tests/nothing.rs"] {
        // The text above has the name, but as no function's.
        assert!(wrong(bad, &known).is_some(), "{bad}");
    }
    assert_eq!(
        named("| a `x` promise | `cli::top`: `keys`, `scripts/check fuzz` |"),
        ["cli::top", "keys", "scripts/check fuzz"]
    );
}
