//! The repository itself: its pages, its scripts, the inputs that fuzzing has kept, and the models of its threads.

mod concurrency;
mod corpora;
// The files of the command that are fuzzed say why something is refused, and show names.
#[path = "../../src/cli/errors/mod.rs"]
#[allow(dead_code, unused_imports)]
mod errors;
mod files;
mod lists;
mod loom;
mod numbers;
#[path = "../../src/cli/output/printable.rs"]
mod output;
mod promises;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
