//! The library: what it does to sockets, what it says of itself, and what its neighbours notice. One file per subject.

mod behind;
mod census;
mod chain;
mod chain_libraries;
mod chain_tools;
mod error_queue;
mod file;
mod hazard_programs;
mod nodelay_families;
mod nodelay_inherited;
mod nodelay_options;
mod nodelay_refused;
mod nodelay_syscalls;
mod old_libc;
mod privileged;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
mod thread_tools;
mod unwind;
mod versions;
