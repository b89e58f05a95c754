//! `tcptune detach` on live processes with the library: the stall comes back on new connections; open ones keep what they have;
//! counting goes on; what cannot be told is refused with a reason.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::{NOBODY, as_nobody, copy_of_command, ended, is_root, set_mode, tcptune};
use crate::support::{Guard, Mode, ScratchDir, library, program};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
/// A server that sends back a byte for what it gets.
const ECHO: &str = "import socket
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
while True:
    one = listener.accept()[0]
    while one.recv(9):
        one.sendall(b'x')
";

/// A server that writes twice, with the library.
fn server(counts_in: Option<&ScratchDir>) -> Server {
    let mut command = Mode::Plain.command("/usr/bin/python3");
    command.arg(program("exchanges.py")).args(["server", "twice"]);
    command.envs(counts_in.map(|directory| ("TCPTUNE_STATS", directory.path())));
    let mut guard = Guard::spawn(command.env("LD_PRELOAD", library()).stdout(Stdio::piped()));
    let port = guard.first_line(PATIENCE);
    Server { guard, port }
}

fn detach(arguments: &[&str]) -> (i32, String, String) {
    ended(tcptune().arg("detach").args(arguments))
}

#[test]
fn the_stall_comes_back_on_new_connections() {
    let scratch = ScratchDir::new("detach");
    let server = server(Some(&scratch));
    let pid = server.guard.pid().to_string();
    let mut early = Client::start(&server, "once");
    early.expect_stalls(false);
    early.begin("1000000");
    let (code, out, err) = detach(&[&pid]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains(&format!("process {pid} (python3): the library has stopped tuning")), "{out}");
    let mut late = Client::start(&server, "once");
    late.expect_stalls(true);
    // It goes on counting, for the other arm.
    let (code, out, err) = ended(tcptune().args(["report", "--json"]).arg(scratch.path()));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let report: Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!(report["processes"][0]["detached"], true, "{report:#}");
    let (_, out, _) = ended(tcptune().arg("report").arg(scratch.path()));
    assert!(out.contains("was told to stop tuning"), "{out}");
    let (code, out, _) = detach(&[&pid]);
    assert!(code == 0 && out.contains("has stopped tuning"), "{out}");
}

#[test]
fn it_is_noticed_at_the_next_exchange_and_open_connections_keep_the_option() {
    let scratch = ScratchDir::new("detach-open");
    let mut server = server(Some(&scratch));
    let pid = server.guard.pid().to_string();
    let mut client = Client::start(&server, "once");
    client.expect_stalls(false);
    // Nothing happens on it, so nobody looks.
    let (code, out, err) = detach(&["--wait", "0.1", &pid]);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    assert!(out.contains("had no exchange in 0.1 s"), "{out}");
    client.expect_stalls(false);
    let (code, out, _) = detach(&["--wait", "0.1", &pid]);
    assert!(code == 0 && out.contains("has stopped tuning"), "{out}");
    // That the file has lost its name changes nothing for root.
    if is_root() {
        let file = std::fs::read_dir(scratch.path()).expect("there").flatten().next().expect("it counts");
        std::fs::remove_file(file.path()).expect("ours");
        let (code, out, err) = detach(&["--wait", "0.1", &pid]);
        assert!(code == 0 && out.contains("has stopped tuning"), "{out}{err}");
    }
    server.guard.child.kill().expect("it runs");
}

/// What has taken the name of the mapped file since is not written.
#[test]
fn only_the_file_that_is_mapped_is_written() {
    if !is_root() {
        return;
    }
    let scratch = ScratchDir::new("detach-hostile");
    let mapping = "import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.truncate(fd, 8192)
shared = mmap.mmap(fd, 8192)
os.symlink(sys.argv[2], sys.argv[1] + '.new')
os.rename(sys.argv[1] + '.new', sys.argv[1])
print('ready', flush=True); time.sleep(60)
";
    let victim = scratch.join("victim.tcptune");
    std::fs::write(&victim, [7; 8192]).expect("ours");
    let own = scratch.join("own.tcptune");
    let mut command = Mode::Plain.command("/usr/bin/python3");
    let mut hostile = Guard::spawn(command.args(["-c", mapping]).arg(&own).arg(&victim).stdout(Stdio::piped()));
    assert_eq!(hostile.first_line(PATIENCE), "ready");
    let (code, out, err) = detach(&["--wait", "0.1", &hostile.pid().to_string()]);
    assert!(code == 1 && out.is_empty() && err.lines().count() == 1, "{code} {out}{err}");
    assert_eq!(std::fs::read(&victim).expect("there"), [7; 8192]);
}

#[test]
fn who_cannot_be_told_is_named_with_the_reason() {
    let tuned = server(None);
    let plain = Server::start("once");
    for (pid, words) in [(tuned.guard.pid(), "counts nothing"), (plain.guard.pid(), "has no library")] {
        let (code, out, err) = detach(&[&pid.to_string()]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(&format!("process {pid} (python3) {words}")) && err.lines().count() == 1, "{err}");
    }
    let (code, _, err) = detach(&["4194305"]);
    assert_eq!((code, err.as_str()), (127, "tcptune: there is no process 4194305\n"));
}

#[test]
fn a_user_may_tell_own_processes_and_no_others() {
    if !is_root() {
        return;
    }
    let scratch = ScratchDir::new("detach-nobody");
    set_mode(scratch.path(), 0o755);
    let command = copy_of_command(scratch.path());
    let own = scratch.join("own");
    std::fs::create_dir(&own).expect("made");
    std::os::unix::fs::chown(&own, Some(NOBODY), Some(NOBODY)).expect("root may");
    let echo = |directory: &Path| {
        let mut python = Mode::Plain.command("/usr/bin/python3");
        python.args(["-c", ECHO]).env("LD_PRELOAD", scratch.join("libtcptune.so")).env("TCPTUNE_STATS", directory);
        python.stdout(Stdio::piped());
        python
    };
    std::fs::copy(library(), scratch.join("libtcptune.so")).expect("copied");
    set_mode(&scratch.join("libtcptune.so"), 0o755);
    let mut mine = Guard::spawn(as_nobody(&mut echo(&own)));
    let port = mine.first_line(PATIENCE);
    let mut its = Guard::spawn(&mut echo(scratch.path()));
    its.first_line(PATIENCE);
    let tell = |pid: u32| {
        let mut tcptune = Command::new(&command);
        as_nobody(&mut tcptune);
        ended(tcptune.args(["detach", "--wait", "0.1", &pid.to_string()]))
    };
    let (code, out, err) = tell(mine.pid());
    assert!(code == 1 && out.contains("had no exchange"), "{out}{err}");
    let file = std::fs::read_dir(&own).expect("there").flatten().next().expect("it counts");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o400, "as it was");
    let mut peer = TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("it listens");
    peer.write_all(b"y").expect("sent");
    peer.read_exact(&mut [0]).expect("answered");
    let (code, out, err) = tell(mine.pid());
    assert!(code == 0 && out.contains("has stopped tuning"), "{out}{err}");
    let (code, out, err) = tell(its.pid());
    assert!(code == 126 && err.contains("try again as its user or as root"), "{out}{err}");
}
