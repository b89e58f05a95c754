//! The directory of a process in /proc, its files, and which processes there are.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// This process, whatever its number is to whoever mounted /proc.
pub const SELF: &str = "self";

/// A file of a process: by its number (a thread's will do), or [`SELF`].
pub fn entry(process: impl Display, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{name}"))
}

pub fn text(process: impl Display, name: &str) -> io::Result<String> {
    std::fs::read_to_string(entry(process, name))
}

pub fn bytes(process: impl Display, name: &str) -> io::Result<Vec<u8>> {
    std::fs::read(entry(process, name))
}

pub fn exists(pid: u32) -> bool {
    entry(pid, "").exists()
}

/// Every process that may be seen.
pub fn all() -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The file of its program. The kernel adds " (deleted)" where it is gone.
pub fn executable(process: impl Display) -> io::Result<PathBuf> {
    std::fs::read_link(entry(process, "exe"))
}

/// One that has ended, waited for or not, has no program any more; a thread of the kernel's never had one.
pub fn has_ended(pid: u32) -> bool {
    executable(pid).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A path as the process sees it, as it is reached from here: in a container it means another file than ours.
pub fn inside(pid: u32, path: &Path) -> PathBuf {
    entry(pid, "root").join(path.strip_prefix("/").unwrap_or(path))
}
