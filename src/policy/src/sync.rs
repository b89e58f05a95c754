//! The atomics of what threads share: core's. A model checker's stand in their place under the feature `loom`.

pub(crate) use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
