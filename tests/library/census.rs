//! Every name by which programs reach sockets (tests/data/census.txt) is a hook, or docs/hooks.md says why it is none and what
//! happens then; and the other way round.
//!
//! Compares lists and documents with the table of hooks only; it runs no program. That the hooks are what the library exports
//! is tests/library/file.rs.

use crate::support;
use object::read::elf::{ElfFile64, Sym};
use object::{Endianness, SymbolIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tcptune_policy::hooks::{Family, HOOKS, Hook, Machines};

const PURPOSES: [&str; 12] = [
    "create",
    "connect",
    "accept",
    "ask",
    "options",
    "send",
    "receive",
    "wait",
    "duplicate",
    "close",
    "process",
    "raw",
];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What the census says of a name that only the 32-bit library hooks.
const NARROW: &str = "no: hooked in the 32-bit library";

/// The census: each name, and what it says of it.
fn census() -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for line in file("tests/data/census.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let &[name, purpose, state] = cells.as_slice() else {
            panic!("tests/data/census.txt: {line:?} has not three cells");
        };
        assert!(PURPOSES.contains(&purpose), "tests/data/census.txt: {name}: {purpose:?} is none of {PURPOSES:?}");
        let hooked = state == "hooked";
        let reason = state.strip_prefix("no: ").unwrap_or_default();
        assert!(
            hooked || !reason.is_empty(),
            "tests/data/census.txt: {name}: {state:?} is neither `hooked` nor `no: why`"
        );
        assert!(
            names.insert(name.to_owned(), state.to_owned()).is_none(),
            "tests/data/census.txt: {name} is there twice"
        );
    }
    names
}

/// The names in the table of hooks for which this holds.
fn hooks(wanted: impl Fn(&Hook) -> bool) -> BTreeSet<String> {
    HOOKS.iter().filter(|hook| wanted(hook)).map(|hook| hook.name.to_owned()).collect()
}

/// Those of the library with 64 bits, which docs/hooks.txt and docs/hooks.md list.
fn is_here(hook: &Hook) -> bool {
    hook.machines == Machines::All
}

/// The names in the first cells of a part of docs/hooks.md, each of which has something in its second cell.
fn documented(part: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in part.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---")) {
        let cells: Vec<&str> = line.trim_matches('|').splitn(2, " | ").collect();
        let &[first, meaning] = cells.as_slice() else { panic!("docs/hooks.md: {line:?} has not two cells") };
        assert!(!meaning.trim().is_empty(), "docs/hooks.md: nothing is said about {first}");
        // Between backticks: every second piece.
        for name in first.split('`').skip(1).step_by(2) {
            assert!(names.insert(name.to_owned()), "docs/hooks.md: {name} is in two lines");
        }
    }
    names
}

/// The parts of docs/hooks.md: the names in each, by its heading. What is not hooked is under `NOT_HOOKED`.
fn document() -> BTreeMap<String, BTreeSet<String>> {
    let text = file("docs/hooks.md");
    let parts = text.split("\n## ").skip(1).map(|part| part.split_once('\n').expect("something is under a heading"));
    parts.map(|(heading, part)| (heading.to_owned(), documented(part))).collect()
}

const NOT_HOOKED: &str = "Not hooked";

/// Does a name of the document, in which a `*` stands for any letters, mean this name?
fn means(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
    }
}

#[track_caller]
fn expect_none<T: std::fmt::Debug>(what: &str, found: impl IntoIterator<Item = T>) {
    let found: Vec<T> = found.into_iter().collect();
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[test]
fn hooks_are_the_hooked_names_of_the_census() {
    let census = census();
    for (state, hooks) in [("hooked", hooks(is_here)), (NARROW, hooks(|hook| !is_here(hook)))] {
        let said: BTreeSet<String> =
            census.iter().filter(|(_, said)| *said == state).map(|(name, _)| name.clone()).collect();
        expect_none(
            &format!("{state:?} says tests/data/census.txt, but not the table of hooks"),
            said.difference(&hooks),
        );
        expect_none(
            &format!("in the table of hooks, but not {state:?} in tests/data/census.txt"),
            hooks.difference(&said),
        );
    }
}

#[test]
fn the_document_has_every_hook_under_the_heading_of_its_family() {
    let mut document = document();
    document.remove(NOT_HOOKED).expect("docs/hooks.md has a part on what is not hooked");
    for heading in Family::ALL.map(Family::heading) {
        let hooks = hooks(|hook| is_here(hook) && hook.family.heading() == heading);
        let documented = document.get(heading).unwrap_or_else(|| panic!("docs/hooks.md has no part {heading:?}"));
        expect_none(&format!("a hook without a line under {heading:?}"), hooks.difference(documented));
        expect_none(&format!("has a line under {heading:?}, but is no hook of it"), documented.difference(&hooks));
    }
    let known = |heading: &&String| Family::ALL.iter().any(|family| family.heading() == heading.as_str());
    expect_none("headings in docs/hooks.md of no family", document.keys().filter(|heading| !known(heading)));
    let count = format!("\nThe {} functions", hooks(is_here).len());
    assert!(file("docs/hooks.md").contains(&count), "docs/hooks.md does not begin with {count:?}");
}

#[test]
fn the_document_says_what_happens_with_every_other_name() {
    let (census, document) = (census(), document());
    let others = &document[NOT_HOOKED];
    let says = |name: &str| others.iter().any(|pattern| means(pattern, name));
    let (hooked, bare): (Vec<_>, Vec<_>) = census.iter().partition(|(_, state)| *state == "hooked");
    expect_none("not hooked, and docs/hooks.md does not say what happens then", bare.iter().filter(|one| !says(one.0)));
    expect_none("hooked, but docs/hooks.md says it is not", hooked.iter().filter(|one| says(one.0)));
    let unknown = |pattern: &&String| !bare.iter().any(|(name, _)| means(pattern, name));
    expect_none("docs/hooks.md says what happens, but tests/data/census.txt lacks it", others.iter().filter(unknown));
}

/// A libc has most calls under several names: fortified, 64-bit, inner ones. Each that the C libraries of this machine
/// export is in the census if one of its relatives is.
#[test]
fn variants_in_the_c_libraries_are_in_the_census() {
    let census = census();
    let bases: BTreeSet<&str> = census.keys().map(|name| base(name)).collect();
    let mut checked = 0;
    for library in c_libraries() {
        let exported = exported(&library);
        for name in ["socket", "close", "syscall"] {
            assert!(exported.contains(name), "{} does not export {name}", library.display());
        }
        let relatives: Vec<&String> = exported.iter().filter(|name| bases.contains(base(name))).collect();
        checked += relatives.len();
        let unlisted = relatives.into_iter().filter(|name| !census.contains_key(*name));
        expect_none(&format!("{}: not in tests/data/census.txt", library.display()), unlisted);
    }
    assert!(checked > 200, "only {checked} names of the C libraries are relatives of the census");
}

/// The name of a call without what makes it a variant.
fn base(name: &str) -> &str {
    let mut base = name;
    for prefix in ["__libc_", "__xpg_", "_IO_", "__new_", "__old_", "__", "_"] {
        if let Some(rest) = base.strip_prefix(prefix) {
            base = rest;
            break;
        }
    }
    for suffix in ["_chk", "_nocancel", "_time64", "64", "64v2", "v2"] {
        base = base.strip_suffix(suffix).unwrap_or(base);
    }
    base
}

#[test]
fn variants_have_the_base_of_their_call() {
    for (name, expected) in [
        ("read", "read"),
        ("__read_chk", "read"),
        ("__pread64_chk", "pread"),
        ("pwritev64v2", "pwritev"),
        ("__libc_fcntl64", "fcntl"),
        ("__clock_nanosleep_time64", "clock_nanosleep"),
        ("_exit", "exit"),
    ] {
        assert_eq!(base(name), expected, "{name}");
    }
}

/// The libc that this test itself runs with, and musl's.
fn c_libraries() -> [PathBuf; 2] {
    let maps = file("/proc/self/maps");
    let own = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.ends_with("/libc.so.6"));
    let own = PathBuf::from(own.expect("this test runs with glibc"));
    [own, PathBuf::from(format!("/lib/ld-musl-{}.so.1", std::env::consts::ARCH))]
}

/// The functions that a library exports, without their versions.
fn exported(library: &Path) -> BTreeSet<String> {
    let bytes =
        std::fs::read(library).unwrap_or_else(|e| panic!("{}: {e} (scripts/setup installs it)", library.display()));
    let file: ElfFile64<Endianness> = ElfFile64::parse(&*bytes).expect("an ELF file of 64 bits");
    let endian = file.endian();
    let table = file.elf_dynamic_symbol_table();
    (1..table.len())
        .filter_map(|index| table.symbol(SymbolIndex(index)).ok())
        .filter(|symbol| !symbol.is_undefined(endian))
        .map(|symbol| support::text(table.symbol_name(endian, symbol).expect("a symbol has a name")))
        .collect()
}
