//! No test is left out: cargo runs only the programs that Cargo.toml names, and each of these only the files that its main.rs
//! names.

use std::path::{Path, PathBuf};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The names of a directory's Rust files.
fn rust_files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a readable name"));
    names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect()
}

#[test]
fn every_file_of_a_program_is_in_it() {
    let manifest = std::fs::read_to_string(tests().join("../Cargo.toml")).expect("the manifest");
    let mut programs = 0;
    for entry in std::fs::read_dir(tests()).expect("the directory") {
        let directory = entry.expect("an entry").path();
        let main = directory.join("main.rs");
        let Ok(text) = std::fs::read_to_string(&main) else { continue };
        programs += 1;
        let kind = directory.file_name().and_then(|name| name.to_str()).expect("a readable name");
        let target = format!("[[test]]\nname = \"{kind}\"\npath = \"tests/{kind}/main.rs\"\n");
        assert!(manifest.contains(&target), "Cargo.toml does not name {}", main.display());
        for name in rust_files(&directory) {
            let named = text.lines().any(|line| line == format!("mod {name};"));
            assert!(named || name == "main", "{} has no `mod {name};`", main.display());
        }
    }
    assert!(programs >= 5, "{programs} programs");
}

#[test]
fn none_lies_beside_the_programs() {
    let lost = rust_files(&tests());
    assert!(lost.is_empty(), "tests/README.md says where these belong, and nothing runs them here: {lost:?}");
}
