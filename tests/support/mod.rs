//! What the tests share: the library under test, running programs natively and preloaded, and real servers.
//!
//! Nothing here may make a test pass that would fail without it: no retry of an assertion, no tolerance. Every process
//! started here is ended by its own pid when its guard is dropped.

// Each test binary compiles this module for itself and uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod chains;
pub mod cli;
pub mod compile;
pub mod counters;
pub mod cyrus;
pub mod exchange;
pub mod guard;
pub mod hazards;
pub mod http;
pub mod library;
pub mod machine;
pub mod net;
pub mod netns;
pub mod process;
pub mod run;
pub mod same;
pub mod strace;
pub mod turn;

pub use compile::{compile, compile_musl, program};
pub use guard::{Guard, ScratchDir};
pub use library::library;
pub use machine::Machine;
pub use net::free_port;
pub use run::{Mode, Outcome, finish, run, text};
pub use same::assert_same;

use std::path::PathBuf;

/// A directory for what tests build; it lies in the target directory and may survive the run.
pub fn build_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}
