//! Servers that did not open their sockets themselves: inetd, socket activation, brokers, pre-forked children.
//!
//! Each answers a line with two writes, which stalls for 40 ms without the option, and tells the option's state.

use crate::support::exchange::{median, stalls};
use crate::support::{Guard, Mode, compile, library, net, program};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

/// A server of tests/programs that listens by itself: serve.c.
fn serve(mode: Mode, way: &str, environment: &[(&str, &str)]) -> (Guard, u16) {
    let mut command = mode.command(compile("serve"));
    command.arg(way).envs(environment.iter().copied());
    started(Guard::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped())))
}

/// A server that launch.py starts in this way; the launcher itself is never preloaded.
fn launch(mode: Mode, way: &str, server: &[&str]) -> (Guard, u16) {
    let mut command = Mode::Plain.command("python3");
    command.arg(program("launch.py")).arg(way);
    match mode {
        Mode::Plain => command.arg("-"),
        Mode::Preloaded => command.arg(library()),
    };
    command.args(server);
    started(Guard::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped())))
}

fn started(mut guard: Guard) -> (Guard, u16) {
    let line = guard.first_line(Duration::from_secs(10));
    let port = line.strip_prefix("port ").and_then(|port| port.parse().ok());
    let port = port.unwrap_or_else(|| panic!("expected `port N`, got {line:?}"));
    (guard, port)
}

/// Talks on this connection: the median exchange, and the state that the server told last.
fn talk(stream: TcpStream) -> (Duration, String) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let mut reply = String::new();
    let median = median(9, || {
        writer.write_all(b"ping\n").expect("the server reads");
        reply.clear();
        reader.read_line(&mut reply).expect("the server answers");
    });
    (median, reply)
}

/// Connects this often, one after the other, and expects each connection to stall or not, and to tell this state.
fn assert_connections(name: &str, port: u16, connections: usize, stall: bool, state: &str) {
    for number in 0..connections {
        let (median, reply) = talk(net::connect(port, Duration::from_secs(10)));
        println!("{name}, connection {number}: {median:?} {reply}");
        assert_eq!(reply, format!("reply: {state}\n"), "{name}, connection {number}");
        assert_eq!(stalls(median), stall, "{name}, connection {number}: {median:?}");
    }
}

const OFF: &str = "kernel=0 libc=0";
const SET: &str = "kernel=1 libc=0";

#[test]
fn the_server_s_own_listener() {
    for way in ["listen", "prefork"] {
        let (_server, port) = serve(Mode::Plain, way, &[]);
        assert_connections(way, port, 2, true, OFF);
        let (_server, port) = serve(Mode::Preloaded, way, &[]);
        assert_connections(way, port, 4, false, SET);
    }
}

/// Erlang sets on each connection what the listener's option reads as, which is off; Mono turns it off on fresh sockets. To
/// turn off what reads as off decides nothing. (Learned holding would cure the stall too; here the question is the option.)
#[test]
fn a_server_that_turns_off_what_reads_as_off_is_cured() {
    for way in ["off", "copy", "fresh-off"] {
        let (_server, port) = serve(Mode::Plain, way, &[]);
        assert_connections(&format!("plain, {way}"), port, 1, true, OFF);
        let (_server, port) = serve(Mode::Preloaded, way, &[("TCPTUNE_CORK", "off")]);
        assert_connections(&format!("preloaded, {way}"), port, 3, false, SET);
        let (_server, port) = serve(Mode::Preloaded, way, &[("TCPTUNE_NODELAY", "force")]);
        assert_connections(&format!("force, {way}"), port, 2, false, SET);
    }
}

/// But what the program has turned on itself, or reads as on, it may turn off.
#[test]
fn a_server_that_turns_off_what_reads_as_on_keeps_it_off() {
    for way in ["on-off", "listener-on-off"] {
        let (_server, port) = serve(Mode::Plain, way, &[]);
        assert_connections(&format!("plain, {way}"), port, 1, true, OFF);
        let (_server, port) = serve(Mode::Preloaded, way, &[("TCPTUNE_CORK", "off")]);
        assert_connections(&format!("preloaded, {way}"), port, 2, true, OFF);
        let (_server, port) = serve(Mode::Preloaded, way, &[("TCPTUNE_NODELAY", "force")]);
        assert_connections(&format!("force, {way}"), port, 2, false, SET);
    }
}

#[test]
fn an_inherited_connection() {
    let serve = compile("serve");
    let serve = serve.to_str().expect("a path in UTF-8");
    for (way, arguments) in [("inetd", [serve, "stdin", ""]), ("connection", [serve, "connection-fd", "3"])] {
        let (_server, port) = launch(Mode::Plain, way, &arguments);
        assert_connections(way, port, 1, true, OFF);
        let (_server, port) = launch(Mode::Preloaded, way, &arguments);
        assert_connections(way, port, 1, false, SET);
    }
}

#[test]
fn an_inherited_connection_that_nothing_announces() {
    let run = |argument: &std::ffi::OsStr| {
        let mut command = Mode::Plain.command("python3");
        let output = command.arg(program("unannounced.py")).arg(argument).output().expect("python3 runs");
        String::from_utf8(output.stdout).expect("digits")
    };
    assert_eq!(run("-".as_ref()), "0 0\n");
    assert_eq!(run(library().as_os_str()), "0 1\n");
}

#[test]
fn an_inherited_listener() {
    let serve = compile("serve");
    let arguments = [serve.to_str().expect("a path in UTF-8"), "listen-fd", "3"];
    let (_server, port) = launch(Mode::Plain, "listener", &arguments);
    assert_connections("plain", port, 1, true, OFF);
    let (_server, port) = launch(Mode::Preloaded, "listener", &arguments);
    assert_connections("preloaded", port, 4, false, SET);
}

#[test]
fn connections_that_waited_in_the_queue_before_the_listener_was_met() {
    let serve = compile("serve");
    let arguments = [serve.to_str().expect("a path in UTF-8"), "listen-fd", "3"];
    for (mode, stall, state) in [(Mode::Plain, true, OFF), (Mode::Preloaded, false, SET)] {
        let (_server, port) = launch(mode, "queue", &arguments);
        // The server is started only when both of these wait; neither inherited anything from the listener.
        let early: Vec<_> = (0..2).map(|_| net::connect(port, Duration::from_secs(10))).collect();
        for (number, stream) in early.into_iter().enumerate() {
            let (median, reply) = talk(stream);
            println!("{mode:?}, connection {number}: {median:?} {reply}");
            assert_eq!(reply, format!("reply: {state}\n"), "{mode:?}, connection {number}");
            assert_eq!(stalls(median), stall, "{mode:?}, connection {number}: {median:?}");
        }
        assert_connections("after the queue", port, 2, stall, state);
    }
}

#[test]
fn a_received_connection() {
    let serve = compile("serve");
    let serve = serve.to_str().expect("a path in UTF-8");
    let python = program("serve_received.py");
    let python = python.to_str().expect("a path in UTF-8");
    for arguments in [[serve, "receive", "3"], [python, "receive", "3"]] {
        let (_server, port) = launch(Mode::Plain, "broker", &arguments);
        assert_connections(arguments[0], port, 2, true, OFF);
        let (_server, port) = launch(Mode::Preloaded, "broker", &arguments);
        assert_connections(arguments[0], port, 3, false, SET);
    }
}
