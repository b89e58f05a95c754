//! Does any process still count into a file? The library keeps no descriptor, but the mapping is in /proc/PID/maps: of the
//! process that made the file, or of a child that lives on when it is gone, as a daemon's does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::ErrorKind;

use tcptune_policy::counters::SUFFIX;

use crate::os::proc::{self, Stat, TICK};

/// Which files are mapped, by inode. Looks at all processes, once, and only when somebody asks about a process that is gone.
#[derive(Debug, Default)]
pub struct Mapped {
    /// By process: what it maps, each looked at once however many files name it; None where we may not look.
    makers: BTreeMap<u64, Option<BTreeSet<u64>>>,
    all: Option<Scan>,
}

#[derive(Debug, Default)]
struct Scan {
    inodes: BTreeSet<u64>,
    /// There are processes whose mappings we may not see.
    partly: bool,
}

impl Mapped {
    /// Is the file mapped by anybody? `pid` and `created` (nanoseconds since the machine was started) are what the file says.
    pub fn anywhere(&mut self, pid: u64, created: u64, inode: u64) -> bool {
        match self.makers.entry(pid).or_insert_with(|| mappings(pid)) {
            Some(inodes) if inodes.contains(&inode) => return true,
            // Its maker is there, but we may not look: trust the number, unless it was given to another process since.
            None if started(pid).is_some_and(|at| at <= created.saturating_add(TICK)) => return true,
            _ => {}
        }
        self.all.get_or_insert_with(scan).inodes.contains(&inode)
    }

    /// Were there processes that could not be looked at?
    pub fn partly(&self) -> bool {
        self.all.as_ref().is_some_and(|scan| scan.partly)
    }
}

/// When a process was started, in nanoseconds since the machine was.
fn started(pid: u64) -> Option<u64> {
    Stat::of(u32::try_from(pid).ok()?)?.start.checked_mul(TICK)
}

/// The files of counters that a process maps, by inode.
fn mappings(pid: impl Display) -> Option<BTreeSet<u64>> {
    let bytes = match proc::bytes(pid, "maps") {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        // It has gone.
        Err(_) => Vec::new(),
    };
    Some(inodes(&String::from_utf8_lossy(&bytes)))
}

fn inodes(lines: &str) -> BTreeSet<u64> {
    lines.lines().filter(|line| line.contains(SUFFIX)).filter_map(proc::inode).collect()
}

fn scan() -> Scan {
    let mut scan = Scan::default();
    let Ok(pids) = proc::all() else { return Scan { partly: true, ..scan } };
    for pid in pids {
        match mappings(pid) {
            Some(inodes) => scan.inodes.extend(inodes),
            None => scan.partly = true,
        }
    }
    scan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_maps() {
        let ours = "7f01-7f02 rw-s 00000000 00:1a 4711       /run/tcptune/12-ab.tcptune\n";
        let other = "7f01-7f02 rw-s 00000000 00:1a 4712       /run/tcptune/12-ab.other\n";
        assert_eq!(inodes(&format!("{other}{ours}")), [4711].into());
    }

    #[test]
    fn knows_when_a_process_was_started() {
        let own = started(u64::from(std::process::id())).expect("our own");
        let first = started(1).unwrap_or(0);
        assert!(own >= first && own > 0);
        assert_eq!(started(0), None);
    }
}
