//! `tcptune check` on running processes: the library in them or not, privileges, sandboxes, io_uring, other users.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::cli::{
    NOBODY, as_nobody, c_program, cleaned, copy_of_command, ended, is_root, report, set_mode, tcptune, verdict,
};
use crate::support::{Guard, Mode, ScratchDir, library};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);

fn sleeper(mode: Mode) -> Guard {
    Guard::spawn(mode.command("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()))
}

/// The report on a process that may not have started its program yet.
fn process_report(guard: &Guard, name: &str) -> (Value, i32) {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let (found, code) = report(guard.pid().to_string());
        if found["process"]["name"] == name {
            return (found, code);
        }
        assert!(std::time::Instant::now() < end, "{found:#}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_has_the_library_or_not() {
    let plain = sleeper(Mode::Plain);
    let (found, code) = process_report(&plain, "sleep");
    assert_eq!((code, &found["process"]["library"]), (0, &Value::Null));
    assert_eq!(found["process"]["preload"], Value::Null);
    let tuned = sleeper(Mode::Preloaded);
    let (found, code) = process_report(&tuned, "sleep");
    assert_eq!(code, 0);
    assert_eq!(found["process"]["library"], library().to_str().expect("text"));
    assert!(verdict(tuned.pid().to_string()).1.contains("the library is loaded"));
    let gone = { sleeper(Mode::Plain).pid() };
    assert_eq!(ended(tcptune().args(["check", &gone.to_string()])).0, 127);
}

#[test]
fn a_process_under_a_filter_of_anybodys_is_told_what_that_means() {
    let mut command = Mode::Plain.command(crate::support::compile("jail"));
    let guard = Guard::spawn(command.args(["without", "9999", "/bin/sleep", "600"]).stdin(Stdio::null()));
    let (found, _) = process_report(&guard, "sleep");
    assert_eq!((&found["process"]["seccomp"], &found["process"]["confined"]), (&"filter".into(), &true.into()));
    assert!(found["notes"].to_string().contains("TCPTUNE_SECCOMP=all"), "{found:#}");
    let (found, _) = process_report(&sleeper(Mode::Plain), "sleep");
    assert_eq!(found["process"]["confined"], false);
}

#[test]
fn a_preload_that_did_not_load_is_told() {
    let mut command = Mode::Plain.command("sleep");
    command.env("LD_PRELOAD", "/nonexistent/libtcptune.so").arg("60").stderr(Stdio::null());
    let guard = Guard::spawn(&mut command);
    let (found, code) = process_report(&guard, "sleep");
    assert_eq!(code, 1);
    assert!(found["verdict"]["reason"].to_string().contains("not loaded"), "{found:#}");
}

#[test]
fn a_privileged_process_is_told() {
    if !is_root() {
        eprintln!("only root can make files of another user: not tested");
        return;
    }
    let scratch = ScratchDir::new("check");
    let program =
        c_program(&scratch, "privileged", "#include <unistd.h>\nint main(void) { pause(); return 0; }", "gcc", &[]);
    std::os::unix::fs::chown(&program, Some(NOBODY), None).expect("root may");
    set_mode(&program, 0o4755);
    let guard = Guard::spawn(&mut Mode::Preloaded.command(&program));
    let (found, code) = process_report(&guard, "privileged");
    assert_eq!((code, &found["process"]["secure"]), (1, &Value::Bool(true)), "{found:#}");
    assert!(found["verdict"]["reason"].to_string().contains("raised privileges"));
}

#[test]
fn another_users_process_is_explained() {
    if !is_root() {
        eprintln!("only root can be another user: not tested");
        return;
    }
    let scratch = ScratchDir::new("check");
    set_mode(scratch.path(), 0o755);
    let copy = copy_of_command(scratch.path());
    let sleeper = sleeper(Mode::Plain);
    let mut command = cleaned(Command::new(copy));
    let (code, _, err) = ended(as_nobody(command.args(["check", &sleeper.pid().to_string()])));
    assert!(code == 126 && err.contains("belongs to another user (uid 0, here 65534)"), "{err}");
}

#[test]
fn seccomp_and_io_uring_are_seen() {
    let scratch = ScratchDir::new("check");
    let source = "#include <linux/filter.h>\n#include <linux/seccomp.h>\n#include <stdio.h>\n#include <string.h>\n\
                  #include <sys/prctl.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n\
                  int main(void) {\n\
                  char parameters[120]; memset(parameters, 0, sizeof parameters);\n\
                  long ring = syscall(425, 4, parameters);\n\
                  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);\n\
                  struct sock_fprog filter = { 1, &allow };\n\
                  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);\n\
                  int on = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);\n\
                  printf(\"%s %s\\n\", ring < 0 ? \"none\" : \"ring\", on < 0 ? \"none\" : \"filter\"); fflush(stdout);\n\
                  pause(); return 0; }";
    let program = c_program(&scratch, "modern", source, "gcc", &[]);
    let mut guard = Guard::spawn(Mode::Plain.command(&program).stdout(Stdio::piped()));
    let line = guard.first_line(PATIENCE);
    let (found, code) = report(guard.pid().to_string());
    assert_eq!(code, 0);
    // A kernel or container may forbid io_uring: then there is none to be seen.
    assert_eq!(found["process"]["io_urings"], i32::from(line.starts_with("ring")), "{line}");
    assert!(line.ends_with(" filter"), "{line}");
    assert_eq!(found["process"]["seccomp"], "filter");
    assert!(found["notes"].to_string().contains("under seccomp"));
}
