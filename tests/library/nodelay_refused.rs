//! On a kernel that lacks an option (ENOPROTOOPT) the library is silent, the program sees what it sees without it, and
//! nothing is held where TCP_NODELAY cannot be had: what waits for more would meet Nagle's algorithm.

use crate::support::hazards::{compare, program};
use crate::support::{Mode, compile, finish};
use std::process::Command;

const NODELAY: &str = "6:1";
const CORK: &str = "6:3";

/// Runs a hazard program, plain and preloaded, where these options are refused.
fn compare_without(options: &str, name: &str) {
    let (refuse, program) = (compile("refuse"), program(name));
    let command = || {
        let mut command = Command::new(&refuse);
        command.arg(options).arg(&program);
        command
    };
    compare(&command, None);
}

#[test]
fn a_program_sees_no_difference_without_nodelay() {
    for name in ["app_options", "sendfile_calls", "scm_rights"] {
        compare_without(NODELAY, name);
    }
}

/// These see a held call that nobody releases.
#[test]
fn nothing_is_held_without_nodelay() {
    for name in ["delivery", "exit_paths"] {
        compare_without(NODELAY, name);
    }
}

#[test]
fn a_program_sees_no_difference_without_cork() {
    for name in ["sendfile_calls", "stream_hash"] {
        compare_without(CORK, name);
    }
}

/// That the option is really refused: the kernel has it on no socket, neither in vain nor late.
#[test]
fn the_option_stays_off() {
    let lines = |mode: Mode| {
        let mut command = mode.command(compile("refuse"));
        finish(command.arg(NODELAY).arg(compile("families"))).expect()
    };
    let preloaded = lines(Mode::Preloaded);
    assert!(preloaded.contains("ipv4 client kernel=0 libc=0"), "{preloaded}");
    assert_eq!(preloaded, lines(Mode::Plain));
}
