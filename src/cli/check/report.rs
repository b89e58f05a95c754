//! Everything that `check` tells, put together from the facts.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::calls;
use super::notes::notes;
use super::symbols::Symbols;
use crate::os::elf::{self, Elf};
use crate::output::json::Document;
use crate::programs::c_library::CLibrary;
use crate::programs::facts::Collected;
use crate::programs::library::Library;
use crate::programs::privilege::Privileges;
use crate::programs::process::Process;
use crate::programs::script::Step;
use crate::programs::verdict::{self, Verdict};

/// Everything `check` knows; `--json` prints it as it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// What was asked for.
    pub target: String,
    /// The program that is started in the end.
    pub program: PathBuf,
    /// Scripts on the way to it.
    pub steps: Vec<Step>,
    pub elf: Elf,
    pub c_library: Option<CLibrary>,
    pub privileges: Privileges,
    pub symbols: Symbols,
    pub process: Option<Process>,
    pub notes: Vec<String>,
    pub verdict: Verdict,
}

impl Document for Report {
    const NAME: &'static str = "check";
    const SCHEMA: u32 = 1;
}

pub fn assemble(found: Collected, library: Option<&Library>) -> Report {
    let platform = library.map_or_else(elf::this_platform, |l| l.elf.platform.clone());
    let interposed = library.map_or_else(|| calls::interposed(found.elf.platform.bits), |l| l.elf.exports.clone());
    let symbols = Symbols::of(&found, &interposed);
    let facts = found.facts(&platform);
    let (verdict, notes) = (verdict::judge(&facts), notes(&facts, &symbols));
    Report {
        target: found.target.to_string_lossy().into_owned(),
        program: found.program,
        steps: found.steps,
        elf: found.elf,
        c_library: found.c_library.map(CLibrary::with_version),
        privileges: found.privileges,
        symbols,
        process: found.process,
        notes,
        verdict,
    }
}
