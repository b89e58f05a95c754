//! What is known of each connection that is counted: two cache lines for each descriptor, in memory that is mapped when the first
//! TCP socket appears. Like the engine's table a hint: an entry may be about a socket that was closed behind our back.

use core::ffi::c_int;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

use policy::counters::Counter;
use policy::counters::Head;

use engine::NEAR;

use super::file::{self, Word};
use super::{connection, insert};
use crate::arch::in_one_register;

/// A connection, or a listener. What a call looks at and writes is in the first half.
#[repr(C, align(128))]
pub(super) struct Record {
    /// Where its service and arm count; null before it first did.
    counts: AtomicPtr<Word>,
    /// [`NOT`], [`SIMPLE`] or [`OTHER`], and from [`HELD_CALL`] on how many calls the library holds now. One word: one test
    /// tells that a connection is simple and nothing is held on it.
    mode: AtomicU32,
    /// Its descriptor.
    fd: AtomicI32,
    /// The present burst (policy::counters::tally).
    pub(super) tally: AtomicU32,
    /// How many more receives are to be looked at for pauses.
    pub(super) watch: AtomicU32,
    /// When data was last sent, in `arch::coarse_ticks`, as all times below.
    pub(super) sent: AtomicU32,
    /// When data was last received; 0: never.
    pub(super) received: AtomicU32,
    /// What the last call has added to the tally, but for the call itself.
    pub(super) last: AtomicU32,
    /// Since when the oldest byte is held.
    pub(super) since: AtomicU32,
    /// 1 while the library lets Nagle's rule hold.
    pub(super) nagle: AtomicU32,
    /// What was found out so far: the constants below, the service's number from [`SERVICE`] on.
    pub(super) state: AtomicU32,
    /// Sizes of the last four calls, as `Counter::StallSizes`. All ones while they are not noted.
    pub(super) sizes: AtomicU64,
    /// Calls and bursts that were counted of this connection.
    pub(super) calls: AtomicU32,
    pub(super) bursts: AtomicU32,
    /// When it was opened.
    pub(super) opened: AtomicU32,
    /// What its word in the engine's table said last: that is cleared before it is closed.
    pub(super) word: AtomicU32,
    /// Its exchanges, and how long all of them took.
    pub(super) exchanges: AtomicU32,
    pub(super) delay: AtomicU64,
}

/// Nothing is counted here.
const NOT: u32 = 0;
/// Its calls need no closer look (calls.rs).
const SIMPLE: u32 = 1;
/// Any other connection.
const OTHER: u32 = 2;
/// A call that the library holds.
const HELD_CALL: u32 = 1 << 8;
/// Where the mode itself is.
const MODE: u32 = HELD_CALL - 1;

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
/// The program holds its calls by itself, by MSG_MORE.
pub(super) const HOLDS_ITSELF: u32 = 512;
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

    pub(super) fn get(self, counter: Counter) -> u64 {
        self.word(counter as usize).load(Relaxed)
    }

    /// As far as it is more than what is there.
    pub(super) fn raise(self, counter: Counter, value: u64) {
        self.word(counter as usize).fetch_max(value, Relaxed);
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
    let record = in_one_register(RECORDS.load(Relaxed).wrapping_add(fd as u32 as usize));
    // SAFETY: spares a test; the counting functions are put in place when the records are there.
    unsafe { core::hint::assert_unchecked(!record.is_null()) };
    // SAFETY: there is one for each number below NEAR, and they are never unmapped.
    Some(unsafe { &*record })
}

/// The record of a simple connection.
#[inline(always)]
pub(super) fn simple(fd: c_int) -> Option<&'static Record> {
    of(fd).filter(|record| record.is_simple())
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
    record.fd.store(fd, Relaxed);
    Some((file, record))
}

const LENGTH: usize = NEAR as usize * size_of::<Record>();

impl Record {
    /// Where it is counted, if it is.
    #[inline(always)]
    pub(super) fn counts(&self) -> Option<Counts> {
        if self.mode.load(Relaxed) & MODE == NOT { None } else { Some(self.its_counts()) }
    }

    /// The same where it is known to be counted, or was a moment ago.
    #[inline(always)]
    pub(super) fn its_counts(&self) -> Counts {
        Counts(self.counts.load(Relaxed))
    }

    /// Is it a simple one?
    #[inline(always)]
    pub(super) fn is_simple(&self) -> bool {
        self.mode.load(Relaxed) & MODE == SIMPLE
    }

    /// It is counted there from now on.
    pub(super) fn count(&self, counts: Counts, simple: bool) {
        self.counts.store(counts.0, Relaxed);
        let held = self.mode.load(Relaxed) & !MODE;
        self.mode.store(held | if simple { SIMPLE } else { OTHER }, Relaxed);
    }

    /// How many calls the library holds here.
    #[inline(always)]
    pub(super) fn held(&self) -> u32 {
        self.mode.load(Relaxed) / HELD_CALL
    }

    /// One more. (Added and taken away in one access: another thread may just have stopped the counting.)
    #[inline(always)]
    pub(super) fn hold(&self) {
        self.mode.fetch_add(HELD_CALL, Relaxed);
    }

    /// None any more; how many there were.
    #[inline(always)]
    pub(super) fn let_go(&self) -> u32 {
        let held = self.held();
        self.mode.fetch_and(MODE, Relaxed);
        held
    }

    /// Nothing is counted here any more.
    pub(super) fn forget(&self) {
        self.pause();
        self.state.store(0, Relaxed);
    }

    /// The same, and nothing is left of what was counted here before.
    pub(super) fn renew(&self) {
        self.forget();
        self.begin();
        self.delay.store(0, Relaxed);
        self.sizes.store(u64::MAX, Relaxed);
        for word in [&self.received, &self.calls, &self.bursts, &self.exchanges] {
            word.store(0, Relaxed);
        }
    }

    /// Nothing is counted here for now. (What a call has begun to count it still counts in the same place.)
    fn pause(&self) {
        self.mode.store(NOT, Relaxed);
    }

    /// Its descriptor.
    #[inline(always)]
    pub(super) fn fd(&self) -> c_int {
        self.fd.load(Relaxed)
    }

    /// How long ago, at `now`, the last call of the burst was made.
    pub(super) fn since_sent(&self, now: u32) -> u32 {
        now.wrapping_sub(self.sent.load(Relaxed))
    }

    /// No burst is under way.
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
