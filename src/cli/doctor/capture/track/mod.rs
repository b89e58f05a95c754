//! What the segments of a capture show: connections, and on them the pieces of data that were held back until an acknowledgement
//! came. Pure, and bounded: a connection is a kilobyte, however long it lives.

mod connection;
mod end;
mod scatter;
mod seq;
mod table;
mod ticks;
mod time;
mod waits;

pub use table::{Hosts, Service, Side, Table};
pub use waits::{Sum, Wait, Waits};
