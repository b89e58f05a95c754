//! docs/concurrency.md names every static of the library that threads share, and only the files that it names order
//! more than relaxed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the library, with their text.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the library's source") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            found.push((path, text));
        }
    }
    found
}

/// All of it: the hooks, the engine, and what decides.
fn library() -> Vec<(PathBuf, String)> {
    let parts = ["shim", "engine", "policy"].map(|part| sources(&root().join("src").join(part).join("src")));
    let mut files = parts.concat();
    // The model checker's own.
    files.retain(|(path, _)| !path.ends_with("sync_loom.rs"));
    files
}

#[test]
fn every_shared_static_has_its_line() {
    let page = std::fs::read_to_string(root().join("docs/concurrency.md")).expect("the page");
    let mut names = BTreeSet::new();
    for (_, text) in library() {
        for line in text.lines().map(str::trim_start) {
            let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
            let Some((name, kind)) = line.strip_prefix("static ").and_then(|line| line.split_once(": ")) else {
                continue;
            };
            if ["Atomic", "Once", "Library", "Draft", "Given", "Cell"].iter().any(|word| kind.contains(word)) {
                names.insert(name.to_owned());
            }
        }
    }
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/concurrency.md does not name {name}");
    }
}

#[test]
fn only_the_statistics_order_more_than_relaxed() {
    for (path, text) in library() {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a readable name");
        let orders = ["Acquire", "Release)", "AcqRel", "SeqCst"].iter().any(|word| text.contains(word));
        let known = matches!(name, "file.rs" | "connection.rs" | "trace.rs" | "modules.rs");
        assert!(!orders || known, "{} orders more than relaxed: say why in docs/concurrency.md", path.display());
    }
}
