//! What people see on stdout: text with colours where they belong, and numbers as people write them.

pub mod json;
pub mod page;
mod printable;
pub mod table;
mod text;
mod width;
pub mod words;

pub use printable::printable;
pub use text::{BAD, BOLD, FAINT, GOOD, NOTE, complete, line, paragraph, raw, styled};
pub use width::Width;
