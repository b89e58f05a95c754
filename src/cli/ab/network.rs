//! What the kernel counts of TCP, in the same way for both arms: the differences of its own counters over a run. They are those
//! of the whole network namespace: whatever else talks in it is counted too, and on loopback both ends are.

use schemars::JsonSchema;
use serde::Serialize;

use crate::os::proc::{counter, counters};

/// Counters, or what they grew by during a run. A kernel that does not have one gives nothing for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Network {
    /// Segments sent, pure acknowledgements among them (Tcp: OutSegs).
    pub segments: Option<u64>,
    /// Segments with data that were acknowledged (TcpExt: TCPDelivered).
    pub data_segments: Option<u64>,
    /// Segments sent again (Tcp: RetransSegs).
    pub retransmissions: Option<u64>,
    /// Acknowledgements that were sent because the delay ran out: each is a wait of the other end's, if that waits (TcpExt:
    /// DelayedACKs).
    pub delayed_acks: Option<u64>,
    /// Bytes sent, with IP headers (IpExt: OutOctets).
    pub bytes: Option<u64>,
}

impl Network {
    /// As it stands now.
    pub fn read() -> Self {
        Self::parse(&counters("snmp"), &counters("netstat"))
    }

    fn parse(snmp: &str, netstat: &str) -> Self {
        Self {
            segments: counter(snmp, "Tcp:", "OutSegs"),
            data_segments: counter(netstat, "TcpExt:", "TCPDelivered"),
            retransmissions: counter(snmp, "Tcp:", "RetransSegs"),
            delayed_acks: counter(netstat, "TcpExt:", "DelayedACKs"),
            bytes: counter(netstat, "IpExt:", "OutOctets"),
        }
    }

    pub fn since(&self, before: &Self) -> Self {
        // Some kernels' counters wrap at 32 bits; a difference of a run does not.
        let grown = |now: Option<u64>, then: Option<u64>| Some(now?.wrapping_sub(then?) & 0xffff_ffff_ffff);
        Self {
            segments: grown(self.segments, before.segments),
            data_segments: grown(self.data_segments, before.data_segments),
            retransmissions: grown(self.retransmissions, before.retransmissions),
            delayed_acks: grown(self.delayed_acks, before.delayed_acks),
            bytes: grown(self.bytes, before.bytes),
        }
    }
}

/// Segments sent so far: what a time line is made of.
pub fn segments_sent() -> Option<u64> {
    counter(&counters("snmp"), "Tcp:", "OutSegs")
}

#[cfg(test)]
mod tests {
    use super::{Network, counter};

    const SNMP: &str = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn OutSegs RetransSegs\nTcp: -1 1200 3\n";
    const NETSTAT: &str = "TcpExt: DelayedACKs TCPDelivered\nTcpExt: 7 900\nIpExt: InOctets OutOctets\nIpExt: 1 5000\n";

    #[test]
    fn reads_the_kernels_tables() {
        let network = Network::parse(SNMP, NETSTAT);
        let expected = Network {
            segments: Some(1200),
            data_segments: Some(900),
            retransmissions: Some(3),
            delayed_acks: Some(7),
            bytes: Some(5000),
        };
        assert_eq!(network, expected);
        assert_eq!(Network::parse("", "TcpExt: X\n"), Network::default());
        assert_eq!(counter(SNMP, "Tcp:", "MaxConn"), None);
    }

    #[test]
    fn this_kernel_counts_a_connection() {
        use std::io::{Read, Write};
        let before = Network::read();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut client = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        let (mut server, _) = listener.accept().expect("connected");
        for _ in 0..10 {
            client.write_all(b"x").expect("open");
            server.read_exact(&mut [0]).expect("one byte");
            server.write_all(b"y").expect("open");
            client.read_exact(&mut [0]).expect("one byte");
        }
        let grown = Network::read().since(&before);
        assert!(grown.segments.is_some_and(|n| n >= 20), "{grown:?}");
        assert!(grown.data_segments.is_none_or(|n| n >= 18), "{grown:?}");
        assert!(grown.bytes.is_some_and(|n| n >= 20 * 53), "{grown:?}");
    }
}
