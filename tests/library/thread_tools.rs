//! What race detectors say of threaded programs with the library: nothing.
//!
//! ThreadSanitizer sees what was compiled with it, so the library is built with it too, from the same source, and preloaded
//! into a program that has it. It then knows every access of both; that the library's are all atomic is what it finds out,
//! not what it is told. Helgrind and DRD see every instruction of the library as it is shipped, but take only locked ones for
//! atomic, so its accesses to its own words are left out (hazards/threads.supp); that nothing of the program's own memory, no
//! lock and no thread's life looks different to them is what they show. That relaxed order is enough none of them can tell:
//! docs/concurrency.md.

use crate::support;
use crate::support::compile::file;
use crate::support::hazards::{build, program};
use crate::support::{Mode, Outcome, finish, library, text};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The end of what the program prints when all went well.
const DONE: &str = "served: 540\n";

/// Runs a program under these words, preloaded or not: it must end well, and nothing may be said on standard error.
fn clean(words: &[&str], preload: Option<&Path>) {
    let outcome = detected(words, preload);
    let (printed, said) = (text(&outcome.stdout), text(&outcome.stderr));
    assert!(outcome.status.success() && said.is_empty(), "{words:?} with {preload:?}: {}\n{said}", outcome.status);
    assert!(printed.ends_with(DONE), "{words:?} with {preload:?}: {printed}");
}

fn detected(words: &[&str], preload: Option<&Path>) -> Outcome {
    let mut command = Command::new(words[0]);
    Mode::Plain.prepare(&mut command);
    command.args(&words[1..]);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    finish(&mut command)
}

/// A hazard program with ThreadSanitizer, which finds what a library's instrumented code calls.
fn with_thread_sanitizer(name: &str) -> PathBuf {
    let calls = file("hazards/tsan_calls.c");
    let extra =
        ["-fsanitize=thread", "-pthread", "-rdynamic", "-fno-builtin", calls.to_str().expect("a readable path")];
    build("gcc", &format!("{name}.c"), &format!("{name}-tsan"), &extra)
}

/// The library's own source, built with ThreadSanitizer's instrumentation. The compiler option is not yet promised to stay,
/// so the stable compiler must be told to allow it.
fn instrumented_library() -> PathBuf {
    let target = support::build_dir().join("tsan");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "tcptune-shim", "--target", "x86_64-unknown-linux-gnu"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    target.join("x86_64-unknown-linux-gnu/release/libtcptune.so")
}

/// The addresses in their usual places, or this compiler's runtime does not start; env(1) keeps the library out of setarch.
fn under_thread_sanitizer(program: &Path, library: Option<&Path>) -> Outcome {
    let preload = library.map(|library| format!("LD_PRELOAD={}", library.display()));
    let mut words = vec!["setarch", "-R", "env"];
    words.extend(preload.as_deref());
    words.push(program.to_str().expect("a readable path"));
    detected(&words, None)
}

#[test]
fn thread_sanitizer_finds_nothing_in_program_and_library() {
    let program = with_thread_sanitizer("threads_clean");
    let (shipped, instrumented) = (library(), instrumented_library());
    for library in [None, Some(&*shipped), Some(&*instrumented)] {
        let outcome = under_thread_sanitizer(&program, library);
        let said = text(&outcome.stderr);
        assert!(outcome.status.success() && said.is_empty(), "{library:?}: {}\n{said}", outcome.status);
        assert!(text(&outcome.stdout).ends_with(DONE), "{library:?}: {}", text(&outcome.stdout));
    }
}

/// In a program that has races of its own nothing that is found is the library's memory: every report names a place in the
/// program, or a descriptor that it closes while another thread reads.
#[test]
fn thread_sanitizer_blames_only_the_program() {
    let program = with_thread_sanitizer("threads_share");
    let outcome = under_thread_sanitizer(&program, Some(&instrumented_library()));
    let said = text(&outcome.stderr);
    let reports: Vec<&str> = said.split("WARNING: ThreadSanitizer").skip(1).collect();
    assert!(!reports.is_empty(), "the program has races, and they are found behind the library too: {said}");
    for report in reports {
        let place = report.lines().find(|line| line.contains("Location is")).unwrap_or("none");
        assert!(
            place.contains("global 'phase'") || place.contains("global 'arrived'") || place.contains("file descriptor"),
            "{place}\n{report}"
        );
    }
}

#[test]
fn helgrind() {
    under_valgrind("helgrind");
}

#[test]
fn drd() {
    under_valgrind("drd");
}

fn under_valgrind(tool: &str) {
    let program = program("threads_clean");
    let library = library();
    let (tool, known) = (format!("--tool={tool}"), file("hazards/threads.supp"));
    let known = format!("--suppressions={}", known.display());
    for preload in [None, Some(&*library)] {
        clean(
            &["valgrind", "-q", &tool, &known, "--error-exitcode=99", program.to_str().expect("a readable path")],
            preload,
        );
    }
}
