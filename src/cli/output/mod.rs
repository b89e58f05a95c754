//! What people see on stdout: text with colours where they belong, and numbers as people write them.

pub mod json;
mod text;
pub mod words;

pub use text::{BAD, BOLD, FAINT, GOOD, NOTE, complete, line, printable, raw, styled, wrapped};
