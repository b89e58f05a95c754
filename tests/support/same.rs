//! Compares the lines that a program printed in two runs, and shows only where they differ.

use std::fmt::Debug;

/// Panics unless both runs gave the same lines.
#[track_caller]
pub fn assert_same<L: PartialEq + Debug>(what: &str, got: &[L], wanted: &[L]) {
    let pairs = got.iter().zip(wanted).enumerate();
    let mut differences: Vec<String> = pairs
        .filter(|(_, (got, wanted))| got != wanted)
        .map(|(at, (got, wanted))| format!("line {}: {got:?}, expected {wanted:?}", at + 1))
        .collect();
    if got.len() != wanted.len() {
        differences.push(format!("{} lines, expected {}", got.len(), wanted.len()));
    }
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}
