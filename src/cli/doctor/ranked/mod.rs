//! The services of a host, ranked by the time that they lose: as data, and for people.

pub mod print;
pub mod ranking;
