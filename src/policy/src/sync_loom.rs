//! The atomics under the model checker: loom's, in place of core's (sync.rs, and the engine's).
//!
//! loom's own atomics cannot be made by a `const fn`, because they belong to one run of the model. An atomic here knows
//! only its address and its initial value; its loom atomic is made at its first use in a run. Nothing here may order
//! anything that loom itself does not.
//!
//! A store is a swap here: loom 0.7 lets a thread, after its own store, read a value that another thread's exchange had
//! put there before that store, which no real machine does.

use core::marker::PhantomData;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::thread_local;

use loom::sync::atomic as model;

use loom::sync::atomic::Ordering;
pub use loom::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The loom atomics that this run has made so far, by address. (All of loom's threads are one thread of the
    /// system.)
    static MADE: RefCell<HashMap<usize, Rc<model::AtomicU64>>> = RefCell::new(HashMap::new());
}

/// Forgets the atomics of a run; to be called at its end.
pub fn end_of_run() {
    MADE.with_borrow_mut(HashMap::clear);
}

fn made(address: usize, first: u64) -> Rc<model::AtomicU64> {
    if let Some(made) = MADE.with_borrow(|made| made.get(&address).cloned()) {
        return made;
    }
    // Not inside the borrow: loom may switch threads here.
    let fresh = Rc::new(model::AtomicU64::new(first));
    MADE.with_borrow_mut(|made| made.entry(address).or_insert(fresh).clone())
}

/// Every access of every thread also touches this counter, so that loom takes no two accesses for independent: its own
/// analysis left out orders in which it had to delay a thread that was already running. Relaxed, because it must order
/// nothing. (Not at the first use of an atomic, which orders nothing yet.)
fn step() {
    static STEPS: u8 = 0;
    made(&raw const STEPS as usize, 0).fetch_add(1, Relaxed);
}

macro_rules! atomics {
    ($($name:ident $inner:ty;)*) => { $(
        /// Like core's atomic of this name.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $name($inner);

        #[allow(missing_docs, clippy::missing_errors_doc, reason = "as core's")]
        impl $name {
            pub const fn new(first: $inner) -> $name {
                $name(first)
            }

            fn model(&self) -> Rc<model::AtomicU64> {
                let address = &raw const *self as usize;
                if MADE.with_borrow(|made| made.contains_key(&address)) {
                    step();
                }
                made(address, self.0 as u64)
            }

            pub fn load(&self, order: Ordering) -> $inner {
                self.model().load(order) as $inner
            }

            pub fn store(&self, value: $inner, order: Ordering) {
                self.model().swap(value as u64, order);
            }

            pub fn fetch_or(&self, value: $inner, order: Ordering) -> $inner {
                self.model().fetch_or(value as u64, order) as $inner
            }

            pub fn fetch_and(&self, value: $inner, order: Ordering) -> $inner {
                self.model().fetch_and(value as u64, order) as $inner
            }

            pub fn fetch_add(&self, value: $inner, order: Ordering) -> $inner {
                self.update(order, |now| now.wrapping_add(value))
            }

            pub fn fetch_max(&self, value: $inner, order: Ordering) -> $inner {
                self.update(order, |now| now.max(value))
            }

            /// Changes the value in one step; returns the old value.
            pub fn update(&self, order: Ordering, change: impl Fn($inner) -> $inner) -> $inner {
                let update = |now: u64| Some(change(now as $inner) as u64);
                self.model().fetch_update(order, order, update).unwrap_or_else(|now| now) as $inner
            }

            pub fn compare_exchange(
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
    AtomicUsize usize;
}

/// An atomic pointer. It is null initially, as all of the library's are.
#[derive(Debug)]
#[repr(transparent)]
pub struct AtomicPtr<T>(AtomicU64, PhantomData<fn() -> *mut T>);

#[allow(missing_docs, clippy::missing_errors_doc, reason = "as core's")]
impl<T> AtomicPtr<T> {
    pub const fn new(first: *mut T) -> AtomicPtr<T> {
        assert!(first.is_null());
        AtomicPtr(AtomicU64::new(0), PhantomData)
    }

    pub fn load(&self, order: Ordering) -> *mut T {
        self.0.load(order) as usize as *mut T
    }

    pub fn store(&self, at: *mut T, order: Ordering) {
        self.0.store(at as usize as u64, order);
    }

    pub fn compare_exchange(
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
