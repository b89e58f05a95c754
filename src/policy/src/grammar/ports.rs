//! Ranges of port numbers, as in `143,993,8000-8010`. This file knows one range; the rules split the list.

use super::number::plain;
use super::piece::split_once;
use crate::put::{Put, decimal};

/// A range of ports, from the first to the last, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// No port.
    pub const NONE: Ports = Ports { first: 0, last: 0 };

    /// Reads a port or a range of ports from 1 to 65535.
    #[inline(never)]
    pub fn parse(text: &[u8]) -> Option<Ports> {
        let port = |text: &[u8]| u16::try_from(plain(text)?).ok().filter(|port| *port > 0);
        let (first, last) = split_once(text, b'-').unwrap_or((text, text));
        let (first, last) = (port(first)?, port(last)?);
        (first <= last).then_some(Ports { first, last })
    }

    /// Is the port in the range?
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Writes the range as it is read.
    pub fn write(self, put: &mut Put<'_>) {
        decimal(u64::from(self.first), put);
        if self.last != self.first {
            put(b"-");
            decimal(u64::from(self.last), put);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ports_and_ranges() {
        assert_eq!(Ports::parse(b"143"), Some(Ports { first: 143, last: 143 }));
        assert_eq!(Ports::parse(b"1-65535"), Some(Ports { first: 1, last: 65_535 }));
        for bad in ["", "0", "65536", "10-9", "-1", "1-", "1-2-3", "http", "1 - 2"] {
            assert_eq!(Ports::parse(bad.as_bytes()), None, "{bad}");
        }
        let range = Ports::parse(b"8000-8010").expect("valid");
        assert!(range.contains(8_000) && range.contains(8_010) && !range.contains(7_999) && !range.contains(8_011));
    }
}
