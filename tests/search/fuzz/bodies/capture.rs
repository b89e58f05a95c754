//! Any bytes as a capture, and any segments as what went by. Bytes are read, or refused, and nothing is made of them that they do not
//! hold. Of segments the sums are the same if each was captured twice, and whatever numbers the connections began with; waits
//! do not add up to more than the time there was.

#[path = "../../../../src/cli/doctor/capture/packets/mod.rs"]
#[allow(dead_code, unused_imports)]
mod packets;
#[path = "../../../../src/cli/doctor/capture/track/mod.rs"]
#[allow(dead_code, unused_imports)]
mod track;

use std::net::SocketAddr;

use packets::{Frame, Segment};
use track::{Side, Table};

/// Bytes of a segment in the input.
const SIZE: usize = 9;
/// Two clients of one server, and one that connects from the server's port.
const ENDS: [([u8; 4], u16); 4] =
    [([10, 0, 0, 1], 80), ([10, 0, 0, 2], 4000), ([10, 0, 0, 2], 4001), ([10, 0, 0, 3], 80)];

pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((0, segments)) => check_segments(segments),
        _ => check_bytes(input),
    }
}

fn check_bytes(input: &[u8]) {
    let (mut packets, mut bytes) = (0, 0);
    let mut table = Table::default();
    packets::read(input, |packet| {
        packets += 1;
        bytes += packet.data.len();
        if let Frame::Tcp(segment) = Frame::read(packet) {
            assert!(segment.length <= packet.length.max(65_535), "{segment:?} in {packet:?}");
            table.see(&segment);
        }
    });
    assert!(packets * 16 <= input.len() && bytes <= input.len(), "{packets} packets of {bytes} bytes");
    table.finish();
    for service in table.services.values() {
        for side in [&service.client, &service.server] {
            assert!(side.sum.nagle.count + side.sum.corked.count <= packets as u64);
        }
    }
}

/// The segments that the input describes; each end's numbers begin at these.
fn segments(input: &[u8], begin: [u32; 4]) -> Vec<Segment> {
    let mut now = 1_700_000_000_000_000_000;
    let mut next = begin;
    let address = |end: usize| SocketAddr::from(ENDS[end]);
    let mut all = Vec::new();
    for bytes in input.chunks_exact(SIZE) {
        let [kind, flags, pause, scale, length, more, seq, ack, window] = *bytes else { continue };
        // The server with one of the others.
        let other = usize::from(kind >> 1) % 3 + 1;
        let (from, to) = if kind & 1 == 0 { (0, other) } else { (other, 0) };
        // From a microsecond to half a minute.
        now += (i64::from(pause) + 1) << (scale % 28);
        let syn = flags & 1 > 0;
        let length = u32::from(length) << (more % 8);
        // Mostly in order; else up to so many bytes before or behind.
        let seq = next[from].wrapping_add_signed(i32::from(seq as i8) * i32::from(flags & 2 > 0));
        all.push(Segment {
            time: now,
            from: address(from),
            to: address(to),
            seq,
            ack: (flags & 4 == 0)
                .then(|| next[to].wrapping_add_signed(i32::from(ack as i8) * i32::from(flags & 8 > 0))),
            syn,
            fin: flags & 16 > 0 && !syn,
            rst: flags & 32 > 0 && !syn,
            push: flags & 64 == 0,
            window: u16::from(window) * 257,
            length,
            stamps: (flags & 128 > 0).then_some(((now >> 20) as u32, (now >> 20) as u32 - u32::from(ack))),
            mss: syn.then_some(1460),
        });
        next[from] = seq.wrapping_add(length).wrapping_add((flags & 17 > 0).into());
    }
    all
}

fn check_segments(input: &[u8]) {
    let plain = segments(input, [1000, 2000, 3000, 4000]);
    let once = sums(plain.iter());
    assert_eq!(once, sums(plain.iter().flat_map(|segment| [segment, segment])), "captured twice");
    let wrapped = segments(input, [u32::MAX - 100, 0, 1 << 31, u32::MAX]);
    assert_eq!(once, sums(wrapped.iter()), "other numbers");
}

/// What is known in the end, service by service.
fn sums<'a>(segments: impl Iterator<Item = &'a Segment>) -> Vec<String> {
    let mut table = Table::default();
    segments.for_each(|segment| table.see(segment));
    table.finish();
    let mut all: Vec<_> = table.services.into_iter().collect();
    all.sort_by_key(|(server, _)| *server);
    for (_, service) in &all {
        assert!(service.span >= 0 && service.round_trip.is_none_or(|time| time >= 0));
        for Side { sum, fewest, .. } in [&service.client, &service.server] {
            let kept = sum.nagle.kept.len() + sum.corked.kept.len();
            assert!(kept <= 512 && sum.nagle.total <= service.span, "{service:?}");
            assert!(sum.nagle.count + sum.corked.count <= sum.segments && sum.segments <= sum.bytes);
            assert!(service.exchanges <= sum.segments && *fewest <= sum.segments + sum.bytes + service.connections);
        }
    }
    all.iter().map(|entry| format!("{entry:?}")).collect()
}
