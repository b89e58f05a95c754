//! A control group of its own for a program: made below ours, left behind when we become the program, removed when empty.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};

use crate::os::proc;
use crate::run::detached;

pub struct Group {
    parent: PathBuf,
    path: PathBuf,
    directory: File,
}

impl Group {
    pub fn make() -> io::Result<Self> {
        let parent = ours()?;
        let path = parent.join(format!("tcptune-{}", std::process::id()));
        // One of the same name is left over from another process of this number.
        let _ = fs::remove_dir(&path);
        fs::create_dir(&path)?;
        let directory = File::open(&path)?;
        Ok(Self { parent, path, directory })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Move this process into it, and leave somebody behind who removes it when the last process has left.
    pub fn enter(&self) -> io::Result<()> {
        move_to(&self.path)?;
        let events = File::open(self.path.join("cgroup.events"))?;
        detached::launch(events.into(), c"tcptune-cgroup", |events| self.clean_up(events))
    }

    fn clean_up(&self, events: OwnedFd) -> i32 {
        if move_to(&self.parent).is_err() {
            return 1;
        }
        let mut events = File::from(events);
        loop {
            let mut text = String::new();
            if events.rewind().and_then(|()| events.read_to_string(&mut text)).is_err() {
                // Removed by somebody else.
                return 0;
            }
            if text.lines().any(|line| line == "populated 0") {
                return i32::from(fs::remove_dir(&self.path).is_err());
            }
            let _ = poll(&mut [PollFd::new(&events, PollFlags::PRI)], None);
        }
    }

    /// Undo: leave it and remove it.
    pub fn abandon(&self) {
        let _ = move_to(&self.parent);
        let _ = fs::remove_dir(&self.path);
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Move this process to a group.
fn move_to(group: &Path) -> io::Result<()> {
    fs::write(group.join("cgroup.procs"), "0")
}

/// The directory of the group that this process is in.
fn ours() -> io::Result<PathBuf> {
    let none = || io::Error::other("no cgroup2 file system is mounted");
    let mounts = proc::text(proc::SELF, "mountinfo")?;
    let groups = proc::text(proc::SELF, "cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::")).ok_or_else(none)?;
    mounts.lines().find_map(|line| place(line, own)).ok_or_else(none)
}

/// Where a group lies, if this line of mountinfo is of its file system.
fn place(line: &str, group: &str) -> Option<PathBuf> {
    let (mount, kind) = line.split_once(" - ")?;
    if !kind.starts_with("cgroup2 ") {
        return None;
    }
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let below = group.strip_prefix(root.trim_end_matches('/'))?;
    Some(Path::new(point).join(below.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::place;
    use std::path::Path;

    #[test]
    fn finds_the_group_in_the_mount() {
        let whole = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let part = "30 24 0:26 /machine /sys/fs/cgroup rw - cgroup2 none rw";
        let first = "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
        assert_eq!(
            place(whole, "/system.slice/a.service").as_deref(),
            Some(Path::new("/sys/fs/cgroup/system.slice/a.service"))
        );
        assert_eq!(place(whole, "/").as_deref(), Some(Path::new("/sys/fs/cgroup")));
        assert_eq!(place(part, "/machine/x").as_deref(), Some(Path::new("/sys/fs/cgroup/x")));
        assert_eq!(place(part, "/other"), None);
        assert_eq!(place(first, "/"), None);
    }
}
