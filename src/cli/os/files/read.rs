//! Reads a file of which nothing is known: never waits for a pipe, and takes no more than a bound.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, OFlags, fstat};

/// With what such a file is opened: O_NONBLOCK, because opening a named pipe waits for who writes it.
pub const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// All that it holds. /dev/null holds nothing, and no other device is read either.
pub fn whole(file: OwnedFd, longest: u64) -> io::Result<Vec<u8>> {
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile => (),
        FileType::CharacterDevice => return Ok(Vec::new()),
        FileType::Directory => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
        _ => return Err(io::Error::other("is no regular file")),
    }
    let mut bytes = Vec::new();
    File::from(file).take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::other(format!("is longer than {longest} bytes")));
    }
    Ok(bytes)
}
