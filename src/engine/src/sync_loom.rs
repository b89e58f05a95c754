//! The atomics under a model checker, in the place of sync.rs: policy's.

pub(crate) use policy::sync::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Relaxed};
