//! What options take besides words and names: times, numbers, shares. Each reader says in its error what is allowed, worded to
//! stand behind the option and the value.

mod number;
mod share;
mod time;

pub use number::number;
pub use share::{percent, share};
pub use time::{Bare, time};
