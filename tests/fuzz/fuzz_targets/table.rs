//! The check of bodies/table.rs under libFuzzer.
#![no_main]
#![allow(dead_code, reason = "of the library's files only the table is used")]

extern crate tcptune_policy as policy;

#[path = "../machine.rs"]
mod arch;
#[path = "../bodies/table.rs"]
mod body;
#[path = "../../loom/count.rs"]
mod count;
#[path = "../../../src/shim/src/hold.rs"]
mod hold;
#[path = "../../../src/shim/src/kernel.rs"]
mod kernel;
#[path = "../../../src/shim/src/mode.rs"]
mod mode;
#[path = "../../../src/shim/src/sync.rs"]
mod sync;
#[path = "../../../src/shim/src/table.rs"]
mod table;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
