//! The atomics that threads share: core's, or a model checker's under the feature `loom`.

pub(crate) use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
