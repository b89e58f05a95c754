//! Which directory of counters is meant.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, Mode, OFlags, accessat, fstat, open};
use rustix::io::Errno;
use rustix::process::geteuid;

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

/// Can a program of this user count there? If not, why: worded to follow the path.
pub fn usable(directory: &Path) -> Result<(), &'static str> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = open(directory, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => "is not there",
        Errno::NOTDIR | Errno::LOOP => "is no directory (a symbolic link to one is not followed)",
        Errno::ACCESS => "may not be entered by this user",
        _ => "cannot be opened",
    })?;
    let user = geteuid().as_raw();
    if fstat(&opened).is_ok_and(|about| ![0, user].contains(&about.st_uid)) {
        return Err("belongs to another user");
    }
    match accessat(&opened, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Err(Errno::ACCESS) => Err("may not be written by this user"),
        Err(Errno::ROFS) => Err("is on a file system that is mounted read-only"),
        _ => Ok(()),
    }
}
