//! The signals by which people and service managers end a command: SIGINT (Ctrl-C), SIGTERM and SIGHUP. Once they are caught they
//! do the same everywhere: what waits stops waiting, and the command ends in order.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::errors::{Context, Failure};

/// Readable from the first of these signals on. A descriptor and no flag, so that none is missed between looking and waiting.
pub struct Ending(UnixStream);

impl Ending {
    /// From now on the signals leave a note here and do nothing else.
    pub fn caught() -> Result<Self, Failure> {
        let (reader, writer) = UnixStream::pair().doing(|| "make a pipe for signals")?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let writer = writer.try_clone().doing(|| "make a pipe for signals")?;
            pipe::register(signal, writer).doing(|| format!("catch signal {signal}"))?;
        }
        Ok(Self(reader))
    }

    pub fn arrived(&self) -> bool {
        self.within(Duration::ZERO)
    }

    /// Waits for a signal, but no longer than this; true: there was one.
    pub fn within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            let rest = Timespec::try_from(end.saturating_duration_since(Instant::now())).unwrap_or_default();
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&rest)) {
                Ok(ready) => return ready > 0,
                // Interrupted, by these signals among others: what is ready tells.
                Err(_) if Instant::now() < end => {}
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::Ending;
    use std::time::{Duration, Instant};

    #[test]
    fn a_signal_ends_a_wait_and_is_remembered() {
        let ending = Ending::caught().expect("caught");
        let begin = Instant::now();
        assert!(!ending.within(Duration::from_millis(20)) && begin.elapsed() >= Duration::from_millis(20));
        let sender = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            signal_hook::low_level::raise(signal_hook::consts::SIGHUP).expect("raised");
        });
        assert!(ending.within(Duration::from_secs(20)) && ending.arrived() && ending.arrived());
        sender.join().expect("ended");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
