//! Counting (TCPTUNE_STATS): what happens on TCP connections, in one mapped file for each process (policy::counters has its
//! layout). Nothing of this runs, or is even looked for, where it is off: the counting functions stand between a hook and the
//! real function (calls.rs, waits.rs), where they are put when the first TCP socket appears (insert.rs). A process that has
//! none leaves no file.
//!
//! A forked child counts into its parent's file: the additions are atomic, a server that forks for each connection stays one
//! file, and neither fork nor vfork costs a system call. An exec begins anew.
//!
//! Must not change what the program sees, make a system call in the steady state, or count what it is not sure of.
//! Orderings: relaxed, as everywhere; but for the words that say that a part of the file can be read, which another process
//! looks at.

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

pub(crate) use file::{check_directory, ended};

use engine::{COUNTING, Told};

use crate::machine::LIBRARY;

/// The longest pause inside a burst, in `arch::coarse_ticks`.
const GAP: u32 = crate::arch::MILLISECOND >> 8;

/// Does this process count?
#[inline(always)]
pub(crate) fn on() -> bool {
    LIBRARY.is(COUNTING)
}

/// Counts what has happened.
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
