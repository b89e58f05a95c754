//! Opens one file of counters and copies it. What is no such file, or none that can be trusted, is refused with a reason: who
//! writes into the directory need not be a friend.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use tcptune_policy::counters::{HEADER_SIZE, Head, MAGIC, VERSION, head_at};

use crate::errors::plain;

/// Twice what the longest of this layout has, the one with samples of the stack.
const LONGEST: u64 = 4 << 20;
/// Long enough to tell the version.
const SHORTEST: usize = 16;

/// A file's bytes, and which file it is.
#[derive(Debug)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub inode: u64,
    pub owner: u32,
}

/// A file that was opened and may be read.
pub struct Opened {
    file: File,
    about: Metadata,
}

/// Opens the file, or says why not.
pub fn open(directory: &OwnedFd, name: &str) -> Result<Opened, String> {
    // O_NONBLOCK: opening a named pipe must not wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = openat(directory, name, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => "is a symbolic link, which the library never makes".to_owned(),
        Errno::ACCESS | Errno::PERM => "belongs to another user: read it as that user or as root".to_owned(),
        other => plain(&other),
    })?;
    let file = File::from(opened);
    let about = file.metadata().map_err(|error| plain(&error))?;
    if !about.is_file() {
        return Err("is no regular file".to_owned());
    }
    if about.len() > LONGEST {
        return Err(format!("has {} bytes: no version of these files is so long", about.len()));
    }
    Ok(Opened { file, about })
}

impl Opened {
    pub fn owner(&self) -> u32 {
        self.about.uid()
    }

    /// Copies it, or says why it cannot be trusted.
    pub fn read(self) -> Result<Content, String> {
        let Self { file, about } = self;
        let mut bytes = Vec::new();
        // No more than that, even if it grows meanwhile.
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
        check(&bytes, about.uid())?;
        Ok(Content { bytes, inode: about.ino(), owner: about.uid() })
    }
}

/// Could the library have written this, as this user?
pub fn check(bytes: &[u8], owner: u32) -> Result<(), String> {
    if bytes.len() < SHORTEST {
        return Err(format!("is truncated: {} bytes", bytes.len()));
    }
    match word(bytes, head_at(Head::Magic)) {
        Some(MAGIC) => {}
        Some(0) => return Err("is not finished: its process was stopped while it made the file".to_owned()),
        _ => return Err("is no file of counters".to_owned()),
    }
    let version = word(bytes, head_at(Head::Version)).unwrap_or(0);
    if version > VERSION {
        return Err(format!(
            "has layout {version}, this command knows up to {VERSION}: use the tcptune that came with the library"
        ));
    }
    let size = word(bytes, head_at(Head::Size)).unwrap_or(0);
    // One with fewer rows or buckets than we know is shorter; where its parts are, and that they fit, is looked at later.
    if size < HEADER_SIZE as u64 || size != bytes.len() as u64 {
        return Err(format!("is truncated: {} of {} bytes", bytes.len(), size.max(HEADER_SIZE as u64)));
    }
    if word(bytes, head_at(Head::User)) != Some(u64::from(owner)) {
        return Err(format!("was not written by its owner (user {owner})"));
    }
    Ok(())
}

/// The word at a place.
pub fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcptune_policy::counters::SIZE;

    fn whole() -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        for (word, value) in
            [(Head::Magic, MAGIC), (Head::Version, VERSION), (Head::Size, SIZE as u64), (Head::User, 33)]
        {
            bytes[head_at(word)..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn every_reason_is_told() {
        assert_eq!(check(&whole(), 33), Ok(()));
        let reason = |bytes: &[u8]| check(bytes, 33).expect_err("refused");
        assert_eq!(reason(&[]), "is truncated: 0 bytes");
        assert!(reason(&whole()[..5000]).starts_with("is truncated: 5000 of "));
        assert!(check(&whole(), 34).expect_err("refused").contains("not written by its owner (user 34)"));
        for (at, value, words) in
            [(0, 0u64, "is not finished"), (0, 77, "is no file of counters"), (8, 9, "has layout 9")]
        {
            let mut bytes = whole();
            bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
            assert!(reason(&bytes).starts_with(words), "{}", reason(&bytes));
        }
    }
}
