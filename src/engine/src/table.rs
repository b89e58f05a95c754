//! What is known about each descriptor: two words each, indexed by its number.
//!
//! The table is a hint. A descriptor may be closed, and its number used again, by calls that no preloaded library sees; every
//! use must stay harmless when the words are about a socket that is gone. Any number is safe: those outside the table are
//! unmet. Memory: zero pages that only the descriptors in use touch; numbers above [`NEAR`] live in a second table that is
//! mapped when the first of them appears, so that a program that locks all its memory pays half a megabyte, not eight.
//!
//! Orderings: relaxed. A word stands for itself; no other memory is published through it, and a stale word is as harmless as
//! any wrong one. The two words of a descriptor are not read or written together: the upper one is a listener's only.
//! docs/concurrency.md has them all.

use core::ffi::c_int;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::null_mut;

use policy::socket::{CLOSELY, Kind, NO_HOLD, Socket};

use crate::machine::Machine;
use crate::sync::{AtomicI32, AtomicPtr, AtomicU32, Relaxed};

/// Descriptors in the table that is part of the library's zero pages.
pub const NEAR: u32 = if cfg!(feature = "loom") { 8 } else { 65_536 };
/// Descriptors in both tables; the kernel's default ceiling (fs.nr_open).
pub const ALL: u32 = if cfg!(feature = "loom") { 16 } else { 1_048_576 };

/// A descriptor's two words (policy::socket).
#[repr(C, align(8))]
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) low: AtomicU32,
    high: AtomicU32,
}

impl Words {
    fn get(&self) -> Socket {
        Socket::of(self.low.load(Relaxed), self.high.load(Relaxed))
    }

    pub(crate) fn set(&self, socket: Socket) {
        self.high.store(socket.high(), Relaxed);
        self.low.store(socket.low(), Relaxed);
    }

    /// Of a connection: is something held on it?
    #[inline(always)]
    pub(crate) fn is_held(&self) -> bool {
        self.high.load(Relaxed) != 0
    }

    /// It is, or it is not.
    #[inline(always)]
    pub(crate) fn hold(&self, held: bool) {
        self.high.store(u32::from(held), Relaxed);
    }
}

/// One more word for each descriptor of the first table, for what few programs need: zero pages until it is used. Descriptors
/// beyond that table read as 0. Relaxed: a hint, as the table.
pub(crate) struct Notes([AtomicU32; NEAR as usize]);

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notes")
    }
}

impl Notes {
    pub(crate) const fn new() -> Notes {
        Notes([const { AtomicU32::new(0) }; NEAR as usize])
    }

    pub(crate) fn get(&self, fd: c_int) -> u32 {
        self.0.get(fd.cast_unsigned() as usize).map_or(0, |word| word.load(Relaxed))
    }

    pub(crate) fn set(&self, fd: c_int, note: u32) {
        if let Some(word) = self.0.get(fd.cast_unsigned() as usize) {
            word.store(note, Relaxed);
        }
    }
}

/// The table. What every hook looks at comes first: it shares the page of the first descriptors.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Table<M> {
    /// How many numbers of the first table are looked at: none while tuning is off, so that "off" costs no test of its own.
    limit: AtomicU32,
    /// The highest number that was ever tracked: bounds a walk over the table.
    highest: AtomicI32,
    /// The second table, for the numbers from [`NEAR`] to [`ALL`]; null until one of them is tracked.
    far: AtomicPtr<Words>,
    words: [Words; NEAR as usize],
    machine: PhantomData<fn() -> M>,
}

impl<M: Machine> Table<M> {
    pub(crate) const fn new() -> Table<M> {
        Table {
            limit: AtomicU32::new(0),
            highest: AtomicI32::new(0),
            far: AtomicPtr::new(null_mut()),
            words: [const { Words { low: AtomicU32::new(0), high: AtomicU32::new(0) } }; NEAR as usize],
            machine: PhantomData,
        }
    }

    /// Turns the table on ...
    pub(crate) fn enable(&self) {
        self.limit.store(NEAR, Relaxed);
    }

    /// ... or off: from now on every descriptor is unmet, so every hook only forwards.
    pub(crate) fn disable(&self) {
        self.limit.store(0, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_enabled(&self) -> bool {
        self.limit.load(Relaxed) != 0
    }

    /// The words of a descriptor of the first table, if it is one and tuning is on. The first instructions of a hook.
    #[inline(always)]
    pub(crate) fn near(&self, fd: c_int) -> Option<&Words> {
        if fd.cast_unsigned() < self.limit.load(Relaxed) {
            // SAFETY: avoids a second bounds check on the hottest path: the limit is 0 or the number of entries.
            Some(unsafe { self.words.get_unchecked(fd.cast_unsigned() as usize) })
        } else {
            None
        }
    }

    /// The words of a descriptor that [`Table::near`] has just found.
    #[inline(always)]
    pub(crate) fn known_near(&self, fd: c_int) -> &Words {
        // A number outside cannot come here; the mask costs less than to say so.
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.words[fd.cast_unsigned() as usize & NEAR.wrapping_sub(1) as usize]
    }

    /// Must a descriptor that is not [`Table::near`] be looked at all the same, in the second table?
    #[inline(always)]
    pub(crate) fn is_beyond(&self, fd: c_int) -> bool {
        fd.cast_unsigned() >= NEAR
    }

    /// What is known of a descriptor: nothing while tuning is off.
    ///
    /// This and the other two that are in line have a twin for all places that are rarely passed: the library is loaded into
    /// every process, and there it is to be small before it is fast.
    #[inline]
    pub(crate) fn get(&self, fd: c_int) -> Socket {
        match self.near(fd) {
            Some(words) => words.get(),
            None if self.is_beyond(fd) => self.get_far(fd.cast_unsigned()),
            None => Socket(0),
        }
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.usual")]
    pub(crate) fn get_rarely(&self, fd: c_int) -> Socket {
        self.get(fd)
    }

    #[cold]
    #[inline(never)]
    fn get_far(&self, number: u32) -> Socket {
        match self.far_words(number) {
            Some(words) if self.is_enabled() => words.get(),
            _ => Socket(0),
        }
    }

    /// Notes what a descriptor is. Numbers outside the tables are not noted.
    #[inline]
    pub(crate) fn set(&self, fd: c_int, socket: Socket) {
        let number = fd.cast_unsigned();
        if number < NEAR {
            if let Some(words) = self.words(number) {
                words.set(socket);
            }
        } else {
            self.set_far(number, socket);
        }
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.usual")]
    pub(crate) fn set_rarely(&self, fd: c_int, socket: Socket) {
        self.set(fd, socket);
    }

    /// Something is held on a connection, or is not.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold(&self, fd: c_int, held: bool) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.hold(held);
        }
    }

    /// Sets flags of the lower word.
    #[cold]
    #[inline(never)]
    pub(crate) fn flag(&self, fd: c_int, flags: u64) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.low.fetch_or(flags as u32, Relaxed);
        }
    }

    /// Clears flags of the lower word.
    #[cold]
    #[inline(never)]
    pub(crate) fn unflag(&self, fd: c_int, flags: u64) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.low.fetch_and(!(flags as u32), Relaxed);
        }
    }

    /// Notes a descriptor that was just made: like [`Table::set`], and remembers how far the table is in use. Nothing is
    /// noted while tuning is off, nor for a number that no descriptor can have: a walk over the table would end there.
    #[inline]
    pub(crate) fn add(&self, fd: c_int, socket: Socket) {
        if fd.cast_unsigned() < ALL && self.is_enabled() {
            self.reaches(fd);
            self.set(fd, socket);
        }
    }

    /// The table is in use as far as this number.
    #[inline(always)]
    pub(crate) fn reaches(&self, fd: c_int) {
        if fd > self.highest.load(Relaxed) {
            self.highest.fetch_max(fd, Relaxed);
        }
    }

    #[cold]
    #[inline(never)]
    #[unsafe(link_section = ".text.usual")]
    pub(crate) fn add_rarely(&self, fd: c_int, socket: Socket) {
        self.add(fd, socket);
    }

    /// Calls `visit` for the descriptors from `first` to `last` (inclusive) that have a state.
    pub(crate) fn each(&self, first: u32, last: u32, mut visit: impl FnMut(c_int, Socket)) {
        let end = last.min(self.highest.load(Relaxed).cast_unsigned());
        let mut number = first;
        while number <= end {
            let fd = number.cast_signed();
            let socket = self.get_rarely(fd);
            if socket.kind() != Kind::Unmet {
                visit(fd, socket);
            }
            number = number.wrapping_add(1);
        }
    }

    #[inline]
    fn words(&self, number: u32) -> Option<&Words> {
        if number < NEAR { self.words.get(number as usize) } else { self.far_words(number) }
    }

    #[cold]
    fn set_far(&self, number: u32, socket: Socket) {
        if number < ALL && self.far.load(Relaxed).is_null() && socket.0 != 0 {
            self.map_far();
        }
        if let Some(words) = self.far_words(number) {
            // Nothing is held beyond the first table: the usual paths know only that one.
            words.set(if socket.is_connection() { socket.with(NO_HOLD | CLOSELY) } else { socket });
        }
    }

    #[cold]
    fn far_words(&self, number: u32) -> Option<&Words> {
        let table = self.far.load(Relaxed);
        if table.is_null() || !(NEAR..ALL).contains(&number) {
            return None;
        }
        // SAFETY: the mapping has words for each number from NEAR to ALL and is never unmapped once published.
        Some(unsafe { &*table.wrapping_add(number.wrapping_sub(NEAR) as usize) })
    }

    /// Maps the second table. Where two threads come at once, the slower one gives its mapping back.
    fn map_far(&self) {
        const LENGTH: usize = (ALL as usize - NEAR as usize) * size_of::<Words>();
        let Ok(at) = M::map(LENGTH) else { return };
        if self.far.compare_exchange(null_mut(), at.cast(), Relaxed, Relaxed).is_err() {
            // SAFETY: the mapping made above, which nobody else has seen.
            unsafe { M::unmap(at, LENGTH) };
        }
    }
}
