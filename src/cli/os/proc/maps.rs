//! /proc/PID/maps: which files are mapped. "7f..-7f.. rw-s 00000000 00:1a 4711   /run/tcptune/1234-….tcptune"

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// All files, once each, in their order. (Once each by a set: a process may have 65,530 mappings, all of different files.)
pub fn files(maps: &[u8]) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let paths = maps.split(|&b| b == b'\n').filter_map(mapped_path).filter(|path| seen.insert(*path));
    paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect()
}

/// The file of a line, by the name that it has or had.
pub fn mapped_path(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|&b| b == b'/')?;
    let path = line.get(at..)?;
    Some(path.strip_suffix(b" (deleted)").unwrap_or(path))
}

/// The inode of a line.
pub fn inode(line: &str) -> Option<u64> {
    line.split_ascii_whitespace().nth(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::files;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    #[test]
    fn reads_mapped_files_once_each() {
        let maps = b"7f00-7f01 r--p 00000000 08:01 42   /usr/lib/a b.so\n7f01-7f02 r-xp 00001000 08:01 42   /usr/lib/a b.so\n\
                     7f02-7f03 rw-p 00000000 00:00 0 \n7f03-7f04 r-xp 00000000 08:01 43   /opt/libtcptune.so (deleted)\n";
        assert_eq!(files(maps), [PathBuf::from("/usr/lib/a b.so"), PathBuf::from("/opt/libtcptune.so")]);
    }

    #[test]
    fn as_many_files_as_a_process_can_map_take_no_time() {
        let line = |n| format!("7f00-7f01 r--p 00000000 08:01 42   /tmp/{}{n}\n", "x".repeat(200));
        let maps: String = (0..65_530).map(line).collect();
        let begun = Instant::now();
        assert_eq!(files(maps.as_bytes()).len(), 65_530);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
