//! What is known of a socket when its rule is looked for. Comes in from outside; knows no descriptor.

use crate::grammar::cidr::map_v4;

/// Which end of the connection the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It connects.
    Client,
    /// It listens, or accepted the connection.
    Server,
}

/// The other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub(crate) address: [u8; 16],
    pub(crate) port: u16,
}

impl Peer {
    /// An IPv4 address, in network order, and a port, in host order.
    #[inline]
    pub fn from_v4(address: [u8; 4], port: u16) -> Peer {
        Peer { address: map_v4(address), port }
    }

    /// An IPv6 address, in network order, and a port, in host order. An IPv4-mapped address is the IPv4 address.
    pub const fn from_v6(address: [u8; 16], port: u16) -> Peer {
        Peer { address, port }
    }

    /// The address in the form of IPv6, in network order; IPv4 addresses are mapped.
    pub const fn address(&self) -> [u8; 16] {
        self.address
    }

    /// The port, in host order.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// A socket for which a rule is looked for. What is not known makes the conditions that ask for it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which end of the connection the program is.
    pub direction: Direction,
    /// The local port, in host order.
    pub local_port: Option<u16>,
    /// The other end.
    pub peer: Option<Peer>,
}
