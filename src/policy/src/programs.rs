//! Which programs are tuned: the patterns of TCPTUNE_ONLY and TCPTUNE_SKIP. Kept as a copy, because a program may
//! overwrite its environment. Must not inspect the running process: its names come in as arguments.

use crate::grammar::glob::matches;
use crate::grammar::piece::{find, trim};

/// Space for both lists together, in bytes.
pub const ROOM: usize = 1024;

/// The patterns of both lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Programs {
    used: u16,
    only: List,
    skip: List,
    text: [u8; ROOM],
}

/// The part of the text that is one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct List {
    start: u16,
    end: u16,
}

impl Programs {
    /// No patterns.
    pub const NONE: Programs =
        Programs { used: 0, only: List { start: 0, end: 0 }, skip: List { start: 0, end: 0 }, text: [0; ROOM] };

    /// Stores the list of programs to tune; `None` if it is too long.
    pub fn keep_only(&mut self, list: &[u8]) -> Option<()> {
        self.only = self.keep(list)?;
        Some(())
    }

    /// Stores the list of programs to leave alone; `None` if it is too long.
    pub fn keep_skip(&mut self, list: &[u8]) -> Option<()> {
        self.skip = self.keep(list)?;
        Some(())
    }

    /// Is there any pattern?
    pub fn any(&self) -> bool {
        has_pattern(self.list(self.only)) || has_pattern(self.list(self.skip))
    }

    /// Is a program with this file and this `argv[0]` to be tuned?
    pub fn want(&self, exe_path: &[u8], argv0: &[u8]) -> bool {
        let only = self.list(self.only);
        (!has_pattern(only) || named(only, exe_path, argv0)) && !named(self.list(self.skip), exe_path, argv0)
    }

    #[inline(never)]
    fn keep(&mut self, list: &[u8]) -> Option<List> {
        let start = usize::from(self.used);
        let end = start.checked_add(list.len())?;
        for (to, from) in self.text.get_mut(start..end)?.iter_mut().zip(list) {
            *to = *from;
        }
        let kept = List { start: self.used, end: u16::try_from(end).ok()? };
        self.used = kept.end;
        Some(kept)
    }

    fn list(&self, list: List) -> &[u8] {
        self.text.get(usize::from(list.start)..usize::from(list.end)).unwrap_or_default()
    }
}

/// Takes the next pattern off a list, trimmed; `None` if none is left.
#[inline(never)]
fn pattern<'l>(rest: &mut &'l [u8]) -> Option<&'l [u8]> {
    while !rest.is_empty() {
        let mut ahead = *rest;
        while let [byte, behind @ ..] = ahead
            && !matches!(byte, b',' | b':')
        {
            ahead = behind;
        }
        let (part, _) = rest.split_at_checked(rest.len().wrapping_sub(ahead.len()))?;
        *rest = ahead.split_first().map_or(ahead, |(_, behind)| behind);
        let pattern = trim(part);
        if !pattern.is_empty() {
            return Some(pattern);
        }
    }
    None
}

fn has_pattern(list: &[u8]) -> bool {
    let mut rest = list;
    pattern(&mut rest).is_some()
}

/// Does any pattern of the list match? A pattern with a slash is compared with the whole path of the program file, any
/// other with the last component of either name.
#[inline(never)]
fn named(list: &[u8], exe_path: &[u8], argv0: &[u8]) -> bool {
    let (file, call) = (last_part(exe_path), last_part(argv0));
    let mut rest = list;
    while let Some(pattern) = pattern(&mut rest) {
        let whole = find(pattern, b'/').is_some();
        if matches(pattern, if whole { exe_path } else { file }) || !whole && matches(pattern, call) {
            return true;
        }
    }
    false
}

#[inline(never)]
fn last_part(path: &[u8]) -> &[u8] {
    let mut last = path;
    while let Some(slash) = find(last, b'/') {
        last = last.get(slash.wrapping_add(1)..).unwrap_or_default();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(only: &str, skip: &str) -> Programs {
        let mut programs = Programs::NONE;
        programs.keep_only(only.as_bytes()).expect("short");
        programs.keep_skip(skip.as_bytes()).expect("short");
        programs
    }

    #[test]
    fn skip_beats_only_and_either_name_counts() {
        let both = programs("python*, perl", "python2*");
        assert!(both.want(b"/usr/bin/python3.11", b"migrate"));
        assert!(both.want(b"/opt/x", b"/usr/bin/perl"));
        assert!(!both.want(b"/usr/bin/python2.7", b"python"));
        assert!(!both.want(b"/usr/sbin/nginx", b"nginx"));
        assert!(both.any());
    }

    #[test]
    fn slashes_mean_the_whole_path_of_the_file() {
        let path = programs("/usr/lib/*:gdb", "");
        assert!(path.want(b"/usr/lib/cyrus/bin/imapd", b"imapd"));
        assert!(!path.want(b"/usr/bin/imapd", b"/usr/lib/imapd"));
        assert!(path.want(b"/usr/bin/gdb", b""));
    }

    #[test]
    fn empty_lists_touch_everything_and_long_ones_do_not_fit() {
        assert!(programs(" , :", "").want(b"/bin/true", b"true"));
        assert!(!programs("\x0b", "\x0b,\t:\r").any(), "blanks are those of every other setting");
        assert!(!programs(" , :", "").any());
        assert!(Programs::NONE.want(b"", b""));
        let mut full = Programs::NONE;
        assert_eq!(full.keep_only(&[b'x'; ROOM]), Some(()));
        assert_eq!(full.keep_skip(b"y"), None);
    }
}
