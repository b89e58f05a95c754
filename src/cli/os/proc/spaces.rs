//! Namespaces: does a process see the world that we see?

use super::entry::{SELF, entry};

#[derive(Clone, Copy)]
pub enum Space {
    Mounts,
    Network,
}

impl Space {
    /// The file that stands for a process's own.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Mounts => "ns/mnt",
            Self::Network => "ns/net",
        }
    }
}

/// Is it in ours? None: that cannot be seen.
pub fn shares(pid: u32, space: Space) -> Option<bool> {
    let theirs = std::fs::read_link(entry(pid, space.file())).ok()?;
    let ours = std::fs::read_link(entry(SELF, space.file())).ok()?;
    Some(theirs == ours)
}
