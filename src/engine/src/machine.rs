//! All that the library asks of the machine and of the process around it.

use core::ffi::c_int;

use policy::evidence::Usage;
use policy::{Peer, Settings};

use crate::told::Told;

/// A machine. Its functions have no state of their own: there is one for each process. Results of system calls are the
/// kernel's, `-errno` on failure; errno itself stays as it is.
pub trait Machine: Sized + 'static {
    /// A millisecond in [`Machine::ticks`]. A bound, not a measure: processors count at different speeds.
    const MILLISECOND: u32;

    /// A clock that costs nothing and wraps after some seconds.
    fn ticks() -> u32;
    /// An address that differs between the live threads of the process, and is never 0.
    fn thread() -> usize;
    /// Where errno of this thread is; null where libc does not say.
    fn errno() -> *mut c_int;
    /// A number that nobody can foresee.
    fn chance() -> u64;
    /// What this thread has used since it began (getrusage(2), `RUSAGE_THREAD`).
    fn usage() -> Usage;

    /// setsockopt(2).
    fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize;
    /// getsockopt(2); how many bytes the kernel had for `value`, 0 where it cannot be read.
    fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize;
    /// Bytes received that the program has not taken yet (tcp(7), `SIOCINQ`).
    fn unread(fd: c_int) -> u32;
    /// The address and port of a socket's own end; None where it has none.
    fn own_address(fd: c_int) -> Option<Peer>;
    /// The same of the other end.
    fn peer_address(fd: c_int) -> Option<Peer>;

    /// Maps so many bytes of zeros that take memory only where they are touched.
    fn map(length: usize) -> Result<*mut u8, NoMap>;
    /// Gives them back.
    ///
    /// # Safety
    /// `at` must be what [`Machine::map`] gave for this length, and nobody may use it any more.
    unsafe fn unmap(at: *mut u8, length: usize);

    /// The settings in force.
    fn settings() -> &'static Settings;
    /// Something happened that is counted; called only while [`crate::COUNTING`].
    fn tell(told: Told);
}

/// There is no memory.
#[derive(Clone, Copy, Debug)]
pub struct NoMap;

/// Sets an option whose value is an `int`.
pub(crate) fn set_int<M: Machine>(fd: c_int, level: c_int, name: c_int, value: c_int) -> isize {
    M::set_option(fd, level, name, &value.to_ne_bytes())
}

/// Turns an option on.
#[inline]
pub(crate) fn set_on<M: Machine>(fd: c_int, level: c_int, name: c_int) -> isize {
    static ON: [u8; 4] = 1i32.to_ne_bytes();
    M::set_option(fd, level, name, &ON)
}

/// Reads an option whose value is an `int`; None where it cannot be read.
pub fn get_int<M: Machine>(fd: c_int, level: c_int, name: c_int) -> Option<c_int> {
    let mut value = [0u8; size_of::<c_int>()];
    (M::get_option(fd, level, name, &mut value) == value.len()).then(|| c_int::from_ne_bytes(value))
}

/// Reads an option whose value has 64 bits; None where it cannot be read.
pub(crate) fn get_long<M: Machine>(fd: c_int, level: c_int, name: c_int) -> Option<u64> {
    let mut value = [0u8; size_of::<u64>()];
    (M::get_option(fd, level, name, &mut value) == value.len()).then(|| u64::from_ne_bytes(value))
}

/// Fields of `struct tcp_info` (linux/tcp.h): where they begin.
pub(crate) mod tcp_info {
    use super::{Machine, c_int};

    /// `tcpi_unacked`; of a listener its queue (net/ipv4/tcp.c, `tcp_get_info`).
    const UNACKED: usize = 24;
    /// `tcpi_bytes_received`, of which the lower half is enough here.
    const RECEIVED: usize = if cfg!(target_endian = "little") { 128 } else { 132 };

    /// Connections that wait in a listener's queue.
    pub(crate) fn queued<M: Machine>(fd: c_int) -> u32 {
        word::<M, 104>(fd, UNACKED).unwrap_or(0)
    }

    /// Bytes that the kernel has received, modulo 2^32.
    pub(crate) fn received<M: Machine>(fd: c_int) -> Option<u32> {
        word::<M, 136>(fd, RECEIVED)
    }

    #[unsafe(link_section = ".text.tcp")]
    fn word<M: Machine, const ROOM: usize>(fd: c_int, at: usize) -> Option<u32> {
        let mut info = [0u8; ROOM];
        let known = M::get_option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info);
        let bytes = info.get(..known)?.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*bytes))
    }
}
