//! The pages tell a number as the code has it, or not at all: bounds are those of the constants, and what is measured stands in
//! gates.txt and in what scripts print.
//!
//! docs/decisions is left out: a decision tells what was measured when it was made.

use std::path::{Path, PathBuf};

use tcptune_policy::counters::samples::{SAMPLE_SIZE, SAMPLES, SIZE_WITH_SAMPLES};
use tcptune_policy::counters::{SERVICES as COUNTED_SERVICES, SIZE};
use tcptune_policy::evidence::{HISTORY_BITS, SERVICE_AT, SERVICES};
use tcptune_policy::{MAX_RULES, PATTERNS_ROOM};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A number as the pages write it: 65,536.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn numbers_are_written_in_groups() {
    for (number, text) in [(7, "7"), (999, "999"), (1000, "1,000"), (65_536, "65,536"), (1_048_576, "1,048,576")] {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn bounds_are_those_of_the_code() {
    let far = grouped(tcptune_engine::ALL as usize - 1);
    let near = grouped(tcptune_engine::NEAR as usize - 1);
    // The last position of a burst stands for all later calls, and 0 for none.
    let held = (1 << (SERVICE_AT - HISTORY_BITS)) - 2;
    // Half of the services are listeners, half are remote ends.
    let each = SERVICES / 2;
    let (file, with_samples) = (SIZE / 1024, SIZE_WITH_SAMPLES as f64 / f64::from(1 << 20));
    let stack = SAMPLE_SIZE / 1024;
    for (page, sentence) in [
        ("limits.md", format!("| descriptors tracked | 0 to {far};")),
        ("limits.md", format!("| descriptors on which data can be held | 0 to {near} |")),
        ("limits.md", format!("| services told apart | {each} listeners, {each} remote ends;")),
        ("limits.md", format!("| calls of a burst that are held | {held};")),
        ("limits.md", format!("| rules | {MAX_RULES} |")),
        ("limits.md", format!("| {} bytes together |", grouped(PATTERNS_ROOM))),
        ("portability.md", format!("**Descriptors above {near}**")),
        ("portability.md", format!("numbers up to {far} (`high_numbers`)")),
        ("statistics.md", format!("the {COUNTED_SERVICES}th and further ones share a place")),
        ("statistics.md", format!("a file has {file} kB (with `TCPTUNE=backtrace` {with_samples:.1} MB)")),
        ("monitoring.md", format!("has {COUNTED_SERVICES} services at most")),
        (
            "security.md",
            format!("copy up to {stack} kB of the stack of calls that waited into that file, {SAMPLES} times at most"),
        ),
    ] {
        let text = read(&root().join("docs").join(page)).replace('\n', " ");
        assert!(text.contains(&sentence), "docs/{page} does not say {sentence:?}");
    }
}

#[test]
fn the_oldest_compiler_is_named_as_in_the_manifest() {
    let manifest = read(&root().join("Cargo.toml"));
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    let sentence = format!("Rust {} or later", version.expect("Cargo.toml has a rust-version"));
    for name in ["README.md", "debian/control"] {
        assert!(read(&root().join(name)).contains(&sentence), "{name} does not say {sentence:?}");
    }
}

/// The pages that people write. What scripts print is left out, and the decisions.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "tests/README.md"].map(|page| root().join(page)).into();
    for directory in ["docs", "docs/recipes"] {
        for entry in std::fs::read_dir(root().join(directory)).expect("the pages") {
            pages.push(entry.expect("an entry").path());
        }
    }
    let printed = ["cost.md", "cpython.md"].map(|name| root().join("docs").join(name));
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md") && !printed.contains(page));
    assert!(pages.len() > 30, "{pages:?}");
    pages
}

/// What is counted or measured anew by a script or a test, and how pages would tell it.
const MEASURED: [&str; 6] = ["instructions", "relocations", "minor faults", "mails/s", "orders", "tests"];

#[test]
fn what_is_measured_is_not_told_by_hand() {
    for page in pages() {
        // A block is what a command printed.
        let text = read(&page);
        let written: String = text.split("```").step_by(2).collect();
        let words: Vec<&str> = written.split_whitespace().collect();
        for pair in words.windows(2) {
            let number = pair[0].trim_start_matches('(');
            let measured = MEASURED.iter().any(|unit| pair[1].starts_with(unit));
            assert!(
                !(measured && number.starts_with(|c: char| c.is_ascii_digit())),
                "{} tells {:?}: name what measures it instead",
                page.display(),
                pair.join(" ")
            );
        }
    }
}
