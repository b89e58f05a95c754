//! The directory into which the programs of a command count; it goes when the diagnosis is done.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub struct Directory(PathBuf);

impl Directory {
    /// A new one, under a name that nobody has taken.
    pub fn new() -> io::Result<Self> {
        let base = std::path::absolute(std::env::temp_dir())?;
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for attempt in 0..16_u32 {
            let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
            let path = base.join(format!("tcptune-doctor-{}-{moment:x}-{attempt}", std::process::id()));
            // Fails where the name exists, whatever it is: what was made is ours.
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    let directory = Self(path);
                    // What root starts may count as another user.
                    if rustix::process::geteuid().is_root() {
                        fs::set_permissions(&directory.0, Permissions::from_mode(0o1777))?;
                    }
                    return Ok(directory);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
