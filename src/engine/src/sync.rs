//! The atomics: core's. A model checker's stand in their place under the feature `loom`. Which accesses are relaxed, and why,
//! is in docs/concurrency.md.

pub(crate) use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed};
