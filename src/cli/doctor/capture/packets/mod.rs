//! From the bytes of a capture to TCP segments. Pure: bytes come in by a reader, nothing is judged here.

mod file;
mod frame;

pub use file::{End, compression, read};
pub use frame::{Frame, Segment};
