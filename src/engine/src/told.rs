//! The events that the statistics count. Who counts them is not this crate's business.

use core::ffi::c_int;

use policy::Peer;
use policy::evidence::Gone;
use policy::socket::Socket;

/// An event. The first descriptor is the one it happened to.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// The program has opened a connection, or has begun to.
    Connected(c_int, Socket, Option<Peer>),
    /// The listener (the first descriptor) has accepted a connection (the second).
    Accepted(c_int, c_int, Socket),
    /// A connection came from elsewhere: inherited, or passed by another process.
    Given(c_int, Socket),
    /// A listener is open.
    Listening(c_int, Socket),
    /// The program has changed an option on which the statistics depend.
    Changed(c_int),
    /// The library has set TCP_CORK on a connection.
    Corked(c_int),
    /// The library has given Nagle's algorithm back to a connection for the rest of a long burst (true), or has ended that
    /// (false).
    Nagle(c_int, bool),
    /// Held data has left.
    Gone(c_int, Gone),
    /// The process is about to restrict its own system calls: nothing may be counted from now on.
    Restricting,
    /// The call that restricts system calls has returned; true if it succeeded.
    Restricted(bool),
}
