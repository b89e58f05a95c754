//! The TCP segment in a packet, whatever it is wrapped in, and however much of it was kept.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, IpNumber, LaxNetSlice, LaxSlicedPacket, TcpHeaderSlice, TcpOptionElement};

use super::file::Packet;

/// What is known of a segment without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Nanoseconds since 1970.
    pub time: i64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub push: bool,
    /// As it stands in the header: not scaled.
    pub window: u16,
    /// Bytes of data that it carried, kept or not.
    pub length: u32,
    /// Its own timestamp, and the one that it echoes.
    pub stamps: Option<(u32, u32)>,
    /// The largest segment that its sender takes, in a SYN.
    pub mss: Option<u16>,
}

/// What a packet is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    Tcp(Segment),
    /// Of another protocol.
    Other,
    /// Too little of it was kept to know its segment.
    Cut,
    /// A piece of a packet.
    Fragment,
    /// Its first header is of a kind that is not read here.
    UnknownLink(i32),
}

const NULL: i32 = 0;
const ETHERNET: i32 = 1;
/// What the systems at hand write for raw IP.
const RAW: [i32; 5] = [12, 14, 101, 228, 229];
const LOOP: i32 = 108;
const SLL: i32 = 113;
const SLL2: i32 = 276;

/// A TCP header without options.
const TCP: usize = 20;
const IPV6: usize = 40;

impl Frame {
    pub fn read(packet: &Packet<'_>) -> Self {
        let data = packet.data;
        let cooked = |header: usize, kind: usize| {
            let kind = data.get(kind..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))?;
            data.get(header..).map(|rest| LaxSlicedPacket::from_ether_type(EtherType(kind), rest))
        };
        let sliced = match packet.link {
            ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
            SLL => cooked(16, 14),
            SLL2 => cooked(20, 0),
            // A word that tells IPv4 from IPv6, as the first bits of their headers do.
            NULL | LOOP => data.get(4..).and_then(|rest| LaxSlicedPacket::from_ip(rest).ok()),
            link if RAW.contains(&link) => LaxSlicedPacket::from_ip(data).ok(),
            link => return Frame::UnknownLink(link),
        };
        match sliced {
            Some(sliced) => of_packet(packet, &sliced),
            None => Frame::Cut,
        }
    }
}

fn of_packet(packet: &Packet<'_>, sliced: &LaxSlicedPacket<'_>) -> Frame {
    let (from, to, claimed): (IpAddr, IpAddr, usize) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let headers = header.slice().len() + ip.extensions().auth.as_ref().map_or(0, |auth| auth.slice().len());
            let claimed = usize::from(header.total_len()).saturating_sub(headers);
            (header.source_addr().into(), header.destination_addr().into(), claimed)
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let claimed = usize::from(header.payload_length()).saturating_sub(ip.extensions().slice().len());
            (header.source_addr().into(), header.destination_addr().into(), claimed)
        }
        Some(LaxNetSlice::Arp(_)) => return Frame::Other,
        None if sliced.stop_err.is_some() => return Frame::Cut,
        None => return Frame::Other,
    };
    let Some(payload) = sliced.net.as_ref().and_then(LaxNetSlice::ip_payload_ref) else { return Frame::Other };
    if payload.fragmented {
        return Frame::Fragment;
    }
    if payload.ip_number != IpNumber::TCP {
        return if sliced.stop_err.is_some() && payload.payload.len() < IPV6 { Frame::Cut } else { Frame::Other };
    }
    // A segment that is cut into packets only behind this place may be longer than the field can say; then it says 0.
    let before = payload.payload.as_ptr().addr().saturating_sub(packet.data.as_ptr().addr());
    let length = if claimed == 0 { (packet.length as usize).saturating_sub(before) } else { claimed };
    match segment(packet.time, (from, to), payload.payload, length) {
        // No system sends that: the packet is damaged, or meant to confuse.
        Some(segment) if segment.syn && (segment.fin || segment.rst) => Frame::Other,
        Some(segment) => Frame::Tcp(segment),
        None => Frame::Cut,
    }
}

/// `bytes`: what was kept of the segment with its header; `length`: how long that was.
fn segment(time: i64, (from, to): (IpAddr, IpAddr), bytes: &[u8], length: usize) -> Option<Segment> {
    let plain: [u8; TCP] = *bytes.first_chunk()?;
    let header = usize::from(plain[12] >> 4) * 4;
    // Where the options are not all there, the header stands without them.
    let mut short = plain;
    short[12] = (TCP as u8 / 4) << 4 | plain[12] & 0xf;
    let tcp = TcpHeaderSlice::from_slice(bytes).or_else(|_| TcpHeaderSlice::from_slice(&short)).ok()?;
    let (mut stamps, mut mss) = (None, None);
    for option in tcp.options_iterator().flatten() {
        match option {
            TcpOptionElement::Timestamp(own, echo) => stamps = Some((own, echo)),
            TcpOptionElement::MaximumSegmentSize(bytes) => mss = Some(bytes),
            _ => {}
        }
    }
    Some(Segment {
        time,
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        push: tcp.psh(),
        window: tcp.window_size(),
        length: u32::try_from(length.saturating_sub(header.max(TCP))).unwrap_or(0),
        stamps,
        mss,
    })
}
