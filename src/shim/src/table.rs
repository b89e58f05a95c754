//! What is known about each descriptor: one word each, indexed by its number.
//!
//! The table is a hint. A descriptor may be closed, and its number reused, by calls that no preloaded library sees; every use
//! must stay harmless when the word is about a socket that is gone. Any number is safe: those outside the table are unmet.
//! Memory: zero pages that only the descriptors in use touch; numbers above [`NEAR`] live in a second table that is mapped
//! when the first of them appears, so that a program that locks all its memory pays half a megabyte, not eight.
//!
//! Orderings: relaxed, but for one pair. A word stands for itself; no other memory is published through it, and a stale word
//! is as harmless as any wrong one. The two words of a descriptor are not read or written together: the upper one is only
//! the time of the last call, and one of another call tells almost the same. Only the mark in it of the thread that holds the
//! call comes before the lower word that says so ([`Words::set`]). docs/concurrency.md has them all.

use crate::sync::{Acquire, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Relaxed, Release};
use core::ffi::{c_int, c_long};
#[cfg(machine_code)]
use core::mem::offset_of;
use core::ptr::null_mut;

use policy::burst;
use policy::socket::{CLOSELY, HELD, Kind, NO_HOLD, Socket};

use crate::arch::{in_one_register, syscall6};
use crate::hold::SLOTS;

/// Descriptors in the table that is part of the library's zero pages.
pub(crate) const NEAR: u32 = 65_536;
/// Descriptors in both tables; the kernel's default ceiling (fs.nr_open).
const ALL: u32 = 1_048_576;

/// A descriptor's two words (policy::socket).
#[repr(C, align(8))]
pub(crate) struct Words {
    pub(crate) low: AtomicU32,
    pub(crate) high: AtomicU32,
}

impl Words {
    const fn new() -> Words {
        Words { low: AtomicU32::new(0), high: AtomicU32::new(0) }
    }

    fn get(&self) -> Socket {
        // In this order: see `set`.
        let low = self.low.load(Acquire);
        Socket::of(low, self.high.load(Relaxed))
    }

    fn set(&self, socket: Socket) {
        // The mark of the thread that holds a call before the call is said to be held: another thread's wait that sees the one
        // must see the other, or it would take what is held now for its own (hold.rs).
        self.high.store(socket.high(), Relaxed);
        self.low.store(socket.low(), Release);
    }
}

/// All that hooks look into on their quick paths, in one piece, so that one register serves for all of it.
#[repr(C)]
pub(crate) struct Shared {
    /// By descriptor + 1. The first belongs to no descriptor and stays zero: it is where a slot leads that names none.
    words: [Words; NEAR as usize + 1],
    /// By thread: what it holds (hold.rs).
    pub(crate) slots: [AtomicU64; SLOTS],
    /// What has been learned.
    pub(crate) learned: burst::Table,
}

pub(crate) static SHARED: Shared = Shared {
    words: [const { Words::new() }; NEAR as usize + 1],
    slots: [const { AtomicU64::new(0) }; SLOTS],
    learned: burst::Table::new(),
};

/// Where machine code finds the parts, in bytes.
#[cfg(machine_code)]
pub(crate) const SLOTS_AT: usize = offset_of!(Shared, slots);
/// The next states after a data call …
#[cfg(machine_code)]
pub(crate) const SENT_AT: usize = offset_of!(Shared, learned) + burst::SENT_AT;
/// … and after a receive.
#[cfg(machine_code)]
pub(crate) const RECEIVED_AT: usize = offset_of!(Shared, learned) + burst::RECEIVED_AT;

/// It, its address in one register.
#[inline(always)]
pub(crate) fn shared() -> &'static Shared {
    // SAFETY: keeps the compiler from making an address of its own for each part; the pointer is the static's own.
    unsafe { &*in_one_register(&raw const SHARED) }
}

impl Shared {
    /// The words of a descriptor that [`LIMIT`] has let pass.
    #[inline(always)]
    pub(crate) fn near(&self, fd: c_int) -> &Words {
        debug_assert!((fd as u32) < NEAR);
        // SAFETY: avoids a second bounds check on the hottest path: LIMIT is 0 or NEAR, and there are NEAR + 1 entries.
        unsafe { self.words.get_unchecked((fd as u32 as usize).wrapping_add(1)) }
    }

    /// Is something held on the descriptor that comes before this number? (0: there is none.)
    #[inline(always)]
    pub(crate) fn holds_before(&self, number: u16) -> bool {
        // Every u16 is an index: there are 65,537 entries.
        #[expect(clippy::indexing_slicing, reason = "the array is longer than any u16")]
        let words = &self.words[number as usize];
        words.low.load(Relaxed) & HELD as u32 != 0
    }
}

// The three words below are in the data page that the loader has touched anyway, not among the zero pages behind the table.

/// The second table, for the numbers from [`NEAR`] to [`ALL`]; null until one of them is tracked.
#[unsafe(link_section = ".data")]
static FAR: AtomicPtr<Words> = AtomicPtr::new(null_mut());
/// How many numbers of the first table are looked at: none while tuning is off, so that "off" costs no test of its own.
#[unsafe(link_section = ".data")]
pub(crate) static LIMIT: AtomicU32 = AtomicU32::new(0);
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

/// A descriptor's words, and what they say now.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    words: &'static Words,
    /// What the words said when they were looked up.
    pub(crate) socket: Socket,
}

impl Entry {
    /// Notes the descriptor's next state.
    #[inline(always)]
    pub(crate) fn set(self, socket: Socket) {
        self.words.set(socket);
    }
}

/// Is this descriptor in the first table, and tuning on? The first instructions of a hook.
#[inline(always)]
pub(crate) fn is_near(fd: c_int) -> bool {
    (fd as u32) < LIMIT.load(Relaxed)
}

/// Must a descriptor that is not [`is_near`] be looked at all the same, in the second table?
#[inline(always)]
pub(crate) fn is_beyond(fd: c_int) -> bool {
    fd as u32 >= NEAR
}

/// Looks up a descriptor that is known to be in the first table.
#[inline(always)]
pub(crate) fn near(fd: c_int) -> Entry {
    let words = shared().near(fd);
    Entry { words, socket: words.get() }
}

/// Looks a descriptor up. For one that is not tracked: an unmet socket, and words that nobody reads.
#[inline(always)]
pub(crate) fn entry(fd: c_int) -> Entry {
    if is_near(fd) { near(fd) } else { outside(fd as u32) }
}

/// The state of a descriptor.
#[inline(always)]
pub(crate) fn get(fd: c_int) -> Socket {
    entry(fd).socket
}

/// Notes the state of a descriptor. Numbers outside the tables are not noted.
#[inline(always)]
pub(crate) fn set(fd: c_int, socket: Socket) {
    if is_beyond(fd) {
        set_far(fd as u32, socket);
    } else {
        shared().near(fd).set(socket);
    }
}

/// Notes the state of a descriptor whose time stays, if nobody has noted another since `before` was read.
pub(crate) fn replace(fd: c_int, before: Socket, next: Socket) {
    let low = &entry(fd).words.low;
    let _ = low.compare_exchange(before.low(), next.low(), Relaxed, Relaxed);
}

/// Notes a descriptor that was just made: like [`set`], and remembers how far the table is in use. Nothing is noted while
/// tuning is off.
#[inline]
pub(crate) fn add(fd: c_int, socket: Socket) {
    if is_near(fd) {
        add_near(fd, socket);
    } else if is_beyond(fd) {
        add_far(fd, socket);
    }
}

#[cold]
#[inline(never)]
fn add_far(fd: c_int, socket: Socket) {
    // Not for a number that no descriptor can have: a walk over the table would end there.
    if enabled() && (fd as u32) < ALL {
        HIGHEST.fetch_max(fd, Relaxed);
        set_far(fd as u32, socket);
    }
}

/// The same for a number that is known to be in the first table.
#[inline(always)]
pub(crate) fn add_near(fd: c_int, socket: Socket) {
    reached(fd);
    shared().near(fd).set(socket);
}

/// The table is in use up to this number at least.
#[inline(always)]
pub(crate) fn reached(fd: c_int) {
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
    static NOWHERE: Words = Words::new();
    match far_words(number) {
        Some(words) if enabled() => Entry { words, socket: words.get() },
        _ => Entry { words: &NOWHERE, socket: Socket(0) },
    }
}

#[cold]
fn set_far(number: u32, socket: Socket) {
    if number < ALL && FAR.load(Relaxed).is_null() && socket.0 != 0 {
        map_far();
    }
    if let Some(words) = far_words(number) {
        // Nothing is held beyond the first table: the quick paths know only that one.
        words.set(if socket.is_connection() { socket.with(NO_HOLD | CLOSELY) } else { socket });
    }
}

fn far_words(number: u32) -> Option<&'static Words> {
    let table = FAR.load(Relaxed);
    if table.is_null() || !(NEAR..ALL).contains(&number) {
        return None;
    }
    // SAFETY: the mapping has words for each number from NEAR to ALL and is never unmapped once published.
    Some(unsafe { &*table.wrapping_add(number.wrapping_sub(NEAR) as usize) })
}

/// The call that takes its arguments in registers; where it counts the offset in pages, 0 is the same.
#[cfg(target_pointer_width = "64")]
const MMAP: c_long = libc::SYS_mmap;
#[cfg(target_pointer_width = "32")]
const MMAP: c_long = libc::SYS_mmap2;

/// Maps the second table. Where two threads come at once, the slower one gives its mapping back.
fn map_far() {
    const LENGTH: usize = (ALL as usize - NEAR as usize) * size_of::<Words>();
    let (protection, flags) = (
        (libc::PROT_READ | libc::PROT_WRITE) as usize,
        (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize,
    );
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice; async-signal-safe, unlike any allocator.
    let at = unsafe { syscall6(MMAP, 0, LENGTH, protection, flags, usize::MAX, 0) };
    if (-4095..0).contains(&at) {
        return;
    }
    let table = at as *mut Words;
    if FAR.compare_exchange(null_mut(), table, Relaxed, Relaxed).is_err() {
        // SAFETY: the mapping made above, which nobody else has seen.
        unsafe { syscall6(libc::SYS_munmap, at as usize, LENGTH, 0, 0, 0, 0) };
    }
}
