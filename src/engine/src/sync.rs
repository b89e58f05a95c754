//! The atomics: core's, or a model checker's under the feature `loom`. docs/concurrency.md says which accesses are
//! relaxed, and why.

pub(crate) use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed};
