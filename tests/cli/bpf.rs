//! `tcptune run --bpf`: as root, the kernel cures programs that load no library, leaves nothing behind, and what cannot be done is
//! refused with a reason.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::cli::exchanges::{Client, Server, expect_stalls};
use crate::support::cli::static_program::{Bench, PATIENCE, expected, narrow, sorted, wait_until};
use crate::support::cli::{cleaned, ended, is_root, tcptune};
use crate::support::{Guard, library};

/// Whether this machine lets root do it; nothing else is a reason to leave out what needs it.
fn can_use_bpf() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc");
    let can = is_root() && mounts.contains(" - cgroup2 ");
    if !can {
        eprintln!("--bpf takes root and cgroup2: not tested");
    }
    can
}

#[test]
fn as_root_the_kernel_does_it() {
    if !can_use_bpf() {
        return;
    }
    let bench = Bench::new("gcc");
    let server = Server::start("once");
    let run = |options: &[&str], arguments: &[&str]| {
        let mut command = cleaned(Command::new(&bench.command));
        command.arg("run").args(options).arg("--").arg(&bench.program).args(arguments);
        let (code, out, err) = ended(&mut command);
        assert!(code == 0 && err.is_empty(), "{options:?} {arguments:?}: {code} {out}{err}");
        out
    };
    let median = |options: &[&str], arguments: &[&str]| run(options, arguments).trim().parse().expect("milliseconds");
    expect_stalls(median(&["--bpf", "--nodelay", "off"], &["client", &server.port, "9"]), true);
    expect_stalls(median(&["--bpf"], &["client", &server.port, "9"]), false);
    expect_stalls(median(&["--bpf"], &["client", &server.port, "9", "off"]), true);
    expect_stalls(median(&["--bpf", "--nodelay", "force"], &["client", &server.port, "9", "off"]), false);
    let roles = |options: &[&str]| sorted(&run(options, &["roles", &server.port]));
    let every = "keepalive=60/10/5 user_timeout=30s sndbuf=1m congestion=reno dscp=af21 priority=3 linger=2";
    assert_eq!(roles(&["--bpf", "--set", every]), expected("1 1"));
    let plain = run(&["--bpf"], &["options", &server.port]);
    let forced = run(&["--bpf", "--nodelay", "force"], &["options", &server.port]);
    assert_eq!(forced, plain.replace("then 0", "then 1"));
    // A program of another system call table.
    if let Some(narrow) = narrow(&bench) {
        let mut command = cleaned(Command::new(&bench.command));
        command.args(["run", "--bpf", "--"]).arg(narrow).arg(&server.port);
        assert_eq!(ended(&mut command).0, 11);
    }
    // A server: what it accepts inherits.
    let mut command = cleaned(Command::new(&bench.command));
    command.args(["run", "--bpf", "--"]).arg(&bench.program).arg("server").stdout(Stdio::piped());
    let mut guard = Guard::spawn(&mut command);
    let port = guard.first_line(PATIENCE);
    Client::start(&Server { guard, port }, "once").expect_stalls(false);
}

#[test]
fn its_control_group_goes_with_the_last_process() {
    if !can_use_bpf() {
        return;
    }
    let mut command = tcptune();
    command.args(["run", "--bpf", "--verbose", "--library"]).arg(library());
    let (code, out, err) = ended(command.args(["--", "sh", "-c", "cat /proc/self/cgroup; exit 7"]));
    assert_eq!(code, 7, "{err}");
    let group = err.lines().find_map(|line| line.strip_prefix("tcptune: tuned by the kernel in the control group "));
    let group = PathBuf::from(group.unwrap_or_else(|| panic!("{err}")));
    let name = group.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("tcptune-") && out.contains(&name), "{out}");
    wait_until(|| !group.exists());
    // Nothing is left either when nothing was started.
    let (code, _, err) = ended(tcptune().args(["run", "--bpf", "-v", "--library"]).arg(library()).arg("/none"));
    assert_eq!(code, 127, "{err}");
    let group = err.lines().find_map(|line| line.strip_prefix("tcptune: tuned by the kernel in the control group "));
    let group = PathBuf::from(group.unwrap_or_else(|| panic!("{err}")));
    wait_until(|| !group.exists());
}

#[test]
fn what_the_kernel_cannot_do_is_told() {
    let bench = Bench::new("gcc");
    let refused = |options: &[&str]| {
        let (code, out, err) = ended(&mut bench.run(options, &["alone"]));
        assert!(code == 125 && out.is_empty() && err.lines().count() == 1, "{options:?}: {code} {out}{err}");
        err
    };
    assert!(refused(&["--bpf", "--rule", "port=1 off"]).contains("--bpf: TCPTUNE_RULES cannot be followed"));
    assert!(refused(&["--bpf", "--only", "x"]).contains("--bpf: TCPTUNE_ONLY and TCPTUNE_SKIP cannot be followed"));
    let err = refused(&["--bpf"]);
    assert!(err.contains("tcptune: --bpf: ") && err.contains("(it takes root: "), "{err}");
}
