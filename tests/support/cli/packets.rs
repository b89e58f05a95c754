//! Captures made by hand: the packets of a conversation, in any wrapping and any format of file.

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement, VlanId};

pub const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 2], 40_000);
pub const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 8080);
pub const MS: u64 = 1_000_000;

/// A packet of the conversation, as it went by the place of the capture.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Nanoseconds.
    pub time: u64,
    pub from_client: bool,
    /// The server's.
    pub port: u16,
    pub seq: u32,
    pub ack: u32,
    pub syn: bool,
    pub length: usize,
}

/// A conversation between a client and a server, at a place on the way between them.
pub struct Talk {
    pub packets: Vec<Packet>,
    /// Nanoseconds from the place to the client, and to the server.
    client: u64,
    server: u64,
    now: u64,
    next: [u32; 2],
}

impl Talk {
    /// The three packets of its beginning.
    pub fn new(client: u64, server: u64) -> Self {
        let mut talk = Self { packets: Vec::new(), client, server, now: 1_700_000_000_000 * MS, next: [1000, 5000] };
        talk.push(true, true, 0);
        talk.cross(false);
        talk.push(false, true, 0);
        talk.cross(true);
        talk.acknowledge(true);
        talk
    }

    fn push(&mut self, from_client: bool, syn: bool, length: usize) {
        let own = usize::from(!from_client);
        let (seq, ack) = (self.next[own], self.next[1 - own]);
        self.packets.push(Packet { time: self.now, from_client, port: SERVER.1, seq, ack, syn, length });
        self.next[own] += u32::try_from(length).expect("small") + u32::from(syn);
        // Two packets are not at one place at once.
        self.now += 5_000;
    }

    /// What went by last gets to an end, and what that sends then comes by.
    pub fn cross(&mut self, to_client: bool) {
        self.now += 2 * if to_client { self.client } else { self.server };
    }

    pub fn data(&mut self, from_client: bool, length: usize) {
        self.push(from_client, false, length);
    }

    pub fn acknowledge(&mut self, from_client: bool) {
        self.push(from_client, false, 0);
    }

    pub fn at(&mut self, time: u64) {
        self.now = time;
    }

    pub fn pause(&mut self, nanoseconds: u64) {
        self.now += nanoseconds;
    }

    /// So many exchanges of a client that writes `first` bytes and then 2, and of a server that delays its acknowledgement by
    /// `delay`.
    pub fn stalls(mut self, exchanges: usize, first: usize, delay: u64) -> Self {
        for _ in 0..exchanges {
            self.data(true, first);
            self.cross(false);
            self.pause(delay);
            self.acknowledge(false);
            self.cross(true);
            self.data(true, 2);
            self.cross(false);
            self.data(false, 102);
            self.cross(true);
        }
        self
    }

    /// So many exchanges of a client that writes once.
    pub fn healthy(mut self, exchanges: usize) -> Self {
        for _ in 0..exchanges {
            self.data(true, 102);
            self.cross(false);
            self.data(false, 102);
            self.cross(true);
        }
        self
    }
}

/// What the packets are wrapped in.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    Ethernet,
    Vlan,
    QinQ,
    Sll,
    Sll2,
    Raw,
    Null,
}

#[derive(Clone, Copy, Debug)]
pub enum Ip {
    V4,
    V6,
    /// With a hop-by-hop header before TCP.
    V6Extended,
}

impl Link {
    pub const ALL: [Link; 7] = [Link::Ethernet, Link::Vlan, Link::QinQ, Link::Sll, Link::Sll2, Link::Raw, Link::Null];

    fn number(self) -> u32 {
        match self {
            Link::Ethernet | Link::Vlan | Link::QinQ => 1,
            Link::Sll => 113,
            Link::Sll2 => 276,
            Link::Raw => 101,
            Link::Null => 0,
        }
    }

    fn wrap(self, ip: Ip, packet: &[u8]) -> Vec<u8> {
        let kind: [u8; 2] = if matches!(ip, Ip::V4) { [0x08, 0x00] } else { [0x86, 0xdd] };
        let tag = |kind: [u8; 2]| [&[0, 7][..], &kind].concat();
        let head = match self {
            Link::Ethernet => [&[2; 12][..], &kind].concat(),
            Link::Vlan => [&[2; 12][..], &[0x81, 0x00], &tag(kind)].concat(),
            Link::QinQ => [&[2; 12][..], &[0x88, 0xa8], &tag([0x81, 0x00]), &tag(kind)].concat(),
            Link::Sll => [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &kind].concat(),
            Link::Sll2 => [&kind[..], &[0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0]].concat(),
            Link::Raw => Vec::new(),
            Link::Null => vec![2, 0, 0, 0],
        };
        [&head, packet].concat()
    }
}

/// A packet in IP, with its data, of which there may be more than fits into one on the wire.
fn bytes(packet: &Packet, ip: Ip) -> Vec<u8> {
    let ends = {
        let server = (SERVER.0, packet.port);
        if packet.from_client { [CLIENT, server] } else { [server, CLIENT] }
    };
    let mut tcp = TcpHeader::new(ends[0].1, ends[1].1, packet.seq, 64_000);
    tcp.syn = packet.syn;
    tcp.psh = packet.length > 0;
    tcp.ack = !packet.syn || !packet.from_client;
    tcp.acknowledgment_number = if tcp.ack { packet.ack } else { 0 };
    let stamp = u32::try_from(packet.time / MS % 1_000_000_000).expect("small");
    let stamps = TcpOptionElement::Timestamp(stamp, 1);
    let options = [TcpOptionElement::MaximumSegmentSize(1460), stamps.clone()];
    tcp.set_options(if packet.syn { &options } else { &options[1..] }).expect("they fit");
    let six = |address: [u8; 4]| {
        let mut long = [0; 16];
        long[0] = 0xfd;
        long[12..].copy_from_slice(&address);
        long
    };
    let finish = |step: PacketBuilderStep<etherparse::IpHeaders>| {
        let step = step.tcp_header(tcp.clone());
        let mut out = Vec::with_capacity(step.size(packet.length));
        step.write(&mut out, &vec![b'd'; packet.length]).expect("a vector takes all");
        out
    };
    match ip {
        Ip::V4 => finish(PacketBuilder::ipv4(ends[0].0, ends[1].0, 64)),
        Ip::V6 => finish(PacketBuilder::ipv6(six(ends[0].0), six(ends[1].0), 64)),
        Ip::V6Extended => {
            let mut whole = finish(PacketBuilder::ipv6(six(ends[0].0), six(ends[1].0), 64));
            // Eight bytes of padding options between the IPv6 header and TCP, which becomes the extension's next header.
            let next = std::mem::replace(&mut whole[6], 0);
            let length = u16::from_be_bytes([whole[4], whole[5]]) + 8;
            whole[4..6].copy_from_slice(&length.to_be_bytes());
            whole.splice(40..40, [next, 0, 1, 4, 0, 0, 0, 0]);
            whole
        }
    }
}

/// How a capture is written.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Micro,
    Nano,
    /// pcapng, whose interface counts in units of 10 to the minus this.
    Ng(u8),
}

/// A capture of these packets, with at most so many bytes of each.
pub fn capture(packets: &[Packet], link: Link, ip: Ip, format: Format, snaplen: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    match format {
        Format::Micro | Format::Nano => {
            word(&mut out, if matches!(format, Format::Nano) { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
            out.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            word(&mut out, 262_144);
            word(&mut out, link.number());
        }
        Format::Ng(digits) => {
            out.extend([0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0]);
            out.extend([[0xff; 8].as_slice(), &[28, 0, 0, 0]].concat());
            // Another interface first: packets name theirs.
            for (kind, option) in [(147, 6), (link.number(), digits)] {
                for value in [1, 32, kind, 0, 0x0001_0009, option.into(), 0, 32] {
                    word(&mut out, value);
                }
            }
        }
    }
    for packet in packets {
        let whole = link.wrap(ip, &bytes(packet, ip));
        let kept = &whole[..whole.len().min(snaplen)];
        let (length, caplen) = (u32::try_from(whole.len()).expect("small"), u32::try_from(kept.len()).expect("small"));
        let (seconds, rest) = (packet.time / 1_000_000_000, packet.time % 1_000_000_000);
        match format {
            Format::Micro | Format::Nano => {
                word(&mut out, u32::try_from(seconds).expect("before 2106"));
                let rest = if matches!(format, Format::Nano) { rest } else { rest / 1000 };
                word(&mut out, u32::try_from(rest).expect("a part of a second"));
                word(&mut out, caplen);
                word(&mut out, length);
                out.extend(kept);
            }
            Format::Ng(digits) => {
                let units = packet.time / 10u64.pow(9 - u32::from(digits));
                let total = 32 + caplen.next_multiple_of(4);
                let high = u32::try_from(units >> 32).expect("a word");
                for value in [6, total, 1, high, (units & 0xffff_ffff) as u32, caplen, length] {
                    word(&mut out, value);
                }
                out.extend(kept);
                out.resize(out.len().next_multiple_of(4), 0);
                word(&mut out, total);
            }
        }
    }
    out
}
