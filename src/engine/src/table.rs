//! The descriptor table: two words for each descriptor, indexed by its number.
//!
//! The table is a hint. Calls that no preloaded library sees may close a descriptor and reuse its number, so every use
//! must stay harmless if the words describe a socket that is gone. Any number is safe: one outside the table is unmet.
//! The first table lies in zero pages, of which only those of descriptors in use take memory. Numbers from [`NEAR`] on
//! live in a second table, mapped when the first of them appears, so a program that locks all its memory pays half a
//! megabyte instead of eight.
//!
//! Orderings: relaxed. A word stands for itself: nothing else is published through it, and a stale word does no more
//! harm than a wrong one. The two words of a descriptor are not accessed together; the upper one is a listener's queue
//! length, or says whether a connection holds data. docs/concurrency.md lists all orderings.

use core::ffi::c_int;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::null_mut;

use policy::socket::{CLOSELY, Kind, NO_HOLD, Socket};

use crate::machine::Machine;
use crate::sync::{AtomicI32, AtomicPtr, AtomicU32, Relaxed};

/// Number of descriptors in the first table, which is part of the library's zero pages.
pub const NEAR: u32 = if cfg!(feature = "loom") { 8 } else { 65_536 };
/// Number of descriptors in both tables: the kernel's default limit (fs.nr_open).
pub const ALL: u32 = if cfg!(feature = "loom") { 16 } else { 1_048_576 };

/// The two words of a descriptor (policy::socket has their layout).
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

    /// Does any thread hold data on this connection?
    #[inline(always)]
    pub(crate) fn is_held(&self) -> bool {
        self.high.load(Relaxed) != 0
    }

    /// Notes whether a thread holds data on this connection.
    #[inline(always)]
    pub(crate) fn hold(&self, held: bool) {
        self.high.store(u32::from(held), Relaxed);
    }
}

/// One more word for each descriptor of the first table, for features that few programs use; zero pages until then.
/// Reads as 0 beyond the first table. Relaxed: a hint, like the table.
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
        self.of(fd).map_or(0, |word| word.load(Relaxed))
    }

    pub(crate) fn set(&self, fd: c_int, note: u32) {
        if let Some(word) = self.of(fd) {
            word.store(note, Relaxed);
        }
    }

    #[inline(always)]
    pub(crate) fn of(&self, fd: c_int) -> Option<&AtomicU32> {
        self.0.get(fd.cast_unsigned() as usize)
    }
}

/// The table. The fields that every hook reads come first and share a page with the first descriptors.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Table<M> {
    /// Number of entries of the first table that hooks look at: 0 while tuning is off, so "off" costs no test of its
    /// own.
    limit: AtomicU32,
    /// The highest number ever recorded; a walk over the table ends there.
    highest: AtomicI32,
    /// The second table, for numbers from [`NEAR`] to [`ALL`]; null until one of them is recorded.
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

    /// Turns the table on.
    pub(crate) fn enable(&self) {
        self.limit.store(NEAR, Relaxed);
    }

    /// Turns the table off: from now on every descriptor is unmet, and every hook only forwards.
    pub(crate) fn disable(&self) {
        self.limit.store(0, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_enabled(&self) -> bool {
        self.limit.load(Relaxed) != 0
    }

    /// The words of a descriptor of the first table; None for other descriptors, or while tuning is off. The first
    /// instructions of a hook.
    #[inline(always)]
    pub(crate) fn near(&self, fd: c_int) -> Option<&Words> {
        if fd.cast_unsigned() < self.limit.load(Relaxed) {
            // SAFETY: in bounds, because the limit is either 0 or the number of entries. Unchecked, because the
            // comparison above already is the bounds check, on the hottest path.
            Some(unsafe { self.words.get_unchecked(fd.cast_unsigned() as usize) })
        } else {
            None
        }
    }

    /// The words of a descriptor that [`Table::near`] has just found.
    #[inline(always)]
    pub(crate) fn known_near(&self, fd: c_int) -> &Words {
        // The number is in range already; masking it costs less than proving that to the compiler.
        #[expect(clippy::indexing_slicing, reason = "masked to the length")]
        &self.words[fd.cast_unsigned() as usize & NEAR.wrapping_sub(1) as usize]
    }

    /// Is this descriptor, which [`Table::near`] has not found, in the range of the second table?
    #[inline(always)]
    pub(crate) fn is_beyond(&self, fd: c_int) -> bool {
        fd.cast_unsigned() >= NEAR
    }

    /// The state of a descriptor; unmet while tuning is off.
    ///
    /// `get`, `set` and `add` are inlined. Each has an out-of-line twin (`get_rarely` and so on) for rare paths: the
    /// library is loaded into every process, so size comes before speed there.
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

    /// Records what a descriptor is. Numbers outside both tables are ignored.
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

    /// Notes whether a thread holds data on this connection.
    #[cold]
    #[inline(never)]
    pub(crate) fn hold(&self, fd: c_int, held: bool) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.hold(held);
        }
    }

    /// Sets flags in the lower word.
    #[cold]
    #[inline(never)]
    pub(crate) fn flag(&self, fd: c_int, flags: u64) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.low.fetch_or(flags as u32, Relaxed);
        }
    }

    /// Clears flags in the lower word.
    #[cold]
    #[inline(never)]
    pub(crate) fn unflag(&self, fd: c_int, flags: u64) {
        if let Some(words) = self.words(fd.cast_unsigned()) {
            words.low.fetch_and(!(flags as u32), Relaxed);
        }
    }

    /// Like [`Table::set`] for a descriptor that was just created; also raises the bound of walks over the table. Does
    /// nothing while tuning is off, nor for a number that no descriptor can have: a walk would otherwise go on to that
    /// number.
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

    /// Calls `visit` for each known descriptor from `first` to `last`, inclusive.
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
            // Never hold on a descriptor of the second table: the quick paths look only at the first.
            words.set(if socket.is_connection() { socket.with(NO_HOLD | CLOSELY) } else { socket });
        }
    }

    #[cold]
    fn far_words(&self, number: u32) -> Option<&Words> {
        let table = self.far.load(Relaxed);
        if table.is_null() || !(NEAR..ALL).contains(&number) {
            return None;
        }
        // SAFETY: `number` is in NEAR..ALL (checked above), and the mapping has words for each of them. It is never
        // unmapped once its address has been stored in `far`.
        Some(unsafe { &*table.wrapping_add(number.wrapping_sub(NEAR) as usize) })
    }

    /// Maps the second table. If two threads do so at once, the slower one unmaps its own again.
    fn map_far(&self) {
        const LENGTH: usize = (ALL as usize - NEAR as usize) * size_of::<Words>();
        let Ok(at) = M::map(LENGTH) else { return };
        if self.far.compare_exchange(null_mut(), at.cast(), Relaxed, Relaxed).is_err() {
            // SAFETY: the mapping made above with the same length. The exchange failed, so its address was never
            // published.
            unsafe { M::unmap(at, LENGTH) };
        }
    }
}
