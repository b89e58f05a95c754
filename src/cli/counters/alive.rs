//! Does any process still count into a file? The library keeps no descriptor, but the mapping is in /proc/PID/maps: of the
//! process that made the file, or of a child that lives on when it is gone, as a daemon's does.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

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
        match mappings(&pid.to_string()) {
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

/// /proc counts start times in hundredths of a second.
const TICK: u64 = 10_000_000;

/// When a process was started, in nanoseconds since the machine was.
fn started(pid: u64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may hold anything but ends at the last parenthesis: the 20th field is the start time (proc(5)).
    let field = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?;
    field.parse::<u64>().ok()?.checked_mul(TICK)
}

fn mappings(pid: &str) -> Option<String> {
    let bytes = match fs::read(format!("/proc/{pid}/maps")) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        // It has gone.
        Err(_) => Vec::new(),
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Is there a mapping of this file? "7f..-7f.. rw-s 00000000 00:1a 4711   /run/tcptune/1234-….tcptune"
fn has(lines: &str, name: &str, inode: u64) -> bool {
    lines.lines().filter(|line| line.contains(name)).any(|line| inode_of(line) == Some(inode))
}

fn inode_of(line: &str) -> Option<u64> {
    line.split_ascii_whitespace().nth(4)?.parse().ok()
}

fn scan() -> Scan {
    let mut scan = Scan::default();
    let Ok(entries) = fs::read_dir("/proc") else { return Scan { partly: true, ..scan } };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().filter(|name| name.bytes().all(|b| b.is_ascii_digit())) else { continue };
        match mappings(pid) {
            Some(lines) => {
                let ours = lines.lines().filter(|line| line.contains(tcptune_policy::counters::SUFFIX));
                scan.inodes.extend(ours.filter_map(inode_of));
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
