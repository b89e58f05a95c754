//! The descriptors of a process, and which of them are sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use super::entry::{SELF, entry};

/// All of them, with what is behind each. One that is closed meanwhile cannot be read, and is none any more. Root may list
/// them, and not read what they are, where it may not trace the process.
pub fn descriptors(pid: u32) -> io::Result<Vec<(RawFd, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(entry(pid, "fd"))? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        match std::fs::read_link(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            link => found.extend(number.zip(link.ok())),
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What is behind one of them.
pub fn descriptor(pid: u32, number: RawFd) -> io::Result<PathBuf> {
    std::fs::read_link(entry(pid, "fd").join(number.to_string()))
}

/// The path by which this process opens again what one of its own descriptors is, whatever became of the file's name.
pub fn own_descriptor(descriptor: impl AsFd) -> PathBuf {
    entry(SELF, "fd").join(descriptor.as_fd().as_raw_fd().to_string())
}

/// The sockets among them, of any kind: descriptor and inode.
pub fn sockets(pid: u32) -> io::Result<Vec<(RawFd, u64)>> {
    let all = descriptors(pid)?;
    Ok(all.into_iter().filter_map(|(number, link)| Some((number, socket_inode(&link)?))).collect())
}

/// The inode in `socket:[4711]`.
pub fn socket_inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
