//! Everything the engine asks of the machine and the process around it.

use core::ffi::c_int;

use policy::evidence::Usage;
use policy::{Peer, Settings};

use crate::told::Told;

/// A machine for the engine to run on. Its functions have no `self`: there is one machine per process. System calls
/// return the kernel's result, `-errno` on failure, and leave errno alone.
pub trait Machine: Sized + 'static {
    /// About a millisecond in units of [`Machine::ticks`]: a bound, not a measure, because cycle counters run at
    /// different rates.
    const MILLISECOND: u32;

    /// A clock that costs a few cycles and wraps after some seconds.
    fn ticks() -> u32;
    /// The kernel's monotonic clock, in milliseconds; wraps. A system call.
    fn milliseconds() -> u32;
    /// A nonzero address that no two live threads of the process share (the thread control block).
    fn thread() -> usize;
    /// The address of this thread's errno; null if libc has no `__errno_location`.
    fn errno() -> *mut c_int;
    /// An unpredictable number.
    fn chance() -> u64;
    /// The processor use of this thread since it began (getrusage(2), `RUSAGE_THREAD`).
    fn usage() -> Usage;

    /// setsockopt(2).
    fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize;
    /// getsockopt(2). Returns how many bytes the kernel wrote to `value`, 0 on failure.
    fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize;
    /// Bytes received that the program has not read yet (tcp(7), `SIOCINQ`).
    fn unread(fd: c_int) -> u32;
    /// The local address and port of a socket; None if it has none.
    fn own_address(fd: c_int) -> Option<Peer>;
    /// The remote address and port of a socket; None if it has none.
    fn peer_address(fd: c_int) -> Option<Peer>;

    /// Was the process started under a filter that may kill it for a call which its program never makes
    /// (`policy::confined`)?
    fn is_confined() -> bool;

    /// Maps `length` bytes of zeros. Pages take memory only once they are touched.
    fn map(length: usize) -> Result<*mut u8, NoMap>;
    /// Unmaps what [`Machine::map`] mapped.
    ///
    /// # Safety
    /// `at` must come from [`Machine::map`] with the same length, and nothing may use it any more.
    unsafe fn unmap(at: *mut u8, length: usize);

    /// The settings in force.
    fn settings() -> &'static Settings;
    /// Reports an event to the statistics. Called only while [`crate::COUNTING`].
    fn tell(told: Told);
    /// Has somebody told the process to stop tuning? Called only while [`crate::COUNTING`].
    fn is_told_to_stop() -> bool;
}

/// The kernel could not map memory.
#[derive(Clone, Copy, Debug)]
pub struct NoMap;

/// Sets an option whose value is an `int`.
pub(crate) fn set_int<M: Machine>(fd: c_int, level: c_int, name: c_int, value: c_int) -> isize {
    M::set_option(fd, level, name, &value.to_ne_bytes())
}

/// Sets an option to 1.
#[inline]
pub(crate) fn set_on<M: Machine>(fd: c_int, level: c_int, name: c_int) -> isize {
    static ON: [u8; 4] = 1i32.to_ne_bytes();
    M::set_option(fd, level, name, &ON)
}

/// Reads an option whose value is an `int`; None on failure.
pub fn get_int<M: Machine>(fd: c_int, level: c_int, name: c_int) -> Option<c_int> {
    let mut value = [0u8; size_of::<c_int>()];
    (M::get_option(fd, level, name, &mut value) == value.len()).then(|| c_int::from_ne_bytes(value))
}

/// Reads a 64-bit option; None on failure.
pub(crate) fn get_long<M: Machine>(fd: c_int, level: c_int, name: c_int) -> Option<u64> {
    let mut value = [0u8; size_of::<u64>()];
    (M::get_option(fd, level, name, &mut value) == value.len()).then(|| u64::from_ne_bytes(value))
}

/// Offsets of fields in `struct tcp_info` (linux/tcp.h), and how they are read.
pub(crate) mod tcp_info {
    use policy::stall::Path;

    use super::{Machine, c_int};

    /// `tcpi_unacked`, which on a listener is the length of its accept queue (net/ipv4/tcp.c, `tcp_get_info`).
    const UNACKED: usize = 24;
    /// The low 32 bits of `tcpi_bytes_received`.
    const RECEIVED: usize = if cfg!(target_endian = "little") { 128 } else { 132 };
    /// `tcpi_rtt`, `tcpi_rttvar` and `tcpi_min_rtt`.
    const ROUND_TRIP: usize = 68;
    const DEVIATION: usize = 72;
    const SHORTEST: usize = 148;

    /// The number of connections in a listener's accept queue.
    pub(crate) fn queued<M: Machine>(fd: c_int) -> u32 {
        word::<M, 104>(fd, UNACKED).unwrap_or(0)
    }

    /// Bytes that the kernel has received on the connection, modulo 2^32.
    pub(crate) fn received<M: Machine>(fd: c_int) -> Option<u32> {
        word::<M, 136>(fd, RECEIVED)
    }

    /// The times of the connection's path. Kernels before 4.6 do not know the shortest.
    pub fn path<M: Machine>(fd: c_int) -> Option<Path> {
        let mut info = [0u8; 152];
        let info = read::<M>(fd, &mut info)?;
        Some(Path {
            round_trip: at(info, ROUND_TRIP)?,
            deviation: at(info, DEVIATION)?,
            shortest: at(info, SHORTEST).unwrap_or(u32::MAX),
        })
    }

    #[unsafe(link_section = ".text.tcp")]
    fn word<M: Machine, const ROOM: usize>(fd: c_int, field: usize) -> Option<u32> {
        let mut info = [0u8; ROOM];
        at(read::<M>(fd, &mut info)?, field)
    }

    fn read<M: Machine>(fd: c_int, info: &mut [u8]) -> Option<&[u8]> {
        let known = M::get_option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info);
        info.get(..known)
    }

    fn at(info: &[u8], field: usize) -> Option<u32> {
        info.get(field..)?.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes))
    }
}
