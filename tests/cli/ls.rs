//! `tcptune ls` on sockets of this test's own process: what it shows is what was set on them.

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use crate::support::cli::{as_nobody, copy_of_command, ended, is_root, set_mode, tcptune};
use crate::support::{Guard, ScratchDir};
use serde_json::Value;

fn ls(arguments: &[&str]) -> (i32, String, String) {
    ended(tcptune().arg("ls").args(arguments))
}

/// A connection over loopback: the listener, the client's end, the server's.
fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    let (server, _) = listener.accept().expect("connected");
    (listener, client, server)
}

fn set(socket: &impl AsRawFd, name: i32) {
    let on = 1i32;
    // SAFETY: needed because the standard library does not know TCP_CORK. Sound because the value is an int of this length.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, name, (&raw const on).cast(), size_of::<i32>() as u32)
    };
    assert_eq!(done, 0);
}

#[test]
fn each_socket_is_shown_with_what_was_set_on_it() {
    let (listener, client, server) = connection();
    server.set_nodelay(true).expect("an option");
    set(&client, libc::TCP_CORK);
    let port = listener.local_addr().expect("bound").port().to_string();
    let (code, out, err) = ls(&["--json", "--port", &port]);
    assert!(code == 0 && err.is_empty(), "{code} {err}");
    let rows: Value = serde_json::from_str(&out).expect("valid JSON");
    let rows = rows["sockets"].as_array().expect("a list");
    let from = client.local_addr().expect("bound").to_string();
    let find = |what: &dyn Fn(&Value) -> bool| rows.iter().find(|row| what(row)).unwrap_or_else(|| panic!("{out}"));
    let listening = find(&|row| row["listening"] == true);
    let near = find(&|row| row["local"] == from.as_str());
    let far = find(&|row| row["peer"] == from.as_str());
    let options = |row: &Value| (row["nodelay"].as_bool(), row["cork"].as_bool());
    assert_eq!(rows.len(), 3, "{out}");
    assert_eq!(options(listening), (Some(false), Some(false)));
    assert_eq!(options(near), (Some(false), Some(true)));
    assert_eq!(options(far), (Some(true), Some(false)));
    for row in rows {
        assert_eq!(row["pids"], serde_json::json!([std::process::id()]), "{row}");
        assert_eq!(row["loaded"], false, "{row}");
    }
    let (code, out, _) = ls(&["--port", &port, "--without-nodelay"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(code == 0 && lines.len() == 3 && lines[0].starts_with("LOCAL"), "{out}");
    assert!(lines.iter().all(|line| !line.contains(&format!("{port}  {from}"))), "{out}");
}

#[test]
fn a_process_without_sockets_has_none_and_a_wrong_number_is_told() {
    let own = std::process::id().to_string();
    let _connection = connection();
    let (code, out, _) = ls(&[&own]);
    assert!(code == 0 && out.lines().count() >= 4, "{out}");
    for (arguments, expected, word) in [
        (&["--port", "1"][..], 1, "no TCP socket"),
        (&["nginx"][..], 125, "`nginx` is no process ID"),
        (&["99999999"][..], 127, "there is no process 99999999"),
        (&["--port", "0"][..], 125, "--port"),
    ] {
        let (code, out, err) = ls(arguments);
        assert!(code == expected && out.is_empty() && err.contains(word), "{arguments:?}: {code} {out}{err}");
    }
}

/// Each process is held only while it is asked.
#[test]
fn a_host_may_have_more_processes_than_we_may_have_descriptors() {
    let (listener, _client, _server) = connection();
    let port = listener.local_addr().expect("bound").port().to_string();
    // They have the sockets too.
    let others: Vec<Guard> = (0..40).map(|_| Guard::spawn(holding(&listener).arg("60"))).collect();
    let mut command = std::process::Command::new("sh");
    command.args([
        "-c",
        "ulimit -n 32; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_tcptune"),
        "ls",
        "--json",
        "--port",
        &port,
    ]);
    let (code, out, err) = ended(&mut command);
    assert!(code == 0 && err.is_empty(), "{code} {err}");
    let rows: Value = serde_json::from_str(&out).expect("valid JSON");
    let listening =
        rows["sockets"].as_array().expect("a list").iter().find(|row| row["listening"] == true).expect("the listener");
    assert_eq!(listening["pids"].as_array().map(Vec::len), Some(1 + others.len()), "{out}");
    assert_eq!(listening["nodelay"], false, "{out}");
}

/// `sleep` with the listener as its standard input.
fn holding(listener: &TcpListener) -> std::process::Command {
    let mut command = std::process::Command::new("sleep");
    command.stdin(std::os::fd::OwnedFd::from(listener.try_clone().expect("a copy")));
    command
}

#[test]
fn of_other_users_the_addresses_are_shown_and_the_rest_is_a_dash() {
    if !is_root() {
        return;
    }
    let (listener, _client, _server) = connection();
    let port = listener.local_addr().expect("bound").port().to_string();
    let scratch = ScratchDir::new("ls");
    set_mode(scratch.path(), 0o755);
    let mut command = std::process::Command::new(copy_of_command(scratch.path()));
    as_nobody(command.args(["ls", "--port", &port]));
    let (code, out, err) = ended(&mut command);
    assert!(code == 0 && err.is_empty(), "{code} {err}");
    let row = out.lines().nth(1).unwrap_or_else(|| panic!("{out}"));
    assert!(row.contains("(listening)      -        -"), "{out}");
    assert!(out.contains("3 of 3 of other users' processes"), "{out}");
}
