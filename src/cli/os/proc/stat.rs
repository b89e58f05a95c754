//! /proc/PID/stat, as far as it is needed here.

use super::entry::bytes;
use crate::output;

/// A tick of its times in nanoseconds: /proc counts in hundredths of a second.
pub const TICK: u64 = 10_000_000;

pub struct Stat {
    /// As the process calls itself; control characters are made visible.
    pub name: String,
    /// Ended, and not yet waited for.
    pub zombie: bool,
    pub parent: u32,
    /// When it was started, in clock ticks: number and start together name a process until the machine restarts.
    pub start: u64,
}

impl Stat {
    /// None: there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(&bytes(pid, "stat").ok()?))
    }

    /// The name may hold anything, but ends at the last parenthesis; behind it fields are counted from 3 (proc(5)).
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.rsplit_once(')')?;
        let name = before.split_once('(')?.1;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            name: output::printable(name),
            zombie: field(3)? == "Z",
            parent: field(4)?.parse().ok()?,
            start: field(22)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn a_name_may_hold_parentheses() {
        let text = "4711 (a) (b\n) Z 17 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 8154 0 0\n";
        let stat = Stat::parse(text).expect("whole");
        assert_eq!((stat.name.as_str(), stat.zombie, stat.parent, stat.start), ("a) (b?", true, 17, 8154));
        assert!(Stat::parse("4711 (a) S 17").is_none());
    }

    #[test]
    fn knows_when_a_process_was_started() {
        let own = Stat::of(std::process::id()).expect("our own");
        assert!(own.start >= Stat::of(1).map_or(0, |first| first.start) && own.start > 0 && !own.zombie);
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(Stat::of(0).is_none());
    }
}
