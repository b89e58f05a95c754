//! What the tests of the command share: starting it with a clean environment, and making programs to point it at.

pub mod attach;
pub mod capture;
pub mod exchanges;
pub mod exporter;
pub mod group;
pub mod packets;
pub mod scene;
pub mod static_program;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Outcome, ScratchDir, finish, library, text};

/// A user that owns nothing.
pub const NOBODY: u32 = 65534;

/// The command, in an environment that holds no setting and no preload.
pub fn tcptune() -> Command {
    cleaned(Command::new(env!("CARGO_BIN_EXE_tcptune")))
}

/// Take settings and preload out of a command's environment.
pub fn cleaned(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"TCPTUNE") {
            command.env_remove(name);
        }
    }
    command.env_remove("LD_PRELOAD");
    command
}

/// Run to the end: exit code, stdout, stderr. A death by signal is a failure of its own.
pub fn ended(command: &mut Command) -> (i32, String, String) {
    let Outcome { status, stdout, stderr, .. } = finish(command);
    let code = status.code().unwrap_or_else(|| panic!("{status}: {}", text(&stderr)));
    (code, text(&stdout), text(&stderr))
}

/// The report of `check` as JSON and the exit code.
pub fn report(target: impl AsRef<OsStr>) -> (Value, i32) {
    let (code, out, err) = ended(tcptune().args(["check", "--json", "--library"]).arg(library()).arg(target.as_ref()));
    assert_eq!(err, "", "{:?}", target.as_ref());
    (serde_json::from_str(&out).expect("valid JSON"), code)
}

/// Its verdict for people: exit code and last lines.
pub fn verdict(target: impl AsRef<OsStr>) -> (i32, String) {
    let (code, out, err) = ended(tcptune().arg("check").arg(target));
    assert_eq!(err, "");
    let start = out.lines().position(|l| l.starts_with("reachable") || l.starts_with("not reachable"));
    (code, out.lines().skip(start.unwrap_or_else(|| panic!("no verdict line: {out}"))).collect::<Vec<_>>().join("\n"))
}

/// A copy of the command in a directory, for tests of what lies around it and for other users.
pub fn copy_of_command(directory: &Path) -> PathBuf {
    std::fs::create_dir_all(directory).expect("a scratch directory");
    let copy = directory.join("tcptune");
    std::fs::copy(env!("CARGO_BIN_EXE_tcptune"), &copy).expect("the command can be copied");
    copy
}

/// Compile C text with these compiler flags.
pub fn c_program(directory: &ScratchDir, name: &str, source: &str, compiler: &str, flags: &[&str]) -> PathBuf {
    let file = directory.file(&format!("{name}.c"), source);
    let program = directory.join(name);
    let output = Command::new(compiler)
        .args(["-O1", "-o"])
        .arg(&program)
        .arg(file)
        .args(flags)
        .output()
        .unwrap_or_else(|e| panic!("{compiler}: {e} (scripts/setup installs it)"));
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    program
}

/// An executable file of this content.
pub fn script(directory: &ScratchDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = directory.file(name, content);
    set_mode(&file, 0o755);
    file
}

pub fn set_mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("the file is ours");
}

pub fn is_root() -> bool {
    // The owner of a file that we just made is who we are.
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("/proc")) == 0
}

/// The command with these arguments, as root without CAP_SYS_PTRACE, as in a container; root only.
pub fn without_ptrace(arguments: &[&str]) -> Command {
    let mut command = cleaned(Command::new("setpriv"));
    command.args(["--bounding-set=-sys_ptrace", "--", env!("CARGO_BIN_EXE_tcptune")]).args(arguments);
    command
}

/// As a user without privileges; root only.
pub fn as_nobody(command: &mut Command) -> &mut Command {
    command.uid(NOBODY).gid(NOBODY)
}
