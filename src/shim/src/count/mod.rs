//! Counting (TCPTUNE_STATS): what happens on TCP connections, in one mapped file for each process (policy::counters has
//! its layout). While it is off, none of this runs. The counting functions stand between a hook and the real function
//! (calls.rs, waits.rs); they are put there when the first TCP socket appears (insert.rs). A process without TCP
//! sockets leaves no file.
//!
//! A forked child counts into its parent's file. The additions are atomic, so a server that forks for each connection
//! has one file, and neither fork nor vfork costs a system call. An exec starts a new file.
//!
//! Must not change what the program sees, make a system call in the steady state, or count anything uncertain.
//! Orderings: relaxed, as everywhere, except for the words that tell another process that a part of the file can be
//! read.
//!
//! # Safety
//!
//! The counting functions forward the program's calls by the rule of hooks/mod.rs: `next` has the signature of the
//! hook's real function, and is called with the counting function's own parameters, unchanged and in order. Only a hook
//! calls a counting function, with what its own caller has promised. The out-of-line parts (`held`, `otherwise`) take
//! the same parameters and have the same contract.

mod calls;
mod connection;
mod file;
mod held;
mod insert;
mod modules;
mod record;
mod stalls;
mod trace;
mod waits;

pub(crate) use file::{check_directory, ended, is_told_to_stop};

use engine::{COUNTING, Told};

use crate::machine::LIBRARY;

/// The longest pause inside a burst, in units of `arch::coarse_ticks`.
const GAP: u32 = crate::arch::MILLISECOND >> 8;

/// Does this process count?
#[inline(always)]
pub(crate) fn on() -> bool {
    LIBRARY.is(COUNTING)
}

/// Counts an event that the engine reports.
#[cold]
#[inline(never)]
pub(crate) fn told(told: Told) {
    match told {
        Told::Connected(fd, socket, peer) => connection::connected(fd, socket, peer),
        Told::Accepted(listener, fd, socket) => connection::accepted(listener, fd, socket),
        Told::Given(fd, socket) => connection::given(fd, socket),
        Told::Listening(fd, socket) => connection::listening(fd, socket),
        Told::Changed(fd) => connection::changed(fd),
        Told::Corked(fd) => held::corked(fd),
        Told::Nagle(fd, on) => connection::nagle(fd, on),
        Told::Gone(fd, gone) => held::let_go(fd, gone),
        Told::Restricting => record::stop(),
        Told::Restricted(succeeded) => record::stopped(succeeded),
    }
}
