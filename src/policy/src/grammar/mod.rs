//! The small grammars of which the settings are made. Each reads bytes and returns their meaning, or nothing. None
//! knows which setting it serves.

pub(crate) mod cidr;
pub(crate) mod dscp;
pub(crate) mod glob;
pub(crate) mod number;
pub(crate) mod piece;
pub(crate) mod ports;
pub(crate) mod words;
