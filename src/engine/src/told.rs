//! What happens that is counted. Who counts is not this crate's business.

use core::ffi::c_int;

use policy::Peer;
use policy::evidence::Gone;
use policy::socket::Socket;

/// Something that happened to the descriptor that comes first.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// The program has opened a connection, or is opening it.
    Connected(c_int, Socket, Option<Peer>),
    /// A listener, the first descriptor, has given a connection.
    Accepted(c_int, c_int, Socket),
    /// A connection came from elsewhere.
    Given(c_int, Socket),
    /// A listener is open.
    Listening(c_int, Socket),
    /// The program has changed an option that calls are counted by.
    Changed(c_int),
    /// The library has corked a connection.
    Corked(c_int),
    /// The library lets Nagle's rule hold on a connection for the rest of a long burst, or does not any more.
    Nagle(c_int, bool),
    /// What was held has left.
    Gone(c_int, Gone),
    /// The process restricts its own system calls: nothing may be counted from now on.
    Restricting,
    /// It has, or it has not.
    Restricted(bool),
}
