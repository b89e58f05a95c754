//! Holding on evidence: may this data call be held (MSG_MORE), because another will follow at once, and is it safe to?
//!
//! The promise is that no byte ever leaves later than it would without the library, by more than what one call takes. A held
//! byte leaves with the next call that is not held, or when its thread next enters a hook at which the library lets go. So a
//! call is held only on evidence of both:
//!
//! - **the service** (the listener, or the remote address and port) owes nothing: the last bursts there ended *promptly* at a
//!   place to let go, eight in a row, and before the last of them (three) the kernel was asked whether the program received, or its
//!   thread slept, where no hook saw it;
//! - **the place** (service, the lengths of the last two bursts, the call's number in this one) owes nothing: another call has
//!   followed promptly, eight times in a row.
//!
//! A *burst* is a run of data calls of one thread on one socket, each soon after the last. A *place to let go* is a hooked
//! receive, accept, connect, close, shutdown or sleep, a wait that really waited, or a data call on another socket. A thread
//! that comes back late was *elsewhere* (it slept or computed where no hook saw it) or was only preempted; the kernel knows
//! which ([`Machine::usage`]), and is asked only where it matters. docs/evidence.md has the reasons and the measurements.
//!
//! Pure: the clock, the kernel and the thread come in as [`Machine`]; the memory is the caller's. Every word is read and
//! written whole, so threads that race lose an observation, never consistency.

mod burst;
mod habits;
mod long;
mod owed;
mod quick;

pub use burst::{Burst, Todo};
pub use habits::{HISTORY_BITS, Habits, PLACE_MASK, SERVICE_AT, SERVICES};
pub use owed::Owed;
pub use quick::Quick;

/// What the rule asks of the machine and has it do. `fd` is a connection's descriptor.
pub trait Machine {
    /// A millisecond of [`Machine::now`].
    const MILLISECOND: u32;
    /// A clock that wraps.
    fn now(&self) -> u32;
    /// What this thread has used since it began (getrusage(2), `RUSAGE_THREAD`).
    fn usage(&self) -> Usage;
    /// Bytes that the kernel has received on this connection (tcp(7), `tcpi_bytes_received`), modulo 2^32; None where it does
    /// not say.
    fn received(&self, fd: i32) -> Option<u32>;
    /// How many of them the program has not taken yet (tcp(7), `SIOCINQ`).
    fn unread(&self, fd: i32) -> u32;
    /// Sends what the kernel holds because the library asked for it.
    fn push(&self, fd: i32);
    /// Takes TCP_CORK off, which sends what it held.
    fn uncork(&self, fd: i32);
    /// Lets Nagle's rule hold or not (TCP_NODELAY off or on).
    fn nagle(&self, fd: i32, on: bool);
    /// Notes in the socket's word its service and history ([`PLACE_MASK`]).
    fn remember(&self, fd: i32, place: u32);
    /// Is it to be told what has left?
    fn counts(&self) -> bool;
    /// What was held has left.
    fn gone(&self, fd: i32, hold: Gone);
}

/// What a thread has used of the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How often it has given it up by itself (`ru_nvcsw`).
    pub slept: u32,
    /// Microseconds that it has computed, in user space and in the kernel; wraps.
    pub computed: u32,
}

/// How something that was held has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// How old its oldest byte was, in the units of [`Machine::now`].
    pub age: u32,
    /// What made it leave.
    pub cause: Cause,
    /// Where the thread was meanwhile.
    pub thread: Whereabouts,
    /// Was it kept by TCP_CORK?
    pub corked: bool,
}

/// What made held data leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The next call of the burst took it along, as expected.
    Call,
    /// The thread reached a place to let go: the next call did not follow, and letting go cost a system call.
    Wait,
    /// The descriptor or the process ends, or is to be shared.
    End,
}

/// Where a thread was between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It came back promptly.
    Here,
    /// It came back late, but did not run meanwhile, and did not sleep by itself: another took the processor.
    Preempted,
    /// It slept or computed where no hook saw it.
    Elsewhere,
    /// It came back late, and nobody had looked at what it had used before.
    Unknown,
}

/// A thread that comes back within so many microseconds is prompt. Also what a thread may compute between two calls of a burst.
const PROMPT: u32 = 300;
/// What is held for so many microseconds is old: no call is held behind it.
const OLD: u32 = 200;
/// Data that was held for so many milliseconds was late: a strike ...
const LATE: u32 = 1;
/// ... and for so many, it was not another program that kept the thread from going on.
const SURELY_LATE: u32 = 20;

/// So many microseconds in the machine's units.
const fn micros<M: Machine>(micros: u32) -> u32 {
    (M::MILLISECOND / 1000).saturating_mul(micros)
}

/// [`PROMPT`] in the machine's units.
const fn prompt<M: Machine>() -> u32 {
    micros::<M>(PROMPT)
}
