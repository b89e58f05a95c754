//! The open burst of each thread, found by the thread pointer (the address of the thread control block).
//!
//! A slot belongs to the first thread that needs it; from then on only that thread writes to the burst in it, but that
//! another may end what was left behind. If
//! another thread's pointer selects the same slot, that thread's calls are not held. (A slot is never freed, but the
//! next thread on the same stack has the same thread pointer, and so gets the same slot.)

use core::ffi::c_int;
use core::fmt;
use core::ptr::null_mut;

use policy::evidence::Burst;

use crate::machine::Machine;
use crate::sync::{AtomicPtr, AtomicU32, AtomicUsize, Relaxed};

/// Number of slots.
pub(crate) const SLOTS: usize = if cfg!(feature = "loom") { 16 } else { 4096 };

/// Stands for the owner of a slot while it is being taken: no thread pointer, all of which are aligned.
const INCOMPLETE: usize = 1;

/// A thread's slot: one cache line.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Place {
    /// The thread pointer of its owner; 0 while it has none.
    thread: AtomicUsize,
    /// The address of the owner's errno; every thread with this thread pointer has it there.
    errno: AtomicPtr<c_int>,
    pub(crate) burst: Burst,
}

impl Place {
    /// errno of the calling thread, which must own the slot.
    #[inline(always)]
    pub(crate) fn error(&self) -> c_int {
        // SAFETY: `take` has stored the address of the owner's errno. The owner is the running thread, so its errno
        // exists.
        unsafe { *self.errno.load(Relaxed) }
    }

    /// Sets errno of the calling thread, which must own the slot.
    #[cold]
    pub(crate) fn set_error(&self, error: c_int) {
        // SAFETY: `take` has stored the address of the owner's errno. The owner is the running thread, and no other
        // thread accesses it.
        unsafe { *self.errno.load(Relaxed) = error };
    }

    #[inline(always)]
    pub(crate) fn is_of(&self, thread: usize) -> bool {
        self.thread.load(Relaxed) == thread
    }
}

/// The slots of all threads.
pub(crate) struct Threads {
    slots: [Place; SLOTS],
    /// A bit for each slot that has an owner, so a walk touches no memory of the others.
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
        // Thread control blocks are a stack size apart: mostly 8 MiB, in programs with many threads 1 or 2 MiB.
        (thread >> 20) & SLOTS.wrapping_sub(1)
    }

    #[inline(always)]
    fn slot(&self, thread: usize) -> &Place {
        // SAFETY: in bounds, because `place` masks its result to the number of slots. Unchecked, because every wait
        // comes here.
        unsafe { self.slots.get_unchecked(Threads::place(thread)) }
    }

    /// Is a burst open in this thread's slot? It may be that of another thread with the same slot. Most waits end here.
    #[inline(always)]
    pub(crate) fn has_open(&self, thread: usize) -> bool {
        self.slot(thread).burst.is_open()
    }

    /// This thread's slot if a burst is open in it. Whether that burst is this thread's own is not checked, as in
    /// [`Threads::has_open`].
    #[inline(always)]
    pub(crate) fn slot_with_open(&self, thread: usize) -> Option<&Place> {
        let slot = self.slot(thread);
        if slot.burst.is_open() { Some(slot) } else { None }
    }

    /// This thread's own burst, if it is open.
    #[inline(always)]
    pub(crate) fn open(&self, thread: usize) -> Option<&Burst> {
        self.taken(thread).map(|place| &place.burst).filter(|burst| burst.is_open())
    }

    /// This thread's slot, if it owns one.
    #[inline(always)]
    pub(crate) fn taken(&self, thread: usize) -> Option<&Place> {
        let slot = self.slot(thread);
        if slot.is_of(thread) { Some(slot) } else { None }
    }

    /// Takes the slot for this thread; None if another thread owns it.
    pub(crate) fn take<M: Machine>(&self, thread: usize) -> Option<&Place> {
        let (slot, place) = (self.slot(thread), Threads::place(thread));
        let errno = M::errno();
        if errno.is_null() {
            return None;
        }
        // If two threads try at once, the first one gets it. A signal handler that comes before the slot is complete finds
        // that it is not this thread's, and its calls are not held.
        slot.thread.compare_exchange(0, INCOMPLETE, Relaxed, Relaxed).ok()?;
        slot.errno.store(errno, Relaxed);
        slot.thread.store(thread, Relaxed);
        if let Some(word) = self.taken.get(place >> 5) {
            word.fetch_or(1 << (place & 31), Relaxed);
        }
        Some(slot)
    }

    /// Calls `visit` for every open burst.
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
