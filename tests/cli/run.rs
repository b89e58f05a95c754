//! `tcptune run`: exit codes, the environment it hands on, the library it finds, and what it leaves untouched.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Command;

use crate::support::cli::{as_nobody, c_program, cleaned, copy_of_command, ended, is_root, script, set_mode, tcptune};
use crate::support::{ScratchDir, finish, library, text};

/// `tcptune run` with the library under test.
fn run() -> Command {
    let mut command = tcptune();
    command.args(["run", "--library"]).arg(library());
    command
}

/// The same by way of a shell that prepares something first.
fn by_shell(prepare: &str) -> Command {
    let mut shell = cleaned(Command::new("sh"));
    shell.arg("-c").arg(format!("{prepare} exec \"$@\"")).arg("sh").arg(env!("CARGO_BIN_EXE_tcptune"));
    shell.args(["run", "--library"]).arg(library());
    shell
}

#[test]
fn the_exit_code_is_the_programs() {
    for code in [0, 1, 7, 125, 255] {
        let (got, out, err) = ended(run().args(["--", "sh", "-c", &format!("echo out; echo err >&2; exit {code}")]));
        assert_eq!((got, out.as_str(), err.as_str()), (code, "out\n", "err\n"));
    }
}

/// Under a filter the library makes only the calls that its program makes, unless somebody has tried them all.
#[test]
fn a_filter_is_tried_before_the_library_meets_it() {
    let given = |prepare: &[&str], setting: Option<&str>| {
        let mut command = cleaned(Command::new(crate::support::compile("jail")));
        command.args(prepare).arg(env!("CARGO_BIN_EXE_tcptune")).args(["run", "--library"]).arg(library());
        command.args(["--", "sh", "-c", "echo ${TCPTUNE_SECCOMP-unset}"]);
        command.envs(setting.map(|value| ("TCPTUNE_SECCOMP", value)));
        ended(&mut command)
    };
    let sendto = libc::SYS_sendto.to_string();
    assert_eq!(given(&["without", "9999"], None), (0, "all\n".into(), String::new()), "nothing is forbidden");
    assert_eq!(given(&["without", "9999"], Some("own")), (0, "own\n".into(), String::new()), "what was given stands");
    assert_eq!(given(&["without", &sendto], None), (0, "unset\n".into(), String::new()), "a held write would fail");
    let (code, out, _) = ended(run().args(["--", "sh", "-c", "echo ${TCPTUNE_SECCOMP-unset}"]));
    assert_eq!((code, out.as_str()), (0, "unset\n"), "there is no filter");
}

#[test]
fn own_errors_are_125_and_one_line() {
    let bad: [(&[&str], &str); 6] = [
        (&["--nodelay", "maybe", "true"], "--nodelay maybe: allowed is on, off or force"),
        (&["--set", "keepalive=60", "--set", "ttl=300", "true"], "--set ttl=300: allowed is a number from 1 to 255"),
        (&["--rule", "port=70000 off", "true"], "--rule 'port=70000 off': `70000`: allowed is ports"),
        (&["--library", "/nonexistent/libtcptune.so", "true"], "--library /nonexistent/libtcptune.so: "),
        (&["--library", "/etc/passwd", "true"], "not an ELF file"),
        (&["--library", "/", "true"], "is not a regular file"),
    ];
    for (arguments, expected) in bad {
        let (code, out, err) = ended(tcptune().arg("run").args(arguments));
        assert_eq!((code, out.as_str()), (125, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("tcptune: ") && err.contains(expected), "{arguments:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn wrong_use_is_125() {
    for arguments in [&["run"][..], &["run", "--nodelai", "on", "true"], &["run", "--nodelay"], &["walk"], &[]] {
        let (code, _, err) = ended(tcptune().args(arguments));
        assert_eq!(code, 125, "{arguments:?}: {err}");
        assert!(!err.is_empty());
    }
    assert_eq!(ended(tcptune().args(["run", "--help"])).0, 0);
    assert_eq!(ended(tcptune().arg("--version")).0, 0);
}

#[test]
fn a_program_that_cannot_be_executed_is_126_and_a_missing_one_127() {
    let scratch = ScratchDir::new("run");
    let plain = scratch.file("plain", "#!/bin/sh\n");
    let lost = script(&scratch, "lost", "#!/nonexistent/interpreter\n");
    for (program, expected, words) in [
        (plain.as_os_str(), 126, "is not executable"),
        (scratch.path().as_os_str(), 126, "is a directory"),
        (lost.as_os_str(), 127, "`/nonexistent/interpreter` does not exist"),
        (OsStr::new("/nonexistent/program"), 127, "No such file"),
        (OsStr::new("no-such-program-anywhere"), 127, "not found in PATH"),
        (OsStr::new(""), 127, "empty"),
    ] {
        let (code, out, err) = ended(run().arg("--").arg(program));
        assert_eq!((code, out.as_str()), (expected, ""), "{program:?}: {err}");
        assert!(err.starts_with("tcptune: ") && err.contains(words), "{program:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        // env(1) sets the standard.
        let by_env = finish(cleaned(Command::new("env")).arg("--").arg(program)).status.code();
        assert_eq!(by_env, Some(expected), "{program:?}");
    }
}

#[test]
fn the_library_goes_before_an_existing_preload() {
    let scratch = ScratchDir::new("run");
    let other = c_program(&scratch, "other.so", "int other_was_here;", "gcc", &["-shared", "-fPIC"]);
    let copy = scratch.join("libtcptune.so");
    std::fs::copy(library(), &copy).expect("copied");
    let (ours, other, copy) =
        (library().display().to_string(), other.display().to_string(), copy.display().to_string());
    for (before, after) in [
        (String::new(), ours.clone()),
        (other.clone(), format!("{ours}:{other}")),
        (ours.clone(), ours.clone()),
        (format!("{other} {ours}:{other}"), format!("{ours}:{other}")),
        // A second copy would tune everything twice.
        (format!("{copy}:{other}"), format!("{ours}:{other}")),
    ] {
        let (code, out, err) = ended(run().env("LD_PRELOAD", &before).args(["sh", "-c", "echo \"$LD_PRELOAD\""]));
        assert_eq!((code, out.trim_end(), err.as_str()), (0, after.as_str(), ""), "before: {before}");
    }
}

#[test]
fn a_path_that_the_loader_cannot_take_is_refused() {
    let scratch = ScratchDir::new("run");
    for name in ["with blank", "with:colon", "with\ttab", "with\nnewline", "with$ORIGIN"] {
        let directory = scratch.join(name);
        std::fs::create_dir(&directory).expect("made");
        let file = directory.join("libtcptune.so");
        std::fs::copy(library(), &file).expect("copied");
        let (code, out, err) = ended(tcptune().args(["run", "--library"]).arg(&file).args(["echo", "started"]));
        assert_eq!((code, out.as_str()), (125, ""), "{name:?}: {err}");
        assert!(err.contains("LD_PRELOAD cannot carry"), "{name:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_library_that_the_loader_would_refuse_is_refused_before() {
    let scratch = ScratchDir::new("run");
    let bytes = std::fs::read(library()).expect("the library");
    let mut foreign = bytes.clone();
    foreign[18] = 183; // e_machine: aarch64
    if cfg!(target_arch = "aarch64") {
        foreign[18] = 62;
    }
    for (name, content, words) in [
        ("cut.so", &bytes[..100], "damaged"),
        ("empty.so", &[][..], "not an ELF file"),
        ("foreign.so", &foreign[..], "is for 64-bit"),
    ] {
        let file = scratch.file(name, content);
        let (code, _, err) = ended(tcptune().args(["run", "--library"]).arg(file).arg("true"));
        assert_eq!(code, 125, "{name}: {err}");
        assert!(err.contains(words), "{name}: {err}");
    }
    let (code, _, err) = ended(tcptune().args(["run", "--library", "/bin/sh", "true"]));
    assert_eq!(code, 125);
    assert!(err.contains("allowed is a shared object"), "{err}");
}

#[test]
fn an_unreadable_library_is_125() {
    let scratch = ScratchDir::new("run");
    set_mode(scratch.path(), 0o755);
    let command = copy_of_command(scratch.path());
    let file = scratch.join("libtcptune.so");
    std::fs::copy(library(), &file).expect("copied");
    set_mode(&file, 0o000);
    let mut run = cleaned(Command::new(command));
    run.args(["run", "true"]);
    if is_root() {
        as_nobody(&mut run);
    }
    let (code, _, err) = ended(&mut run);
    assert_eq!(code, 125, "{err}");
    assert!(err.contains("Permission denied"), "{err}");
}

#[test]
fn the_library_is_found_beside_the_command_and_in_lib() {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    for place in ["bin", "lib", &format!("lib/{triplet}")] {
        let scratch = ScratchDir::new("run");
        let command = copy_of_command(&scratch.join("bin"));
        let directory = scratch.join(place);
        std::fs::create_dir_all(&directory).expect("made");
        let file = directory.join("libtcptune.so");
        std::fs::copy(library(), &file).expect("copied");
        let mut run = cleaned(Command::new(command));
        let (code, out, err) = ended(run.args(["run", "sh", "-c", "echo $LD_PRELOAD"]));
        assert_eq!((code, Path::new(out.trim_end())), (0, file.as_path()), "{err}");
    }
}

#[test]
fn a_relative_library_is_made_absolute() {
    let scratch = ScratchDir::new("run");
    std::fs::copy(library(), scratch.join("libtcptune.so")).expect("copied");
    let mut run = tcptune();
    run.current_dir(scratch.path()).args(["run", "--library", "libtcptune.so", "sh", "-c", "cd /; echo $LD_PRELOAD"]);
    let (code, out, err) = ended(&mut run);
    assert_eq!((code, Path::new(out.trim_end()), err.as_str()), (0, scratch.join("libtcptune.so").as_path(), ""));
}

#[test]
fn options_become_variables_and_win_over_the_environment() {
    let mut command = run();
    command.env("TCPTUNE_NODELAY", "off").env("TCPTUNE_CORK", "off").env("TCPTUNE_SET", "ttl=1");
    command.args(["--nodelay", "force", "--set", "ttl=64", "--set", "sndbuf=1m"]);
    command.args(["--rule", "port=143 cork=off", "--rule", "listen=80 off", "--only", "env", "--only", "x*", "env"]);
    let (code, out, err) = ended(&mut command);
    assert_eq!((code, err.as_str()), (0, ""));
    let mut ours: Vec<&str> = out.lines().filter(|line| line.starts_with("TCPTUNE")).collect();
    ours.sort_unstable();
    assert_eq!(
        ours,
        [
            "TCPTUNE_CORK=off",
            "TCPTUNE_NODELAY=force",
            "TCPTUNE_ONLY=env,x*",
            "TCPTUNE_RULES=port=143 cork=off; listen=80 off",
            "TCPTUNE_SET=ttl=64 sndbuf=1m",
        ]
    );
}

#[test]
fn what_could_not_count_is_not_started() {
    let scratch = ScratchDir::new("stats");
    let link = scratch.join("link");
    std::os::unix::fs::symlink(scratch.path(), &link).expect("made");
    let started = |stats: &Path| ended(run().arg("--stats").arg(stats).args(["--", "echo", "started"]));
    assert_eq!(started(scratch.path()), (0, "started\n".to_owned(), String::new()));
    assert_eq!(started("off".as_ref()).0, 0);
    for (stats, why) in [
        (scratch.join("none"), "is not there"),
        (link, "is no directory (a symbolic link to one is not followed)"),
        ("/etc/hostname".into(), "is no directory"),
    ] {
        let (code, out, err) = started(&stats);
        assert_eq!((code, out.as_str()), (125, ""), "{err}");
        assert!(err.starts_with(&format!("tcptune: --stats {}: {why}", stats.display())), "{err}");
        // One that is inherited is the library's to tell of; the program runs.
        let (code, out, err) = ended(run().env("TCPTUNE_STATS", &stats).args(["--", "echo", "started"]));
        assert!(code == 0 && out == "started\n" && err.contains("nothing is counted"), "{code} {out}{err}");
    }
}

#[test]
fn an_invalid_inherited_setting_starts_nothing() {
    let scratch = ScratchDir::new("run");
    let trace = scratch.join("started");
    for (name, value) in
        [("TCPTUNE", &b"perhaps"[..]), ("TCPTUNE_SET", b"ttl=\xff\xfe"), ("TCPTUNE_RULES", b"port=x off")]
    {
        let (code, _, err) = ended(run().env(name, OsStr::from_bytes(value)).arg("touch").arg(&trace));
        assert_eq!(code, 125, "{err}");
        assert!(err.starts_with(&format!("tcptune: {name}: `")) && err.lines().count() == 1, "{err}");
        assert!(!trace.exists());
    }
    // An option in its place makes it valid again.
    let (code, ..) = ended(run().env("TCPTUNE_SET", "ttl=x").args(["--set", "ttl=2", "touch"]).arg(&trace));
    assert!(code == 0 && trace.exists());
}

#[test]
fn names_that_are_no_setting_are_pointed_at() {
    let (code, _, err) = ended(run().env("TCPTUNE_NODELY", "off").arg("true"));
    assert_eq!(code, 0);
    assert_eq!(err, "tcptune: TCPTUNE_NODELY is no setting and is ignored: did you mean TCPTUNE_NODELAY?\n");
}

#[test]
fn verbose_says_what_is_set() {
    let (code, out, err) =
        ended(run().env("TCPTUNE_CORK", "off").args(["-v", "--rule", "port=143 off", "--", "echo", "done"]));
    assert_eq!((code, out.as_str()), (0, "done\n"));
    for expected in [
        format!("tcptune: library {}", library().display()),
        format!("tcptune: LD_PRELOAD={}", library().display()),
        "tcptune: TCPTUNE_CORK=off (from the environment)".to_owned(),
        "tcptune: TCPTUNE_RULES=port=143 off (from the command line)".to_owned(),
        "tcptune: every socket: nodelay=on cork=off".to_owned(),
        "tcptune: rule 1: port=143 off -> off".to_owned(),
        "tcptune: starting echo done".to_owned(),
    ] {
        assert!(err.lines().any(|line| line.starts_with(&expected)), "{expected}\n{err}");
    }
}

#[test]
fn bytes_that_are_not_text_pass_through() {
    let strange = std::ffi::OsString::from_vec(b"a\xff\x01b".to_vec());
    let mut command = run();
    command
        .env("STRANGE", &strange)
        .arg("--")
        .args(["sh", "-c", "printf '%s|%s' \"$STRANGE\" \"$1\"", "sh"])
        .arg(&strange);
    let outcome = finish(&mut command);
    assert!(outcome.status.success(), "{}", text(&outcome.stderr));
    assert_eq!(outcome.stdout, b"a\xff\x01b|a\xff\x01b");
}

#[test]
fn an_empty_environment_stays_empty_but_for_the_preload() {
    let (code, out, err) = ended(run().env_clear().args(["--", "env"]));
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, format!("LD_PRELOAD={}\n", library().display()));
}

/// The ignored signals of the program, as the kernel lists them.
const IGNORED: [&str; 3] = ["grep", "SigIgn", "/proc/self/status"];

#[test]
fn signals_stay_as_they_were() {
    for (prepare, sigpipe_ignored) in [("trap '' PIPE;", true), ("", false)] {
        let (code, out, err) = ended(by_shell(prepare).args(IGNORED));
        assert_eq!((code, err.as_str()), (0, ""));
        let mask = u64::from_str_radix(out.trim_start_matches("SigIgn:").trim(), 16).expect("a mask");
        assert_eq!(mask >> 12 & 1 == 1, sigpipe_ignored, "{prepare} {out}");
    }
}

#[test]
fn closed_descriptors_stay_closed() {
    let probe = "for n in 0 2; do (: <&$n) 2>&1 >/dev/null && echo $n open || echo $n closed; done 2>&1 | grep -o '^[02] [a-z]*$'";
    let (_, out, _) = ended(by_shell("").args(["sh", "-c", probe]));
    assert_eq!(out, "0 open\n2 open\n");
    // Opening /dev/null in their place, as many runtimes do, would show as "open".
    let (_, out, _) = ended(by_shell("exec <&- 2>&-;").args([
        "python3",
        "-c",
        "import os\nfor n in 0, 2:\n try: os.fstat(n); print(n, 'open')\n except OSError: print(n, 'closed')",
    ]));
    assert_eq!(out, "0 closed\n2 closed\n");
}

#[test]
fn a_program_out_of_reach_is_started_with_a_warning() {
    let scratch = ScratchDir::new("run");
    let program = c_program(&scratch, "static", "#include <stdio.h>\nint main(){puts(\"ran\");}", "gcc", &["-static"]);
    let (code, out, err) = ended(run().arg("--no-supervise").arg(&program));
    assert_eq!((code, out.as_str()), (0, "ran\n"));
    assert!(err.starts_with("tcptune: warning: ") && err.contains("static") && err.lines().count() == 1, "{err}");
    // A program within reach is started without a word.
    let (_, _, err) = ended(run().arg("true"));
    assert_eq!(err, "");
}
