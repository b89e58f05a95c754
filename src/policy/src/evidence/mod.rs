//! Holding on evidence: may this data call be held (MSG_MORE), because another will follow at once, and is that safe?
//!
//! The promise: no byte leaves later than it would without the library, by more than what one call takes. A held byte
//! leaves with the next call that is not held, or when its thread next enters a hook that is a release point. So a call
//! is held only on evidence of both:
//!
//! - **the service** (the listener, or the remote address and port) owes nothing: its last eight bursts in a row ended
//!   *promptly* at a release point, and before each of the last three confirmations the kernel was asked whether the
//!   program received, or its thread slept, where no hook saw it;
//! - **the place** (service, the lengths of the last two bursts, the position of the call in this one) owes nothing:
//!   eight times in a row, another call followed promptly.
//!
//! A *burst* is a run of data calls of one thread on one socket, each soon after the last. A *release point*
//! (docs/evidence.md: a place to let go) is a hooked receive, accept, connect, close, shutdown or sleep, a wait that
//! really waited, or a data call on another socket. A thread that comes back late was *elsewhere*, having slept or
//! computed where no hook saw it, or it was only *preempted*. The kernel knows which ([`Machine::usage`]), and is asked
//! only if it matters. docs/evidence.md has the reasons and the measurements.
//!
//! Pure: the clock, the kernel and the thread are behind [`Machine`], the memory is the caller's. Every word is read
//! and written whole, so threads that race lose an observation, never consistency.

mod burst;
mod habits;
mod long;
mod owed;
mod quick;

pub use burst::{Burst, Todo};
pub use habits::{HISTORY_BITS, Habits, PLACE_MASK, SERVICE_AT, SERVICES};
pub use owed::Owed;
pub use quick::Quick;

/// What the rule needs from the machine. `fd` is the descriptor of a connection.
pub trait Machine {
    /// A millisecond in units of [`Machine::now`].
    const MILLISECOND: u32;
    /// The time, in units of the machine; wraps.
    fn now(&self) -> u32;
    /// The processor use of this thread since it began (getrusage(2), `RUSAGE_THREAD`).
    fn usage(&self) -> Usage;
    /// Bytes that the kernel has received on this connection (tcp(7), `tcpi_bytes_received`), modulo 2^32; None if it
    /// does not say.
    fn received(&self, fd: i32) -> Option<u32>;
    /// Bytes received that the program has not read yet (tcp(7), `SIOCINQ`).
    fn unread(&self, fd: i32) -> u32;
    /// Sends what the kernel holds because the library asked it to.
    fn push(&self, fd: i32);
    /// Clears TCP_CORK, which sends what it held.
    fn uncork(&self, fd: i32);
    /// Turns Nagle's algorithm on or off (TCP_NODELAY off or on).
    fn nagle(&self, fd: i32, on: bool);
    /// Notes a socket's service and history ([`PLACE_MASK`]) in its word.
    fn remember(&self, fd: i32, place: u32);
    /// Is [`Machine::gone`] to be called?
    fn counts(&self) -> bool;
    /// Held data has left.
    fn gone(&self, fd: i32, hold: Gone);
}

/// A thread's use of the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How often the thread has gone to sleep by itself (`ru_nvcsw`).
    pub slept: u32,
    /// Microseconds of processor time, user and kernel; wraps.
    pub computed: u32,
}

/// How held data has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The age of the oldest byte, in units of [`Machine::now`].
    pub age: u32,
    /// What made it leave.
    pub cause: Cause,
    /// Where the thread had been.
    pub thread: Whereabouts,
    /// Was it held by TCP_CORK?
    pub corked: bool,
}

/// What made held data leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The next call of the burst took it along, as expected.
    Call,
    /// The thread reached a release point: the next call did not follow, and the release cost a system call.
    Wait,
    /// The descriptor or the process is about to end, or to be shared.
    End,
}

/// Where a thread was between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The thread came back promptly.
    Here,
    /// The thread came back late, but had neither run nor gone to sleep by itself: another one had the processor.
    Preempted,
    /// The thread had slept or computed where no hook saw it.
    Elsewhere,
    /// The thread came back late, and what it had used before is not known.
    Unknown,
}

/// A thread that comes back within this time is prompt, in microseconds. Also how long it may compute within a burst
/// without having been elsewhere.
const PROMPT: u32 = 300;
/// Data held for longer than this is old, in microseconds: the next call takes it along.
const OLD: u32 = 200;
/// Data held for this long was late, in milliseconds; that is a strike.
const LATE: u32 = 1;
/// Data held for this long was late for certain, in milliseconds: no other program keeps a processor for so long.
const SURELY_LATE: u32 = 20;
/// Data held for this long by a thread that has not come back is seen by other threads, in milliseconds.
const LEFT: u32 = 50;

/// Converts microseconds to the machine's units.
const fn micros<M: Machine>(micros: u32) -> u32 {
    (M::MILLISECOND / 1000).saturating_mul(micros)
}

/// [`PROMPT`] in the machine's units.
const fn prompt<M: Machine>() -> u32 {
    micros::<M>(PROMPT)
}
