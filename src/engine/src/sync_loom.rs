//! The atomics under the model checker, in place of sync.rs: those of the policy crate.

pub(crate) use policy::sync::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Relaxed};
