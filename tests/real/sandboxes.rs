//! Programs that put themselves into a seccomp sandbox: one system call that is not their own kills them.
//!
//! A real sshd, a real vsftpd, and a small program with a short list. (A library that adds one ioctl to a write breaks
//! every login to this sshd, and to vsftpd with its sandbox on; that was tried.)

use crate::support::{
    Guard, Mode, Outcome, ScratchDir, assert_same, compile, finish, free_port, net, process, program, run, text,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_strict_sandbox_behaves_the_same() {
    let sandbox = compile("sandbox");
    for filter in ["prctl", "seccomp"] {
        for when in ["early", "late", "fork"] {
            let [plain, preloaded] = Mode::BOTH.map(|mode| run(mode, &sandbox, &[filter, when]));
            assert!(text(&plain.stdout).contains("exchanges: 20"), "the program did its work");
            assert_eq!(preloaded.status, plain.status, "{filter} {when}");
            assert_eq!(text(&preloaded.stdout), text(&plain.stdout), "{filter} {when}");
            assert!(plain.status.success(), "{filter} {when}: {}", plain.status);
        }
    }
    let [plain, preloaded] = Mode::BOTH.map(|mode| run(mode, &sandbox, &["strict-mode", "late"]).expect());
    assert!(plain.contains("strict mode: 3"), "{plain}");
    assert_eq!(preloaded, plain);
}

/// The numbers of the system calls that a program makes natively.
fn calls(program: &Path, arguments: &[&str]) -> String {
    let scratch = ScratchDir::new("calls");
    let log = scratch.join("log");
    let mut command = Mode::Plain.command("strace");
    finish(command.args(["-fnqq", "-o"]).arg(&log).arg(program).args(arguments)).expect();
    let log = std::fs::read_to_string(log).expect("strace wrote its log");
    let numbers = log.lines().filter_map(|line| line.split_once('[')?.1.split_once(']')?.0.trim().parse().ok());
    let numbers: BTreeSet<u32> = numbers.collect();
    assert!(numbers.len() > 10, "{log}");
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// Starts `bursts` in a jail.
fn jailed(mode: Mode, which: &str, numbers: &str, settings: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    let mut command = mode.command(compile("jail"));
    command.args([which, numbers]).arg(compile("bursts")).args(arguments).envs(settings.iter().copied());
    finish(&mut command)
}

/// A launcher gives the program what it uses, and not a call more.
#[test]
fn a_filter_that_was_there_before_the_program_kills_nobody() {
    let scratch = ScratchDir::new("jail");
    let stats = scratch.path().to_str().expect("a path in UTF-8");
    let all = [
        ("TCPTUNE_STATS", stats),
        ("TCPTUNE_QUICKACK", "auto"),
        ("TCPTUNE_RULES", "peer=10.0.0.0/8 off"),
        ("TCPTUNE_SET", "ttl=64"),
    ];
    for arguments in [&["30"][..], &["30", "sets"]] {
        let numbers = calls(&compile("bursts"), arguments);
        for settings in [&[][..], &all, &[("TCPTUNE_ONLY", "bursts")], &[("TCPTUNE_NODELAY", "perhaps")]] {
            let [plain, preloaded] = Mode::BOTH.map(|mode| jailed(mode, "only", &numbers, settings, arguments));
            let told = format!("{arguments:?} {settings:?}");
            assert_eq!(plain.expect(), "30 bursts\n", "{told}");
            assert_eq!(
                (preloaded.status.to_string(), text(&preloaded.stdout)),
                ("exit status: 0".into(), "30 bursts\n".into()),
                "{told}"
            );
            // It is cured where the program sets options itself, and the settings are those of a program that is tuned.
            let cured = arguments.len() > 1 && !settings.iter().any(|(_, value)| ["bursts", "perhaps"].contains(value));
            assert_eq!(preloaded.took < Duration::from_millis(600), cured, "{told}: {:?}", preloaded.took);
        }
    }
    assert_eq!(std::fs::read_dir(scratch.path()).expect("it is there").count(), 0, "counting takes other calls");
}

/// A filter that lets the program write, but answers EPERM where a held write has become a send.
#[test]
fn a_filter_that_refuses_the_held_form_is_not_noticed() {
    let sendto = libc::SYS_sendto.to_string();
    let preloaded = jailed(Mode::Preloaded, "without", &sendto, &[("TCPTUNE_SECCOMP", "all")], &["60"]);
    assert_eq!(preloaded.expect(), "60 bursts\n");
}

/// A filter that allows all that the library calls, as it can be told.
#[test]
fn under_a_filter_that_allows_everything_all_is_as_without() {
    // (Number 9999 is no system call.)
    for (settings, cured) in [(&[][..], false), (&[("TCPTUNE_SECCOMP", "all")], true)] {
        let preloaded = jailed(Mode::Preloaded, "without", "9999", settings, &["30"]);
        assert_eq!(preloaded.took < Duration::from_millis(600), cured, "{settings:?}: {:?}", preloaded.took);
        assert_eq!(preloaded.expect(), "30 bursts\n");
    }
}

/// A key for a throw-away server or login.
fn key(scratch: &ScratchDir, name: &str) -> String {
    let path = scratch.join(name);
    let mut command = Command::new("ssh-keygen");
    finish(command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path)).expect();
    path.to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_login_to_sshd_works() {
    let scratch = ScratchDir::new("sshd");
    let (host, login) = (key(&scratch, "host"), key(&scratch, "login"));
    // Debian's unit makes this directory for sshd's sandbox; here there may be no such unit.
    std::fs::create_dir_all("/run/sshd").expect("/run/sshd can be made");
    for mode in Mode::BOTH {
        let port = free_port().to_string();
        let config = scratch.file(
            "sshd_config",
            format!(
                "HostKey {host}\nPort {port}\nListenAddress 127.0.0.1\nPidFile none\nUsePAM no\nStrictModes no\n\
                 AuthorizedKeysFile {login}.pub\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            ),
        );
        // sshd executes itself again for each connection, and for that it wants to be called by its whole path.
        let log = std::fs::File::create(scratch.join("log")).expect("a log");
        let mut command = mode.command("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let server = Guard::spawn(&mut command);
        drop(net::connect(port.parse().expect("a port"), Duration::from_secs(10)));

        let mut client = Mode::Plain.command("ssh");
        client.args(["-F", "none", "-i", &login, "-p", &port, "-o", "StrictHostKeyChecking=no"]);
        client.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
        client.args(["-o", "LogLevel=ERROR", "root@127.0.0.1", "head -c 300000 /dev/zero | cksum; echo $0"]);
        let session = finish(&mut client);
        let log = std::fs::read_to_string(scratch.join("log")).unwrap_or_default();
        assert!(session.status.success(), "{mode:?}: {}{log}", text(&session.stderr));
        assert!(text(&session.stdout).starts_with("2913298395 300000\n"), "{mode:?}: {}", text(&session.stdout));
        assert_eq!(process::has_library(server.pid()), mode == Mode::Preloaded, "{mode:?}");
    }
}

/// A vsftpd that serves a directory to anonymous clients.
fn vsftpd(mode: Mode, scratch: &ScratchDir, sandbox: &str) -> (Guard, String) {
    let port = free_port();
    let top = scratch.path().display();
    let config = scratch.file(
        "vsftpd.conf",
        format!(
            "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\n\
             local_enable=NO\nno_anon_password=YES\nanon_root={top}/files\nsecure_chroot_dir={top}/empty\n\
             pasv_address=127.0.0.1\nxferlog_enable=NO\nseccomp_sandbox={sandbox}\n"
        ),
    );
    let mut command = mode.command("/usr/sbin/vsftpd");
    let server = Guard::spawn(command.arg(config).stdin(Stdio::null()));
    drop(net::connect(port, Duration::from_secs(10)));
    (server, port.to_string())
}

fn files_to_serve() -> ScratchDir {
    let scratch = ScratchDir::new("vsftpd");
    for name in ["files", "empty"] {
        std::fs::create_dir(scratch.join(name)).expect("a directory");
    }
    scratch.file("files/small.txt", "hello\n");
    scratch.file("files/large.bin", (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect::<Vec<_>>());
    scratch
}

fn ftp(port: &str, scope: &str) -> Vec<String> {
    let mut client = Mode::Plain.command("python3");
    client.arg(program("ftp_session.py")).args([port, scope]);
    finish(&mut client).expect().lines().map(str::to_owned).collect()
}

#[test]
fn vsftpd_lists_and_sends_files() {
    let scratch = files_to_serve();
    let [plain, preloaded] = Mode::BOTH.map(|mode| {
        let (_server, port) = vsftpd(mode, &scratch, "NO");
        ftp(&port, "files")
    });
    assert!(plain.iter().any(|line| line.starts_with("226 ") && line.contains("large.bin")), "{plain:#?}");
    assert_same("the session", &preloaded, &plain);
}

/// (Its sandbox refuses stat as glibc 2.33 and later make it, library or not: files cannot be had with it on Debian 12.)
#[test]
fn vsftpd_in_its_sandbox_answers_the_same() {
    let scratch = files_to_serve();
    let [plain, preloaded] = Mode::BOTH.map(|mode| {
        let (server, port) = vsftpd(mode, &scratch, "YES");
        let mut client = Mode::Plain.command("python3");
        client.arg(program("ftp_session.py")).args([&port, "control", "--pause"]);
        client.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = Guard::spawn(&mut client);
        let lines = client.lines();
        let mut session = lines.until("waiting", Duration::from_secs(10));
        let sandboxed: Vec<u32> = process::family(server.pid())
            .into_iter()
            .filter(|pid| process::status(*pid, "Seccomp").as_deref() == Some("2"))
            .collect();
        assert!(sandboxed.len() >= 2, "{mode:?}: no sandbox in {:?}", process::family(server.pid()));
        for pid in sandboxed {
            assert_eq!(process::has_library(pid), mode == Mode::Preloaded, "{mode:?}");
        }
        drop(client.child.stdin.take());
        session.extend(lines.rest(Duration::from_secs(10)));
        assert!(client.wait(Duration::from_secs(10)).success(), "{mode:?}: {session:#?}");
        session
    });
    assert!(plain.last().is_some_and(|line| line.starts_with("221 ")), "{plain:#?}");
    assert_same("the session", &preloaded, &plain);
}
