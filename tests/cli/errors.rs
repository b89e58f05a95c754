//! What goes wrong is said in one line, which names what was being done, the value, and what helps; with the exit status that
//! the help of the subcommand gives. At least one failure of each subcommand.

mod permission;
mod table;
mod walk;

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::cli::{ended, tcptune};
use crate::support::{ScratchDir, library};

/// A file that no program is, a directory that nothing can be made in, and a place that is not there.
const NOT_THERE: &str = "/nonexistent/place";

/// Runs it and looks at the line: the words must be in it, in this order.
fn fails(arguments: &[&str], environment: &[(&str, &str)], expected: i32, words: &[&str]) {
    let mut command = tcptune();
    command.args(arguments).envs(environment.iter().copied());
    let (code, _, err) = ended(&mut command);
    assert_eq!(code, expected, "{arguments:?}: {err}");
    let line = one_line(&err).unwrap_or_else(|| panic!("{arguments:?}: {err}"));
    let mut rest = line;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("{arguments:?}: no `{word}` in {line}"));
        rest = &rest[at + word.len()..];
    }
}

/// The line without its end, if it is one line in our form.
fn one_line(err: &str) -> Option<&str> {
    let line = err.strip_suffix('\n').unwrap_or(err);
    // No sentence of Rust's, of clap's or of the standard library's by itself.
    let foreign = ["os error", "invalid digit", "error: ", "Usage:", "[possible", "For more information"];
    let is_ours = line.starts_with("tcptune: ") && !line.contains(['\n', '\r', '\u{1b}']);
    (is_ours && !foreign.iter().any(|words| line.contains(words))).then_some(line)
}

/// An image with two units.
fn image(name: &str) -> ScratchDir {
    let root = ScratchDir::new(name);
    let units = root.path().join("etc/systemd/system");
    fs::create_dir_all(&units).expect("a directory");
    for unit in ["x.service", "legacyd.service"] {
        fs::write(units.join(unit), "[Service]\nExecStart=/bin/true\n").expect("a file");
    }
    root
}

/// The same with the library named behind the subcommand.
fn fails_with_library(arguments: &[&str], environment: &[(&str, &str)], expected: i32, words: &[&str]) {
    let library = library();
    let (name, rest) = arguments.split_first().expect("a subcommand");
    let all: Vec<&str> = [&[name, "--library", library.to_str().expect("text")], rest].concat();
    fails(&all, environment, expected, words);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn run() {
    fails_with_library(&["run", "--", NOT_THERE], &[], 127, &["cannot run `/nonexistent/place`", "No such file"]);
    fails_with_library(&["run", "--", "/"], &[], 126, &["cannot run `/`", "is a directory"]);
    fails_with_library(&["run", "--cork", "maybe", "true"], &[], 125, &["--cork maybe: allowed is auto or off"]);
    fails(&["run", "--library", NOT_THERE, "true"], &[], 125, &["--library /nonexistent/place: ", "No such file"]);
    let words = ["directory for counters", "`/nonexistent/place`", "No such file or directory", "TMPDIR"];
    fails_with_library(&["run", "--summary", "true"], &[("TMPDIR", NOT_THERE)], 125, &words);
}

#[test]
fn check() {
    fails(&["check", "no-such-program"], &[], 127, &["`no-such-program`", "not found in PATH"]);
    fails(&["check", "4194304999"], &[], 127, &["no process 4194304999"]);
    fails(&["check", "4194303"], &[], 127, &["no process 4194303"]);
    fails(&["check", "/etc/passwd"], &[], 126, &["`/etc/passwd`", "not executable", "chmod"]);
    fails(&["check", "--library", "/etc/passwd", "sh"], &[], 125, &["--library /etc/passwd: ", "not an ELF file"]);
}

#[test]
fn attach() {
    let scratch = ScratchDir::new("errors-attach");
    let state = text(scratch.path());
    let own = std::process::id().to_string();
    fails(&["attach", "--state", state, "4194303"], &[], 127, &["no process 4194303"]);
    fails(&["attach", "--state", state, "nginx"], &[], 125, &["`nginx` is no process ID", "pidof nginx"]);
    fails(&["attach", "--state", state, "--port", "1"], &[], 127, &["TCP port 1"]);
    fails(&["attach", "--state", state, "--set", "crok=1", &own], &[], 125, &["--set crok=1: allowed is key=value"]);
    let words = ["--state /nonexistent/place: ", "make the directory", "No such file"];
    fails(&["attach", "--state", NOT_THERE, &own], &[], 125, &words);
    fails(&["attach", "--state", state, "--fd", "99999", &own], &[], 126, &["--fd 99999: ", "no such descriptor"]);
}

#[test]
fn doctor() {
    let words = ["directory for counters", "`/nonexistent/place`", "No such file or directory", "TMPDIR"];
    fails_with_library(&["doctor", "--", "true"], &[("TMPDIR", NOT_THERE)], 125, &words);
    let words = ["--output /nonexistent/place: cannot be written", "No such file"];
    fails_with_library(&["doctor", "--output", NOT_THERE, "--", "true"], &[], 125, &words);
    fails(&["doctor", "--pid", "4194303"], &[], 127, &["--pid 4194303: ", "no process"]);
    fails(&["doctor", "--pid", "nginx"], &[], 125, &["--pid nginx: ", "no process ID"]);
    fails_with_library(&["doctor", "--", NOT_THERE], &[], 127, &["cannot run `/nonexistent/place`", "No such file"]);
}

#[test]
fn ab() {
    fails_with_library(&["ab", "--", NOT_THERE], &[], 127, &["cannot run `/nonexistent/place`", "No such file"]);
    fails_with_library(
        &["ab", "--setting", "crok=off", "true"],
        &[],
        125,
        &["--setting crok=off", "`crok`", "allowed"],
    );
    fails_with_library(&["ab", "--export", "xml=x", "true"], &[], 125, &["--export xml=x", "json=FILE"]);
    let words = ["--html /nonexistent/place: cannot be written", "No such file"];
    fails_with_library(&["ab", "--html", NOT_THERE, "true"], &[], 125, &words);
    fails(&["ab", "--library", NOT_THERE, "true"], &[], 125, &["--library /nonexistent/place: ", "No such file"]);
    let failed = ["`false` exited with 1", "--ignore-failure"];
    fails_with_library(&["ab", "-n", "2", "--warmup", "0", "--count", "off", "--", "false"], &[], 125, &failed);
}

#[test]
fn report_top_and_export() {
    let scratch = ScratchDir::new("errors-counters");
    let directory = text(scratch.path());
    for name in ["report", "top", "export"] {
        fails(&[name, NOT_THERE], &[], 125, &["`/nonexistent/place` is not there", "TCPTUNE_STATS"]);
        fails(&[name, "/etc/passwd"], &[], 125, &["`/etc/passwd` is no directory"]);
        fails(&[name], &[], 125, &["DIR is missing", "TCPTUNE_STATS"]);
    }
    let words = ["--textfile /nonexistent/place: cannot be written", "No such file"];
    fails(&["export", "--textfile", NOT_THERE, directory], &[], 125, &words);
    fails(
        &["export", "--ended", "/etc/passwd", directory],
        &[],
        125,
        &["--ended /etc/passwd: allowed is", "that tcptune wrote"],
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = taken.local_addr().expect("bound").to_string();
    fails(&["export", "--listen", &address, directory], &[], 125, &["--listen", &address, "cannot listen", "in use"]);
}

#[test]
fn systemd() {
    let root = image("errors-image");
    let image = text(root.path());
    for action in ["show", "install", "remove"] {
        fails(&["systemd", action, "--root", NOT_THERE, "x"], &[], 125, &["--root /nonexistent/place", "No such file"]);
        fails(&["systemd", action, "--root", image, "nosuch"], &[], 127, &["no unit `nosuch.service`", image]);
        fails(&["systemd", action, "--root", image, "a/b"], &[], 125, &["`a/b` is a path"]);
    }
    let words = ["libtcptune.so is not in the image", image, "copy it there"];
    fails(&["systemd", "install", "--root", image, "x"], &[], 125, &words);
    let words = ["--library a.so: ", "absolute path"];
    fails(&["systemd", "install", "--root", image, "--library", "a.so", "x"], &[], 125, &words);
    // Without systemd as the first process, or without systemctl, as with it.
    let (code, _, err) = ended(tcptune().args(["systemd", "verify", "no-such-unit-of-ours"]));
    assert!([125, 127].contains(&code) && err.starts_with("tcptune: ") && err.lines().count() == 1, "{code} {err}");
}

#[test]
fn env_demo_and_generate() {
    let setting = [("TCPTUNE_CORK", "maybe")];
    fails(&["env"], &setting, 1, &["TCPTUNE_CORK", "maybe"]);
    fails(&["demo", "--library", NOT_THERE], &[], 125, &["--library /nonexistent/place: ", "No such file"]);
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound").port().to_string();
    fails(&["demo-client", &free, "1"], &[], 125, &["port", &free, "Connection refused"]);
    fails(&["generate", "man", NOT_THERE], &[], 125, &["man pages to `/nonexistent/place`", "No such file"]);
}
