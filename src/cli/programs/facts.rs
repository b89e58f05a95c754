//! The facts on a program or a running process, from files and /proc. Nothing is run, nothing is judged.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::c_library::{CLibrary, of_interpreter};
use super::privilege::{self, Privileges};
use super::process::{self, Process};
use super::sanitizer;
use super::script::{self, Step};
use super::search;
use super::verdict::Facts;
use crate::errors::{CANNOT_EXECUTE, Failure};
use crate::os::elf::{self, Elf, Platform};
use crate::os::proc;
use crate::settings;

/// What was found.
pub struct Collected {
    pub target: OsString,
    pub program: PathBuf,
    pub steps: Vec<Step>,
    pub loses_preload: Option<String>,
    pub elf: Elf,
    pub c_library: Option<CLibrary>,
    pub privileges: Privileges,
    pub process: Option<Process>,
    /// Of AddressSanitizer, where it would not start with the library.
    pub sanitizer: Option<String>,
}

impl Collected {
    pub fn facts<'f>(&'f self, library: &'f Platform) -> Facts<'f> {
        Facts {
            program: &self.program,
            elf: &self.elf,
            c_library: self.c_library.as_ref(),
            privileges: &self.privileges,
            loses_preload: self.loses_preload.as_deref(),
            sanitizer: self.sanitizer.as_deref(),
            process: self.process.as_ref(),
            library,
        }
    }
}

/// The facts on what `execvp(name)` would start.
pub fn program(name: &OsStr) -> Result<Collected, Failure> {
    let path = std::env::var_os("PATH");
    let first = search::program(name, path.as_deref())?;
    let followed = script::follow(&first)?;
    let elf = read_elf(&followed.program)?;
    Ok(Collected {
        target: name.to_owned(),
        c_library: elf.interpreter.as_ref().map(|i| of_interpreter(Path::new(i))),
        privileges: privilege::of(&followed.program),
        program: followed.program,
        steps: followed.steps,
        loses_preload: followed.loses_preload,
        sanitizer: refusing(&elf, std::env::var_os(sanitizer::VARIABLE).as_deref()),
        elf,
        process: None,
    })
}

/// The facts on a running process.
pub fn process(pid: u32) -> Result<Collected, Failure> {
    let process = process::look(pid)?;
    // The link works even when the file was replaced or deleted since.
    let elf = read_elf(&proc::entry(pid, "exe"))?;
    let environment = proc::environment(pid).unwrap_or_default();
    let c_library = elf.interpreter.as_ref().map(|interpreter| {
        let found = of_interpreter(Path::new(interpreter));
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
        sanitizer: refusing(&elf, settings::value(&environment, sanitizer::VARIABLE)),
        elf,
        c_library,
        privileges: Privileges::default(),
        process: Some(process),
    })
}

/// The facts on a file in another tree of files than ours, where it is called `named`: what the program needs there is not
/// looked for here.
pub fn elsewhere(file: &Path, named: &Path) -> Result<Collected, Failure> {
    let elf = read_elf(file)?;
    Ok(Collected {
        target: named.into(),
        program: named.to_owned(),
        steps: Vec::new(),
        loses_preload: None,
        sanitizer: refusing(&elf, None),
        elf,
        c_library: None,
        privileges: privilege::of(file),
        process: None,
    })
}

fn refusing(elf: &Elf, options: Option<&OsStr>) -> Option<String> {
    sanitizer::refusing(&elf.needed, options).map(str::to_owned)
}

fn read_elf(file: &Path) -> Result<Elf, Failure> {
    elf::read(file).map_err(|why| Failure::new(CANNOT_EXECUTE, format!("`{}`: {why}", file.display())))
}
