//! Running processes.

use std::ffi::OsStr;

use clap_complete::engine::CompletionCandidate;

use super::candidates::beginning;
use crate::os::proc::{self, Stat};

/// Processes that run a program, which threads of the kernel do not.
pub fn processes(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().into_owned();
    let mut pids = proc::all().unwrap_or_default();
    pids.retain(|pid| pid.to_string().starts_with(&typed) && *pid != std::process::id());
    let named = pids.into_iter().filter_map(|pid| {
        let program = proc::bytes(pid, "cmdline").is_ok_and(|line| !line.is_empty());
        program.then(|| Stat::of(pid)).flatten().map(|stat| (pid.to_string(), stat.name))
    });
    beginning(current, named)
}
