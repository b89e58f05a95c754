//! Where a capture comes from: a file, or a pipe from a program that captures at this moment.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::launch::Signals;
use super::packets::compression;
use crate::errors::{Failure, plain};

/// As long as the longest beginning of a compressed file that is known.
const START: usize = 4;
/// How long a signal is not noticed for, in nanoseconds.
const PATIENCE: i64 = 100_000_000;
/// How long a pipe is read after one at most.
const GRACE: Duration = Duration::from_secs(2);

/// The bytes of a capture, until they end or a signal does.
pub struct Input {
    file: File,
    /// It may be silent, and go on.
    pipe: bool,
    signals: Signals,
    /// When a signal was noticed.
    told: Option<Instant>,
}

/// What to call it in a sentence.
pub fn name(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { format!("`{}`", file.display()) }
}

/// Opens it. A compressed one is refused with what to do instead.
pub fn open(file: &Path) -> Result<impl Read + Send, Failure> {
    let stdin = file.as_os_str() == "-";
    let opened = match stdin {
        true => io::stdin().as_fd().try_clone_to_owned().map(<File as From<OwnedFd>>::from),
        false => File::open(file),
    };
    let unreadable = |error| Failure::of_option("--pcap", file, format!("cannot be read: {}", plain(&error)));
    let opened = opened.map_err(unreadable)?;
    let pipe = !opened.metadata().is_ok_and(|about| about.is_file());
    let mut input = Input { file: opened, pipe, signals: Signals::note()?, told: None };
    let mut start = Vec::with_capacity(START);
    (&mut input).take(START as u64).read_to_end(&mut start).map_err(unreadable)?;
    if let Some((kind, program)) = compression(&start) {
        let given = if stdin { "FILE".into() } else { shell_words::quote(&file.to_string_lossy()).into_owned() };
        let why = format!(
            "is compressed ({kind}), allowed is a capture as it is: `{program} {given} | tcptune doctor --pcap -`"
        );
        return Err(Failure::of_option("--pcap", file, why));
    }
    Ok(Cursor::new(start).chain(input))
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE };
        loop {
            let ready = match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&patience)) {
                Ok(ready) => ready > 0,
                Err(rustix::io::Errno::INTR) => false,
                Err(error) => return Err(error.into()),
            };
            if self.signals.arrived().is_some() {
                // What ends us ends the program that captures too, and its last packets still count.
                let late = self.told.get_or_insert_with(Instant::now).elapsed() > GRACE;
                if !ready || !self.pipe || late {
                    return Ok(0);
                }
            }
            if ready {
                return self.file.read(buffer);
            }
        }
    }
}
