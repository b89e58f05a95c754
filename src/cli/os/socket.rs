//! A TCP socket that is borrowed from another process: what it is, and reading and setting its options.
//!
//! It must be dropped at once: while it lives, a close in the other process does not end the connection.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use super::borrowed::Borrowed;
use super::option::{self, integer};
use super::tcp_info;
use crate::errors::plain;

/// The largest value of any option that is read here (`TCP_CA_NAME_MAX`).
const LONGEST: usize = 16;

pub struct Socket {
    stream: Borrowed,
    pub protocol: &'static str,
    pub listening: bool,
    /// The kernel's number of this socket, given to no other until the machine restarts.
    pub cookie: u64,
}

impl Socket {
    /// The socket, or what the descriptor is instead.
    pub fn new(descriptor: OwnedFd) -> Result<Self, String> {
        let stream = Borrowed::from(descriptor);
        let number = |name| read(&stream, libc::SOL_SOCKET, name).ok().and_then(|b| integer(&b));
        let protocol = match number(libc::SO_PROTOCOL) {
            Some(libc::IPPROTO_TCP) => "tcp",
            Some(libc::IPPROTO_MPTCP) => "mptcp",
            Some(libc::IPPROTO_UDP) => return Err("a UDP socket".to_owned()),
            Some(_) if number(libc::SO_DOMAIN) == Some(libc::AF_UNIX) => return Err("a Unix socket".to_owned()),
            Some(protocol) => return Err(format!("a socket of protocol {protocol}")),
            None => return Err("no socket".to_owned()),
        };
        // A socket of another family (SMC, a tunnel of the kernel's) may use the number of TCP for its own ends.
        if !matches!(number(libc::SO_DOMAIN), Some(libc::AF_INET | libc::AF_INET6)) {
            return Err("a socket of another family than IPv4 and IPv6".to_owned());
        }
        let listening = number(libc::SO_ACCEPTCONN) == Some(1);
        let cookie = read(&stream, libc::SOL_SOCKET, libc::SO_COOKIE).map_err(|error| plain(&error))?;
        let cookie = cookie.try_into().map(u64::from_ne_bytes).map_err(|_| "a socket without a number".to_owned())?;
        Ok(Self { stream, protocol, listening, cookie })
    }

    pub fn state(&self) -> &'static str {
        if self.listening {
            return "listening";
        }
        tcp_info::read(&*self.stream).ok().as_deref().and_then(tcp_info::state).unwrap_or("unknown")
    }

    pub fn local(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok().map(canonical)
    }

    pub fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok().map(canonical)
    }

    /// Local and peer, for people.
    pub fn addresses(&self) -> [String; 2] {
        [self.local(), self.peer()].map(|a| a.map_or_else(|| "-".to_owned(), |a| a.to_string()))
    }

    pub fn nodelay(&self) -> io::Result<bool> {
        self.stream.nodelay()
    }

    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.stream.set_nodelay(on)
    }

    /// The value of an option, at most 16 bytes of it.
    pub fn option(&self, level: i32, name: i32) -> io::Result<Vec<u8>> {
        read(&self.stream, level, name)
    }

    pub fn set_option(&self, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
        option::write(&*self.stream, level, name, value)
    }
}

/// IPv4 in IPv6 clothes as IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn read(stream: &TcpStream, level: i32, name: i32) -> io::Result<Vec<u8>> {
    option::read::<LONGEST>(stream, level, name)
}

#[cfg(test)]
mod tests {
    use super::Socket;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;

    #[test]
    fn tells_tcp_sockets_from_others() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        let from = client.local_addr().expect("bound");
        let listening = Socket::new(listener.into()).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!((listening.state(), listening.peer(), listening.protocol), ("listening", None, "tcp"));
        let connected = Socket::new(client.into()).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!((connected.state(), connected.local()), ("established", Some(from)));
        assert_ne!(listening.cookie, connected.cookie);
        let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        assert_eq!(Socket::new(udp.into()).err().as_deref(), Some("a UDP socket"));
        let (one, _other) = UnixStream::pair().expect("a pair");
        assert_eq!(Socket::new(one.into()).err().as_deref(), Some("a Unix socket"));
        let (pipe, _writer) = std::io::pipe().expect("a pipe");
        assert_eq!(Socket::new(pipe.into()).err().as_deref(), Some("no socket"));
    }
}
