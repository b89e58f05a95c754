//! Which directory of counters is meant, and how often it is read.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
            "no directory: name the one that TCPTUNE_STATS names for the programs, as in `tcptune {command} /run/tcptune`",
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

/// A number of seconds, parts of it allowed.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a number of seconds from 0.1 to 3600 is needed".to_owned();
    let value: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=3600.0).contains(&value) { Ok(Duration::from_secs_f64(value)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_seconds_and_parts_of_them() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        for wrong in ["", "0", "-1", "nan", "inf", "3601", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
