//! A libc whose dlsym is not there: glibc before 2.34 has it in a library of its own, libdl, which most programs do not load.
//! Every function is found all the same; without that, each hook would stand for a bare system call: no errno, no handlers
//! at fork, no cancellation.
//!
//! The libc of this machine is newer, so the library's bytes are changed: the name that it asks for is one that nobody has.

use crate::support;
use crate::support::hazards::{Start, difference, program};
use std::path::PathBuf;
use std::process::Command;

/// The library, which finds no dlsym.
fn without_dlsym() -> PathBuf {
    let path = support::build_dir().join("libtcptune-without-dlsym.so");
    let mut bytes = std::fs::read(support::library()).expect("the library is there");
    let name = b"\0dlsym\0";
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    let &[place] = places.as_slice() else { panic!("the name stands in the file at {places:?}") };
    bytes[place + 1..place + 6].copy_from_slice(b"nobod");
    std::fs::write(&path, bytes).expect("the copy can be written");
    path
}

#[test]
fn functions_are_found_without_dlsym() {
    let library = without_dlsym();
    for name in ["errno_bad_fd", "fork_threads", "cancel", "app_options"] {
        let program = program(name);
        let command = || Command::new(&program);
        let plain = Start { command: &command, preload: &[], settings: &[] }.run();
        assert!(plain.status.success(), "{name}: {}", plain.status);
        let preloaded = Start { command: &command, preload: &[&library], settings: &[] }.run();
        if let Some(difference) = difference(&plain, &preloaded) {
            panic!("{name} differs on {difference}");
        }
    }
}
