//! Does any process still count into a file? The library keeps no descriptor, but the mapping is in /proc/PID/maps: of the
//! process that made the file, or of a child that lives on when it is gone, as a daemon's does.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::ErrorKind;

use crate::os::proc::{self, Stat, TICK};

/// Which files are mapped, by inode. Looks at all processes, once, and only when somebody asks about a process that is gone.
#[derive(Debug, Default)]
pub struct Mapped {
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
    pub fn anywhere(&mut self, pid: u64, created: u64, name: &str, inode: u64) -> bool {
        match mappings(pid) {
            Some(lines) if has(&lines, name, inode) => return true,
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

fn mappings(pid: impl Display) -> Option<String> {
    let bytes = match proc::bytes(pid, "maps") {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        // It has gone.
        Err(_) => Vec::new(),
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Is there a mapping of this file?
fn has(lines: &str, name: &str, inode: u64) -> bool {
    lines.lines().filter(|line| line.contains(name)).any(|line| proc::inode(line) == Some(inode))
}

fn scan() -> Scan {
    let mut scan = Scan::default();
    let Ok(pids) = proc::all() else { return Scan { partly: true, ..scan } };
    for pid in pids {
        match mappings(pid) {
            Some(lines) => {
                let ours = lines.lines().filter(|line| line.contains(tcptune_policy::counters::SUFFIX));
                scan.inodes.extend(ours.filter_map(proc::inode));
            }
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
        let line = "7f01-7f02 rw-s 00000000 00:1a 4711       /run/tcptune/12-ab.tcptune\n";
        assert!(has(line, "12-ab.tcptune", 4711));
        assert!(!has(line, "12-ab.tcptune", 4712));
        assert!(!has(line, "13-ab.tcptune", 4711));
    }

    #[test]
    fn knows_when_a_process_was_started() {
        let own = started(u64::from(std::process::id())).expect("our own");
        let first = started(1).unwrap_or(0);
        assert!(own >= first && own > 0);
        assert_eq!(started(0), None);
    }
}
