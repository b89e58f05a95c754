//! An open directory. What is done in it is done in this one, whatever its path leads to by now.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{read, walk};
use crate::os::proc;

/// Names that were taken before one was free: somebody who guesses 64 random bits so often does not guess.
const TRIES: usize = 8;

#[derive(Debug)]
pub struct Directory(OwnedFd);

impl Directory {
    /// The one of this path; links on the way are judged.
    pub fn open(path: &Path) -> io::Result<Self> {
        walk::to(path, None).map(Self)
    }

    /// The same; made, if only the last name of it is missing.
    pub fn open_or_make(path: &Path, mode: u32) -> io::Result<Self> {
        if let (Some(above), Some(name)) = (path.parent(), path.file_name()) {
            walk::make_one(walk::to(above, None)?, name, Mode::from_raw_mode(mode))?;
        }
        Self::open(path)
    }

    /// The same; all that is missing of it is made.
    pub fn make(path: &Path, mode: u32) -> io::Result<Self> {
        walk::to(path, Some(Mode::from_raw_mode(mode))).map(Self)
    }

    /// What the directory itself is.
    pub fn about(&self) -> io::Result<Stat> {
        Ok(fstat(&self.0)?)
    }

    pub(super) fn of(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// What a file is; a link is a link.
    pub fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Stat> {
        Ok(statat(&self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// A path that leads to a file in this directory, for calls that take nothing else.
    pub fn path_of(&self, name: impl AsRef<OsStr>) -> PathBuf {
        proc::own_descriptor(&self.0).join(name.as_ref())
    }

    /// All that a regular file holds, if it is no longer than this; never through a link.
    pub fn read(&self, name: impl AsRef<OsStr>, longest: u64) -> io::Result<Vec<u8>> {
        let file = openat(&self.0, name.as_ref(), read::FLAGS | OFlags::NOFOLLOW, Mode::empty());
        let file = file.map_err(|error| match error {
            Errno::LOOP => io::Error::other("is a symbolic link"),
            other => other.into(),
        })?;
        read::whole(file, longest)
    }

    /// Puts a file of this content in place of what has the name now: whole, or not at all. Without a mode it gets that of the
    /// file before, if that was ours, or what the umask leaves.
    pub fn replace(&self, name: impl AsRef<OsStr>, content: &[u8], mode: Option<u32>) -> io::Result<()> {
        let name = name.as_ref();
        let (beside, mut file) = self.beside(if mode.is_some() { 0o600 } else { 0o666 })?;
        let mut written = || {
            if let Some(mode) = mode.or_else(|| self.mode_of_ours(name)) {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            file.write_all(content)?;
            file.sync_all()?;
            renameat(&self.0, &beside, &self.0, name)?;
            Ok(())
        };
        written().inspect_err(|_| drop(self.remove(&beside)))
    }

    /// Could a file be put here? Nothing is left of the trial.
    pub fn try_out(&self) -> io::Result<()> {
        let (beside, _) = self.beside(0o600)?;
        self.remove(beside)
    }

    /// Removes a file, or a link itself.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(unlinkat(&self.0, name.as_ref(), AtFlags::empty())?)
    }

    /// Removes a directory in this one, if it is empty.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(unlinkat(&self.0, name.as_ref(), AtFlags::REMOVEDIR)?)
    }

    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let readable = openat(&self.0, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::new(readable)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// A new file under a name that nobody could have known.
    fn beside(&self, mode: u32) -> io::Result<(OsString, File)> {
        let mut last = Errno::EXIST;
        for _ in 0..TRIES {
            let name = OsString::from(format!(".tcptune-{:016x}.new", rand::random::<u64>()));
            match self.create(&name, mode) {
                Ok(file) => return Ok((name, file)),
                Err(Errno::EXIST) => last = Errno::EXIST,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    /// Fails where the name is taken, by a link too.
    fn create(&self, name: &OsStr, mode: u32) -> Result<File, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.0, name, flags, Mode::from_raw_mode(mode)).map(File::from)
    }

    fn mode_of_ours(&self, name: &OsStr) -> Option<u32> {
        let before = self.look(name).ok()?;
        let ours = before.st_uid == rustix::process::geteuid().as_raw();
        let regular = FileType::from_raw_mode(before.st_mode) == FileType::RegularFile;
        (ours && regular).then_some(before.st_mode & 0o777)
    }
}

#[cfg(test)]
mod tests {
    use super::Directory;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tcptune-directory-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a directory");
        path
    }

    #[test]
    fn a_new_file_is_never_one_that_is_there() {
        let path = scratch("new");
        let (outside, directory) = (path.join("outside"), Directory::open(&path).expect("it"));
        for target in [outside.as_path(), "/dev/null".as_ref()] {
            symlink(target, path.join("taken")).expect("a link");
            let error = directory.create("taken".as_ref(), 0o600).expect_err("taken");
            assert_eq!(error, rustix::io::Errno::EXIST);
            fs::remove_file(path.join("taken")).expect("ours");
        }
        assert!(!outside.exists());
        fs::remove_dir_all(path).expect("ours");
    }

    #[test]
    fn replaces_the_name_and_not_what_it_leads_to() {
        let path = scratch("replace");
        fs::write(path.join("precious"), "before").expect("ours");
        symlink("precious", path.join("link")).expect("ours");
        fs::hard_link(path.join("precious"), path.join("hard")).expect("ours");
        let directory = Directory::open(&path).expect("it");
        for name in ["link", "hard"] {
            directory.replace(name, b"new", Some(0o640)).expect("written");
            assert_eq!(fs::read(path.join(name)).expect("it"), b"new");
            let about = fs::symlink_metadata(path.join(name)).expect("it");
            assert!(about.is_file() && about.permissions().mode() & 0o777 == 0o640);
        }
        assert_eq!(fs::read(path.join("precious")).expect("it"), b"before");
        directory.replace("hard", b"newer", None).expect("written");
        let mode = fs::metadata(path.join("hard")).expect("it").permissions().mode();
        assert_eq!(mode & 0o777, 0o640, "a file of ours keeps its mode");
        assert_eq!(directory.names().expect("names").len(), 3);
        fs::remove_dir_all(path).expect("ours");
    }

    #[test]
    fn reads_regular_files_of_bounded_length() {
        let path = scratch("read");
        fs::write(path.join("file"), "12345").expect("ours");
        symlink("file", path.join("link")).expect("ours");
        rustix::fs::mkfifoat(rustix::fs::CWD, path.join("pipe"), 0o600.into()).expect("a pipe");
        let directory = Directory::open(&path).expect("it");
        assert_eq!(directory.read("file", 5).expect("it"), b"12345");
        for (name, longest, words) in [
            ("file", 4, "is longer than 4 bytes"),
            ("link", 5, "is a symbolic link"),
            ("pipe", 5, "is no regular file"),
        ] {
            let error = directory.read(name, longest).expect_err("refused");
            assert_eq!(error.to_string(), words, "{name}");
        }
        fs::remove_dir_all(path).expect("ours");
    }
}
