//! The `tcptune` command.
fn main() {}
