//! Replays the kept inputs of a fuzzing target.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Replays the inputs of one target, in the order of their names.
pub fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpora").join(target);
    let files = std::fs::read_dir(&corpus).unwrap_or_else(|e| panic!("{}: {e}", corpus.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a directory that can be read").path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{} has only {} inputs", corpus.display(), files.len());
    for file in files {
        let input = std::fs::read(&file).expect("a file that can be read");
        let checked = catch_unwind(AssertUnwindSafe(|| check(&input)));
        assert!(checked.is_ok(), "{} is a finding", file.display());
    }
}
