//! What is known of a socket when a rule is chosen for it. All of it comes from the caller; no descriptor is known
//! here.

use crate::grammar::cidr::map_v4;

/// Which end of the connection the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The program connects.
    Client,
    /// The program listens, or has accepted the connection.
    Server,
}

/// The address and port of the other end.
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

    /// The address as IPv6, in network order; an IPv4 address is IPv4-mapped.
    pub const fn address(&self) -> [u8; 16] {
        self.address
    }

    /// The port, in host order.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// A socket for which a rule is to be chosen. A condition about a field that is unknown does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which end of the connection the program is.
    pub direction: Direction,
    /// The local port, in host order.
    pub local_port: Option<u16>,
    /// The other end of the connection.
    pub peer: Option<Peer>,
}
