//! The small grammars that the values of the settings are made of. Each reads bytes and says what they mean, or nothing;
//! none of them knows which setting it serves.

pub(crate) mod cidr;
pub(crate) mod dscp;
pub(crate) mod glob;
pub(crate) mod number;
pub(crate) mod piece;
pub(crate) mod ports;
pub(crate) mod words;
