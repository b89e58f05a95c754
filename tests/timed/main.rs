//! What compares times or counts instructions, and so runs beside nothing else: each test begins by
//! taking its turn (support/turn.rs).

mod ab;
mod cost;
mod distance;
mod doctor_backtrace;
mod export_load;
mod far;
mod field;
mod holding;
mod imap;
mod paced;
mod quickack;
#[path = "../support/mod.rs"]
mod support;
