//! What goes wrong: exit codes, and messages that name what was being done, to what, and what helps.

mod context;
mod failure;
pub mod usage;
mod words;

pub use context::Context;
pub use failure::{CANNOT_EXECUTE, Failure, NO, NOT_FOUND, OK, OWN, UNKNOWN, plain, say};
pub use words::shown;
