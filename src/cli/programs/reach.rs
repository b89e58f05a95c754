//! Can LD_PRELOAD reach it? For those who only want the answer: before a program is started, while it runs, for a service.

use std::ffi::OsStr;
use std::path::Path;

use super::facts::{self, Collected};
use super::library::Library;
use super::process::Process;
use super::verdict::{self, Verdict};
use crate::errors::Failure;
use crate::os::elf;

/// Can what `execvp(name)` would start be reached by this library? The verdict alone, for those in a hurry.
pub fn program_verdict(name: &OsStr, library: &Library) -> Result<Verdict, Failure> {
    let found = facts::program(name)?;
    Ok(verdict::judge(&found.facts(&library.elf.platform)))
}

/// Is the library in a running process, and if not, why not? For those who follow what a command starts.
pub fn process_standing(pid: u32, library: &Library) -> Result<Standing, Failure> {
    let found = facts::process(pid)?;
    let verdict = verdict::judge(&found.facts(&library.elf.platform));
    let loaded = found.process.as_ref().is_some_and(|p| p.library.is_some());
    let is = |what: fn(&Process) -> bool| found.process.as_ref().is_some_and(what);
    let handed_on = is(Process::preload_names_library);
    let elf = &found.elf;
    let fits = elf.linking == elf::Linking::Dynamic && !elf.go && elf.platform == library.elf.platform;
    // The loader of a program that was just started may not have come to the library yet.
    let early = handed_on && !loaded && fits && !is(|p| p.secure);
    Ok(Standing { loaded, reason: (!verdict.reachable).then_some(verdict.reason), handed_on, early })
}

/// How a process stands to the library.
pub struct Standing {
    pub loaded: bool,
    /// What keeps it out, if anything does.
    pub reason: Option<String>,
    /// LD_PRELOAD named it when the process was started.
    pub handed_on: bool,
    /// It may still be loaded.
    pub early: bool,
}

/// How somebody else, a service manager say, starts a program.
pub struct Start {
    /// User and group; ours if there is none.
    pub user: Option<(u32, u32)>,
    pub no_new_privs: bool,
    /// In another tree of files than ours: what the program needs there is not looked for here.
    pub elsewhere: bool,
}

/// Can this file be reached when it is started like that? `named`: as it is called where it is started.
pub fn service_verdict(file: &Path, named: &Path, library: &Library, start: &Start) -> Result<Verdict, Failure> {
    let mut found = match start.elsewhere {
        false => facts::program(file.as_os_str())?,
        true => facts::elsewhere(file, named)?,
    };
    if let Some((user, group)) = start.user {
        found.privileges.judge_for(user, group);
    }
    if start.no_new_privs {
        found.privileges.drops_preload = None;
    }
    Ok(verdict::judge(&found.facts(&library.elf.platform)))
}

/// Why the program of a running process cannot be reached however it is started; None: it can.
pub fn program_obstacle(pid: u32) -> Option<String> {
    let found = Collected { process: None, c_library: None, ..facts::process(pid).ok()? };
    let verdict = verdict::judge(&found.facts(&elf::this_platform()));
    (!verdict.reachable).then_some(verdict.reason)
}
