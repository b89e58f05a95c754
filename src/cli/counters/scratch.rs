//! A directory for counters that is ours alone and goes when it is dropped.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{Mode, OFlags, fchmod, open};

use crate::errors::{Context, Failure};

pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one in the directory for temporary files, under a name that begins like this and that nobody has taken.
    pub fn new(name: &str, mode: u32) -> Result<Self, Failure> {
        let base = std::env::temp_dir();
        Self::below(&base, name, mode).map_err(|failure| match std::env::var_os("TMPDIR") {
            Some(_) => failure.advise("TMPDIR must name a directory that can be written"),
            None => failure.advise("name another directory with TMPDIR"),
        })
    }

    /// The same in another directory.
    pub fn below(base: &Path, name: &str, mode: u32) -> Result<Self, Failure> {
        made(base, name, mode).doing(|| format!("make a directory for counters in `{}`", base.display()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

fn made(base: &Path, name: &str, mode: u32) -> io::Result<Scratch> {
    let base = std::path::absolute(base)?;
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..1000 {
        // Each is another in this process, and another process of this number may have left some behind.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let more = if number == 0 { String::new() } else { format!("-{number}") };
        let path = base.join(format!("{name}-{}{more}", std::process::id()));
        // Fails where the name exists, whatever it is: what was made is ours.
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                let scratch = Scratch(path);
                // Past the umask; of this directory, whatever its name leads to.
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                fchmod(open(&scratch.0, flags, Mode::empty())?, Mode::from_raw_mode(mode))?;
                return Ok(scratch);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn is_ours_and_goes() {
        let scratch = Scratch::new("tcptune-scratch", 0o1777).expect("a directory for temporary files");
        let path = scratch.path().to_owned();
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o7777, 0o1777);
        drop(scratch);
        assert!(!path.exists());
        let failure = Scratch::below("/nonexistent".as_ref(), "x", 0o700).err().expect("it is not there");
        assert_eq!(
            failure.message,
            "cannot make a directory for counters in `/nonexistent`: No such file or directory"
        );
    }
}
