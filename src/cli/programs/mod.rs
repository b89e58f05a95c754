//! Programs and the library: where they are, what they are, and whether LD_PRELOAD reaches the one with the other. Reads files
//! and /proc, and runs nothing (but for the trial of confined.rs).

pub mod c_library;
pub mod confined;
pub mod facts;
pub mod known;
pub mod library;
pub mod preload;
pub mod privilege;
pub mod process;
pub mod python;
pub mod reach;
pub mod sanitizer;
pub mod script;
pub mod search;
pub mod start;
pub mod verdict;
