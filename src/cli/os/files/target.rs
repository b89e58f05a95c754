//! A file that the command line names for a result: put in its place whole, or not at all, in the directory that was opened when
//! it was looked for. What is no file (a pipe, /dev/stdout) is written to as it is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use super::directory::Directory;
use super::walk;
use crate::errors::{Failure, plain, shown};

#[derive(Debug)]
pub struct Target {
    /// The option and its value, for messages.
    named: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(Directory, OsString),
    Stream(File),
}

impl Target {
    /// The file that is the value of an option; `named`: the option, and what stands before the file.
    pub fn find(named: &str, path: &Path) -> Result<Self, Failure> {
        let gap = if named.ends_with('=') { "" } else { " " };
        let named = format!("{named}{gap}{}", shown(&path.to_string_lossy()));
        match found(path) {
            Ok(place) => Ok(Self { named, place }),
            Err(error) => Err(unwritable(&named, &error)),
        }
    }

    /// Finds it, and tries whether it can be written: better known before an hour of work than after it.
    pub fn tried(named: &str, path: &Path) -> Result<Self, Failure> {
        let target = Self::find(named, path)?;
        if let Place::File(directory, _) = &target.place {
            directory.try_out().map_err(|error| unwritable(&target.named, &error))?;
        }
        Ok(target)
    }

    /// What the file holds, if there is one. Root does not take another user's word for what it wrote itself.
    pub fn read(&self, longest: u64) -> io::Result<Option<Vec<u8>>> {
        let Place::File(directory, name) = &self.place else { return Err(io::Error::other("is no regular file")) };
        let bytes = match directory.read(name, longest) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let owner = directory.look(name)?.st_uid;
        if rustix::process::geteuid().is_root() && owner != 0 {
            return Err(io::Error::other(format!("belongs to user {owner}")));
        }
        Ok(Some(bytes))
    }

    /// `mode`: as for [`Directory::replace`].
    pub fn write(&self, content: &[u8], mode: Option<u32>) -> Result<(), Failure> {
        let written = match &self.place {
            Place::File(directory, name) => directory.replace(name, content, mode),
            Place::Stream(file) => (&mut &*file).write_all(content),
        };
        written.map_err(|error| unwritable(&self.named, &error))
    }
}

fn unwritable(named: &str, error: &io::Error) -> Failure {
    Failure::own(format!("{named}: cannot be written: {}", plain(error)))
}

fn found(path: &Path) -> io::Result<Place> {
    let no_name = || io::Error::other("is no name of a file");
    let mut links = 0;
    let mut directory = walk::to(parent(path), None)?;
    let mut name = path.file_name().ok_or_else(no_name)?.to_owned();
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(no_name());
    }
    loop {
        let about = match walk::look(&directory, &name) {
            Ok(about) => about,
            Err(Errno::NOENT) => return file(directory, name),
            Err(error) => return Err(error.into()),
        };
        let kind = FileType::from_raw_mode(about.st_mode);
        match kind {
            FileType::RegularFile => return file(directory, name),
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            // One of our descriptors, as /dev/stdout is.
            FileType::Symlink if walk::is_proc(&directory) => return stream(&directory, &name, OFlags::empty()),
            FileType::Symlink => {
                walk::followed(&mut links)?;
                walk::trusted(about.st_uid, path)?;
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let link = openat(&directory, &name, flags, Mode::empty())?;
                // It may be another by now.
                walk::trusted(rustix::fs::fstat(&link)?.st_uid, path)?;
                let next = walk::content(&link)?;
                name = next.file_name().ok_or_else(no_name)?.to_owned();
                directory = walk::from(directory, parent(&next), None, &mut links)?;
            }
            // Somebody's pipe would be told what root measured, and make it wait.
            FileType::Fifo if rustix::process::geteuid().is_root() && about.st_uid != 0 => {
                return Err(io::Error::other(format!("is a pipe of user {}", about.st_uid)));
            }
            _ => return stream(&directory, &name, OFlags::NOFOLLOW),
        }
    }
}

fn file(directory: OwnedFd, name: OsString) -> io::Result<Place> {
    Ok(Place::File(Directory::of(directory), name))
}

fn stream(directory: &OwnedFd, name: &OsString, more: OFlags) -> io::Result<Place> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY | more;
    Ok(Place::Stream(openat(directory, name, flags, Mode::empty())?.into()))
}

/// The directory in which a path's last name is.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
