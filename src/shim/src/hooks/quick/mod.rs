//! The first instructions of the hooks of which programs make many calls: is there anything to do but to make the real call,
//! and if so, is it one of the usual things? What is not is left to the functions beside each hook.
//!
//! portable.rs says it in Rust. On x86-64 the commonest hooks have the same written in machine code (x86_64.rs), at half the
//! cost: a compiler saves registers for paths that are not taken, and cannot compare with an atomic in memory. Neither
//! decides anything: the next state of a connection is what policy::burst keeps ready.

#[macro_use]
mod portable;
#[cfg(machine_code)]
#[macro_use]
mod x86_64;
