//! `tcptune check`: can a program or a running process be reached by LD_PRELOAD, and what to do if not.
//!
//! Collects facts from files and /proc and never runs the program.

mod calls;
mod known;
mod libc;
mod print;
mod privilege;
pub mod process;
mod script;
mod verdict;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::errors::{CANNOT_EXECUTE, Failure, NO, OK};
use crate::library::{self, Library};
use crate::os::{elf, proc};
use crate::search;

pub use verdict::{Supervisable, Verdict};

/// Everything `check` knows; `--json` prints it as it is.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub target: String,
    /// The program that is started in the end.
    pub program: PathBuf,
    /// Scripts on the way to it.
    pub steps: Vec<script::Step>,
    pub elf: elf::Elf,
    pub c_library: Option<libc::CLibrary>,
    pub privileges: privilege::Privileges,
    pub symbols: Symbols,
    pub process: Option<process::Process>,
    pub notes: Vec<String>,
    pub verdict: Verdict,
}

/// What the dynamic symbols say.
#[derive(Debug, Default, Serialize)]
pub struct Symbols {
    /// Socket calls that the program imports.
    pub socket_calls: Vec<String>,
    /// Calls that it imports and the library stands in for, by family.
    pub hooked: Vec<calls::Hooked>,
    /// Names that the library stands in for, but which the program defines itself.
    pub defined: Vec<String>,
    /// Libraries it names that import socket calls (one level deep, the C library left out).
    pub libraries: Vec<String>,
    pub dlopen: bool,
    pub php: bool,
}

/// The command: print the report, give the exit code.
pub fn command(target: &OsStr, asked: Option<&Path>, json: bool) -> Result<u8, Failure> {
    let library = match asked {
        Some(_) => Some(library::find(asked)?),
        // Without one the answer is the same; only the list of names it stands in for is less exact.
        None => library::find(None).ok(),
    };
    let found = match target.to_str().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())) {
        Some(digits) => {
            let no_such = |_| Failure::new(crate::errors::NOT_FOUND, format!("there is no process {digits}"));
            process(digits.parse().map_err(no_such)?)?
        }
        None => program(target)?,
    };
    // What the library stands in for is read from its file, if there is one.
    let report = assemble(found, library.as_ref());
    if json {
        let text = serde_json::to_string_pretty(&report)?;
        crate::output::line(&text);
    } else {
        print::report(&report);
    }
    Ok(if report.verdict.reachable { OK } else { NO })
}

/// Can what `execvp(name)` would start be reached by this library? The verdict alone, for those in a hurry.
pub fn program_verdict(name: &OsStr, library: &Library) -> Result<Verdict, Failure> {
    let found = program(name)?;
    Ok(verdict::judge(&found.facts(&library.elf.platform)))
}

/// Is the library in a running process, and if not, why not? For those who follow what a command starts.
pub fn process_standing(pid: u32, library: &Library) -> Result<Standing, Failure> {
    let found = process(pid)?;
    let verdict = verdict::judge(&found.facts(&library.elf.platform));
    let loaded = found.process.as_ref().is_some_and(|p| p.library.is_some());
    let is = |what: fn(&process::Process) -> bool| found.process.as_ref().is_some_and(what);
    let handed_on = is(process::Process::preload_names_library);
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

/// Can this file be reached when it is started like that?
pub fn service_verdict(file: &Path, library: &Library, start: &Start) -> Result<Verdict, Failure> {
    let mut found = match start.elsewhere {
        false => program(file.as_os_str())?,
        true => Collected {
            target: file.into(),
            program: file.to_owned(),
            steps: Vec::new(),
            loses_preload: None,
            elf: read_elf(file)?,
            c_library: None,
            privileges: privilege::of(file),
            process: None,
        },
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
    let found = Collected { process: None, c_library: None, ..process(pid).ok()? };
    let verdict = verdict::judge(&found.facts(&elf::this_platform()));
    (!verdict.reachable).then_some(verdict.reason)
}

/// The facts on what `execvp(name)` would start.
fn program(name: &OsStr) -> Result<Collected, Failure> {
    let path = std::env::var_os("PATH");
    let first = search::program(name, path.as_deref())?;
    let followed = script::follow(&first)?;
    let elf = read_elf(&followed.program)?;
    Ok(Collected {
        target: name.to_owned(),
        c_library: elf.interpreter.as_ref().map(|i| libc::of_interpreter(Path::new(i))),
        privileges: privilege::of(&followed.program),
        program: followed.program,
        steps: followed.steps,
        loses_preload: followed.loses_preload,
        elf,
        process: None,
    })
}

/// The facts on a running process.
fn process(pid: u32) -> Result<Collected, Failure> {
    let process = process::look(pid)?;
    // The link works even when the file was replaced or deleted since.
    let elf = read_elf(&proc::entry(pid, "exe"))?;
    let c_library = elf.interpreter.as_ref().map(|interpreter| {
        let found = libc::of_interpreter(Path::new(interpreter));
        match &process.c_library {
            Some(mapped) => found.mapped(mapped),
            None => found,
        }
    });
    Ok(Collected {
        target: pid.to_string().into(),
        program: process.executable.clone(),
        steps: Vec::new(),
        loses_preload: None,
        elf,
        c_library,
        privileges: privilege::Privileges::default(),
        process: Some(process),
    })
}

fn read_elf(file: &Path) -> Result<elf::Elf, Failure> {
    elf::read(file).map_err(|why| Failure::new(CANNOT_EXECUTE, format!("`{}`: {why}", file.display())))
}

struct Collected {
    target: OsString,
    program: PathBuf,
    steps: Vec<script::Step>,
    loses_preload: Option<String>,
    elf: elf::Elf,
    c_library: Option<libc::CLibrary>,
    privileges: privilege::Privileges,
    process: Option<process::Process>,
}

impl Collected {
    fn facts<'f>(&'f self, library: &'f elf::Platform) -> verdict::Facts<'f> {
        verdict::Facts {
            program: &self.program,
            elf: &self.elf,
            c_library: self.c_library.as_ref(),
            privileges: &self.privileges,
            loses_preload: self.loses_preload.as_deref(),
            process: self.process.as_ref(),
            library,
        }
    }
}

fn assemble(found: Collected, library: Option<&Library>) -> Report {
    let platform = library.map_or_else(elf::this_platform, |l| l.elf.platform.clone());
    let interposed = library.map_or_else(|| calls::interposed(found.elf.platform.bits), |l| l.elf.exports.clone());
    let symbols = symbols(&found, &interposed);
    let facts = found.facts(&platform);
    let (verdict, notes) = (verdict::judge(&facts), verdict::notes(&facts, &symbols));
    Report {
        target: found.target.to_string_lossy().into_owned(),
        program: found.program,
        steps: found.steps,
        elf: found.elf,
        c_library: found.c_library.map(libc::CLibrary::with_version),
        privileges: found.privileges,
        symbols,
        process: found.process,
        notes,
        verdict,
    }
}

fn symbols(found: &Collected, interposed: &std::collections::BTreeSet<String>) -> Symbols {
    let elf = &found.elf;
    let socket = calls::on_sockets();
    let name = found.program.file_name().map_or(&b""[..], OsStrExt::as_bytes);
    Symbols {
        socket_calls: calls::present(&elf.imports, &socket),
        hooked: calls::hooked(&elf.imports, interposed),
        defined: calls::present(&elf.exports, interposed),
        libraries: if elf.linking == elf::Linking::Dynamic { networking_libraries(found, &socket) } else { Vec::new() },
        dlopen: ["dlopen", "dlmopen"].iter().any(|&call| elf.imports.contains(call)),
        php: name.starts_with(b"php") && elf.exports.iter().any(|e| e.starts_with("zend_")),
    }
}

/// Which of the libraries it names import socket calls. The C library itself is left out: it implements them.
fn networking_libraries(found: &Collected, socket: &std::collections::BTreeSet<String>) -> Vec<String> {
    let interpreter = found.elf.interpreter.as_deref().map(Path::new);
    let origin = found.program.parent().map(|p| p.display().to_string()).unwrap_or_default();
    let mut directories: Vec<PathBuf> = Vec::new();
    for entry in found.elf.runpath.as_deref().unwrap_or_default().split(':').filter(|e| !e.is_empty()) {
        directories.push(entry.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin).into());
    }
    directories.extend(search::library_directories(interpreter));
    let own = |name: &str| name.starts_with("libc.") || name.starts_with("ld-");
    let imports_socket_calls = |name: &&String| {
        let file = directories.iter().map(|d| d.join(name)).find(|f| f.is_file());
        let library = file.and_then(|f| elf::read(&f).ok());
        library.is_some_and(|l| !calls::present(&l.imports, socket).is_empty())
    };
    found.elf.needed.iter().filter(|n| !own(n)).filter(imports_socket_calls).cloned().collect()
}
