//! Replays what fuzzing has kept for the descriptor table (tests/fuzz/bodies/table.rs), which is the library's own file. A test
//! program of its own, because that file looks for its neighbours at the root.

#![allow(dead_code, reason = "of the library's files only the table is used")]

extern crate tcptune_policy as policy;

#[path = "fuzz/machine.rs"]
mod arch;
#[path = "fuzz/bodies/table.rs"]
mod body;
#[path = "loom/count.rs"]
mod count;
#[path = "../src/shim/src/hold.rs"]
mod hold;
#[path = "../src/shim/src/kernel.rs"]
mod kernel;
#[path = "../src/shim/src/mode.rs"]
mod mode;
#[path = "fuzz/replay.rs"]
mod replay;
#[path = "../src/shim/src/sync.rs"]
mod sync;
#[path = "../src/shim/src/table.rs"]
mod table;

#[test]
fn table() {
    replay::replay("table", body::check);
}
