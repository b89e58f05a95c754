//! What an ordinary user may not do: named in one line like all else, with what would help where something does.

use std::fs;
use std::process::{Command, Stdio};

use super::{one_line, text};
use crate::support::cli::{as_nobody, cleaned, copy_of_command, ended, is_root, set_mode};
use crate::support::{ScratchDir, library};

#[test]
fn what_is_not_permitted_is_named() {
    if !is_root() {
        return;
    }
    let scratch = ScratchDir::new("errors-permission");
    set_mode(scratch.path(), 0o755);
    let command = copy_of_command(scratch.path());
    // Beside the command it is found, wherever the test was built.
    fs::copy(library(), scratch.join("libtcptune.so")).expect("copied");
    let closed = scratch.join("closed");
    fs::create_dir(&closed).expect("a directory");
    fs::write(closed.join("file"), "").expect("a file");
    set_mode(&closed, 0o700);
    let empty = scratch.join("empty");
    fs::create_dir(&empty).expect("a directory");
    set_mode(&empty, 0o755);
    let file = closed.join("file");
    let (closed, file, empty) = (text(&closed), text(&file), text(&empty));
    let denied = "Permission denied";
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["attach", "1"], 126, &["process 1 ", "may not be touched", "as root"]),
        (&["attach", "--state", closed, "1"], 125, &["--state ", closed]),
        (&["attach", "--revert", "1"], 125, &["--revert", "--state DIR"]),
        (&["doctor", "--pid", "1"], 126, &["--pid 1: process 1 ", "as root"]),
        (&["check", "1"], 126, &["process 1 ", "root"]),
        (&["run", "--bpf", "--", "true"], 125, &["--bpf: ", "it takes root"]),
        (&["run", "--library", file, "true"], 125, &["--library ", file, denied]),
        (&["run", "--", file], 126, &["cannot run", file, denied]),
        (&["doctor", "--", file], 126, &["cannot run", file, denied]),
        (&["ab", "--", file], 126, &["cannot run", file, denied]),
        (&["check", file], 126, &[file, denied]),
        (&["doctor", "--output", file, "--", "true"], 125, &["--output ", file, "cannot be written", denied]),
        (&["doctor", "-o", file, "--", "true"], 125, &["-o ", file, "cannot be written", denied]),
        (&["doctor", "--html", file, "--", "true"], 125, &["--html ", file, "cannot be written", denied]),
        (&["doctor", "--pcap", file], 125, &["--pcap ", file, "cannot be read", denied]),
        (&["ab", "--html", file, "--", "true"], 125, &["--html ", file, "cannot be written", denied]),
        (&["ab", "--export", "csv=/etc/x", "--", "true"], 125, &["--export csv=/etc/x: cannot be written", denied]),
        (&["report", closed], 125, &[closed, "cannot be read", denied]),
        (&["top", closed], 125, &[closed, "cannot be read", denied]),
        (&["export", closed], 125, &[closed, "cannot be read", denied]),
        (&["export", "--textfile", file, empty], 125, &["--textfile ", file, "cannot be written", denied]),
        (&["export", "--ended", file, empty], 125, &["--ended ", file, denied]),
        (&["generate", "man", closed], 125, &["man pages", closed, denied]),
    ];
    for (arguments, code, words) in cases {
        let mut asked = cleaned(Command::new(&command));
        asked.args(*arguments).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        let (found, out, err) = ended(as_nobody(&mut asked));
        let line = one_line(&err).filter(|_| out.is_empty() && found == *code);
        let mut rest = line.unwrap_or_else(|| panic!("{arguments:?}: {found} {out}{err}"));
        for word in *words {
            let at = rest.find(word).unwrap_or_else(|| panic!("{arguments:?}: no `{word}`: {err}"));
            rest = &rest[at + word.len()..];
        }
    }
}

/// What a kernel has not: tried where it has not.
#[test]
fn what_this_kernel_lacks_is_named() {
    let own = std::process::id().to_string();
    let scratch = ScratchDir::new("errors-kernel");
    set_mode(scratch.path(), 0o700);
    for (arguments, named) in
        [(&["--quickack"][..], "--quickack: "), (&["--set", "delack_max=8ms"], "--set delack_max=8ms: ")]
    {
        let mut command = crate::support::cli::tcptune();
        command.args(["attach", "--state"]).arg(scratch.path()).args(arguments).arg(&own);
        let (code, _, err) = ended(&mut command);
        let lacks = err.contains("this kernel does not have TCP_DELACK_MAX_US (Linux 6.15 or newer does)");
        // Linux 6.15 and newer: this process has no TCP socket.
        assert!(!lacks || code == 125 && err.starts_with(&format!("tcptune: {named}")), "{arguments:?}: {code} {err}");
        assert!(lacks || [0, 1].contains(&code), "{arguments:?}: {code} {err}");
    }
}
