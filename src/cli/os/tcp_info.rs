//! The kernel's struct tcp_info: what a connection is doing. The struct only ever grows at its end: an older kernel gives fewer
//! bytes, and what it does not give reads as nothing, or as 0.

use std::io;
use std::os::fd::AsRawFd;

use tcptune_policy::stall::Path;

use super::option;

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

/// As long as any kernel's.
const LONGEST: usize = 256;
/// Where its fields are; those that are read by name.
const STATE: usize = 0;
const DATA_SEGMENTS_IN: usize = 152;
const BYTES_RESENT: usize = 208;

/// Its bytes, of a TCP socket of ours.
pub fn read(socket: &impl AsRawFd) -> io::Result<Vec<u8>> {
    option::read::<LONGEST>(socket, libc::IPPROTO_TCP, libc::TCP_INFO)
}

/// The state of the connection.
pub fn state(info: &[u8]) -> Option<&'static str> {
    STATES.get(usize::from(*info.get(STATE)?).checked_sub(1)?).copied()
}

/// Segments with data that came in; none before Linux 4.6, which does not say.
pub fn data_segments_in(info: &[u8]) -> Option<u32> {
    info.get(DATA_SEGMENTS_IN..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

/// Counters and state of one connection at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Retransmitting, or recovering from a loss (not TCP_CA_Open).
    pub troubled: bool,
    pub mss: u32,
    /// Segments in flight.
    pub unacked: u32,
    pub cwnd: u32,
    /// Milliseconds since data was last sent, to the kernel's timer tick.
    pub last_data_sent: u32,
    pub last_data_received: u32,
    /// The smoothed round-trip time; it may contain delayed acknowledgements of the peer.
    pub rtt_us: u32,
    pub min_rtt_us: u32,
    /// Bytes written by the program that have not left.
    pub notsent: u32,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub bytes_resent: u64,
    pub segments_out: u32,
    pub segments_in: u32,
    pub data_segments_in: u32,
    pub data_segments_out: u32,
    /// Microseconds in which something was unsent or unacknowledged, to the kernel's timer tick.
    pub busy_us: u64,
    /// The window that the peer offers; 0 where the kernel does not say (before Linux 5.4).
    pub window: u32,
    /// The kernel gave all that tells what is held: the last of these fields came with Linux 4.19, and a kernel of another make
    /// (a sandbox's) may give fewer.
    pub whole: bool,
}

impl TcpInfo {
    pub fn parse(bytes: &[u8]) -> Self {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
        let long = |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_ne_bytes);
        let (ca_state, retransmits, sacked, lost, resent) = (byte(1), byte(2), word(28), word(32), word(36));
        Self {
            troubled: ca_state != 0 || retransmits != 0 || sacked != 0 || lost != 0 || resent != 0,
            mss: word(16),
            unacked: word(24),
            last_data_sent: word(44),
            last_data_received: word(52),
            cwnd: word(80),
            bytes_acked: long(120),
            bytes_received: long(128),
            segments_out: word(136),
            segments_in: word(140),
            notsent: word(144),
            rtt_us: word(68),
            min_rtt_us: word(148),
            data_segments_in: word(DATA_SEGMENTS_IN),
            data_segments_out: word(156),
            busy_us: long(168),
            bytes_sent: long(200),
            bytes_resent: long(BYTES_RESENT),
            window: word(228),
            whole: bytes.len() >= BYTES_RESENT + size_of::<u64>(),
        }
    }

    /// The times of the path. (The deviation is not read.)
    pub fn path(&self) -> Path {
        Path { round_trip: self.rtt_us, deviation: 0, shortest: self.min_rtt_us }
    }

    /// Bytes that left and are not acknowledged; one too few at a client's end, whose SYN was acknowledged too.
    pub fn in_flight(&self) -> u64 {
        if self.unacked == 0 {
            return 0;
        }
        self.bytes_sent.saturating_sub(self.bytes_resent).saturating_sub(self.bytes_acked)
    }

    /// Is something held back here that neither the network nor the peer holds back? A partial segment waits although window
    /// and congestion window have room: Nagle's algorithm holds it (only while something is in flight), or TCP_CORK or MSG_MORE.
    pub fn holds(&self) -> bool {
        let room = self.window == 0 || u64::from(self.window) >= self.in_flight() + u64::from(self.notsent);
        self.notsent > 0 && self.notsent < self.mss && self.unacked < self.cwnd && !self.troubled && room
    }
}

#[cfg(test)]
impl TcpInfo {
    /// A connection over loopback on which nothing has happened yet.
    pub const IDLE: Self = Self {
        troubled: false,
        mss: 1448,
        unacked: 0,
        cwnd: 10,
        last_data_sent: 0,
        last_data_received: 0,
        rtt_us: 30,
        min_rtt_us: 20,
        notsent: 0,
        bytes_acked: 0,
        bytes_received: 0,
        bytes_sent: 0,
        bytes_resent: 0,
        busy_us: 0,
        segments_out: 0,
        segments_in: 0,
        data_segments_in: 0,
        data_segments_out: 0,
        window: 65_535,
        whole: true,
    };
}

#[cfg(test)]
mod tests {
    use super::{TcpInfo, data_segments_in, read, state};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    fn bytes(words: &[(usize, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 232];
        for &(at, value) in words {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn a_short_struct_reads_as_zeros() {
        assert_eq!(TcpInfo::parse(&[]), TcpInfo::default());
        let all = bytes(&[(16, 1448), (144, 2), (228, 65_535)]);
        assert_eq!((TcpInfo::parse(&all).window, TcpInfo::parse(&all).whole), (65_535, true));
        let old = TcpInfo::parse(&all[..148]);
        assert_eq!((old.mss, old.notsent, old.window, old.whole), (1448, 2, 0, false));
        assert_eq!([215, 216].map(|length| TcpInfo::parse(&all[..length]).whole), [false, true]);
    }

    #[test]
    fn tells_a_held_piece_from_one_that_has_to_wait() {
        // MSS 1448, one segment of 2,400 bytes' end in flight, cwnd 10, two bytes unsent, window of 65,535.
        let base = [(16, 1448), (24, 1), (80, 10), (144, 2), (200, 2_400), (228, 65_535)];
        let holds = |change: (usize, u32)| {
            let mut words = base.to_vec();
            words.push(change);
            TcpInfo::parse(&bytes(&words)).holds()
        };
        assert!(holds((0, 1)));
        for (what, change) in [
            ("nothing unsent", (144, 0)),
            ("a whole segment unsent", (144, 1448)),
            ("the congestion window is full", (24, 10)),
            ("a segment was lost", (32, 1)),
            ("the peer's window is full", (228, 2_401)),
        ] {
            assert!(!holds(change), "{what}");
        }
    }

    #[test]
    fn counts_segments() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        let (mut server, _) = listener.accept().expect("connected");
        for expected in 1..=3 {
            client.write_all(b"x").expect("open");
            server.read_exact(&mut [0]).expect("one byte");
            let info = read(&server).expect("a connection");
            assert_eq!((data_segments_in(&info), state(&info)), (Some(expected), Some("established")));
        }
    }
}
