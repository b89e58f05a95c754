//! The records of the connections that are counted: two cache lines for each descriptor, in memory that is mapped when
//! the first TCP socket appears. Like the engine's table they are a hint: a record may describe a socket that was
//! closed by a call that no hook saw.

use core::ffi::c_int;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

use policy::counters::Counter;
use policy::counters::Head;

use engine::NEAR;

use super::file::{self, Word};
use super::{connection, insert};
use crate::arch::in_one_register;

/// The record of a connection or a listener. What every call reads and writes is in the first cache line.
#[repr(C, align(128))]
pub(super) struct Record {
    /// Where its service and arm are counted; null until it has been counted once.
    counts: AtomicPtr<Word>,
    /// [`NOT`], [`SIMPLE`] or [`OTHER`]; above that, in units of [`HELD_CALL`], how many calls the library holds now.
    /// It is one word so that one test tells that a connection is simple and holds nothing.
    mode: AtomicU32,
    /// The descriptor.
    fd: AtomicI32,
    /// The open burst (policy::counters::tally).
    pub(super) tally: AtomicU32,
    /// How many more receives are to be checked for pauses.
    pub(super) watch: AtomicU32,
    /// When data was last sent; like all times here in units of `arch::coarse_ticks`.
    pub(super) sent: AtomicU32,
    /// When data was last received; 0 for never.
    pub(super) received: AtomicU32,
    /// What the last call has added to the tally beside the call itself.
    pub(super) last: AtomicU32,
    /// When the oldest held byte was held.
    pub(super) since: AtomicU32,
    /// 1 while the connection has Nagle's algorithm back for a long burst.
    pub(super) nagle: AtomicU32,
    /// The flags below, and from bit [`SERVICE`] on the number of the service.
    pub(super) state: AtomicU32,
    /// The sizes of the last four calls, as in `Counter::StallSizes`. All ones while they are not noted.
    pub(super) sizes: AtomicU64,
    /// How many calls and bursts were counted on this connection.
    pub(super) calls: AtomicU32,
    pub(super) bursts: AtomicU32,
    /// When the connection was opened.
    pub(super) opened: AtomicU32,
    /// The last known value of its lower word in the engine's table, where it is cleared before the close is counted.
    pub(super) word: AtomicU32,
    /// The number of its exchanges, and their total time.
    pub(super) exchanges: AtomicU32,
    pub(super) delay: AtomicU64,
}

/// The descriptor is not counted.
const NOT: u32 = 0;
/// A simple connection: its calls take the quick path (calls.rs).
const SIMPLE: u32 = 1;
/// Any other connection that is counted.
const OTHER: u32 = 2;
/// The unit in which held calls are counted in the mode's word.
const HELD_CALL: u32 = 1 << 8;
/// Mask of the mode itself.
const MODE: u32 = HELD_CALL - 1;

/// If the thread waits now, that is due to Nagle's algorithm.
pub(super) const SUSPECT: u32 = 1;
/// If the thread waits now, that is due to data that the program itself holds.
pub(super) const SUSPECT_CORK: u32 = 2;
/// The thread waits, and the kernel has said that data is unsent.
pub(super) const STALLING: u32 = 4;
/// The reason why the connection is tuned or not has been counted.
pub(super) const CLASSED: u32 = 8;
/// The connection belongs to the control group.
pub(super) const IN_CONTROL: u32 = 16;
/// The socket has another descriptor.
pub(super) const COPIED: u32 = 32;
/// The socket is a listener.
pub(super) const LISTENS: u32 = 64;
/// The open burst is so long that it has been counted in parts.
pub(super) const LONG: u32 = 256;
/// The record describes a connection.
pub(super) const USED: u32 = 128;
/// The program holds calls itself, by MSG_MORE.
pub(super) const HOLDS_ITSELF: u32 = 512;
/// Bit position of the service's number.
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

    pub(super) fn get(self, counter: Counter) -> u64 {
        self.word(counter as usize).load(Relaxed)
    }

    /// Raises a maximum.
    pub(super) fn raise(self, counter: Counter, value: u64) {
        self.word(counter as usize).fetch_max(value, Relaxed);
    }

    /// Adds one to a bucket, given by its offset in the arm, in bytes.
    #[inline(always)]
    pub(super) fn bucket(self, at: usize) {
        self.word(at >> 3).fetch_add(1, Relaxed);
    }

    #[inline(always)]
    fn word(self, number: usize) -> &'static Word {
        // SAFETY: an arm of the mapping, which is never removed; the numbers of counters and buckets lie inside it.
        unsafe { &*self.0.wrapping_add(number) }
    }
}

/// The records; null until the first one is needed.
pub(super) static RECORDS: AtomicPtr<Record> = AtomicPtr::new(null_mut());
/// The highest descriptor that has had one.
static HIGHEST: AtomicU32 = AtomicU32::new(0);

/// The record of a descriptor, whether it is counted or not. To be called only once the records are mapped.
#[inline(always)]
pub(super) fn of(fd: c_int) -> Option<&'static Record> {
    if fd as u32 >= NEAR {
        return None;
    }
    let record = in_one_register(RECORDS.load(Relaxed).wrapping_add(fd as u32 as usize));
    // SAFETY: the records are mapped before the counting functions are put in place, and other callers check. Spares a
    // test.
    unsafe { core::hint::assert_unchecked(!record.is_null()) };
    // SAFETY: there is a record for each number below NEAR (checked above), and they are never unmapped.
    Some(unsafe { &*record })
}

/// The record of a descriptor, if it is a simple connection.
#[inline(always)]
pub(super) fn simple(fd: c_int) -> Option<&'static Record> {
    of(fd).filter(|record| record.is_simple())
}

/// The record of a descriptor, if it is counted.
#[inline(always)]
pub(super) fn counted(fd: c_int) -> Option<&'static Record> {
    of(fd).filter(|record| record.counts().is_some())
}

/// The record of a descriptor; None if the records may not be mapped yet and are not.
pub(super) fn if_any(fd: c_int) -> Option<&'static Record> {
    if RECORDS.load(Relaxed).is_null() { None } else { of(fd) }
}

/// The record of a new descriptor, and the file. Makes everything that counting needs, if it is not there yet.
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
    record.fd.store(fd, Relaxed);
    Some((file, record))
}

const LENGTH: usize = NEAR as usize * size_of::<Record>();

impl Record {
    /// Where the connection is counted, if it is.
    #[inline(always)]
    pub(super) fn counts(&self) -> Option<Counts> {
        if self.mode.load(Relaxed) & MODE == NOT { None } else { Some(self.its_counts()) }
    }

    /// Where the connection is counted. To be called only if it is counted, or was a moment ago.
    #[inline(always)]
    pub(super) fn its_counts(&self) -> Counts {
        Counts(self.counts.load(Relaxed))
    }

    /// Is it a simple connection?
    #[inline(always)]
    pub(super) fn is_simple(&self) -> bool {
        self.mode.load(Relaxed) & MODE == SIMPLE
    }

    /// From now on it is counted there.
    pub(super) fn count(&self, counts: Counts, simple: bool) {
        self.counts.store(counts.0, Relaxed);
        let held = self.mode.load(Relaxed) & !MODE;
        self.mode.store(held | if simple { SIMPLE } else { OTHER }, Relaxed);
    }

    /// How many calls the library holds on it.
    #[inline(always)]
    pub(super) fn held(&self) -> u32 {
        self.mode.load(Relaxed) / HELD_CALL
    }

    /// Adds a held call. (One atomic access, as in `let_go`: another thread may just have stopped the counting.)
    #[inline(always)]
    pub(super) fn hold(&self) {
        self.mode.fetch_add(HELD_CALL, Relaxed);
    }

    /// Sets the number of held calls to 0; returns what it was.
    #[inline(always)]
    pub(super) fn let_go(&self) -> u32 {
        let held = self.held();
        self.mode.fetch_and(MODE, Relaxed);
        held
    }

    /// Stops counting the connection.
    pub(super) fn forget(&self) {
        self.pause();
        self.state.store(0, Relaxed);
    }

    /// Stops counting the connection, and clears what was counted of it.
    pub(super) fn renew(&self) {
        self.forget();
        self.begin();
        self.delay.store(0, Relaxed);
        self.sizes.store(u64::MAX, Relaxed);
        for word in [&self.received, &self.calls, &self.bursts, &self.exchanges] {
            word.store(0, Relaxed);
        }
    }

    /// Stops counting for now. (A call that is being counted at this moment still finishes in the same place.)
    fn pause(&self) {
        self.mode.store(NOT, Relaxed);
    }

    /// The descriptor.
    #[inline(always)]
    pub(super) fn fd(&self) -> c_int {
        self.fd.load(Relaxed)
    }

    /// The time since the last call of the burst.
    pub(super) fn since_sent(&self, now: u32) -> u32 {
        now.wrapping_sub(self.sent.load(Relaxed))
    }

    /// Starts an empty burst.
    pub(super) fn begin(&self) {
        self.tally.store(0, Relaxed);
        self.last.store(0, Relaxed);
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

/// Calls `visit` for each descriptor that is counted.
#[cold]
pub(super) fn each(mut visit: impl FnMut(c_int, &'static Record)) {
    all(|fd, record| {
        if record.counts().is_some() {
            visit(fd, record);
        }
    });
}

/// Calls `visit` for each record that has ever been in use.
fn all(mut visit: impl FnMut(c_int, &'static Record)) {
    let mut number = 0u32;
    while number <= HIGHEST.load(Relaxed) {
        if let Some(record) = if_any(number as c_int) {
            visit(number as c_int, record);
        }
        number = number.wrapping_add(1);
    }
}

/// The process is ending: counts what the kernel says of each open connection.
#[cold]
pub(super) fn close_all() {
    each(connection::closing);
}

/// The process is about to restrict its own system calls, or to forbid the cycle counter: stops counting.
#[cold]
pub(crate) fn stop() {
    each(|_, record| record.pause());
}

/// The call that restricts the process has returned. If it failed, counting resumes.
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
