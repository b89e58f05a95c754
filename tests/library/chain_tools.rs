//! The library under debuggers and tracers, which are started with the same environment and so load it too: the programs
//! print what they print natively.
//!
//! Compares runs only; what a tracer sees of the library is tests/library/nodelay_syscalls.rs. Loopback only.

use crate::support::chains::{Printed, Program, start};
use crate::support::{ScratchDir, library, text};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Runs a program under a tool, without and with the library: these words, then the program's own.
fn under(tool: &[&str], log: Option<&Path>, program: Program, check: impl Fn(&str)) {
    let ours = library();
    for preload in [&[][..], &[&*ours]] {
        let mut words: Vec<OsString> = tool.iter().map(OsString::from).collect();
        words.extend(log.map(OsString::from));
        words.extend(program.words());
        let what = format!("{program:?} under {tool:?} with {preload:?}");
        let printed = Printed::of(&what, &start(&words, preload, &[]));
        printed.expect_native(&what, program);
        printed.expect_nodelay(&what, program, i32::from(!preload.is_empty()));
        check(&what);
    }
}

/// Under a tracer that writes a log, which must be there to the end of the program.
fn traced(tool: &[&str], programs: &[Program]) {
    let scratch = ScratchDir::new("tools");
    let log: PathBuf = scratch.join("log");
    for program in programs {
        under(tool, Some(&log), *program, |what| {
            let log = std::fs::read(&log).unwrap_or_else(|e| panic!("{what}: no log: {e}"));
            assert!(text(&log).contains("exited"), "{what}: the log has no end");
        });
    }
}

#[test]
fn strace() {
    traced(&["strace", "-f", "-o"], &Program::BOTH);
}

/// The C program only: ltrace cannot always follow the vfork of Python's subprocesses.
#[test]
fn ltrace() {
    traced(&["ltrace", "-f", "-o"], &[Program::C]);
}

/// Memcheck finds nothing in the library or in what it gives to the kernel.
#[test]
fn valgrind() {
    under(&["valgrind", "-q", "--error-exitcode=99"], None, Program::C, |_| {});
    under(&["valgrind", "-q", "--tool=none"], None, Program::Python, |_| {});
}

/// Stopped at `main`, stepped, and run to its end.
#[test]
fn gdb() {
    let scratch = ScratchDir::new("tools");
    let (ours, output) = (library(), scratch.join("output"));
    let run = format!("run > {}", output.display());
    for preload in [&[][..], &[&*ours]] {
        let mut words: Vec<OsString> = ["gdb", "-batch", "-nx"].map(OsString::from).into();
        for command in ["break main", &run, "next", "info sharedlibrary", "continue"] {
            words.extend(["-ex".into(), command.into()]);
        }
        words.push("--args".into());
        words.extend(Program::C.words());
        let session = text(&start(&words, preload, &[]).stdout);
        let what = format!("gdb with {preload:?}");
        assert!(session.contains("exited normally"), "{what}: {session}");
        let loaded = session.contains(ours.to_str().expect("a readable path"));
        assert_eq!(loaded, !preload.is_empty(), "{what}: {session}");
        let printed = Printed::text(&std::fs::read_to_string(&output).expect("the program's output"));
        printed.expect_native(&what, Program::C);
        printed.expect_nodelay(&what, Program::C, i32::from(!preload.is_empty()));
    }
}
