//! Programs that have more rights than who starts them: only /etc/ld.so.preload brings the library there, and it takes no orders
//! from the caller's environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::cli::{cleaned, ended, is_root, set_mode};
use crate::support::{ScratchDir, compile, library};

/// What a program of this mode, started by a user without rights, says of its first client; and how many files of counters it
/// has made.
fn started(mode: u32, settings: &[(&str, &str)]) -> (String, usize) {
    let scratch = ScratchDir::new("privileged");
    set_mode(scratch.path(), 0o755);
    let copy = |from: PathBuf, name: &str, mode: u32| {
        let to = scratch.join(name);
        fs::copy(from, &to).expect("a copy");
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).expect("ours");
        to
    };
    let (library, program) = (copy(library(), "libtcptune.so", 0o755), copy(compile("families"), "families", mode));
    let stats = scratch.join("stats");
    fs::create_dir(&stats).expect("ours");
    set_mode(&stats, 0o1777);
    // With an /etc of its own; set-user-ID bits do not count where setpriv(1) has set no_new_privs, which it does not.
    let line = "cp -a /etc \"$SCRATCH/etc\" && mount --bind \"$SCRATCH/etc\" /etc && echo \"$LIBRARY\" > /etc/ld.so.preload && \
                unset LIBRARY SCRATCH && exec setpriv --reuid=65534 --regid=65534 --clear-groups env \"$@\"";
    let mut command = cleaned(Command::new("unshare"));
    command.args(["--mount", "sh", "-c", line, "sh"]).env("SCRATCH", scratch.path()).env("LIBRARY", &library);
    command.args(settings.iter().map(|(name, value)| format!("{name}={}", value.replace("STATS", text(&stats)))));
    let (code, out, err) = ended(command.arg(&program));
    assert_eq!(code, 0, "{out}{err}");
    let row = out.lines().find(|line| line.starts_with("ipv4 client")).unwrap_or_else(|| panic!("{out}{err}"));
    (row.to_owned(), fs::read_dir(&stats).expect("ours").count())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain")
}

#[test]
fn a_set_id_program_does_not_listen_to_its_caller() {
    if !is_root() {
        eprintln!("only root can make one that belongs to root: not tested");
        return;
    }
    const PLAIN: u32 = 0o755;
    const SET_ID: u32 = 0o4755;
    // An ordinary one is switched off, and counts; one with more rights has the defaults, and writes nothing.
    for (mode, settings, nodelay, files) in [
        (PLAIN, [("TCPTUNE", "off"), ("TCPTUNE_STATS", "off")], 0, 0),
        (PLAIN, [("TCPTUNE", "on"), ("TCPTUNE_STATS", "STATS")], 1, 1),
        (SET_ID, [("TCPTUNE", "off"), ("TCPTUNE_STATS", "off")], 1, 0),
        (SET_ID, [("TCPTUNE", "on"), ("TCPTUNE_STATS", "STATS")], 1, 0),
    ] {
        let (row, found) = started(mode, &settings);
        assert!(row.contains(&format!("kernel={nodelay}")), "{mode:o} {settings:?}: {row}");
        assert_eq!(found, files, "{mode:o} {settings:?}");
    }
}
