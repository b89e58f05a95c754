//! The state that the preloaded library keeps about the process's sockets and threads, and its effects on them. The
//! hooks (src/shim) call [`Library`]; the decisions come from `policy`; the effects reach the kernel through
//! [`Machine`]. So the same code runs in the library, in unit tests, under a model checker and under fuzzers.
//!
//! Must never allocate, lock, panic, use thread-local storage, know a hook's name, or dereference a pointer of the
//! program's.
#![no_std]

extern crate tcptune_policy as policy;

#[cfg(any(test, feature = "loom"))]
extern crate std;

policy::never_panic! {
    mod applied;
    mod burst;
    mod confined;
    mod detach;
    mod effects;
    mod library;
    mod machine;
    mod mode;
    mod sandbox;
    mod split;
    mod table;
    mod threads;
    mod told;
    mod tune;
    mod watch;
    mod word;
}
#[cfg(not(feature = "loom"))]
mod sync;
#[cfg(feature = "loom")]
#[path = "sync_loom.rs"]
mod sync;

pub use burst::{Call, First, Look, LookAtReceive, Receive};
pub use library::Library;
pub use machine::tcp_info::path;
pub use machine::{Machine, NoMap, get_int};
pub use mode::{BACKTRACES, COUNTING, LOOKED, SETS_OPTIONS, SPECIAL};
pub use sandbox::Entering;
pub use table::{ALL, NEAR};
pub use threads::Place;
pub use told::Told;
pub use tune::{TCP_ULP, local_port};
