//! The atomics of the library: core's. One module gives them, so that the model checker's can stand in their place and the
//! same source files be run under it (tests/loom_threads.rs). Which accesses are relaxed, and why, is in docs/concurrency.md.

pub(crate) use core::sync::atomic::{
    AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
