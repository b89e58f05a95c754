//! The system calls that the library makes for itself, directly to the kernel. So errno is left alone, no hook of this
//! or another library is entered, and nothing depends on the libc in use. Results are the kernel's: `-errno` on
//! failure.

use core::ffi::{CStr, c_int, c_long, c_void};

use once_cell::race::OnceBool;
use policy::evidence::Usage;

use crate::arch::syscall6;

/// setsockopt(2). Callers may ignore a failure.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize {
    let at = value.as_ptr() as usize;
    // SAFETY: setsockopt(2) reads `value.len()` bytes at `at`, which the slice has; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_setsockopt, fd as usize, level as usize, name as usize, at, value.len(), 0) }
}

/// getsockopt(2) into `value`. Returns how many bytes the kernel wrote, 0 on failure.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize {
    let mut length = value.len() as libc::socklen_t;
    let (at, len_at) = (value.as_mut_ptr() as usize, &raw mut length as usize);
    // SAFETY: getsockopt(2) writes at most `length` bytes to `value` and updates `length`; both outlive the call.
    let result = unsafe { syscall6(libc::SYS_getsockopt, fd as usize, level as usize, name as usize, at, len_at, 0) };
    if result == 0 { length as usize } else { 0 }
}

/// openat(2): a descriptor, or `-errno`.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn open_at(directory: c_int, path: &CStr, flags: c_int, mode: u32) -> c_int {
    let (directory, path) = (directory as usize, path.as_ptr() as usize);
    // SAFETY: openat(2) reads the path, which is a C string.
    unsafe { syscall6(libc::SYS_openat, directory, path, flags as usize, mode as usize, 0, 0) as c_int }
}

/// Closes a descriptor that the library itself has opened.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn close(fd: c_int) {
    // SAFETY: callers have just opened the descriptor, and nothing else uses it.
    unsafe { syscall6(libc::SYS_close, fd as usize, 0, 0, 0, 0, 0) };
}

/// Reads the beginning of a file, as much as there is space for; returns the length.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn read_file(path: &CStr, room: &mut [u8]) -> usize {
    let fd = open_at(libc::AT_FDCWD, path, libc::O_RDONLY | libc::O_CLOEXEC, 0);
    if fd < 0 {
        return 0;
    }
    // SAFETY: read(2) writes at most `room.len()` bytes to `room`; the descriptor is the one just opened.
    let got = unsafe { syscall6(libc::SYS_read, fd as usize, room.as_mut_ptr() as usize, room.len(), 0, 0, 0) };
    close(fd);
    got.max(0) as usize
}

/// A named static, and the functions below on the page of what processes with TCP sockets run (layout.ld): so that this look does
/// not bring another one into memory.
static STATUS_NAME: [u8; 18] = *b"/proc/self/status\0";
const STATUS: &CStr = match CStr::from_bytes_with_nul(&STATUS_NAME) {
    Ok(name) => name,
    Err(_) => c"",
};

/// Was the process started under a filter that may kill it for an unexpected call? The loader has opened and read files
/// under the same filter, in the same way.
#[cold]
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn is_confined() -> bool {
    let mut status = [0u8; 4096];
    let length = read_file(STATUS, &mut status);
    policy::is_confined(status.get(..length).unwrap_or(&[]))
}

/// This thread's processor use. getrusage(2) says how often it slept. The processor time comes from the thread's clock,
/// because getrusage may count it in timer ticks.
#[cold]
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn thread_usage() -> Usage {
    // SAFETY: rusage is plain numbers, for which all zeros is valid.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    let (who, at) = (libc::RUSAGE_THREAD as usize, &raw mut usage as usize);
    // SAFETY: getrusage(2) writes one `struct rusage`, which is here.
    unsafe { syscall6(libc::SYS_getrusage, who, at, 0, 0, 0, 0) };
    let computed = clock(libc::CLOCK_THREAD_CPUTIME_ID) / 1000;
    Usage { slept: usage.ru_nvcsw as u32, computed: computed as u32 }
}

/// clock_gettime(2), in nanoseconds.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn clock(clock: libc::clockid_t) -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: clock_gettime(2) writes a timespec of two words, for which `time` has space.
    unsafe { syscall6(libc::SYS_clock_gettime, clock as usize, time.as_mut_ptr() as usize, 0, 0, 0, 0) };
    let [seconds, nanos] = time;
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

/// An ioctl(2) that returns an `int`; None on failure.
#[unsafe(link_section = ".text.tcp")]
pub(crate) fn ask_int(fd: c_int, request: usize) -> Option<u32> {
    let mut value = 0u32;
    // SAFETY: callers pass requests that write an int and nothing else; `value` has space for it.
    let result = unsafe { syscall6(libc::SYS_ioctl, fd as usize, request, &raw mut value as usize, 0, 0, 0) };
    if result == 0 { Some(value) } else { None }
}

/// The kernel's account of a connection (`struct tcp_info`, linux/tcp.h), up to the counts of data segments.
pub(crate) struct TcpInfo([u8; 160]);

/// Reads TCP_INFO; None if `fd` is not a TCP socket.
pub(crate) fn tcp_info(fd: c_int) -> Option<TcpInfo> {
    let mut info = TcpInfo([0; 160]);
    let got = get_option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info.0);
    if got > 104 { Some(info) } else { None }
}

impl TcpInfo {
    fn at(&self, place: usize) -> u32 {
        self.0.get(place..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }

    /// The maximum segment size for sending (`tcpi_snd_mss`), in bytes.
    pub(crate) fn segment(&self) -> u32 {
        self.at(16)
    }

    /// Milliseconds since data was last sent (`tcpi_last_data_sent`).
    pub(crate) fn since_sent(&self) -> u32 {
        self.at(44)
    }

    /// The smoothed round-trip time (`tcpi_rtt`), in microseconds.
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

/// Space for an IPv4 or IPv6 socket address, in the kernel's format.
#[repr(C, align(8))]
pub(crate) struct Address {
    pub(crate) bytes: [u8; 28],
    pub(crate) length: libc::socklen_t,
}

/// getsockname(2) or getpeername(2), by `call`; None on failure.
pub(crate) fn address(call: c_long, fd: c_int) -> Option<Address> {
    let mut out = Address { bytes: [0; 28], length: 28 };
    let (at, len_at) = (&raw mut out.bytes as usize, &raw mut out.length as usize);
    // SAFETY: both calls write at most `length` bytes to `bytes`, and the full length to `length`; both outlive the
    // call.
    let result = unsafe { syscall6(call, fd as usize, at, len_at, 0, 0, 0) };
    if result == 0 { Some(out) } else { None }
}

/// Can the kernel read 8 bytes at `at`? rt_sigprocmask(2) with an invalid `how` copies the set before it looks at
/// `how`, so it fails with EFAULT or EINVAL and changes nothing. Needed because an application may pass any pointer,
/// and it is the kernel that must report EFAULT.
pub(crate) fn readable(at: *const c_void) -> bool {
    // SAFETY: the kernel checks the 8 bytes at `at` itself, and with an invalid `how` changes nothing.
    let result = unsafe { syscall6(libc::SYS_rt_sigprocmask, usize::MAX, at as usize, 0, 8, 0, 0) };
    result != (libc::EFAULT as isize).wrapping_neg()
}

/// A single write(2), for the one line about an invalid setting.
pub(crate) fn write(fd: c_int, text: &[u8]) {
    // SAFETY: write(2) reads the slice; any descriptor is allowed.
    unsafe { syscall6(libc::SYS_write, fd as usize, text.as_ptr() as usize, text.len(), 0, 0, 0) };
}

/// If a file ends before the count of a sendfile(2), does this kernel hold the last segment back until more data comes
/// or a timer expires? Kernels up to 6.4 do (net/ipv4/tcp.c before "tcp: make sendpage honour the end of the file").
/// Found out once, by the version.
#[cold]
pub(crate) fn keeps_tail_of_short_sendfile() -> bool {
    static ANSWER: OnceBool = OnceBool::new();
    ANSWER.get_or_init(|| {
        const FIELD: usize = 65;
        let mut names = [0u8; 6 * FIELD];
        // SAFETY: uname(2) writes six fields of 65 bytes (struct new_utsname), which is the size of `names`.
        unsafe { syscall6(libc::SYS_uname, names.as_mut_ptr() as usize, 0, 0, 0, 0, 0) };
        let release = names.get(2 * FIELD..3 * FIELD).unwrap_or(&[]);
        // The first two numbers of a release like "6.1.0-18-amd64".
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
