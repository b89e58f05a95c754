//! The directory of `--stats`: may the service write there, or can systemd be told to make it so?

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::dropin;
use super::hindrance::{ids, named_user, paths};
use crate::errors::{Failure, NO};
use crate::units::unit::Unit;

/// Where systemd makes the directories of RuntimeDirectory=.
const RUNTIME: &str = "/run";

/// What the drop-in has to say besides, so that the service finds this directory and may write there.
pub fn lines(unit: &Unit, stats: &str) -> Result<String, Failure> {
    let directory = Path::new(stats);
    // A user's own manager starts everything as that user, who can see to it.
    if unit.user || !directory.is_absolute() || is_made(unit, directory) || may_write(unit, directory) {
        return Ok(String::new());
    }
    let user = user(unit);
    let below = directory.strip_prefix(RUNTIME).unwrap_or(Path::new(""));
    let own = format!("{RUNTIME}/tcptune/{}", unit.name.prefix());
    let refuse = |why: &str| {
        let text =
            format!("--stats {stats}: {why}: give --stats {own}, which systemd then makes for `{}`", unit.name.text());
        Err(Failure::new(NO, text))
    };
    match below.components().count() {
        0 => refuse(&format!("User={user} may not write there")),
        // systemd would give the whole of it to this service's user.
        1 if user != "root" => {
            refuse(&format!("User={user} may not write there, and it is not for this service alone"))
        }
        _ => {
            // What is preserved of a dynamic user lies behind a link, which the library does not follow.
            let preserve = if unit.is_on("Service", "DynamicUser") { "" } else { "RuntimeDirectoryPreserve=yes\n" };
            Ok(format!("RuntimeDirectory={}\n{preserve}", dropin::literal(&below.to_string_lossy())))
        }
    }
}

fn user(unit: &Unit) -> &str {
    if unit.is_on("Service", "DynamicUser") { "dynamic" } else { named_user(unit) }
}

/// Does the unit have it made already?
fn is_made(unit: &Unit, directory: &Path) -> bool {
    let made = |entry: String| PathBuf::from(RUNTIME).join(entry.split(':').next().unwrap_or_default());
    paths(unit, "RuntimeDirectory").into_iter().any(|entry| made(entry) == directory)
}

/// May the service's user make files there, as the library wants it: in a directory of root's or of its own?
fn may_write(unit: &Unit, directory: &Path) -> bool {
    let Ok(about) = unit.tree.pin(directory).and_then(|place| place.path().metadata()) else { return false };
    if !about.is_dir() {
        return false;
    }
    let (user, group) = ids(unit, user(unit));
    let mode = about.mode();
    match about.uid() {
        _ if user == 0 => true,
        owner if owner == user => mode & 0o200 != 0,
        0 => mode & 0o002 != 0 || about.gid() == group && mode & 0o020 != 0,
        _ => false,
    }
}
