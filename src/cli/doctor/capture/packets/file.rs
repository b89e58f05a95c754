//! The files that tcpdump, dumpcap and others write: pcap and pcapng, read as a stream in a bounded buffer.

use std::io::{self, Read};

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, InterfaceDescriptionBlock, PcapBlockOwned, PcapError, PcapHeader, create_reader};

/// Longer than the longest packet that tcpdump keeps (262,144 bytes).
const BUFFER: usize = 1 << 20;
/// A block that needs more is no packet of this world: the file is damaged there.
const LARGEST: usize = 1 << 25;
const SECOND: i128 = 1_000_000_000;

/// A packet as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The kind of its first header (<https://www.tcpdump.org/linktypes.html>).
    pub link: i32,
    /// What was kept of it ...
    pub data: &'a [u8],
    /// ... and its length on the wire.
    pub length: u32,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the file.
    Whole,
    /// The last packet is not all there, as in a file that is still being written.
    Short,
    /// What follows so many bytes cannot be understood.
    Damaged(u64),
    /// It is none from its beginning.
    NoCapture,
}

/// What compressed the file that begins so, and what prints it again.
pub fn compression(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&[u8], &str, &str); 4] = [
        (&[0x1f, 0x8b], "gzip", "zcat"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstdcat"),
        (&[0xfd, b'7', b'z', b'X'], "xz", "xzcat"),
        (b"BZh", "bzip2", "bzcat"),
    ];
    KNOWN.iter().find(|(magic, ..)| start.starts_with(magic)).map(|&(_, name, program)| (name, program))
}

/// What the packets of an interface have in common.
struct Interface {
    link: i32,
    /// Units of its clock in a second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

impl Interface {
    fn of_file(header: &PcapHeader) -> Self {
        let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
        // The upper bits say whether frames end in a checksum.
        Self { link: header.network.0 & 0xffff, resolution, offset: 0 }
    }

    fn described(block: &InterfaceDescriptionBlock<'_>) -> Self {
        let resolution = block.ts_resolution().filter(|&units| units > 0).unwrap_or(1_000_000);
        Self { link: block.linktype.0, resolution, offset: block.ts_offset() }
    }

    /// A time of its clock in nanoseconds.
    fn time(&self, units: i128) -> i64 {
        let whole = i128::from(self.offset) * SECOND + units * SECOND / i128::from(self.resolution);
        i64::try_from(whole).unwrap_or(0)
    }
}

/// Hands over each packet, in the order of the file.
pub fn read(input: impl Read + Send, mut each: impl FnMut(&Packet<'_>)) -> End {
    let Ok(mut reader) = create_reader(BUFFER, Greedy(input)) else { return End::NoCapture };
    let mut interfaces = Vec::new();
    let mut buffer = BUFFER;
    // A block says that it is longer than any packet.
    let mut huge = false;
    loop {
        huge = match reader.next() {
            Ok((length, block)) => {
                packet(&block, &mut interfaces, &mut each);
                reader.consume(length);
                continue;
            }
            Err(PcapError::Eof) => return End::Whole,
            Err(PcapError::UnexpectedEof) if huge => return End::Damaged(position(&*reader)),
            Err(PcapError::UnexpectedEof) => return End::Short,
            Err(PcapError::Incomplete(_)) => false,
            Err(PcapError::BufferTooSmall) => true,
            Err(_) => return End::Damaged(position(&*reader)),
        };
        let had = reader.data().len();
        if huge && had >= buffer {
            buffer *= 2;
            if buffer > LARGEST || !reader.grow(buffer) {
                return End::Damaged(position(&*reader));
            }
        }
        if reader.refill().is_err() {
            return End::Damaged(position(&*reader));
        }
        if reader.data().len() == had && !reader.reader_exhausted() {
            return End::Damaged(position(&*reader));
        }
    }
}

fn position(reader: &dyn PcapReaderIterator) -> u64 {
    reader.consumed() as u64
}

/// The packet of a block, if it is one.
fn packet(block: &PcapBlockOwned<'_>, interfaces: &mut Vec<Interface>, each: &mut impl FnMut(&Packet<'_>)) {
    match block {
        PcapBlockOwned::LegacyHeader(header) => *interfaces = vec![Interface::of_file(header)],
        PcapBlockOwned::Legacy(frame) => {
            let Some(interface) = interfaces.first() else { return };
            let units = i128::from(frame.ts_sec) * i128::from(interface.resolution) + i128::from(frame.ts_usec);
            each(&Packet {
                time: interface.time(units),
                link: interface.link,
                data: frame.data,
                length: frame.origlen.max(frame.caplen),
            });
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => interfaces.push(Interface::described(block)),
        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
            let Some(interface) = interfaces.get(block.if_id as usize) else { return };
            let units = i128::from(block.ts_high) << 32 | i128::from(block.ts_low);
            let data = block.data.get(..block.caplen as usize).unwrap_or(block.data);
            each(&Packet {
                time: interface.time(units),
                link: interface.link,
                data,
                length: block.origlen.max(block.caplen),
            });
        }
        // A simple packet has no time, and other blocks no packet.
        PcapBlockOwned::NG(_) => {}
    }
}

/// Reads until there is as much as was asked for: the reader of captures wants their whole head at once, and a pipe gives what
/// it has.
struct Greedy<R>(R);

impl<R: Read> Read for Greedy<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came before it counts; the error comes again.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}
