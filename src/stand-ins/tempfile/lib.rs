//! Nothing: py-spy's library does not use the crate whose place this takes. Without it, cargo would enable `std` of once_cell for all
//! that is built together, and the preloaded library has no standard library.
#![no_std]
