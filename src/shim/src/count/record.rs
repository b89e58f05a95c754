//! What is known of each connection that is counted: two cache lines for each descriptor, in memory that is mapped when the first
//! TCP socket appears. Like the table (table.rs) a hint: an entry may be about a socket that was closed behind our back.

use core::ffi::c_int;
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use policy::counters::Counter;
use policy::counters::Head;

use super::file::{self, Word};
use super::{connection, insert};
use crate::arch::ticks;
use crate::table::NEAR;

/// A connection, or a listener.
#[repr(C, align(128))]
pub(super) struct Record {
    /// Where its service and arm count; null before it first did.
    counts: AtomicPtr<Word>,
    /// Where a simple connection's time of its last call stands, in `arch::ticks`: the predictor has noted it.
    pub(super) clock: AtomicPtr<AtomicU32>,
    /// Sizes of the last four calls, as `Counter::StallSizes`. All ones while they are not noted.
    pub(super) sizes: AtomicU64,
    /// The present burst (policy::counters::tally).
    pub(super) tally: AtomicU32,
    /// How many more receives are to be looked at for pauses. Beside the tally: one test tells whether both are 0.
    pub(super) watch: AtomicU32,
    /// When data was last sent, in `arch::ticks` on a simple connection, in `arch::coarse_ticks` on any other, as all times
    /// below.
    pub(super) sent: AtomicU32,
    /// When data was last received; 0: never.
    pub(super) received: AtomicU32,
    /// A time when the last call of the present burst had not been made yet, less than that clock takes to wrap before it.
    pub(super) began: AtomicU32,
    /// What was found out so far: the constants below, the service's number from [`SERVICE`] on.
    pub(super) state: AtomicU32,
    /// How many calls of the present burst the library held …
    pub(super) held: AtomicU16,
    /// … and how many it had when the last was made that did not leave alone.
    pub(super) other: AtomicU16,
    /// Calls and bursts that were counted of this connection.
    pub(super) calls: AtomicU32,
    pub(super) bursts: AtomicU32,
    /// When it was opened.
    pub(super) opened: AtomicU32,
    /// What its word in the table said last (table.rs): that is cleared before it is closed.
    pub(super) word: AtomicU32,
    /// Its exchanges, and how long all of them took.
    pub(super) exchanges: AtomicU32,
    pub(super) delay: AtomicU64,
    /// [`NOT`], [`SIMPLE`], [`CORKED`] or [`OTHER`].
    mode: AtomicU8,
}

/// Nothing is counted here.
const NOT: u8 = 0;
/// Its calls need no closer look (calls.rs).
pub(super) const SIMPLE: u8 = 1;
/// Any other connection.
const OTHER: u8 = 2;
/// A simple one that the library has corked.
pub(super) const CORKED: u8 = SIMPLE | 4;

/// Where machine code finds a record and its parts.
pub(super) const SHIFT: u32 = size_of::<Record>().trailing_zeros();
#[cfg(machine_code)]
pub(super) const MODE: usize = offset_of!(Record, mode);
#[cfg(machine_code)]
pub(super) const CLOCK: usize = offset_of!(Record, clock);
#[cfg(machine_code)]
pub(super) const SENT: usize = offset_of!(Record, sent);
pub(super) const TALLY: usize = offset_of!(Record, tally);
const _: () =
    assert!(offset_of!(Record, counts) == 0 && TALLY.is_multiple_of(8) && offset_of!(Record, watch) == TALLY + 4);

/// A wait now would be a wait for Nagle's rule …
pub(super) const SUSPECT: u32 = 1;
/// … or for what the program itself holds.
pub(super) const SUSPECT_CORK: u32 = 2;
/// The thread waits, and the kernel has said that data is unsent.
pub(super) const STALLING: u32 = 4;
/// Why it is tuned or not has been counted.
pub(super) const CLASSED: u32 = 8;
/// It belongs to the control group.
pub(super) const IN_CONTROL: u32 = 16;
/// Another descriptor stands for the same socket.
pub(super) const COPIED: u32 = 32;
/// It listens.
pub(super) const LISTENS: u32 = 64;
/// The present burst is so long that it has been counted in parts.
pub(super) const LONG: u32 = 256;
/// It is in use.
pub(super) const USED: u32 = 128;
/// Where the number of the service is.
pub(super) const SERVICE: u32 = 16;

/// The counters of an arm.
#[derive(Clone, Copy)]
pub(super) struct Counts(*mut Word);

impl Counts {
    pub(super) fn at(file: *mut u8, place: usize) -> Counts {
        Counts(file.wrapping_add(place).cast())
    }

    #[inline(always)]
    pub(super) fn add(self, counter: Counter, more: u64) {
        self.word(counter as usize).fetch_add(more, Relaxed);
    }

    pub(super) fn add_some(self, counter: Counter, more: u32) {
        if more != 0 {
            self.add(counter, u64::from(more));
        }
    }

    pub(super) fn set(self, counter: Counter, value: u64) {
        self.word(counter as usize).store(value, Relaxed);
    }

    /// One more in a bucket, which is counted from the arm's beginning in bytes.
    #[inline(always)]
    pub(super) fn bucket(self, at: usize) {
        self.word(at >> 3).fetch_add(1, Relaxed);
    }

    #[inline(always)]
    fn word(self, number: usize) -> &'static Word {
        // SAFETY: an arm of the mapping, which stays; numbers of counters and buckets lie inside it.
        unsafe { &*self.0.wrapping_add(number) }
    }
}

/// The records; null until the first is needed.
pub(super) static RECORDS: AtomicPtr<Record> = AtomicPtr::new(null_mut());
/// The highest descriptor that has one.
static HIGHEST: AtomicU32 = AtomicU32::new(0);

/// A descriptor's record, whether or not it is counted. Only where the counting functions are in place.
#[inline(always)]
pub(super) fn of(fd: c_int) -> Option<&'static Record> {
    if fd as u32 >= NEAR {
        return None;
    }
    // SAFETY: the counting functions are put in place when the records are there; there is one for each number below NEAR,
    // and they are never unmapped.
    Some(unsafe { &*RECORDS.load(Relaxed).wrapping_add(fd as u32 as usize) })
}

/// The record of a simple connection that is not corked.
#[cfg(not(machine_code))]
#[inline(always)]
pub(super) fn simple(fd: c_int) -> Option<&'static Record> {
    of(fd).filter(|record| record.mode.load(Relaxed) == SIMPLE)
}

/// The record of a connection that is counted.
#[inline(always)]
pub(super) fn counted(fd: c_int) -> Option<&'static Record> {
    of(fd).filter(|record| record.counts().is_some())
}

/// The same where that is not sure.
pub(super) fn if_any(fd: c_int) -> Option<&'static Record> {
    if RECORDS.load(Relaxed).is_null() { None } else { of(fd) }
}

/// The same, and everything that counting needs is made if it is not there yet.
#[cold]
pub(super) fn of_new(fd: c_int) -> Option<(*mut u8, &'static Record)> {
    let file = file::mapped()?;
    if RECORDS.load(Relaxed).is_null() && !file::map_memory(&RECORDS, LENGTH) {
        return None;
    }
    insert::all();
    let Some(record) = of(fd) else {
        file::head(file, Head::Uncounted).fetch_add(1, Relaxed);
        return None;
    };
    HIGHEST.fetch_max(fd as u32, Relaxed);
    Some((file, record))
}

const LENGTH: usize = NEAR as usize * size_of::<Record>();

impl Record {
    /// Where it is counted, if it is.
    #[inline(always)]
    pub(super) fn counts(&self) -> Option<Counts> {
        if self.mode.load(Relaxed) == NOT { None } else { Some(Counts(self.counts.load(Relaxed))) }
    }

    /// Is it a simple one, corked or not?
    #[inline(always)]
    pub(super) fn is_simple(&self) -> bool {
        self.mode.load(Relaxed) & SIMPLE != 0
    }

    /// Whether the library has corked this simple connection: its small calls then do not leave alone.
    pub(super) fn count_corked(&self, corked: bool) {
        let (other, mode) = if corked { (SIMPLE, CORKED) } else { (CORKED, SIMPLE) };
        // Not where another thread has just stopped the counting.
        let _ = self.mode.compare_exchange(other, mode, Relaxed, Relaxed);
    }

    /// It is counted there from now on.
    pub(super) fn count(&self, counts: Counts, simple: bool) {
        self.counts.store(counts.0, Relaxed);
        self.mode.store(if simple { SIMPLE } else { OTHER }, Relaxed);
    }

    /// Nothing is counted here any more.
    pub(super) fn forget(&self) {
        self.pause();
        self.state.store(0, Relaxed);
    }

    /// Nothing is counted here for now. (What a call has begun to count it still counts in the same place.)
    fn pause(&self) {
        self.mode.store(NOT, Relaxed);
    }

    /// Its descriptor.
    pub(super) fn fd(&'static self) -> c_int {
        let distance = (&raw const *self as usize).wrapping_sub(RECORDS.load(Relaxed) as usize);
        (distance >> SHIFT) as c_int
    }

    /// The time of the last call on a simple connection.
    #[inline(always)]
    pub(super) fn time(&self) -> u32 {
        // SAFETY: of a simple connection, as the caller has seen: the words of its descriptor, which stay (table.rs).
        unsafe { &*self.clock.load(Relaxed) }.load(Relaxed)
    }

    /// How long ago, at `now`, the last call of the burst was made.
    pub(super) fn since_sent(&self, now: u32) -> u32 {
        let sent = self.sent.load(Relaxed);
        if !self.is_simple() {
            return now.wrapping_sub(sent);
        }
        // The fine clock has wrapped how often? So often that the call was made after `began`, but as late as that allows.
        const WRAP: u32 = 1 << 24;
        let short = (ticks().wrapping_sub(sent)) >> 8;
        let longest = now.wrapping_sub(self.began.load(Relaxed));
        let wraps = longest.saturating_sub(short) / WRAP;
        wraps.wrapping_mul(WRAP).wrapping_add(short)
    }

    /// No burst is under way.
    pub(super) fn begin(&self) {
        self.tally.store(0, Relaxed);
        self.held.store(0, Relaxed);
        self.other.store(0, Relaxed);
    }

    pub(super) fn is(&self, state: u32) -> bool {
        self.state.load(Relaxed) & state != 0
    }

    pub(super) fn with(&self, state: u32) {
        self.state.store(self.state.load(Relaxed) | state, Relaxed);
    }

    pub(super) fn without(&self, state: u32) {
        self.state.store(self.state.load(Relaxed) & !state, Relaxed);
    }

    pub(super) fn service(&self) -> usize {
        (self.state.load(Relaxed) >> SERVICE) as usize
    }
}

/// Calls `visit` for each descriptor with a record that counts.
#[cold]
pub(super) fn each(mut visit: impl FnMut(c_int, &'static Record)) {
    all(|fd, record| {
        if record.counts().is_some() {
            visit(fd, record);
        }
    });
}

/// Calls `visit` for each record that was ever in use.
fn all(mut visit: impl FnMut(c_int, &'static Record)) {
    let mut number = 0u32;
    while number <= HIGHEST.load(Relaxed) {
        if let Some(record) = if_any(number as c_int) {
            visit(number as c_int, record);
        }
        number = number.wrapping_add(1);
    }
}

/// The process ends: what the kernel says of each open connection is the last that is counted of it.
#[cold]
pub(super) fn close_all() {
    each(connection::closing);
}

/// The process is about to restrict its own system calls, or the cycle counter: nothing is counted from now on.
#[cold]
pub(crate) fn stop() {
    each(|_, record| record.pause());
}

/// It has, or it has not: `succeeded` says.
#[cold]
pub(crate) fn stopped(succeeded: bool) {
    let Some(file) = file::known() else { return };
    if succeeded {
        file::head(file, Head::Restricted).store(1, Relaxed);
    } else {
        all(|fd, record| {
            connection::resume(file, fd, record);
        });
    }
}
