//! What people see on stdout: text with colours where they belong, and numbers as people write them.

pub mod json;
pub mod page;
mod printable;
mod text;
pub mod words;

pub use printable::printable;
pub use text::{BAD, BOLD, FAINT, GOOD, NOTE, complete, line, raw, styled, wrapped};
