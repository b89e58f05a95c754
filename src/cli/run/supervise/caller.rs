//! Reads from the process that makes a call: its memory, and whose thread it is. What is read may be stale as soon as it is
//! read; nothing may depend on it but which options a socket gets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::process::Pid;

use crate::os::proc::Status;

/// The largest address that is read (struct sockaddr_in6).
const LONGEST: usize = 28;

/// The thread group that it is a thread of.
pub fn process_of(thread: Pid) -> Option<Pid> {
    Pid::from_raw(Status::of(thread.as_raw_nonzero()).ok()?.field("Tgid")?.parse().ok()?)
}

/// An `int` in its memory.
pub fn integer(caller: Pid, at: u64) -> Option<i32> {
    let mut bytes = [0_u8; 4];
    (read(caller, at, &mut bytes) == bytes.len()).then(|| i32::from_ne_bytes(bytes))
}

/// A socket address in its memory.
pub fn address(caller: Pid, at: u64) -> Option<SocketAddr> {
    let mut bytes = [0_u8; LONGEST];
    let length = read(caller, at, &mut bytes);
    parse(bytes.get(..length)?)
}

fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    Some(match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET => (Ipv4Addr::from(*rest.first_chunk::<4>()?), port).into(),
        libc::AF_INET6 => (Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?), port).into(),
        _ => return None,
    })
}

/// How many bytes could be read.
fn read(caller: Pid, at: u64, into: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let mut done = 0;
    // An address may lie at the end of what is mapped: then less is there than the largest one takes.
    for length in [into.len(), 16, 8] {
        if length > into.len() || done > 0 {
            continue;
        }
        let remote = libc::iovec { iov_base: at as *mut _, iov_len: length };
        // SAFETY: needed because no safe function reads another process. Sound because the kernel writes no more than the
        // length of `into`, and checks the other address itself.
        let result = unsafe {
            libc::process_vm_readv(caller.as_raw_nonzero().get(), &raw const local, 1, &raw const remote, 1, 0)
        };
        done = usize::try_from(result).unwrap_or(0);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::{address, integer, parse, process_of};
    use rustix::process::getpid;

    #[test]
    fn reads_addresses() {
        let mut v4 = vec![2, 0, 0x1f, 0x90, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(parse(&v4).map(|a| a.to_string()).as_deref(), Some("10.0.0.1:8080"));
        assert_eq!(address(getpid(), v4.as_ptr() as u64), parse(&v4));
        v4[0] = 1;
        assert_eq!(parse(&v4), None);
        let v6 = [&[10, 0, 0, 80, 0, 0, 0, 0][..], &[0; 15], &[1, 0, 0, 0, 0]].concat();
        assert_eq!(parse(&v6).map(|a| a.to_string()).as_deref(), Some("[::1]:80"));
        assert_eq!(parse(&v6[..20]), None);
        assert_eq!(address(getpid(), 8), None);
    }

    #[test]
    fn reads_numbers_and_threads() {
        let value = 42_i32;
        assert_eq!(integer(getpid(), &raw const value as u64), Some(42));
        assert_eq!(integer(getpid(), 8), None);
        let thread = std::thread::spawn(rustix::thread::gettid).join().expect("a thread");
        assert_eq!(process_of(rustix::thread::gettid()), Some(getpid()));
        assert_ne!(thread, getpid());
    }
}
