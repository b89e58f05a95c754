//! The socket options that `TCPTUNE_SET` and a rule's `set(...)` can give: the table of them, how their values are read,
//! kept and written. Knows what `setsockopt` is to be given, and never calls it.

mod describe;
mod parse;
mod set;
mod sockopts;
mod table;

pub(crate) use parse::parse;
pub use set::{OptionSet, SockOpt};
pub use sockopts::{When, option_id};
pub use table::{OPTION_TEXTS, OPTIONS, OptionRow, OptionText};
