//! Finds the library under test: the shipped bytes, never a special build.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of `libtcptune.so`: `TCPTUNE_LIB` if it is set, else the release build of this workspace, which is brought
/// up to date once per test binary.
pub fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(find).clone()
}

fn find() -> PathBuf {
    if let Some(given) = std::env::var_os("TCPTUNE_LIB") {
        let given = PathBuf::from(given);
        return given.canonicalize().unwrap_or_else(|e| panic!("TCPTUNE_LIB={}: {e}", given.display()));
    }
    // CARGO_TARGET_TMPDIR is <target>/tmp, wherever the target directory was put.
    let target = super::build_dir().parent().expect("the target directory").to_owned();
    let built = Command::new(env!("CARGO"))
        // As everybody builds it: with the library alone, crates that the command uses too would be built in another way.
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo starts");
    assert!(built.success(), "cargo build --release: {built}");
    let library = target.join("release/libtcptune.so");
    assert!(library.is_file(), "{} was not built", library.display());
    library
}
