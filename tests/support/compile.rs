//! Compiles the C programs of the tests, each once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A file, by its name below tests/.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// A file of tests/programs, for what needs no compiler.
pub fn program(name: &str) -> PathBuf {
    file("programs").join(name)
}

/// What plain programs are compiled with.
pub const STRICT: [&str; 6] = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];

/// Compiles tests/programs/NAME.c for glibc and gives the path of the program.
pub fn compile(name: &str) -> PathBuf {
    build("gcc", &STRICT, &program(&format!("{name}.c")), &[], &format!("program-{name}"))
}

/// The same for musl.
pub fn compile_musl(name: &str) -> PathBuf {
    build("musl-gcc", &STRICT, &program(&format!("{name}.c")), &[], &format!("program-{name}-musl"))
}

/// Compiles a file, with `options` before it and `extra` behind it, under this name.
pub fn build(compiler: &str, options: &[&str], source: &Path, extra: &[&str], name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    // A compile error panics below with the lock held; the next test then reports the same error for itself.
    let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let result = super::build_dir().join(name);
    if built.get_or_insert_default().insert(name.to_owned()) {
        // Built under a name of its own and renamed, so that two test runs at once never see half a program.
        let fresh = super::build_dir().join(format!("{name}-{}", std::process::id()));
        let output = Command::new(compiler)
            .args(options)
            .arg("-o")
            .arg(&fresh)
            .arg(source)
            .args(extra)
            .output()
            .unwrap_or_else(|e| panic!("{compiler}: {e} (scripts/setup installs it)"));
        assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&fresh, &result).expect("the program gets its name");
    }
    result
}
