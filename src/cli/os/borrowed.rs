//! A descriptor that was borrowed from another process, as the standard library's stream. Giving it back never waits.
//!
//! If the other process has closed its own meanwhile, ours is the last, and it is here that the kernel waits for what is
//! unsent (socket(7), SO_LINGER): for as long as a hostile program likes.

use std::io::{self, PipeWriter, Read};
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::ops::Deref;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, WaitOptions, waitpid};

use super::fork::{end, fork};
use super::option;

pub struct Borrowed(ManuallyDrop<TcpStream>);

impl From<OwnedFd> for Borrowed {
    fn from(descriptor: OwnedFd) -> Self {
        Self(ManuallyDrop::new(TcpStream::from(descriptor)))
    }
}

impl Deref for Borrowed {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let keeper = if self.lingers() { Keeper::start().ok() } else { None };
        // SAFETY: needed to close it while the keeper has a copy. Sound because it is not used again.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        drop(keeper);
    }
}

/// A process with a copy of every descriptor, until this is dropped. One that ends gives its descriptors back without waiting
/// (net/ipv4/af_inet.c, `inet_release`).
struct Keeper {
    child: Pid,
    /// The child ends when this is closed.
    until: Option<PipeWriter>,
}

impl Keeper {
    fn start() -> io::Result<Self> {
        let (mut reader, writer) = io::pipe()?;
        let Some(child) = fork()? else {
            drop(writer);
            let _ = reader.read(&mut [0]);
            end(0);
        };
        Ok(Self { child, until: Some(writer) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.until = None;
        let _ = waitpid(Some(self.child), WaitOptions::empty());
    }
}

impl Borrowed {
    /// Would closing the last descriptor wait? (struct linger: whether, and for how many seconds.)
    fn lingers(&self) -> bool {
        let value = option::read::<8>(&**self, libc::SOL_SOCKET, libc::SO_LINGER).unwrap_or_default();
        value.iter().any(|byte| *byte != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Borrowed;
    use crate::os::option;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    #[test]
    fn the_last_descriptor_of_a_lingering_socket_does_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        let (peer, _) = listener.accept().expect("it comes");
        // Far more than the peer, which reads nothing, has room for.
        client.set_nonblocking(true).expect("a socket");
        while client.write(&[0; 65536]).is_ok() {}
        let linger = [1i32.to_ne_bytes(), 20i32.to_ne_bytes()].concat();
        option::write(&client, libc::SOL_SOCKET, libc::SO_LINGER, &linger).expect("it can be set");
        let borrowed = Borrowed::from(client.as_fd().try_clone_to_owned().expect("a copy"));
        drop(client);
        let begun = Instant::now();
        drop(borrowed);
        assert!(begun.elapsed() < Duration::from_secs(5), "it waited for {:?}", begun.elapsed());
        drop(peer);
    }
}
