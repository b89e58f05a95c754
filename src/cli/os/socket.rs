//! A TCP socket that is borrowed from another process: what it is, and reading and setting its options.
//!
//! It must be dropped at once: while it lives, a close in the other process does not end the connection.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

/// The kernel's states of a connection, in the order of their numbers from 1 on.
const STATES: [&str; 11] = [
    "established",
    "syn-sent",
    "syn-recv",
    "fin-wait-1",
    "fin-wait-2",
    "time-wait",
    "closed",
    "close-wait",
    "last-ack",
    "listening",
    "closing",
];

/// The largest value of any option that is read here (`TCP_CA_NAME_MAX`).
const LONGEST: usize = 16;

pub struct Socket {
    /// The standard library's name for any stream socket; its addresses and TCP_NODELAY need no call of our own.
    stream: TcpStream,
    pub protocol: &'static str,
    pub listening: bool,
    /// The kernel's number of this socket, given to no other until the machine restarts.
    pub cookie: u64,
}

impl Socket {
    /// The socket, or what the descriptor is instead.
    pub fn new(descriptor: OwnedFd) -> Result<Self, String> {
        let stream = TcpStream::from(descriptor);
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
        let cookie = read(&stream, libc::SOL_SOCKET, libc::SO_COOKIE).map_err(|e| e.to_string())?;
        let cookie = cookie.try_into().map(u64::from_ne_bytes).map_err(|_| "a socket without a number".to_owned())?;
        Ok(Self { stream, protocol, listening, cookie })
    }

    pub fn state(&self) -> &'static str {
        if self.listening {
            return "listening";
        }
        // The first byte of struct tcp_info.
        let state = read(&self.stream, libc::IPPROTO_TCP, libc::TCP_INFO).ok().and_then(|b| b.first().copied());
        state.and_then(|n| STATES.get(usize::from(n).checked_sub(1)?).copied()).unwrap_or("unknown")
    }

    pub fn local(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok().map(canonical)
    }

    pub fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok().map(canonical)
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
        let length = value.len() as libc::socklen_t;
        // SAFETY: needed because the standard library sets only a few options. Sound because the kernel only reads, and no
        // more than the length of `value`; the descriptor is ours and open.
        let result = unsafe { libc::setsockopt(self.stream.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// IPv4 in IPv6 clothes as IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

pub fn integer(bytes: &[u8]) -> Option<i32> {
    bytes.get(..4)?.try_into().ok().map(i32::from_ne_bytes)
}

fn read(stream: &TcpStream, level: i32, name: i32) -> io::Result<Vec<u8>> {
    let mut value = [0_u8; LONGEST];
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: needed because the standard library reads only a few options. Sound because `value` and `length` are ours,
    // outlive the call and `length` is the size of `value`: the kernel writes no more than that.
    let result = unsafe { libc::getsockopt(stream.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut length) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value.get(..length as usize).unwrap_or_default().to_vec())
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
