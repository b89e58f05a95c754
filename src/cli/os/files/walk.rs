//! To a directory, name by name. The kernel would follow every link on the way; root follows only its own, because whoever owns a
//! link decides at any time where it leads.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, mkdirat, openat, readlinkat, statat,
};
use rustix::io::Errno;

/// As many links as the kernel follows.
pub const LINKS: usize = 40;

const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The directory of this path. `make`: what is missing is made, with this mode.
pub fn to(path: &Path, make: Option<Mode>) -> io::Result<OwnedFd> {
    let start = openat(CWD, c".", PLACE | OFlags::DIRECTORY, Mode::empty())?;
    from(start, path, make, &mut 0)
}

/// The same, of a path that begins at a directory. `links`: how many were followed so far.
pub fn from(start: OwnedFd, path: &Path, make: Option<Mode>, links: &mut usize) -> io::Result<OwnedFd> {
    let mut at = start;
    let mut left = names(path);
    while let Some(name) = left.pop() {
        let step = openat(&at, &name, PLACE | OFlags::NOFOLLOW, Mode::empty());
        let next = match (step, make) {
            (Err(Errno::NOENT), Some(mode)) => {
                make_one(&at, &name, mode)?;
                openat(&at, &name, PLACE | OFlags::NOFOLLOW, Mode::empty())?
            }
            (step, _) => step?,
        };
        let about = fstat(&next)?;
        match FileType::from_raw_mode(about.st_mode) {
            FileType::Directory => at = next,
            // What links of /proc say is not where they lead.
            FileType::Symlink if is_proc(&at) => {
                at = openat(&at, &name, PLACE | OFlags::DIRECTORY, Mode::empty())?;
            }
            FileType::Symlink => {
                followed(links)?;
                trusted(about.st_uid, &PathBuf::from(&name))?;
                left.extend(names(&content(&next)?));
            }
            _ => return Err(io::ErrorKind::NotADirectory.into()),
        }
    }
    Ok(at)
}

/// A directory, if there is nothing of this name. Others may make it meanwhile.
pub fn make_one(above: impl AsFd, name: &OsStr, mode: Mode) -> Result<(), Errno> {
    match mkdirat(above, name, mode) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// One more; too many are a circle.
pub fn followed(links: &mut usize) -> io::Result<()> {
    *links += 1;
    if *links > LINKS { Err(Errno::LOOP.into()) } else { Ok(()) }
}

/// May a link of this owner be followed?
pub fn trusted(owner: u32, link: &Path) -> io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    if ours != 0 || owner == 0 {
        return Ok(());
    }
    let link = link.display();
    Err(io::Error::other(format!(
        "`{link}` is a link of user {owner}, which root does not follow: name where it leads"
    )))
}

/// What an open link says.
pub fn content(link: &OwnedFd) -> io::Result<PathBuf> {
    Ok(OsString::from_vec(readlinkat(link, c"", Vec::new())?.into_bytes()).into())
}

/// Is this a directory of /proc?
pub fn is_proc(directory: impl AsFd) -> bool {
    fstatfs(directory).is_ok_and(|about| about.f_type == PROC_SUPER_MAGIC)
}

/// Is there anything of this name? A link is something.
pub fn look(directory: impl AsFd, name: &OsStr) -> Result<rustix::fs::Stat, Errno> {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// The names in a path, last first; "/" by itself leads to the top from wherever one is.
pub fn names(path: &Path) -> Vec<OsString> {
    let named = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir => Some("/".into()),
        _ => None,
    });
    named.collect()
}
