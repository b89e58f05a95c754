//! Which directory of counters is meant.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::errors::Failure;

/// The directory that was named, else the one of the environment.
pub fn directory(named: Option<&Path>, command: &str) -> Result<PathBuf, Failure> {
    let from_environment =
        || std::env::var_os("TCPTUNE_STATS").filter(|value| value != OsStr::new("off")).map(Into::into);
    named.map(Path::to_owned).or_else(from_environment).ok_or_else(|| {
        Failure::own(format!(
            "DIR is missing: allowed is the directory that TCPTUNE_STATS names for the programs, as in `tcptune {command} /run/tcptune`",
        ))
    })
}
