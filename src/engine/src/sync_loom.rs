//! The atomics of the library under the model checker: loom's, in the place of core's (src/shim/src/sync.rs).
//!
//! loom's own cannot be statics: they belong to one run of the model. So a static here only knows where it is and what it
//! starts with; its loom atomic is made at its first use in a run. Nothing here may order anything that loom does not.
//!
//! A store is an exchange here: loom 0.7 lets a thread read, after its own store, a value that another thread's exchange had
//! put there before that store, which no machine does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use loom::sync::atomic as model;

use loom::sync::atomic::Ordering;
pub(crate) use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};

thread_local! {
    /// By address: what this run has made so far. (loom's threads are one thread of the system.)
    static MADE: RefCell<HashMap<usize, Rc<model::AtomicU64>>> = RefCell::new(HashMap::new());
}

/// Forgets what the run has made; to be called at its end.
pub(crate) fn end_of_run() {
    MADE.with_borrow_mut(HashMap::clear);
}

fn made(address: usize, first: u64) -> Rc<model::AtomicU64> {
    if let Some(made) = MADE.with_borrow(|made| made.get(&address).cloned()) {
        return made;
    }
    // Outside the borrow: loom may switch threads here.
    let fresh = Rc::new(model::AtomicU64::new(first));
    MADE.with_borrow_mut(|made| made.entry(address).or_insert(fresh).clone())
}

/// Every access of every thread is also one to this, so that loom takes no two of them for independent: by its own reckoning
/// it left out orders in which it had to delay a thread that was already on its way. Relaxed: it orders nothing. (What only one
/// thread looks at needs no such care.)
fn step() {
    static STEPS: u8 = 0;
    made(&raw const STEPS as usize, 0).fetch_add(1, Ordering::Relaxed);
}

macro_rules! atomics {
    ($($name:ident $inner:ty;)*) => { $(
        #[repr(transparent)]
        pub(crate) struct $name($inner);

        #[allow(dead_code, reason = "as core's has them")]
        impl $name {
            pub(crate) const fn new(first: $inner) -> $name {
                $name(first)
            }

            fn model(&self) -> Rc<model::AtomicU64> {
                let address = &raw const *self as usize;
                if MADE.with_borrow(|made| made.contains_key(&address)) {
                    step();
                }
                made(address, self.0 as u64)
            }

            pub(crate) fn load(&self, order: Ordering) -> $inner {
                self.model().load(order) as $inner
            }

            pub(crate) fn store(&self, value: $inner, order: Ordering) {
                self.model().swap(value as u64, order);
            }

            pub(crate) fn fetch_or(&self, value: $inner, order: Ordering) -> $inner {
                self.model().fetch_or(value as u64, order) as $inner
            }

            pub(crate) fn fetch_max(&self, value: $inner, order: Ordering) -> $inner {
                let model = self.model();
                let update = |now: u64| Some((now as $inner).max(value) as u64);
                model.fetch_update(order, order, update).unwrap_or_else(|now| now) as $inner
            }

            pub(crate) fn compare_exchange(
                &self, now: $inner, next: $inner, done: Ordering, failed: Ordering,
            ) -> Result<$inner, $inner> {
                let result = self.model().compare_exchange(now as u64, next as u64, done, failed);
                result.map(|value| value as $inner).map_err(|value| value as $inner)
            }
        }
    )* };
}

atomics! {
    AtomicU8 u8;
    AtomicI32 i32;
    AtomicU32 u32;
    AtomicU64 u64;
}

/// A pointer; null to begin with, as the library's is.
pub(crate) struct AtomicPtr<T>(AtomicU64, std::marker::PhantomData<*mut T>);

// SAFETY: as core's: the pointer alone is shared.
unsafe impl<T> Sync for AtomicPtr<T> {}

impl<T> AtomicPtr<T> {
    pub(crate) const fn new(first: *mut T) -> AtomicPtr<T> {
        assert!(first.is_null());
        AtomicPtr(AtomicU64::new(0), std::marker::PhantomData)
    }

    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order) as usize as *mut T
    }

    pub(crate) fn compare_exchange(
        &self,
        now: *mut T,
        next: *mut T,
        done: Ordering,
        failed: Ordering,
    ) -> Result<*mut T, *mut T> {
        let result = self.0.compare_exchange(now as usize as u64, next as usize as u64, done, failed);
        result.map(|at| at as usize as *mut T).map_err(|at| at as usize as *mut T)
    }
}
