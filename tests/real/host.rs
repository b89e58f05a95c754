//! The host program always runs, and prints the same, whatever its environment, its descriptors and the settings are.

use crate::support::{
    Guard, Mode, Outcome, ScratchDir, compile, compile_musl, finish, library, net, program, run, text,
};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The status that tests/programs/host.c ends with when it came to its end.
const DONE: Option<i32> = Some(42);

/// The host program for glibc and for musl.
fn hosts() -> [PathBuf; 2] {
    [compile("host"), compile_musl("host")]
}

fn plain(host: &Path, arguments: &[&str]) -> Vec<u8> {
    let plain = run(Mode::Plain, host, arguments);
    assert_eq!(plain.status.code(), DONE, "{}{}", text(&plain.stdout), text(&plain.stderr));
    assert_eq!(text(&plain.stderr), "");
    plain.stdout
}

/// The same output as the plain run, the same status, and not a word on standard error.
#[track_caller]
fn assert_unmoved(what: &str, outcome: &Outcome, plain: &[u8]) {
    assert_eq!(outcome.status.code(), DONE, "{what}: {}: {}", outcome.status, text(&outcome.stderr));
    assert_eq!(text(&outcome.stdout), text(plain), "{what}");
    assert_eq!(text(&outcome.stderr), "", "{what}");
}

#[test]
fn it_reaches_programs_of_glibc_and_musl() {
    for host in hosts() {
        let state = |mode| text(&run(mode, &host, &["--state"]).stdout).lines().nth(1).map(str::to_owned);
        assert_eq!(state(Mode::Plain).as_deref(), Some("kernel 0 0"), "{}", host.display());
        assert_eq!(state(Mode::Preloaded).as_deref(), Some("kernel 1 1"), "{}", host.display());
    }
}

#[test]
fn environments() {
    for host in hosts() {
        let expected = plain(&host, &[]);
        let mut odd = Mode::Preloaded.command(&host);
        odd.env(OsStr::from_bytes(b"\xff\xfe"), OsStr::from_bytes(b"\x80\xff"));
        odd.env("BYTES", OsStr::from_bytes(b"\xc3\x28\xa0\xa1"));
        odd.env(OsStr::from_bytes(b"TCPTUNE_\xff"), "on");
        assert_unmoved("names and values that are no UTF-8", &finish(&mut odd), &expected);

        let mut alone = Mode::Preloaded.command(&host);
        alone.env_clear();
        Mode::Preloaded.prepare(&mut alone);
        assert_unmoved("LD_PRELOAD alone", &finish(&mut alone), &expected);

        for (mode, preload) in [(Mode::Plain, OsString::from("-")), (Mode::Preloaded, library().into())] {
            let mut strange = Mode::Plain.command(compile("strange_env"));
            assert_unmoved(&format!("strange, {mode:?}"), &finish(strange.arg(preload).arg(&host)), &expected);
        }
    }
}

#[test]
fn an_empty_environment() {
    let host = compile("host");
    let expected = plain(&host, &["--state"]);
    let mut command = Command::new(interpreter(&host));
    command.env_clear().arg("--preload").arg(library()).arg(&host).arg("--state");
    let outcome = finish(&mut command);
    assert_eq!(outcome.status.code(), DONE, "{}", text(&outcome.stderr));
    assert_eq!(text(&outcome.stdout), text(&expected).replace("kernel 0 0", "kernel 1 1"));
    assert_eq!(text(&outcome.stderr), "");
}

/// The dynamic loader that this program asks for.
fn interpreter(program: &Path) -> String {
    let output = finish(Command::new("readelf").arg("-lW").arg(program)).expect();
    let (_, rest) = output.split_once("program interpreter: ").expect("an interpreter");
    rest.split(']').next().expect("its path").to_owned()
}

#[test]
fn closed_descriptors() {
    let scratch = ScratchDir::new("host");
    let file = scratch.join("output");
    for host in hosts() {
        let expected = plain(&host, &[]);
        // The numbers 0, 1 and 2 become the program's sockets. Then with a bad setting: nobody is there to be told.
        for closing in ["2>&-", "<&- >&- 2>&-", ">&- 2>&-", "<&-"] {
            for setting in ["on", "bogus"] {
                let mut shell = Mode::Plain.command("sh");
                let script = format!(r#"export LD_PRELOAD="$1" TCPTUNE_NODELAY={setting}; exec "$2" "$3" {closing}"#);
                shell.args(["-c", &script, "sh"]).arg(library()).arg(&host).arg(&file);
                if closing == "<&-" && setting == "bogus" {
                    continue; // standard error is open there: a line is wanted, as in the test of bad settings
                }
                let outcome = finish(&mut shell);
                assert_unmoved(&format!("{closing} {setting}"), &outcome, b"");
                let written = std::fs::read(&file).expect("the program wrote its file");
                assert_eq!(text(&written), text(&expected), "{closing} {setting}");
            }
        }
    }
}

/// A million descriptors where this machine lets root have them, else as many as it gives.
fn highest_limit() -> String {
    let million = finish(Mode::Plain.command("prlimit").args(["--nofile=1000000:1000000", "true"]));
    if million.status.success() {
        return "1000000".into();
    }
    let limits = std::fs::read_to_string("/proc/self/limits").expect("/proc is mounted");
    let hard =
        limits.lines().find(|line| line.starts_with("Max open files")).and_then(|line| line.split_whitespace().nth(4));
    hard.expect("a hard limit").to_owned()
}

#[test]
fn limits_of_descriptors() {
    let highest = highest_limit();
    println!("descriptors: up to {highest}");
    let limited = |mode: Mode, limit: &str, host: &Path, arguments: &[&str]| {
        let mut command = Mode::Plain.command("prlimit");
        command.arg(format!("--nofile={limit}:{limit}")).arg("env");
        match mode {
            Mode::Plain => command.arg("LD_PRELOAD="),
            Mode::Preloaded => command.arg(format!("LD_PRELOAD={}", library().display())),
        };
        finish(command.arg(host).args(arguments))
    };
    for host in hosts() {
        for limit in ["16", highest.as_str()] {
            let expected = plain(&host, &[]);
            assert_unmoved(limit, &limited(Mode::Preloaded, limit, &host, &[]), &expected);
        }
        // The library keeps no descriptor: the program has as many as without it.
        let [plain, preloaded] = Mode::BOTH.map(|mode| limited(mode, "16", &host, &["--full"]));
        assert!(text(&plain.stdout).contains("sockets, then "), "{}", text(&plain.stdout));
        assert_unmoved("all descriptors", &preloaded, &plain.stdout);
    }
    let high = compile("high_numbers");
    let [plain, preloaded] = Mode::BOTH.map(|mode| limited(mode, &highest, &high, &[]).expect());
    let number = highest.parse::<u32>().expect("a number") - 2;
    let last = format!("\n{number}: connect 0, client kernel=0 libc=0, accepted kernel=0 libc=0\n");
    assert!(plain.starts_with(&format!("limit {highest}\n")) && plain.contains(&last), "{plain}");
    assert_eq!(preloaded, plain.replace("kernel=0", "kernel=1"));
}

/// Settings that are wrong, one and then another in the same environment.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let mut all: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let words = ["bogus", "onn", "of", "on off", "on,off", "on=", "=", "forcee", "\x07", "on\noff", "–", "%s%n"];
    for name in ["TCPTUNE", "TCPTUNE_NODELAY", "TCPTUNE_CORK", "TCPTUNE_RELEASE", "TCPTUNE_QUICKACK"] {
        all.extend(words.iter().map(|word| (name, word.as_bytes().to_vec())));
        all.push((name, b"\xff\xfe".to_vec()));
        all.push((name, vec![b'x'; 50_000]));
    }
    let options = [
        "keepalive",
        "keepalive=",
        "keepalive=x",
        "keepalive=1/2/3/4",
        "nosuch=1",
        "=5",
        "sndbuf=-1",
        "sndbuf=1x",
        "sndbuf=99999999999999999999999",
        "user_timeout=30q",
        "dscp=af99",
        "tos=256",
        "ttl=0",
        "ttl=256",
        "linger=-5",
        "reuseport=on",
        "congestion=",
        "mark=0xg",
        "sndbuf=1m;rcvbuf=1m",
        "sndbuf=1m nosuch",
        "maxseg=x",
        "\u{7f}=1",
    ];
    all.extend(options.iter().map(|value| ("TCPTUNE_SET", value.as_bytes().to_vec())));
    all.push(("TCPTUNE_SET", [b"congestion=".as_slice(), &[b'a'; 300]].concat()));
    all.push(("TCPTUNE_SET", b"sndbuf=1m \xf0\x28=\xff".to_vec()));
    let rules = [
        "port=80",
        "port= off",
        "port=99999 off",
        "port=5-4 off",
        "port=1,,2 off",
        "listen=x off",
        "peer=10.0.0.0/33 off",
        "peer=300.1.1.1 off",
        "peer=::1/129 off",
        "peer=1.2.3 off",
        "bogus",
        "port=80 nodelay=maybe",
        "client",
        "set(",
        "set(sndbuf=1m",
        "set(nosuch=1)",
        "port=80 off; bogus",
        "off)",
    ];
    all.extend(rules.iter().map(|value| ("TCPTUNE_RULES", value.as_bytes().to_vec())));
    all.push(("TCPTUNE_RULES", "port=1 off;".repeat(1000).into_bytes()));
    all
}

/// One line that names the variable, in plain characters, whatever the value was made of.
#[track_caller]
fn assert_one_line(stderr: &[u8], name: &str, value: &[u8]) {
    let line = text(stderr);
    let value = text(&value[..value.len().min(80)]);
    assert!(line.starts_with(&format!("tcptune: {name}")), "{name}={value:?}: {line:?}");
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{name}={value:?}: {line:?}");
    assert!(stderr.iter().all(|byte| matches!(byte, b'\n' | b' '..=b'~')), "{name}={value:?}: {line:?}");
    assert!(line.len() < 600, "{name}={value:?}: {} bytes", line.len());
}

#[test]
fn every_malformed_setting_gives_one_line_and_leaves_the_program_alone() {
    let host = compile("host");
    // With the state: a program with a bad setting is not tuned at all.
    let expected = plain(&host, &["--state"]);
    for (name, value) in malformed() {
        let mut command = Mode::Preloaded.command(&host);
        let outcome = finish(command.arg("--state").env(name, OsString::from_vec(value.clone())));
        assert_eq!(outcome.status.code(), DONE, "{name}={:?}", text(&value));
        assert_one_line(&outcome.stderr, name, &value);
        assert_eq!(text(&outcome.stdout), text(&expected), "{name}={:?}", text(&value));
    }
}

#[test]
fn many_malformed_settings_give_one_line() {
    for host in hosts() {
        let expected = plain(&host, &["--state"]);
        let mut command = Mode::Preloaded.command(&host);
        command.arg("--state").env("TCPTUNE_NODELAY", "a").env("TCPTUNE_SET", "b").env("TCPTUNE_RULES", "c");
        let outcome = finish(&mut command);
        assert_eq!(outcome.status.code(), DONE);
        assert_eq!(text(&outcome.stderr).lines().count(), 1, "{}", text(&outcome.stderr));
        assert_eq!(text(&outcome.stdout), text(&expected));
    }
}

#[test]
fn no_line_enters_a_connection_that_is_standard_error() {
    let serve = compile("serve");
    let mut command = Mode::Plain.command("python3");
    command.arg(program("launch.py")).arg("inetd").arg(library()).arg(serve).arg("stdin");
    command.env("TCPTUNE_NODELAY", "bogus").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Guard::spawn(&mut command);
    let line = server.first_line(Duration::from_secs(10));
    let port = line.strip_prefix("port ").and_then(|port| port.parse().ok()).expect("a port");
    let mut stream = net::connect(port, Duration::from_secs(10));
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut talk = String::new();
    for _ in 0..3 {
        stream.write_all(b"ping\n").expect("the server reads");
        reader.read_line(&mut talk).expect("the server answers");
    }
    let mut expected = String::new();
    for _ in 0..3 {
        writeln!(expected, "reply: kernel=0 libc=0").expect("a string takes all");
    }
    assert_eq!(talk, expected);
}
