//! The few system calls that the library makes by itself, straight to the kernel: errno stays as it is, no hook of ours or of
//! another library is entered, and nothing depends on the libc in use. Results are the kernel's (`-errno` on failure).

use core::ffi::{CStr, c_int, c_long, c_void};

use once_cell::race::OnceBool;
use policy::evidence::Usage;

use crate::arch::syscall6;

/// Sets an option. Failure is reported and otherwise of no consequence.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize {
    let at = value.as_ptr() as usize;
    // SAFETY: setsockopt(2) reads `value.len()` bytes at `at`, which the slice guarantees; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_setsockopt, fd as usize, level as usize, name as usize, at, value.len(), 0) }
}

/// Reads an option into `value`; how many bytes the kernel had for it, 0 where it cannot be read.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize {
    let mut length = value.len() as libc::socklen_t;
    let (at, len_at) = (value.as_mut_ptr() as usize, &raw mut length as usize);
    // SAFETY: getsockopt(2) writes at most `length` bytes to `value` and updates `length`; both live here.
    let result = unsafe { syscall6(libc::SYS_getsockopt, fd as usize, level as usize, name as usize, at, len_at, 0) };
    if result == 0 { length as usize } else { 0 }
}

/// Opens a file; a descriptor, or `-errno`.
pub(crate) fn open_at(directory: c_int, path: &CStr, flags: c_int, mode: u32) -> c_int {
    let (directory, path) = (directory as usize, path.as_ptr() as usize);
    // SAFETY: openat(2) reads the path.
    unsafe { syscall6(libc::SYS_openat, directory, path, flags as usize, mode as usize, 0, 0) as c_int }
}

/// Closes a descriptor of ours.
pub(crate) fn close(fd: c_int) {
    // SAFETY: the caller has just opened it, and nobody else knows it.
    unsafe { syscall6(libc::SYS_close, fd as usize, 0, 0, 0, 0, 0) };
}

/// Reads a file from its beginning, as far as there is room; how much that was.
pub(crate) fn read_file(path: &CStr, room: &mut [u8]) -> usize {
    let fd = open_at(libc::AT_FDCWD, path, libc::O_RDONLY | libc::O_CLOEXEC, 0);
    if fd < 0 {
        return 0;
    }
    // SAFETY: read(2) writes at most `room.len()` bytes; the descriptor is the one just opened.
    let got = unsafe { syscall6(libc::SYS_read, fd as usize, room.as_mut_ptr() as usize, room.len(), 0, 0, 0) };
    close(fd);
    got.max(0) as usize
}

/// What this thread has used of the processor. How often it slept says getrusage(2); how long it has computed, its clock: the
/// times of getrusage are counted by the kernel's tick.
#[cold]
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn thread_usage() -> Usage {
    // SAFETY: a structure of plain numbers.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    let (who, at) = (libc::RUSAGE_THREAD as usize, &raw mut usage as usize);
    // SAFETY: getrusage(2) fills in the structure.
    unsafe { syscall6(libc::SYS_getrusage, who, at, 0, 0, 0, 0) };
    let computed = clock(libc::CLOCK_THREAD_CPUTIME_ID) / 1000;
    Usage { slept: usage.ru_nvcsw as u32, computed: computed as u32 }
}

/// A clock in nanoseconds.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn clock(clock: libc::clockid_t) -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: clock_gettime(2) writes a timespec: two words.
    unsafe { syscall6(libc::SYS_clock_gettime, clock as usize, time.as_mut_ptr() as usize, 0, 0, 0, 0) };
    let [seconds, nanos] = time;
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

/// An ioctl(2) that writes an `int`.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn ask_int(fd: c_int, request: usize) -> Option<u32> {
    let mut value = 0u32;
    // SAFETY: the request writes an int to `value`.
    let result = unsafe { syscall6(libc::SYS_ioctl, fd as usize, request, &raw mut value as usize, 0, 0, 0) };
    if result == 0 { Some(value) } else { None }
}

/// What the kernel knows of a connection (`struct tcp_info`, linux/tcp.h), up to its counts of segments with data.
pub(crate) struct TcpInfo([u8; 160]);

/// Asks for it; None where `fd` is no TCP socket.
pub(crate) fn tcp_info(fd: c_int) -> Option<TcpInfo> {
    let mut info = TcpInfo([0; 160]);
    let got = get_option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info.0);
    if got > 104 { Some(info) } else { None }
}

impl TcpInfo {
    fn at(&self, place: usize) -> u32 {
        self.0.get(place..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }

    /// The largest segment that is sent, in bytes.
    pub(crate) fn segment(&self) -> u32 {
        self.at(16)
    }

    /// Milliseconds since data was last sent.
    pub(crate) fn since_sent(&self) -> u32 {
        self.at(44)
    }

    /// The round-trip time in microseconds.
    pub(crate) fn round_trip(&self) -> u32 {
        self.at(68)
    }

    pub(crate) fn retransmissions(&self) -> u32 {
        self.at(100)
    }

    pub(crate) fn segments_received(&self) -> u32 {
        self.at(152)
    }

    pub(crate) fn segments_sent(&self) -> u32 {
        self.at(156)
    }
}

/// Room for an IPv4 or IPv6 socket address, as the kernel writes it.
#[repr(C, align(8))]
pub(crate) struct Address {
    pub(crate) bytes: [u8; 28],
    pub(crate) length: libc::socklen_t,
}

/// `SYS_getsockname` or `SYS_getpeername`; None where there is no address.
pub(crate) fn address(call: c_long, fd: c_int) -> Option<Address> {
    let mut out = Address { bytes: [0; 28], length: 28 };
    let (at, len_at) = (&raw mut out.bytes as usize, &raw mut out.length as usize);
    // SAFETY: both calls write at most `length` bytes to `bytes` and the full length to `length`; both live here.
    let result = unsafe { syscall6(call, fd as usize, at, len_at, 0, 0, 0) };
    if result == 0 { Some(out) } else { None }
}

/// Can the 8 bytes at `at` be read? rt_sigprocmask(2) with an impossible `how` copies the set first, so it says EFAULT or
/// EINVAL and changes nothing. Needed because an application may pass any pointer and must get its EFAULT from the kernel.
pub(crate) fn readable(at: *const c_void) -> bool {
    // SAFETY: the call only reads 8 bytes at `at`, through the kernel, which checks them.
    let result = unsafe { syscall6(libc::SYS_rt_sigprocmask, usize::MAX, at as usize, 0, 8, 0, 0) };
    result != (libc::EFAULT as isize).wrapping_neg()
}

/// Writes to a descriptor once; used for the one line about an invalid setting.
pub(crate) fn write(fd: c_int, text: &[u8]) {
    // SAFETY: write(2) reads the slice; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_write, fd as usize, text.as_ptr() as usize, text.len(), 0, 0, 0) };
}

/// Does this kernel keep the tail of a sendfile that met the end of the file before its count, until more comes or its timer
/// runs out? Up to 6.4 (net/ipv4/tcp.c before "tcp: make sendpage honour the end of the file"); asked once.
#[cold]
pub(crate) fn keeps_tail_of_short_sendfile() -> bool {
    static ANSWER: OnceBool = OnceBool::new();
    ANSWER.get_or_init(|| {
        const FIELD: usize = 65;
        let mut names = [0u8; 6 * FIELD];
        // SAFETY: uname(2) writes six fields of 65 bytes (struct new_utsname).
        unsafe { syscall6(libc::SYS_uname, names.as_mut_ptr() as usize, 0, 0, 0, 0, 0) };
        let release = names.get(2 * FIELD..3 * FIELD).unwrap_or(&[]);
        // "6.1.0-18-amd64": the first two numbers.
        let mut version = [0u32; 2];
        let mut numbers = version.iter_mut();
        let mut number = numbers.next();
        for &byte in release {
            let Some(digits) = number.as_deref_mut() else { break };
            if byte.is_ascii_digit() {
                *digits = digits.wrapping_mul(10).wrapping_add(u32::from(byte & 15));
            } else {
                number = numbers.next();
            }
        }
        version < [6, 5]
    })
}
