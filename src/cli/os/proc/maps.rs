//! /proc/PID/maps: which files are mapped. "7f..-7f.. rw-s 00000000 00:1a 4711   /run/tcptune/1234-….tcptune"

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// All files, once each.
pub fn files(maps: &[u8]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for line in maps.split(|&b| b == b'\n') {
        let Some(at) = line.iter().position(|&b| b == b'/') else { continue };
        let path = line.get(at..).unwrap_or_default();
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let file = PathBuf::from(OsStr::from_bytes(path));
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// The inode of a line.
pub fn inode(line: &str) -> Option<u64> {
    line.split_ascii_whitespace().nth(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::files;
    use std::path::PathBuf;

    #[test]
    fn reads_mapped_files_once_each() {
        let maps = b"7f00-7f01 r--p 00000000 08:01 42   /usr/lib/a b.so\n7f01-7f02 r-xp 00001000 08:01 42   /usr/lib/a b.so\n\
                     7f02-7f03 rw-p 00000000 00:00 0 \n7f03-7f04 r-xp 00000000 08:01 43   /opt/libtcptune.so (deleted)\n";
        assert_eq!(files(maps), [PathBuf::from("/usr/lib/a b.so"), PathBuf::from("/opt/libtcptune.so")]);
    }
}
