//! `tcptune run --supervise`: static programs, which load no library, lose their stalls; whatever becomes of the
//! supervisor they go on; and they notice nothing else of it.

use crate::support;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli::exchanges::{Client, Server, expect_stalls};
use crate::support::cli::static_program::{Bench, PATIENCE, SOURCE, expected, narrow, sink, sorted, wait_until};
use crate::support::cli::{as_nobody, c_program, cleaned, ended, is_root, set_mode, tcptune};
use crate::support::process::{family, status};
use crate::support::{Guard, finish, library, text};
use rustix::process::{Pid, Signal, kill_process};

/// The helpers that `--verbose` names.
fn helpers(line: &str) -> [u32; 2] {
    let words: Vec<u32> = line.split([' ', ';']).filter_map(|word| word.parse().ok()).collect();
    words.try_into().unwrap_or_else(|_| panic!("two numbers in {line:?}"))
}

/// Started with `--verbose`: the guard, and the helpers.
fn verbose(bench: &Bench, arguments: &[&str]) -> (Guard, [u32; 2]) {
    let log = bench.scratch.join("log");
    let mut command = bench.run(&["--supervise", "--verbose"], arguments);
    command.stdout(Stdio::piped()).stderr(fs::File::create(&log).expect("a log"));
    let guard = Guard::spawn(&mut command);
    let end = Instant::now() + PATIENCE;
    loop {
        let said = fs::read_to_string(&log).expect("a log");
        let line = said.lines().find(|line| line.contains("supervised by the processes"));
        if let Some(line) = line.filter(|_| said.contains("starting ")) {
            return (guard, helpers(line));
        }
        assert!(Instant::now() < end, "{said}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_alive(pid: u32) -> bool {
    status(pid, "State").is_some_and(|state| !state.starts_with('Z'))
}

#[test]
fn static_clients_are_cured_without_being_asked_for() {
    let server = Server::start("once");
    for compiler in ["gcc", "musl-gcc"] {
        let bench = Bench::new(compiler);
        let client = ["client", &server.port, "9"];
        expect_stalls(bench.median(&["--no-supervise"], &client), true);
        let (code, out, err) = ended(&mut bench.run(&[], &client));
        assert_eq!(code, 0, "{err}");
        expect_stalls(out.trim().parse().expect("milliseconds"), false);
        assert!(err.contains("no loader runs at its start") && err.contains("; it is supervised instead, "), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        // Nobody is asked where there is nothing to set.
        let (code, out, err) = ended(&mut bench.run(&["--nodelay", "off"], &client));
        assert!(code == 0 && err.starts_with("tcptune: warning: "), "{code} {err}");
        expect_stalls(out.trim().parse().expect("milliseconds"), true);
    }
}

#[test]
fn go_is_supervised_where_there_is_something_to_win() {
    let bench = Bench::new("gcc");
    let port = sink();
    // The linker of Go marks its programs with this section.
    let mark = "__attribute__((section(\".go.buildinfo\"), used)) static const char info[] = \"\\xff Go buildinf:\";\n";
    let source = format!("{SOURCE}{mark}");
    c_program(&bench.scratch, "supervised", &source, "gcc", &["-static", "-pthread"]);
    for (options, supervised) in [(&[][..], false), (&["--nodelay", "force"], true), (&["--set", "ttl=64"], true)] {
        let (code, out, err) = ended(&mut bench.run(options, &["report", &port]));
        assert_eq!((code, out.as_str()), (0, if supervised { "exec 1 0\n" } else { "exec 0 0\n" }), "{options:?}");
        assert!(err.contains("a Go program") && err.contains("supervised instead") == supervised, "{err}");
    }
}

#[test]
fn a_static_server_is_cured() {
    let bench = Bench::new("gcc");
    for (option, stalls) in [("--no-supervise", true), ("--supervise", false)] {
        let mut guard = Guard::spawn(bench.run(&[option], &["server"]).stdout(Stdio::piped()).stderr(Stdio::null()));
        let port = guard.first_line(PATIENCE);
        let server = Server { guard, port };
        Client::start(&server, "once").expect_stalls(stalls);
    }
}

#[test]
fn threads_children_and_what_they_execute() {
    let bench = Bench::new("gcc");
    let port = sink();
    let roles = |options: &[&str]| sorted(&bench.out(options, &["roles", &port]));
    assert_eq!(roles(&["--no-supervise"]), expected("0 0"));
    assert_eq!(roles(&["--supervise"]), expected("1 0"));
    assert_eq!(roles(&["--supervise", "--set", "keepalive=60/10/5"]), expected("1 1"));
    let rule = |rule: &str| format!("{rule}; port=1 set(keepalive=60)");
    assert_eq!(roles(&["--supervise", "--rule", &rule(&format!("port={port} peer=127.0.0.1 off"))]), expected("0 0"));
    assert_eq!(roles(&["--supervise", "--rule", &rule("server off")]), expected("1 0"));
    assert_eq!(roles(&["--supervise", "--skip", "super*"]), expected("0 0"));
    assert_eq!(roles(&["--supervise", "--only", "super*"]), expected("1 0"));
}

#[test]
fn the_programs_word_wins_unless_it_is_forced() {
    let bench = Bench::new("gcc");
    let server = Server::start("once");
    let turns_off = ["client", &server.port, "9", "off"];
    expect_stalls(bench.median(&["--supervise"], &turns_off), true);
    expect_stalls(bench.median(&["--supervise", "--nodelay", "force"], &turns_off), false);
    let rule = format!("port={} nodelay=force", server.port);
    expect_stalls(bench.median(&["--supervise", "--rule", &rule], &turns_off), false);
    let options = ["options", &server.port];
    let plain = bench.out(&["--no-supervise"], &options);
    assert_eq!(bench.out(&["--supervise"], &options), plain);
    let forced = bench.out(&["--supervise", "--nodelay", "force"], &options);
    assert_eq!(forced, plain.replace("then 0", "then 1"));
    assert!(plain.contains("wild -1 Bad address") && plain.contains("unix -1 "), "{plain}");
}

#[test]
fn killed_helpers_are_replaced_in_the_middle_of_load() {
    let bench = Bench::new("gcc");
    let (mut guard, [mut one, mut other]) = verbose(&bench, &["load", &sink(), "1500"]);
    let lines = guard.lines();
    let kill = |pid: u32| kill_process(Pid::from_raw(pid as i32).expect("a number"), Signal::KILL).expect("alive");
    for _ in 0..8 {
        // Now the one that answers, then the one that watches: each is replaced by a child of the other.
        kill(one);
        wait_until(|| family(other).len() == 2);
        one = family(other)[1];
        kill(one);
        wait_until(|| family(other).get(1).is_some_and(|child| *child != one && is_alive(*child)));
        (one, other) = (other, family(other)[1]);
    }
    let line = lines.next(PATIENCE).expect("the program ends");
    let counts: Vec<u32> = line.split(' ').map(|n| n.parse().expect("a number")).collect();
    let [made, tuned, failed] = counts[..] else { panic!("{line}") };
    assert!(failed == 0 && made > 100 && tuned == made, "connected, tuned, failed: {line}");
    assert!(guard.wait(PATIENCE).success());
    wait_until(|| !is_alive(one) && !is_alive(other));
}

#[test]
fn the_program_is_the_process_that_was_started() {
    let bench = Bench::new("gcc");
    let (mut guard, helpers) = verbose(&bench, &["alone"]);
    assert_eq!(guard.first_line(PATIENCE), format!("No child processes {}", guard.pid()));
    assert!(guard.wait(PATIENCE).success());
    wait_until(|| !helpers.into_iter().any(is_alive));
    for (script, code, signal) in [("exit 7", Some(7), None), ("kill -KILL $$", None, Some(9))] {
        let mut command = cleaned(Command::new(&bench.command));
        let status = finish(command.args(["run", "--supervise", "--", "sh", "-c", script])).status;
        assert_eq!((status.code(), status.signal()), (code, signal));
    }
    let (code, _, err) = ended(tcptune().args(["run", "--supervise", "--library"]).arg(library()).arg("/none"));
    assert!(code == 127 && err.contains("cannot run `/none`"), "{err}");
}

#[test]
fn helpers_hold_nothing_of_the_programs_and_end_after_its_last_descendant() {
    let bench = Bench::new("gcc");
    let (mut guard, helpers) = verbose(&bench, &["server"]);
    guard.first_line(PATIENCE);
    for pid in helpers {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("ours");
        for link in descriptors.map(|entry| fs::read_link(entry.expect("listed").path()).expect("open")) {
            assert!(link.to_string_lossy().starts_with("anon_inode:"), "{link:?}");
        }
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).expect("ours"), PathBuf::from("/"));
        // Whoever ends the group or the terminal does not mean them.
        assert_ne!(status(pid, "NSsid"), status(guard.pid(), "NSsid"));
        kill_process(Pid::from_raw(pid as i32).expect("a number"), Signal::TERM).expect("alive");
    }
    std::thread::sleep(Duration::from_millis(50));
    assert!(helpers.into_iter().all(is_alive));
    drop(guard);
    wait_until(|| !helpers.into_iter().any(is_alive));
}

#[test]
fn a_second_supervisor_is_refused_with_a_reason() {
    let bench = Bench::new("gcc");
    let port = sink();
    let nested = |options: &[&str]| {
        let mut command = cleaned(Command::new(&bench.command));
        command.args(["run", "--supervise", "--"]).arg(&bench.command).arg("run").args(options);
        ended(command.arg("--").arg(&bench.program).args(["report", &port]))
    };
    let (code, out, err) = nested(&["--supervise"]);
    assert!(code == 125 && out.is_empty(), "{code} {out}{err}");
    assert!(err.contains("this process has a supervisor already"), "{err}");
    // Where nobody asked for it there is a word about it, and the outer one does its work.
    let (code, out, err) = nested(&[]);
    assert_eq!((code, out.as_str()), (0, "exec 1 0\n"));
    assert!(err.starts_with("tcptune: warning: ") && err.contains("a supervisor already"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn privileges_are_given_up_only_without_root() {
    let bench = Bench::new("gcc");
    let mut command = cleaned(Command::new(&bench.command));
    command.args(["run", "--supervise", "--", "grep", "NoNewPrivs", "/proc/self/status"]);
    if !is_root() {
        assert_eq!(ended(&mut command).1, "NoNewPrivs:\t1\n");
        return;
    }
    assert_eq!(ended(&mut command).1, "NoNewPrivs:\t0\n");
    assert_eq!(ended(as_nobody(&mut command)).1, "NoNewPrivs:\t1\n");
    // Root's supervisor reaches what gives up root.
    let mut dropped = cleaned(Command::new(&bench.command));
    dropped.args(["run", "--supervise", "--", "setpriv", "--reuid", "65534", "--clear-groups"]);
    let (_, out, err) = ended(dropped.arg(&bench.program).args(["report", &sink()]));
    assert_eq!((out.as_str(), err.as_str()), ("exec 1 0\n", ""));
    // A set-id program is not supervised by itself: it would not be what it was.
    let copy = bench.scratch.join("setuid");
    fs::copy(&bench.program, &copy).expect("copied");
    set_mode(&copy, 0o4755);
    let mut plain = cleaned(Command::new(&bench.command));
    let (code, _, err) = ended(as_nobody(plain.arg("run").arg(&copy).arg("alone")));
    assert_eq!(code, 0);
    assert!(err.starts_with("tcptune: warning: ") && !err.contains("supervised instead"), "{err}");
}

#[test]
fn a_program_that_may_not_be_touched_goes_on() {
    let (bench, port) = (Bench::new("gcc"), sink());
    assert_eq!(bench.out(&["--supervise"], &["report", &port]), "exec 1 0\n");
    assert_eq!(bench.out(&["--supervise"], &["hidden", &port]), "hidden 0 0\n");
}

#[test]
fn calls_of_32_bit_programs_pass_untouched() {
    let bench = Bench::new("gcc");
    let Some(narrow) = narrow(&bench) else { return };
    let mut command = cleaned(Command::new(&bench.command));
    command.args(["run", "--supervise", "--nodelay", "force", "--"]).arg(narrow).arg(sink());
    let (code, _, err) = ended(&mut command);
    assert_eq!(code, 10, "{err}");
}

#[test]
fn beside_the_library() {
    let server = Server::start("once");
    let mut command = tcptune();
    command.args(["run", "--supervise", "--library"]).arg(library());
    command.args(["python3", &support::program("exchanges.py").display().to_string(), "client", &server.port, "twice"]);
    let mut client = Client::of(&mut command);
    client.expect_stalls(false);
    let maps = fs::read(format!("/proc/{}/maps", client.guard.pid())).expect("ours");
    assert!(text(&maps).contains("libtcptune.so"));
}

#[test]
fn a_connection_that_is_inherited() {
    let bench = Bench::new("gcc");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
    for (options, tuned) in [(&["--skip", "super*"][..], false), (&["--only", "super*"], true)] {
        let mut command = bench.run(&[&["--supervise"], options].concat(), &["alone"]);
        command.stdin(OwnedFd::from(stream.try_clone().expect("a copy"))).stdout(Stdio::null());
        assert!(Guard::spawn(&mut command).wait(PATIENCE).success());
        assert_eq!(stream.nodelay().expect("open"), tuned, "{options:?}");
    }
}
