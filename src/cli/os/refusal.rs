//! Why the kernel does not let us touch a process, in a sentence that says what would help.

use std::fmt::Display;

use rustix::io::Errno;

use super::proc::{SELF, Stat, Status, Yama, confinement, yama};
use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND, plain};

/// There is none of this number.
pub fn of_none(pid: impl Display) -> Failure {
    Failure::new(NOT_FOUND, format!("there is no process {pid}"))
}

/// It is a zombie.
pub fn of_ended(pid: u32, name: &str) -> Failure {
    Failure::new(NOT_FOUND, format!("process {pid} ({name}) has ended already (zombie)"))
}

/// `pid` is a thread, or nothing.
pub fn of_thread(pid: u32) -> Failure {
    match Status::of(pid).ok().as_ref().and_then(|status| status.field("Tgid")) {
        Some(owner) if owner != pid.to_string() => {
            Failure::new(NOT_FOUND, format!("{pid} is a thread of process {owner}: give that number"))
        }
        _ => of_none(pid),
    }
}

/// What /proc has of it may not be read.
pub fn of_sight(pid: u32) -> Failure {
    let name = Stat::of(pid).map_or_else(|| "?".to_owned(), |stat| stat.name);
    Failure::new(CANNOT_EXECUTE, format!("process {pid} ({name}) may not be looked at: {}", cause(pid)))
}

/// A call failed with this error.
pub fn of_call(pid: u32, call: &str, error: Errno) -> Failure {
    let name = Stat::of(pid).map_or_else(|| "?".to_owned(), |stat| stat.name);
    let who = format!("process {pid} ({name})");
    match error {
        Errno::SRCH => Failure::new(NOT_FOUND, format!("{who} has ended")),
        Errno::NOSYS => Failure::own(format!(
            "{call} is missing: this takes Linux 5.6 or newer, and a container whose seccomp profile allows it"
        )),
        Errno::PERM | Errno::ACCESS => {
            Failure::new(CANNOT_EXECUTE, format!("{who} may not be touched: {}", cause(pid)))
        }
        error => Failure::own(format!("{who}: {call}: {}", plain(&error))),
    }
}

/// The likely cause, found in the order in which the kernel asks.
fn cause(pid: u32) -> String {
    let ours = rustix::process::geteuid().as_raw();
    let status = Status::of(pid).ok();
    let theirs: Vec<u32> = status
        .as_ref()
        .and_then(|status| status.field("Uid"))
        .map(|ids| ids.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect())
        .unwrap_or_default();
    let user = theirs.first().copied().unwrap_or(ours);
    let confined = confinement(SELF).map(|rules| {
        format!("this command is under {rules}, which has to allow it (AppArmor: `ptrace (read, trace),`)")
    });
    if ours == 0 {
        const MISSING: &str =
            "root needs CAP_SYS_PTRACE for it in its user namespace, which is missing here (a container?)";
        return match confined {
            Some(confined) if may_trace() => confined,
            Some(confined) => format!("{MISSING}; and {confined}"),
            None => format!("{MISSING}, or a security module or seccomp profile forbids it"),
        };
    }
    if theirs.iter().any(|&id| id != ours) {
        return format!("it belongs to another user (uid {user}, here {ours}): try again as root");
    }
    match yama() {
        Some(Yama { file, scope: 1 }) => format!(
            "with {file} at 1 only an ancestor of a process or root may touch it: try again as root, or start it through \
             `tcptune run`"
        ),
        Some(Yama { file, scope: 2 }) => format!("with {file} at 2 only root may touch a process: try again as root"),
        Some(Yama { file, scope: 3.. }) => format!("{file} forbids it for everybody until the machine is restarted"),
        _ => confined.unwrap_or_else(|| {
            "it is marked as not dumpable, or has more privileges than this command: try again as root".to_owned()
        }),
    }
}

/// Has this process CAP_SYS_PTRACE, in its own user namespace at least?
fn may_trace() -> bool {
    const CAP_SYS_PTRACE: u32 = 19;
    let status = Status::of(SELF).ok();
    let effective = status.as_ref().and_then(|status| u64::from_str_radix(status.field("CapEff")?, 16).ok());
    effective.is_some_and(|set| set >> CAP_SYS_PTRACE & 1 == 1)
}
