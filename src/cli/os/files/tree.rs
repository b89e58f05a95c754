//! A tree of files: the machine's own, or an image, which is a directory that holds another system's. Whatever is in an image,
//! nothing outside of it is read, written or removed: the kernel itself takes the image's top for "/" (openat2(2)).

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::directory::Directory;
use super::{read, walk};
use crate::errors::{Failure, plain};
use crate::os::proc;

/// No file that systemd would read is longer.
const LONGEST: u64 = 4 << 20;
/// A rename at the wrong moment makes the kernel ask to be asked again.
const TRIES: usize = 100;

/// Paths given to it begin at its own "/".
#[derive(Clone, Debug)]
pub struct Tree(Option<Image>);

#[derive(Clone, Debug)]
struct Image {
    path: PathBuf,
    top: Arc<OwnedFd>,
}

/// A file or directory that stays the same whatever becomes of its name.
pub struct Pinned {
    path: PathBuf,
    _descriptor: OwnedFd,
}

impl Pinned {
    /// Opens it, as long as this lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Tree {
    /// The machine's files.
    pub const HOST: Self = Self(None);

    pub fn image(path: &Path) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::own(format!("--root {}: {why}", path.display()));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR => wrong("is not a directory"),
            other => wrong(&plain(&other)),
        })?;
        let image = Image { path: path.to_owned(), top: Arc::new(top) };
        match image.open("/".as_ref(), flags) {
            Ok(_) => Ok(Self(Some(image))),
            Err(Errno::NOSYS | Errno::PERM) => Err(wrong(
                "openat2(2) is missing, without which links in the image could lead out of it: this takes Linux 5.6, and in a \
                 container a seccomp profile that allows it",
            )),
            Err(error) => Err(wrong(&plain(&error))),
        }
    }

    /// Where an image is.
    pub fn root(&self) -> Option<&Path> {
        self.0.as_ref().map(|image| image.path.as_path())
    }

    pub fn is_image(&self) -> bool {
        self.0.is_some()
    }

    /// A path of it as it is called here, for people.
    pub fn shown(&self, path: &Path) -> PathBuf {
        match &self.0 {
            Some(image) => image.path.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }

    /// All that a regular file holds.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        read::whole(self.open(path, read::FLAGS)?, LONGEST)
    }

    /// Holds a file or directory, for those who open it by a path.
    pub fn pin(&self, path: &Path) -> io::Result<Pinned> {
        let descriptor = self.open(path, OFlags::PATH | OFlags::CLOEXEC)?;
        match FileType::from_raw_mode(fstat(&descriptor)?.st_mode) {
            // Opening a pipe would wait.
            FileType::RegularFile | FileType::Directory => {
                Ok(Pinned { path: proc::own_descriptor(&descriptor), _descriptor: descriptor })
            }
            _ => Err(io::Error::other("is no regular file")),
        }
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.open(path, OFlags::PATH | OFlags::CLOEXEC).is_ok()
    }

    /// Is there anything of this name, be it a link that leads nowhere?
    pub fn is_named(&self, path: &Path) -> bool {
        self.open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC).is_ok()
    }

    pub fn directory(&self, path: &Path) -> io::Result<Directory> {
        match &self.0 {
            Some(_) => self.open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC).map(Directory::of),
            None => Directory::open(path),
        }
    }

    /// The same; what is missing of it is made.
    pub fn make_directory(&self, path: &Path) -> io::Result<Directory> {
        const MODE: u32 = 0o755;
        let Some(image) = &self.0 else { return Directory::make(path, MODE) };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = image.open("/".as_ref(), flags)?;
        // There is no link left in this path; one that comes meanwhile is refused.
        for name in self.resolved(path).iter().skip(1) {
            at = match openat(&at, name, flags, Mode::empty()) {
                Err(Errno::NOENT) => {
                    walk::make_one(&at, name, Mode::from_raw_mode(MODE))?;
                    openat(&at, name, flags, Mode::empty())?
                }
                other => other?,
            };
        }
        Ok(Directory::of(at))
    }

    /// A path of an image with all links in it followed, as far as it exists; of the machine as it is.
    pub fn resolved(&self, path: &Path) -> PathBuf {
        if self.0.is_none() {
            return path.to_owned();
        }
        let mut done = PathBuf::from("/");
        let mut left = walk::names(path);
        let mut links = walk::LINKS;
        while let Some(name) = left.pop() {
            if name == ".." {
                done.pop();
                continue;
            }
            let next = done.join(&name);
            match self.link(&next) {
                Some(target) if links > 0 => {
                    links -= 1;
                    left.extend(walk::names(&target));
                }
                _ => done = next,
            }
        }
        done
    }

    /// What a link says.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        let link = self.open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC).ok()?;
        walk::content(&link).ok()
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        Ok(match &self.0 {
            Some(image) => image.open(path, flags)?,
            None => openat(CWD, path, flags, Mode::empty())?,
        })
    }
}

impl Image {
    fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&*self.top, path, flags, Mode::empty(), within) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }
}
