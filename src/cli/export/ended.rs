//! The file of `--ended`: what processes that have ended counted, and which of their own files are being removed. Written whole
//! or not at all, before anything is removed, so that nothing is lost or counted twice whenever this is interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::totals::{File, Program, Sums};
use super::values::{Labels, Values};
use crate::errors::{Context, Failure, plain};
use crate::os::files::Target;

const VERSION: u32 = 1;
/// With as many services as --max-services can name it is shorter.
const LONGEST: u64 = 512 << 20;

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    /// Files whose counts are in the sums below.
    removed: BTreeSet<File>,
    programs: BTreeMap<String, Program>,
    series: Vec<(Labels, Values)>,
}

pub struct Ended {
    path: PathBuf,
    /// Files whose counts are in the sums, but which may still be there.
    pub removed: BTreeSet<File>,
}

/// Reads the file; that it is not there yet is no fault.
pub fn load(path: &Path) -> Result<(Ended, Sums), Failure> {
    let unreadable = |error| Failure::of_option("--ended", path, format!("cannot be read: {}", plain(&error)));
    let Some(text) = Target::find("--ended", path)?.read(LONGEST).map_err(unreadable)? else {
        return Ok((Ended { path: path.to_owned(), removed: BTreeSet::new() }, Sums::default()));
    };
    let content: Content = serde_json::from_slice(&text)
        .map_err(|_| Failure::of_option("--ended", path, "allowed is a new file or one that tcptune wrote"))?;
    if content.version != VERSION {
        let why = format!("has version {}, allowed is {VERSION}", content.version);
        return Err(Failure::of_option("--ended", path, why));
    }
    let sums = Sums { series: content.series.into_iter().collect(), programs: content.programs };
    Ok((Ended { path: path.to_owned(), removed: content.removed }, sums))
}

impl Ended {
    pub fn save(&self, sums: &Sums) -> Result<(), Failure> {
        let content = Content {
            version: VERSION,
            removed: self.removed.clone(),
            programs: sums.programs.clone(),
            series: sums.series.iter().map(|(labels, values)| (labels.clone(), values.clone())).collect(),
        };
        let text = serde_json::to_vec(&content).doing(|| format!("write `{}` (--ended)", self.path.display()))?;
        Target::find("--ended", &self.path)?.write(&text, Some(0o600))
    }
}
