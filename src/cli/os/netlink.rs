//! Asks the kernel for all TCP connections at once, with their tcp_info, over a netlink socket (INET_DIAG, as ss(8) does).
//! No process is touched, and no privilege is needed.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP, TCP_LISTEN};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as KernelAddress};

use super::tcp_info::TcpInfo;

/// One socket as the kernel shows it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The kernel's number of the socket, never given twice.
    pub cookie: u64,
    /// 0 while no process has accepted it, or none has it any more.
    pub inode: u64,
    pub listening: bool,
    pub local: SocketAddr,
    pub peer: SocketAddr,
    pub info: TcpInfo,
    pub key: Key,
}

/// What the kernel finds a socket by.
#[derive(Clone, Debug)]
pub struct Key {
    family: u8,
    id: SocketId,
    /// The network namespace, by its number; 0: ours.
    pub space: u64,
}

impl Default for Key {
    /// Of no socket.
    fn default() -> Self {
        Self { family: AF_INET, id: SocketId::new_v4(), space: 0 }
    }
}

pub struct Diag {
    socket: Socket,
    /// One part of an answer: the kernel fills at most 32 KiB at once.
    buffer: Vec<u8>,
}

impl Diag {
    /// Of the network namespace that this thread is in.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&KernelAddress::new(0, 0))?;
        Ok(Self { socket, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// All listeners and connections over which data can go.
    pub fn all(&mut self) -> io::Result<Vec<Sighting>> {
        let mut found = Vec::new();
        self.all_into(&mut found)?;
        Ok(found)
    }

    /// The same behind what is in a list: for many connections, memory that was not used before costs more than asking.
    pub fn all_into(&mut self, found: &mut Vec<Sighting>) -> io::Result<()> {
        self.ask(AF_INET, SocketId::new_v4(), found)?;
        // A kernel without IPv6 answers with an error.
        let _ = self.ask(AF_INET6, SocketId::new_v6(), found);
        Ok(())
    }

    /// One connection again; none: it is no more. Much cheaper than all: the kernel walks its whole table for those.
    pub fn one(&mut self, key: &Key) -> io::Result<Option<TcpInfo>> {
        self.send(NLM_F_REQUEST, key.family, key.id.clone())?;
        self.buffer.clear();
        self.socket.recv(&mut self.buffer, 0)?;
        let mut found = Vec::new();
        match part(&self.buffer, &mut found) {
            Ok(_) => Ok(found.pop().map(|s| s.info)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESTALE)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ask(&mut self, family: u8, socket_id: SocketId, found: &mut Vec<Sighting>) -> io::Result<()> {
        self.send(NLM_F_REQUEST | NLM_F_DUMP, family, socket_id)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            if part(&self.buffer, found)? {
                return Ok(());
            }
        }
    }

    fn send(&mut self, flags: u16, family: u8, socket_id: SocketId) -> io::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        let states = StateFlags::ESTABLISHED
            | StateFlags::CLOSE_WAIT
            | StateFlags::FIN_WAIT1
            | StateFlags::FIN_WAIT2
            | StateFlags::LISTEN;
        let request =
            InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::INFO, states, socket_id };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map(|_| ())
    }
}

/// Reads the messages of one part of an answer. True: it was the last.
fn part(mut bytes: &[u8], found: &mut Vec<Sighting>) -> io::Result<bool> {
    let malformed = |e: netlink_packet_core::DecodeError| io::Error::new(io::ErrorKind::InvalidData, e.to_string());
    while !bytes.is_empty() {
        let message = <NetlinkMessage<SockDiagMessage>>::deserialize(bytes).map_err(malformed)?;
        let length = message.header.length as usize;
        match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => found.extend(sighting(&response)),
            NetlinkPayload::Error(error) => return Err(error.to_io()),
            NetlinkPayload::Done(_) => return Ok(true),
            _ => {}
        }
        // Messages begin at multiples of four bytes.
        bytes = bytes.get(length.next_multiple_of(4).max(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// None: a connection of which only the name is left (TIME-WAIT). One that is somebody's, and of which the kernel tells nothing
/// (a sandbox's), is seen all the same.
fn sighting(response: &InetResponse) -> Option<Sighting> {
    let header = &response.header;
    let id = &header.socket_id;
    let address = |ip: IpAddr, port| SocketAddr::new(ip.to_canonical(), port);
    let info = response.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(bytes) => Some(TcpInfo::parse(bytes)),
        _ => None,
    });
    let info = info.or_else(|| (header.inode != 0).then(TcpInfo::default))?;
    Some(Sighting {
        cookie: u64::from_ne_bytes(id.cookie),
        inode: header.inode.into(),
        listening: header.state == TCP_LISTEN,
        local: address(id.source_address, id.source_port),
        peer: address(id.destination_address, id.destination_port),
        info,
        key: Key { family: header.family, id: id.clone(), space: 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::{Diag, sighting};
    use crate::os::tcp_info::TcpInfo;
    use netlink_packet_core::{Emitable, Parseable};
    use netlink_packet_sock_diag::inet::nlas::Nla;
    use netlink_packet_sock_diag::inet::{InetResponse, InetResponseHeader, SocketId};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn sees_both_ends_and_what_went_over_them() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
            let (mut server, _) = listener.accept().expect("connected");
            client.write_all(b"hello").expect("open");
            server.read_exact(&mut [0; 5]).expect("five bytes");
            let (from, to) = (client.local_addr().expect("bound"), client.peer_addr().expect("connected"));
            let all = Diag::open().expect("netlink").all().expect("an answer");
            let near = all.iter().find(|s| (s.local, s.peer) == (from, to)).expect("the client's end");
            let far = all.iter().find(|s| (s.local, s.peer) == (to, from)).expect("the server's end");
            assert_eq!((near.info.bytes_sent, far.info.bytes_received), (5, 5));
            assert_eq!((near.info.data_segments_out, far.info.data_segments_in), (1, 1));
            assert!(near.inode != 0 && near.cookie != far.cookie && !near.listening);
            assert!(all.iter().any(|s| s.listening && s.local == to));
            let mut diag = Diag::open().expect("netlink");
            client.write_all(b"again").expect("open");
            let again = diag.one(&near.key).expect("an answer").expect("the client's end");
            assert_eq!(again.bytes_sent, 10);
            // A server closes its end with data unread: the connection is reset and gone at both ends.
            drop(server);
            assert_eq!(diag.one(&near.key).expect("an answer"), None);
        }
    }

    #[test]
    fn a_kernel_that_tells_nothing_of_a_connection_is_noticed() {
        let answer = |inode, info: Option<Vec<u8>>| {
            let id = SocketId::new_v4();
            let (family, state, recv_queue, send_queue) = (netlink_packet_sock_diag::constants::AF_INET, 1, 0, 0);
            let header =
                InetResponseHeader { family, state, timer: None, socket_id: id, recv_queue, send_queue, uid: 0, inode };
            let response = InetResponse { header, nlas: info.map(Nla::TcpInfo).into_iter().collect() };
            let mut bytes = vec![0; response.buffer_len()];
            response.emit(&mut bytes);
            sighting(&InetResponse::parse(&bytes).expect("an answer")).map(|sighting| sighting.info)
        };
        // The fields of Linux 5.4, those of 4.10, none, and none of what nobody has any more.
        assert_eq!(answer(7, Some(vec![0; 232])).map(|info| info.whole), Some(true));
        assert_eq!(answer(7, Some(vec![0; 192])).map(|info| info.whole), Some(false));
        assert_eq!(answer(7, None), Some(TcpInfo::default()));
        assert_eq!(answer(0, None), None);
    }
}
