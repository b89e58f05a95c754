//! Each thread's open burst, found by its thread pointer.
//!
//! A slot belongs to the first thread that needs it, and only that thread writes to the burst in it from then on. Where two
//! threads would have the same slot the later one's calls are not held. (A thread that ends leaves its slot behind; the next
//! thread on the same stack has the same thread pointer, and with it the slot.)

use core::ffi::c_int;
use core::fmt;
use core::ptr::null_mut;

use policy::evidence::Burst;

use crate::machine::Machine;
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Relaxed};

/// Slots.
pub(crate) const SLOTS: usize = if cfg!(feature = "loom") { 16 } else { 4096 };

/// A thread's place: one cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Place {
    /// Its thread pointer; 0 while it is nobody's.
    thread: AtomicUsize,
    /// Where its errno is: the same for every thread with this thread pointer.
    errno: AtomicPtr<c_int>,
    pub(crate) burst: Burst,
}

impl Place {
    /// errno of this thread, which must be the place's.
    #[inline(always)]
    pub(crate) fn error(&self) -> c_int {
        // SAFETY: the address of the running thread's errno, put there when it took the place.
        unsafe { *self.errno.load(Relaxed) }
    }

    /// Sets it.
    #[cold]
    pub(crate) fn set_error(&self, error: c_int) {
        // SAFETY: as above; nobody else uses a thread's errno.
        unsafe { *self.errno.load(Relaxed) = error };
    }

    #[inline(always)]
    pub(crate) fn is_of(&self, thread: usize) -> bool {
        self.thread.load(Relaxed) == thread
    }
}

/// All threads' places.
pub(crate) struct Threads {
    slots: [Place; SLOTS],
    /// A bit for each place that was ever taken: a walk touches no other memory.
    taken: [AtomicU32; SLOTS.div_ceil(32)],
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Threads {
    pub(crate) const fn new() -> Threads {
        Threads {
            slots: [const { Place { thread: AtomicUsize::new(0), errno: AtomicPtr::new(null_mut()), burst: Burst::new() } }; SLOTS],
            taken: [const { AtomicU32::new(0) }; SLOTS.div_ceil(32)],
        }
    }

    #[inline(always)]
    fn place(thread: usize) -> usize {
        // Thread control blocks lie a stack apart: 8 MiB most often, 1 or 2 MiB where many threads are expected.
        (thread >> 20) & SLOTS.wrapping_sub(1)
    }

    #[inline(always)]
    fn slot(&self, thread: usize) -> &Place {
        // SAFETY: avoids a bounds check on the path of every wait; a place is below the array's length.
        unsafe { self.slots.get_unchecked(Threads::place(thread)) }
    }

    /// Is a burst open in this thread's place? The first look, which is all that most waits need.
    #[inline(always)]
    pub(crate) fn has_open(&self, thread: usize) -> bool {
        self.slot(thread).burst.is_open()
    }

    /// This thread's place, or that of the one that has it, if a burst is open there: as [`Threads::has_open`].
    #[inline(always)]
    pub(crate) fn slot_with_open(&self, thread: usize) -> Option<&Place> {
        let slot = self.slot(thread);
        if slot.burst.is_open() { Some(slot) } else { None }
    }

    /// This thread's burst, if one is open.
    #[inline(always)]
    pub(crate) fn open(&self, thread: usize) -> Option<&Burst> {
        self.taken(thread).map(|place| &place.burst).filter(|burst| burst.is_open())
    }

    /// This thread's place, if it has taken one.
    #[inline(always)]
    pub(crate) fn taken(&self, thread: usize) -> Option<&Place> {
        let slot = self.slot(thread);
        if slot.is_of(thread) { Some(slot) } else { None }
    }

    /// Takes a place for this thread; None where another thread has it.
    pub(crate) fn take<M: Machine>(&self, thread: usize) -> Option<&Place> {
        let (slot, place) = (self.slot(thread), Threads::place(thread));
        let errno = M::errno();
        if errno.is_null() {
            return None;
        }
        // Where two threads come at once the first has it.
        slot.thread.compare_exchange(0, thread, Relaxed, Relaxed).ok()?;
        slot.errno.store(errno, Relaxed);
        if let Some(word) = self.taken.get(place >> 5) {
            word.fetch_or(1 << (place & 31), Relaxed);
        }
        Some(slot)
    }

    /// Every burst that is open now.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Burst)) {
        for (slots, taken) in self.slots.chunks(32).zip(&self.taken) {
            let mut taken = taken.load(Relaxed);
            while taken != 0 {
                let bit = taken.trailing_zeros();
                taken &= taken.wrapping_sub(1);
                if let Some(slot) = slots.get(bit as usize).filter(|slot| slot.burst.is_open()) {
                    visit(&slot.burst);
                }
            }
        }
    }
}
