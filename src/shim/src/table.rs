//! What is known about each descriptor: one word each, indexed by its number.
//!
//! The table is a hint. A descriptor may be closed, and its number reused, by calls that no preloaded library sees; every use
//! must stay harmless when the word is about a socket that is gone. Any number is safe: those outside the table are unmet.
//! Memory: zero pages that only the descriptors in use touch; numbers above [`NEAR`] live in a second table that is mapped
//! when the first of them appears, so that a program that locks all its memory pays half a megabyte, not eight.
//!
//! Orderings: every access is relaxed. A word stands for itself; no other memory is published through it, and a stale word
//! is as harmless as any wrong one.

use core::ffi::c_int;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

use policy::socket::{HOLDABLE, Kind, Socket};

use crate::arch::{in_one_register, syscall6};

/// Descriptors in the table that is part of the library's zero pages.
pub(crate) const NEAR: u32 = 65_536;
/// Descriptors in both tables; the kernel's default ceiling (fs.nr_open).
const ALL: u32 = 1_048_576;

static TABLE: [AtomicU64; NEAR as usize] = [const { AtomicU64::new(0) }; NEAR as usize];
// The three words below are in the data page that the loader has touched anyway, not among the zero pages behind the table.

/// The second table, for the numbers from [`NEAR`] to [`ALL`]; null until one of them is tracked.
#[unsafe(link_section = ".data")]
static FAR: AtomicPtr<AtomicU64> = AtomicPtr::new(null_mut());
/// How many numbers of the first table are looked at: none while tuning is off, so that "off" costs no test of its own.
#[unsafe(link_section = ".data")]
static LIMIT: AtomicU32 = AtomicU32::new(0);
/// The highest number that was ever tracked: bounds a walk over the table.
#[unsafe(link_section = ".data")]
static HIGHEST: AtomicI32 = AtomicI32::new(0);

/// Turns the table on (start-up) …
pub(crate) fn enable() {
    LIMIT.store(NEAR, Relaxed);
}

/// … or off: from now on every descriptor is unmet, so every hook only forwards.
pub(crate) fn disable() {
    LIMIT.store(0, Relaxed);
}

/// Is tuning on in this process?
#[inline(always)]
pub(crate) fn enabled() -> bool {
    LIMIT.load(Relaxed) != 0
}

/// A descriptor's word, and what it says now.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    word: &'static AtomicU64,
    /// What the word said when it was looked up.
    pub(crate) socket: Socket,
}

impl Entry {
    /// Notes the descriptor's next state.
    #[inline(always)]
    pub(crate) fn set(self, socket: Socket) {
        self.word.store(socket.0, Relaxed);
    }
}

/// What the first instructions of a hook can tell about a descriptor.
pub(crate) enum Glance {
    /// Nothing to do but to forward the call: tuning is off.
    Off,
    /// What its word says.
    Near(Entry),
    /// Look closer, off the fast path: not in the first table.
    Beyond,
}

/// Looks a descriptor up, in the few instructions that every call can afford.
#[inline(always)]
pub(crate) fn glance(fd: c_int) -> Glance {
    let number = fd as u32;
    if number < LIMIT.load(Relaxed) {
        // SAFETY: avoids a second bounds check on the hottest path; LIMIT is 0 or NEAR, the table's length.
        let word = unsafe { TABLE.get_unchecked(number as usize) };
        return Glance::Near(Entry { word, socket: Socket(word.load(Relaxed)) });
    }
    if number < NEAR { Glance::Off } else { Glance::Beyond }
}

/// Must this call, which only sockets have, be looked at? One that was never met is a socket that came from elsewhere.
#[inline(always)]
pub(crate) fn attended_socket(fd: c_int) -> bool {
    match glance(fd) {
        Glance::Near(entry) => entry.socket.attended() || !entry.socket.is_met(),
        Glance::Off => false,
        Glance::Beyond => true,
    }
}

/// Is anything known about this descriptor? Nothing is about files.
#[inline(always)]
pub(crate) fn met(fd: c_int) -> bool {
    match glance(fd) {
        Glance::Near(entry) => entry.socket.is_met(),
        Glance::Off => false,
        Glance::Beyond => true,
    }
}

/// Looks up a descriptor that is known to be in the first table.
#[inline(always)]
pub(crate) fn near(fd: c_int) -> Entry {
    let at = in_one_register(TABLE.as_ptr().wrapping_add(fd as u16 as usize));
    // SAFETY: avoids a bounds check on the hottest path; the table has a word for every u16.
    let word = unsafe { &*at };
    Entry { word, socket: Socket(word.load(Relaxed)) }
}

/// Looks a descriptor up. For one that is not tracked: an unmet socket, and a word that nobody reads.
#[inline(always)]
pub(crate) fn entry(fd: c_int) -> Entry {
    match glance(fd) {
        Glance::Near(entry) => entry,
        _ => outside(fd as u32),
    }
}

/// The state of a descriptor.
#[inline(always)]
pub(crate) fn get(fd: c_int) -> Socket {
    entry(fd).socket
}

/// Notes the state of a descriptor. Numbers outside the tables are not noted.
#[inline(always)]
pub(crate) fn set(fd: c_int, socket: Socket) {
    if let Some(word) = TABLE.get(fd as u32 as usize) {
        word.store(socket.0, Relaxed);
    } else {
        set_far(fd as u32, socket);
    }
}

/// Notes a descriptor that was just made: like [`set`], and remembers how far the table is in use. Nothing is noted while
/// tuning is off.
#[inline]
pub(crate) fn add(fd: c_int, socket: Socket) {
    match glance(fd) {
        Glance::Near(entry) => {
            reached(fd);
            entry.set(socket);
        }
        Glance::Beyond => add_far(fd, socket),
        Glance::Off => {}
    }
}

#[cold]
#[inline(never)]
fn add_far(fd: c_int, socket: Socket) {
    if enabled() && fd >= 0 {
        HIGHEST.fetch_max(fd, Relaxed);
        set_far(fd as u32, socket);
    }
}

/// The same for a number that is known to be in the first table.
#[inline(always)]
pub(crate) fn add_near(fd: c_int, socket: Socket) {
    reached(fd);
    near(fd).set(socket);
}

#[inline(always)]
fn reached(fd: c_int) {
    if fd > HIGHEST.load(Relaxed) {
        HIGHEST.fetch_max(fd, Relaxed);
    }
}

/// Calls `visit` for the descriptors from `first` to `last` (inclusive) that have a state.
pub(crate) fn each(first: u32, last: u32, mut visit: impl FnMut(c_int, Socket)) {
    let end = last.min(HIGHEST.load(Relaxed) as u32);
    let mut number = first;
    while number <= end {
        let socket = get(number as c_int);
        if socket.kind() != Kind::Unmet {
            visit(number as c_int, socket);
        }
        number = number.wrapping_add(1);
    }
}

#[cold]
#[inline(never)]
fn outside(number: u32) -> Entry {
    static NOWHERE: AtomicU64 = AtomicU64::new(0);
    match far_word(number) {
        Some(word) if enabled() => Entry { word, socket: Socket(word.load(Relaxed)) },
        _ => Entry { word: &NOWHERE, socket: Socket(0) },
    }
}

#[cold]
fn set_far(number: u32, socket: Socket) {
    if number < ALL && FAR.load(Relaxed).is_null() && socket.0 != 0 {
        map_far();
    }
    if let Some(word) = far_word(number) {
        // Nothing is held beyond the first table: the quick paths know only that one.
        word.store(socket.without(HOLDABLE).0, Relaxed);
    }
}

fn far_word(number: u32) -> Option<&'static AtomicU64> {
    let table = FAR.load(Relaxed);
    if table.is_null() || !(NEAR..ALL).contains(&number) {
        return None;
    }
    // SAFETY: the mapping has a word for each number from NEAR to ALL and is never unmapped once published.
    Some(unsafe { &*table.wrapping_add(number.wrapping_sub(NEAR) as usize) })
}

/// Maps the second table. Where two threads come at once, the slower one gives its mapping back.
fn map_far() {
    const LENGTH: usize = (ALL as usize - NEAR as usize) * size_of::<AtomicU64>();
    let (protection, flags) = (
        (libc::PROT_READ | libc::PROT_WRITE) as usize,
        (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize,
    );
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice; async-signal-safe, unlike any allocator.
    let at = unsafe { syscall6(libc::SYS_mmap, 0, LENGTH, protection, flags, usize::MAX, 0) };
    if (-4095..0).contains(&at) {
        return;
    }
    let table = at as *mut AtomicU64;
    if FAR.compare_exchange(null_mut(), table, Relaxed, Relaxed).is_err() {
        // SAFETY: the mapping made above, which nobody else has seen.
        unsafe { syscall6(libc::SYS_munmap, at as usize, LENGTH, 0, 0, 0, 0) };
    }
}
