//! Compiles the C programs of tests/programs, once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A file of tests/programs, for what needs no compiler.
pub fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

/// Compiles tests/programs/NAME.c for glibc and gives the path of the program.
pub fn compile(name: &str) -> PathBuf {
    build("gcc", &program(&format!("{name}.c")), name)
}

/// The same for musl.
pub fn compile_musl(name: &str) -> PathBuf {
    build("musl-gcc", &program(&format!("{name}.c")), &format!("{name}-musl"))
}

fn build(compiler: &str, source: &Path, name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    // A compile error panics below with the lock held; the next test then reports the same error for itself.
    let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let result = super::build_dir().join(format!("program-{name}"));
    if built.get_or_insert_default().insert(name.to_owned()) {
        // Built under a name of its own and renamed, so that two test runs at once never see half a program.
        let fresh = super::build_dir().join(format!("program-{name}-{}", std::process::id()));
        let output = Command::new(compiler)
            .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .arg(&fresh)
            .arg(source)
            .output()
            .unwrap_or_else(|e| panic!("{compiler}: {e} (scripts/setup installs it)"));
        assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&fresh, &result).expect("the program gets its name");
    }
    result
}
