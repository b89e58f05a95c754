//! The socket options that `TCPTUNE_SET` and a rule's `set(...)` can give: their table, and how their values are
//! parsed, stored and written. Prepares the arguments of setsockopt(2), but never calls it.

mod describe;
mod parse;
mod set;
mod sockopts;
mod table;

pub(crate) use parse::parse;
pub use set::{OptionSet, SockOpt};
pub use sockopts::{TCP_DELACK_MAX_US, TCP_RTO_MAX_MS, TCP_RTO_MIN_US, When, option_id};
pub use table::{OPTION_TEXTS, OPTIONS, OptionRow, OptionText};
