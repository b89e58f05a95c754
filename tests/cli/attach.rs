//! `tcptune attach` on live processes that were started without the library: the stall ends and comes back, with neither a
//! restart nor a new connection; what is refused is refused with a reason.

use crate::support;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli::attach::{attach, attached, state};
use crate::support::cli::exchanges::{Client, Server};
use crate::support::cli::{
    NOBODY, as_nobody, cleaned, copy_of_command, ended, is_root, set_mode, tcptune, without_ptrace,
};
use crate::support::{Guard, Mode, ScratchDir};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
fn sockets(document: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).expect("valid JSON");
    document["processes"][0]["sockets"].as_array().expect("a list").clone()
}

#[test]
fn a_stalled_client_is_cured_and_the_stall_comes_back() {
    let (state, server) = (state(), Server::start("once"));
    let mut client = Client::start(&server, "twice");
    let pid = client.guard.pid().to_string();
    client.expect_stalls(true);
    let out = attached(&state, &["--dry-run", &pid]);
    assert!(out.contains("off -> on") && out.contains("1 would be changed"), "{out}");
    client.expect_stalls(true);
    let out = attached(&state, &["--verbose", &pid]);
    let row = out.lines().find(|line| line.contains("off -> on")).unwrap_or_else(|| panic!("{out}"));
    assert!(row.contains("established") && row.contains(&format!("127.0.0.1:{}", server.port)), "{row}");
    assert!(row.ends_with(" us") && out.contains("1 TCP socket, 1 changed, "), "{out}");
    client.expect_stalls(false);
    let again = attached(&state, &[&pid]);
    assert!(again.contains("1 TCP socket, 0 changed"), "{again}");
    let out = attached(&state, &["--revert", &pid]);
    assert!(out.contains("on -> off"), "{out}");
    client.expect_stalls(true);
    let (code, _, err) = attach(&state, &["--revert", &pid]);
    assert!(code == 1 && err.contains("nothing to put back is recorded in"), "{err}");
    assert_eq!(std::fs::read_dir(state.path()).expect("there").count(), 0);
}

#[test]
fn accepted_connections_inherit_and_are_put_back() {
    let (state, server) = (state(), Server::start("twice"));
    let mut early = Client::start(&server, "once");
    early.expect_stalls(true);
    let out = attached(&state, &["--port", &server.port]);
    assert!(out.contains("listening") && out.contains("2 TCP sockets, 2 changed"), "{out}");
    early.expect_stalls(false);
    let mut late = Client::start(&server, "once");
    late.expect_stalls(false);
    let pid = server.guard.pid().to_string();
    let found = sockets(&attached(&state, &["--json", "--revert", &pid]));
    assert_eq!(
        found.iter().filter(|row| row["changed"] == true && row["nodelay_after"] == false).count(),
        3,
        "{found:#?}"
    );
    early.expect_stalls(true);
    late.expect_stalls(true);
}

#[test]
fn what_the_program_set_itself_stays() {
    let state = state();
    let script = "import socket, time\n\
                  l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()\n\
                  a = socket.create_connection(l.getsockname()); b, _ = l.accept()\n\
                  b.setsockopt(6, 1, 1)\n\
                  print(l.fileno(), a.fileno(), b.fileno(), flush=True); time.sleep(60)";
    let mut guard = Guard::spawn(Mode::Plain.command("python3").args(["-c", script]).stdout(Stdio::piped()));
    let numbers = guard.first_line(PATIENCE);
    let own: Value = numbers.split(' ').nth(2).and_then(|n| n.parse::<i32>().ok()).into();
    let pid = guard.pid().to_string();
    let first = sockets(&attached(&state, &["--json", "--set", "keepalive=61/10/5", &pid]));
    assert_eq!(first.len(), 3);
    for row in &first {
        assert_eq!((row["nodelay_before"] == true, row["nodelay_after"] == true), (row["fd"] == own, true), "{row:#}");
        assert_eq!(row["options"][0], "keepalive=61/10/5");
    }
    let last = sockets(&attached(&state, &["--json", "--revert", &pid]));
    for row in &last {
        assert_eq!((row["nodelay_before"] == true, row["nodelay_after"] == true), (true, row["fd"] == own), "{row:#}");
        assert_eq!(row["options"].as_array().map(Vec::len), Some(4), "{row:#}");
    }
}

#[test]
fn later_connections_are_found_by_watching() {
    let (state, server) = (state(), Server::start("once"));
    let mut client = Client::start(&server, "twice");
    let mut command = tcptune();
    command.args(["attach", "--watch", "--interval", "20", "--state"]).arg(state.path());
    let mut watch = Guard::spawn(command.arg(client.guard.pid().to_string()).stdout(Stdio::piped()));
    let lines = watch.lines();
    let shown = lines.until("watching every 20ms: ends with the process or with Ctrl-C", PATIENCE);
    assert!(shown.iter().any(|line| line.contains("off -> on")), "{shown:?}");
    client.expect_stalls(false);
    client.ask("open");
    let line = lines.next(PATIENCE).expect("a new connection is told of");
    assert!(line.starts_with(&client.guard.pid().to_string()) && line.ends_with(": off -> on"), "{line}");
    client.expect_stalls(false);
    drop(client);
    assert_eq!(watch.wait(PATIENCE).code(), Some(0));
}

#[test]
fn a_thousand_sockets() {
    const COUNT: usize = 1000;
    let state = state();
    let own = "import socket, sys, time\n\
               l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(1024)\n\
               k = [socket.create_connection(l.getsockname()) for _ in range(int(sys.argv[1]))]\n\
               print('ready', flush=True); sys.stdin.read()";
    let mut many = Mode::Plain.command("sh");
    many.args(["-c", "ulimit -n 2048; exec python3 -c \"$0\" \"$1\"", own, &COUNT.to_string()]);
    let many = Client::of(&mut many);
    let begin = Instant::now();
    let found = sockets(&attached(&state, &["--json", &many.guard.pid().to_string()]));
    let took = begin.elapsed();
    assert_eq!(found.len(), COUNT + 1);
    assert!(found.iter().all(|row| row["nodelay_before"] == false && row["nodelay_after"] == true));
    let each: f64 = found.iter().filter_map(|row| row["took_us"].as_f64()).sum::<f64>() / found.len() as f64;
    eprintln!("{} sockets: {took:?} in all, {each:.1} us each", found.len());
    let found = sockets(&attached(&state, &["--json", "--revert", &many.guard.pid().to_string()]));
    assert!(found.len() == COUNT + 1 && found.iter().all(|row| row["nodelay_after"] == false));
}

#[test]
fn children_and_shared_sockets() {
    let state = state();
    let script = "import os, socket, sys, time\n\
                  l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()\n\
                  child = os.fork()\n\
                  if child: print(child, flush=True)\n\
                  sys.stdin.read()";
    let mut command = Mode::Plain.command("python3");
    let mut guard = Guard::spawn(command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()));
    let child = guard.first_line(PATIENCE);
    let pid = guard.pid().to_string();
    let out = attached(&state, &["--children", &pid]);
    assert!(out.contains(&format!("process {pid} ")) && out.contains(&format!("process {child} ")), "{out}");
    assert!(out.contains("1 changed") && out.contains("0 changed"), "{out}");
    // Either of them may put it back.
    let out = attached(&state, &["--revert", &child]);
    assert!(out.contains("on -> off"), "{out}");
}

#[test]
fn what_cannot_be_done_is_explained() {
    let state = state();
    let script = "import os, socket, sys\n\
                  u = socket.socket(type=socket.SOCK_DGRAM)\n\
                  print(u.fileno(), flush=True); sys.stdin.read()";
    let mut command = Mode::Plain.command("python3");
    let mut guard = Guard::spawn(command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()));
    let datagrams = guard.first_line(PATIENCE);
    let pid = guard.pid().to_string();
    let (code, out, err) = attach(&state, &[&pid]);
    assert!(code == 1 && out.contains("no TCP socket") && err.is_empty(), "{out}{err}");
    let gone = {
        let mut short = Guard::spawn(&mut Command::new("true"));
        short.wait(PATIENCE);
        short.pid().to_string()
    };
    let free = support::free_port().to_string();
    for (arguments, code, words) in [
        (vec![gone.as_str()], 127, "there is no process"),
        (vec!["--fd", &datagrams, &pid], 126, "is not a TCP socket but a UDP socket"),
        (vec!["--fd", "0", &pid], 126, "is not a TCP socket but `pipe:"),
        (vec!["--fd", "987", &pid], 126, "has no such descriptor"),
        (vec!["python3"], 125, "`python3` is no process ID"),
        (vec!["--port", &free], 127, "no process listens on TCP port"),
        (vec!["--set", "ttl=0", &pid], 125, "allowed is a number from 1 to 255"),
        (vec!["--state", "/nonexistent/state", &pid], 125, "allowed is to give it once"),
        (vec!["--revert", &pid], 1, "nothing to put back"),
        (vec![], 125, "PID is missing"),
    ] {
        let (found, _, err) = attach(&state, &arguments);
        assert!(found == code && err.contains(words), "{arguments:?}: {found} {err}");
    }
    let (code, _, err) = ended(tcptune().args(["attach", "--state", "/nonexistent/state", &pid]));
    assert!(code == 125 && err.contains("cannot make the directory `/nonexistent/state`"), "{err}");
    set_mode(state.path(), 0o777);
    let (code, _, err) = attach(&state, &[&pid]);
    assert!(code == 125 && err.contains("nobody else can write"), "{err}");
}

#[test]
fn no_privilege_is_needed_for_processes_of_the_same_user() {
    if !is_root() {
        // All other tests have shown it then.
        return;
    }
    let scratch = ScratchDir::new("attach");
    set_mode(scratch.path(), 0o755);
    let copy = copy_of_command(scratch.path());
    let state = state();
    std::os::unix::fs::chown(state.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
    let script = "import socket, sys\ns = socket.socket()\nprint('ready', flush=True); sys.stdin.read()";
    let mut command = Mode::Plain.command("/usr/bin/python3");
    let theirs = Client::of(command.args(["-c", script]).uid(NOBODY).gid(NOBODY).current_dir("/"));
    let mut command = cleaned(Command::new(&copy));
    command.args(["attach", "--state"]).arg(state.path()).arg(theirs.guard.pid().to_string());
    let (code, out, err) = ended(as_nobody(&mut command));
    let yama = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    if matches!(yama.trim(), "" | "0") {
        assert!(code == 0 && out.contains("closed") && out.contains("off -> on") && err.is_empty(), "{out}{err}");
    } else {
        assert!(code == 126 && err.contains("ptrace_scope"), "{out}{err}");
    }
}

#[test]
fn missing_permission_is_explained() {
    if !is_root() {
        eprintln!("only root can be another user: not tested");
        return;
    }
    let scratch = ScratchDir::new("attach");
    set_mode(scratch.path(), 0o755);
    let copy = copy_of_command(scratch.path());
    let refused = |pid: u32| {
        let mut command = cleaned(Command::new(&copy));
        ended(as_nobody(command.env_remove("XDG_RUNTIME_DIR").args(["attach", "--dry-run", &pid.to_string()])))
    };
    let server = Server::start("once");
    let (code, _, err) = refused(server.guard.pid());
    assert!(code == 126 && err.contains("belongs to another user (uid 0, here 65534): try again as root"), "{err}");
    // Root without the capability may list the descriptors, and not see which of them are sockets.
    let (code, out, err) = ended(&mut without_ptrace(&["attach", "--dry-run", &server.guard.pid().to_string()]));
    assert!(code == 126 && out.is_empty() && err.contains("root needs CAP_SYS_PTRACE"), "{code} {out}{err}");
    // One of the same user that has been made not to be dumpable.
    let script = "import ctypes, socket, sys\n\
                  s = socket.socket(); ctypes.CDLL(None).prctl(4, 0)\n\
                  print('ready', flush=True); sys.stdin.read()";
    let mut command = Mode::Plain.command("/usr/bin/python3");
    let hidden = Client::of(command.args(["-c", script]).uid(NOBODY).gid(NOBODY).current_dir("/"));
    let (code, _, err) = refused(hidden.guard.pid());
    assert!(code == 126 && err.contains("may not be touched: ") && err.contains("try again as root"), "{err}");
}

#[test]
fn records_and_counters_do_not_get_in_each_others_way() {
    if !is_root() {
        eprintln!("only root can count as another user: not tested");
        return;
    }
    // What another user runs must be where that user can read it.
    let scratch = ScratchDir::new("attach");
    set_mode(scratch.path(), 0o755);
    let (library, program) = (scratch.join("libtcptune.so"), scratch.join("counted"));
    std::fs::copy(support::library(), &library).expect("built");
    std::fs::copy(support::compile("counted"), &program).expect("built");
    let server = Server::start("once");
    let directories = "install -d /run/tcptune && install -d -o 65534 -g 65534 /run/tcptune/nobody";
    let shared = "install -d -m 1777 /run/tcptune /run/tcptune/nobody";
    let attach = "\"$COMMAND\" attach \"$SERVER\"";
    let count = "setpriv --reuid=65534 --regid=65534 --clear-groups \
                 env LD_PRELOAD=\"$LIBRARY\" TCPTUNE_STATS=/run/tcptune/nobody \"$PROGRAM\" 20 end >/dev/null";
    let report = "\"$COMMAND\" report /run/tcptune";
    let back = "\"$COMMAND\" attach --revert \"$SERVER\"";
    for steps in [
        [directories, attach, count, report, back],
        [attach, directories, count, report, back],
        // As it was recommended once.
        [shared, attach, count, report, back],
        [attach, shared, count, report, back],
    ] {
        // With a /run of its own.
        let line = format!("mount -t tmpfs -o mode=755 none /run && {}", steps.join(" && "));
        let mut command = cleaned(Command::new("unshare"));
        command.args(["--mount", "sh", "-c", &line]).env("COMMAND", env!("CARGO_BIN_EXE_tcptune"));
        command.env("SERVER", server.guard.pid().to_string()).env("LIBRARY", &library).env("PROGRAM", &program);
        let (code, out, err) = ended(&mut command);
        assert!(code == 0 && err.is_empty(), "{steps:#?}: {code} {out}{err}");
        assert!(out.contains("off -> on") && out.contains("on -> off") && out.contains("served on port"), "{out}");
    }
}
