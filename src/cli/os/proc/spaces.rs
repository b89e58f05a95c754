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

/// The number of a process's own. None: that cannot be seen.
pub fn number(pid: u32, space: Space) -> Option<u64> {
    let link = std::fs::read_link(entry(pid, space.file())).ok()?;
    let (_, number) = link.to_str()?.split_once(":[")?;
    number.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Space, number, shares};

    #[test]
    fn a_namespace_has_a_number() {
        let own = std::process::id();
        assert_eq!(shares(own, Space::Network), Some(true));
        assert!(number(own, Space::Network).is_some_and(|number| number > 0));
        assert_eq!(number(0, Space::Network), None);
    }
}
