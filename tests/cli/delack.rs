//! `delack_max`, the kernel's own bound of delayed acknowledgements (Linux 6.15): it cures the other end's stalls, in a process that
//! runs, in one that the library is loaded into, in one that is supervised, and by BPF. The client writes twice, and is never touched.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::attach::{attach, attached, state};
use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::static_program::Bench;
use crate::support::cli::{c_program, cleaned, ended, is_root, tcptune};
use crate::support::{Guard, Mode, program};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server without a loader that answers at once, with one write: it is the client that writes twice.
const STATIC_SERVER: &str = r#"
    #include <arpa/inet.h>
    #include <stdio.h>
    #include <unistd.h>
    int main(void) {
        struct sockaddr_in at = { AF_INET, 0, { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof at;
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        char b[102];
        if (bind(listener, (void *)&at, sizeof at) || listen(listener, 5) || getsockname(listener, (void *)&at, &size)) return 2;
        printf("%d\n", ntohs(at.sin_port));
        fflush(stdout);
        for (int s; (s = accept(listener, 0, 0)) >= 0; close(s))
            for (int got = 0, r; (r = read(s, b + got, sizeof b - got)) > 0;)
                if ((got += r) == sizeof b) got = write(s, b, sizeof b) * 0;
    }"#;

fn serving(command: &mut Command) -> Server {
    let mut guard = Guard::spawn(command.stdout(Stdio::piped()));
    let port = guard.first_line(PATIENCE);
    Server { guard, port }
}

/// The median of an untouched client's exchanges, in milliseconds.
fn exchange(client: &mut Client) -> f64 {
    client.ask("19").parse().expect("a number")
}

/// Does this kernel let sockets set it?
fn is_there() -> bool {
    let there = !ended(tcptune().args(["run", "--set", "delack_max=8ms", "--", "true"]))
        .2
        .contains("does not have TCP_DELACK_MAX_US");
    if !there {
        eprintln!("TCP_DELACK_MAX_US takes Linux 6.15: not tested");
    }
    there
}

#[test]
fn a_client_that_cannot_be_changed_is_cured_from_its_running_server() {
    let state = state();
    let program = c_program(&state, "server", STATIC_SERVER, "gcc", &["-static"]);
    let server = serving(&mut Mode::Plain.command(&program));
    let pid = server.guard.pid().to_string();
    if !is_there() {
        let (code, out, err) = attach(&state, &["--quickack", &pid]);
        assert_eq!((code, out.as_str(), err.lines().count()), (125, "", 1), "{err}");
        return;
    }
    let mut client = Client::start(&server, "twice");
    let before = exchange(&mut client);
    assert!(before > 38.0, "a delayed acknowledgement takes {before} ms");
    // By the name of the cure, and by that of the option; on a connection that is there, and on one that the listener hands on.
    for options in [&["--quickack"][..], &["--nodelay", "keep", "--set", "delack_max=8ms"]] {
        let out = attached(&state, &[options, &[&pid]].concat());
        assert!(out.contains("delack_max="), "{out}");
        let cured = exchange(&mut client);
        client.ask("open");
        let inherited = exchange(&mut client);
        assert!(cured < 20.0 && inherited < 20.0, "{options:?}: {cured} ms, a new connection {inherited} ms");
        attached(&state, &["--revert", &pid]);
        let after = exchange(&mut client);
        assert!(after > 38.0, "{options:?}: put back, but {after} ms");
    }
    let (code, out, err) = attach(&state, &["--set", "delack_max=1ms", &pid]);
    assert_eq!((code, out.as_str(), err.lines().count()), (125, "", 1), "{err}");
    assert!(err.contains("delack_max: this kernel allows "), "{err}");
}

#[test]
fn every_way_of_setting_options_sets_it() {
    if !is_there() {
        return;
    }
    let bench = Bench::new("gcc");
    let server = c_program(&bench.scratch, "server", STATIC_SERVER, "gcc", &["-static"]);
    let run = |options: &[&str]| {
        let mut command = cleaned(Command::new(&bench.command));
        command.args(["run", "--nodelay", "off", "--set", "delack_max=8ms"]).args(options).arg("--").arg(&server);
        exchange(&mut Client::start(&serving(command.stderr(Stdio::null())), "twice"))
    };
    let stalled = run(&["--no-supervise"]);
    assert!(stalled > 38.0, "nothing reaches it, but {stalled} ms");
    let supervised = run(&["--supervise"]);
    assert!(supervised < 20.0, "supervised: {supervised} ms");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc");
    if is_root() && mounts.contains(" - cgroup2 ") {
        let by_kernel = run(&["--bpf"]);
        assert!(by_kernel < 20.0, "by BPF: {by_kernel} ms");
    }
    let mut command = Mode::Preloaded.command("python3");
    command.arg(program("exchanges.py")).args(["server", "once"]);
    command.env("TCPTUNE_NODELAY", "off").env("TCPTUNE_SET", "delack_max=8ms");
    let preloaded = exchange(&mut Client::start(&serving(&mut command), "twice"));
    assert!(preloaded < 20.0, "with the library: {preloaded} ms");
}
