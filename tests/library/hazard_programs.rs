//! One small program for each hazard that a preloaded library meets, run plain and preloaded: what it prints and how it
//! ends must be equal. The programs say in their first lines what could go wrong.
//!
//! This file only names the programs; it must hold no expectation of its own besides equality.

use crate::support;
use crate::support::compile::file;
use crate::support::hazards::{build, compare, program, under_another};
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Compares an ordinary program of this name.
fn compare_program(name: &str) {
    let program = program(name);
    compare(&|| Command::new(&program), None);
}

macro_rules! programs {
    ($($name:ident)*) => { $(#[test] fn $name() { compare_program(stringify!($name)); })* };
}

programs! {
    app_options big_fd cancel delivery dispatch errno_bad_fd errno_heal errno_socket every_call exit_paths fd_numbers fork_threads half_close killed longjmp not_tcp own_table partial raw_calls repair reuse
    reuse_threads ring ring_fixed scm_rights sealed sendfile_calls signal_storm spawn stamps stdio_socket stream_hash threads_burst threads_clean threads_share txtime vfork_close waits
}

/// The comparison itself is worth something only if the library is there: the loader must have mapped it.
#[test]
fn the_library_is_mapped() {
    let maps = support::run(support::Mode::Preloaded, "cat", &["/proc/self/maps"]).expect();
    let library = support::library();
    assert!(maps.contains(library.to_str().expect("a readable path")), "{} is not in\n{maps}", library.display());
}

/// Another preloaded library whose constructor and destructor use sockets, before and after ours.
#[test]
fn early_calls_of_another_library() {
    let program = program("early");
    let beside = build("gcc", "early_lib.c", "early.so", &["-shared", "-fPIC", "-pthread"]);
    compare(&|| Command::new(&program), Some(&beside));
}

#[test]
fn static_initialisers() {
    let program = build("g++", "static_init.cc", "static_init", &["-pthread"]);
    compare(&|| Command::new(&program), None);
}

/// An executable with functions of its own under hooked names, exported as the dynamic linker sees them.
#[test]
fn names_of_the_program() {
    let program = build("gcc", "own_names.c", "own_names", &["-rdynamic"]);
    compare(&|| Command::new(&program), None);
}

#[test]
fn deep_bound_plugin() {
    let plugin = build("gcc", "plugin.c", "plugin.so", &["-shared", "-fPIC", "-pthread"]);
    let program = program("deepbind");
    let command = || {
        let mut command = Command::new(&program);
        command.arg(Path::new(&plugin));
        command
    };
    compare(&command, None);
}

/// Rules that choose by the peer make the library read addresses.
#[test]
fn short_addresses() {
    let program = program("short_addresses");
    let command = || {
        let mut command = Command::new(&program);
        command.env("TCPTUNE_RULES", "peer=::/0 cork=off; peer=10.0.0.0/8 off");
        command
    };
    compare(&command, None);
}

/// A static program is out of reach and must not notice anything, nor may the loader complain.
#[test]
fn static_program() {
    let program = build("gcc", "stream_hash.c", "static", &["-static", "-pthread"]);
    compare(&|| Command::new(&program), None);
}

/// Every call once more as distributions build programs: where the length is not known, the checked form is called.
#[test]
fn every_call_of_a_fortified_program() {
    let program = build("gcc", "every_call.c", "every_call_fortified", &["-pthread", "-O2", "-D_FORTIFY_SOURCE=2"]);
    compare(&|| Command::new(&program), None);
}

/// A new hook needs a call in every_call.c: its list, what it imports and docs/hooks.txt name the same.
#[test]
fn every_hook_is_called() {
    let program = program("every_call");
    let list = support::run(support::Mode::Plain, &program, &["list"]).expect();
    let called: BTreeSet<&str> = list.lines().collect();
    let hooks = include_str!("../../docs/hooks.txt");
    assert_eq!(called, hooks.lines().collect(), "every_call.c and docs/hooks.txt differ");
    let bytes = std::fs::read(&program).expect("the program can be read");
    let file = object::File::parse(&*bytes).expect("an ELF file");
    let undefined = file.dynamic_symbols().filter(ObjectSymbol::is_undefined);
    let imported: BTreeSet<String> = undefined.map(|symbol| symbol.name().expect("a name").to_owned()).collect();
    for name in hooks.lines() {
        assert!(imported.contains(name), "every_call.c lists {name} and does not call it");
    }
}

/// The same programs with musl's C library, which resolves and cancels in other ways.
#[test]
fn musl_programs() {
    let names = [
        "app_options",
        "big_fd",
        "cancel",
        "errno_heal",
        "every_call",
        "fork_threads",
        "half_close",
        "longjmp",
        "not_tcp",
        "own_table",
        "partial",
        "reuse_threads",
        "scm_rights",
        "sendfile_calls",
        "signal_storm",
        "spawn",
        "stdio_socket",
        "stream_hash",
        "threads_burst",
        "threads_share",
        "vfork_close",
    ];
    for name in names {
        let program = build("musl-gcc", &format!("{name}.c"), &format!("{name}-musl"), &["-pthread"]);
        compare(&|| Command::new(&program), None);
    }
}

/// A Python program over asyncio, http, subprocess, multiprocessing and ctypes.
#[test]
fn python_program() {
    let script = file("hazards/python_net.py");
    let command = || {
        let mut command = Command::new("python3");
        command.arg("-B").arg(&script);
        command
    };
    compare(&command, None);
}

/// The programs notice the mistakes that other libraries made. Without this, equality could mean that nothing is looked at.
#[test]
fn mistakes_are_noticed() {
    let noticed_by = [
        ("ERRNO", "errno_bad_fd"),
        ("SEND", "not_tcp"),
        ("MORE", "not_tcp"),
        ("TABLE", "errno_bad_fd"),
        ("LOCK", "cancel"),
        ("READ_BACK", "app_options"),
        ("KEEPS_FD", "fd_numbers"),
        ("SETS", "waits"),
        ("STALE", "reuse"),
        ("BLIND", "exit_paths"),
        ("CUT_ARGUMENTS", "raw_calls"),
        ("RETRIES", "partial"),
        ("SEVENTH", "every_call"),
        ("CUT_LIST", "every_call"),
        ("HEALS", "errno_heal"),
        ("BLIND", "killed"),
        ("STALE", "ring_fixed"),
        ("CUT_CONTROL", "txtime"),
    ];
    let honest = build("gcc", "naive.c", "naive.so", &["-shared", "-fPIC", "-ldl"]);
    for (mistake, name) in noticed_by {
        let naive = build(
            "gcc",
            "naive.c",
            &format!("naive-{mistake}.so"),
            &["-shared", "-fPIC", "-ldl", &format!("-DMISTAKE={mistake}")],
        );
        let program = program(name);
        let command = || Command::new(&program);
        assert!(under_another(&command, &naive).is_some(), "{name} does not notice {mistake}");
        assert_eq!(under_another(&command, &honest), None, "{name} sees a difference where there is none");
    }
}
