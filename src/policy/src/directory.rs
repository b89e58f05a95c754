//! The directory that TCPTUNE_STATS names. Kept as a copy, because a program may overwrite its environment. Must not
//! check whether the directory exists.

use crate::grammar::piece::switch;

/// The longest path, in bytes.
const ROOM: usize = 255;

/// An absolute path, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    used: u8,
    path: [u8; ROOM],
}

impl Directory {
    /// No directory.
    pub const NONE: Directory = Directory { used: 0, path: [0; ROOM] };

    /// Stores a path, or no path for `off`; `None` if the text is neither.
    pub fn keep(&mut self, text: &[u8]) -> Option<()> {
        *self = Directory::NONE;
        if switch(text) == Some(false) {
            return Some(());
        }
        let absolute = text.first() == Some(&b'/');
        self.used = u8::try_from(text.len()).ok().filter(|_| absolute)?;
        for (to, from) in self.path.iter_mut().zip(text) {
            *to = *from;
        }
        Some(())
    }

    /// The path; empty if there is none.
    pub fn path(&self) -> &[u8] {
        self.path.get(..usize::from(self.used)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_short() {
        let mut directory = Directory::NONE;
        let longest = std::format!("/{}", "x".repeat(254));
        for (text, path) in [("/run/tcptune", Some("/run/tcptune")), ("off", Some("")), ("0", Some("")), ("run", None)] {
            assert_eq!(directory.keep(text.as_bytes()), path.map(|_| ()), "{text}");
            assert_eq!(directory.path(), path.unwrap_or("").as_bytes(), "{text}");
        }
        assert_eq!(directory.keep(longest.as_bytes()), Some(()));
        assert_eq!(directory.path(), longest.as_bytes());
        assert_eq!(directory.keep(std::format!("{longest}x").as_bytes()), None);
    }
}
