//! TCP_NODELAY reaches every kind of TCP socket, in the kernel, while the program reads back what it set itself: nothing.

use crate::support::{Mode, assert_same, compile, finish};

/// Runs tests/programs/families.c and gives its lines.
fn lines(mode: Mode, environment: &[(&str, &str)]) -> Vec<String> {
    let mut command = mode.command(compile("families"));
    command.envs(environment.iter().copied());
    finish(&mut command).expect().lines().map(str::to_owned).collect()
}

fn absent(lines: &[String], kind: &str) -> bool {
    lines.contains(&format!("{kind} absent"))
}

#[test]
fn every_kind_of_tcp_socket_has_the_option_in_the_kernel_only() {
    let plain = lines(Mode::Plain, &[]);
    let preloaded = lines(Mode::Preloaded, &[]);
    // What a program sees without the library, with the kernel's column turned to 1: that and nothing else.
    let expected: Vec<String> = plain.iter().map(|line| line.replace("kernel=0 libc=0", "kernel=1 libc=0")).collect();
    assert_same("preloaded", &preloaded, &expected);

    let kinds = ["ipv4", "ipv4-explicit", "v4-mapped", "ipv4-to-dual-stack", "ipv6", "cloexec", "nonblock", "mptcp"];
    for kind in kinds.iter().filter(|kind| !absent(&plain, kind)) {
        for role in ["listener", "client", "accepted"] {
            let line = format!("{kind} {role} kernel=1 libc=0");
            assert!(preloaded.contains(&line), "no line {line:?} in {preloaded:#?}");
        }
    }
    assert!(!absent(&plain, "ipv4"), "no IPv4 on this machine");
    assert!(preloaded.contains(&"nonblock connect Operation now in progress".into()), "{preloaded:#?}");
}

#[test]
fn switched_off_nothing_is_set() {
    let plain = lines(Mode::Plain, &[]);
    for settings in [&[("TCPTUNE", "off")][..], &[("TCPTUNE_NODELAY", "off"), ("TCPTUNE_CORK", "off")]] {
        assert_same(&format!("{settings:?}"), &lines(Mode::Preloaded, settings), &plain);
    }
}
