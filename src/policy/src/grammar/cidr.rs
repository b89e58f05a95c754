//! Addresses and networks of both families, as in `10.0.0.0/8,fe80::/10,::1`. IPv4 addresses are kept as IPv4-mapped
//! IPv6, so sockets of both families compare alike. Must accept exactly what the standard library accepts (a test
//! compares the two). The standard parser is not used, because as far as the linker can tell it may panic.

use super::number::{in_base, plain};
use super::piece::{field, find, split_once};
use crate::put::{Put, decimal, hexadecimal};

/// The prefix of IPv4-mapped addresses.
pub(crate) const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// An IPv4 address as IPv4-mapped IPv6.
pub(crate) fn map_v4(v4: [u8; 4]) -> [u8; 16] {
    let mut address = [0; 16];
    for (to, from) in address.iter_mut().zip(MAPPED.iter().chain(v4.iter())) {
        *to = *from;
    }
    address
}

/// Is this an IPv4 address?
fn is_v4(address: &[u8; 16]) -> bool {
    address.starts_with(&MAPPED)
}

/// A network: an address and the number of its leading bits that count. For IPv4 that number is 96 more than the one
/// written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: [u8; 16],
    bits: u8,
}

impl Network {
    /// A slot that holds no network yet.
    pub const NONE: Network = Network { address: [0; 16], bits: 0 };

    /// Reads an address, or an address with `/` and a prefix length. The bits after the prefix are cleared.
    #[inline(never)]
    pub fn parse(text: &[u8]) -> Option<Network> {
        let (text, length) = match split_once(text, b'/') {
            Some((text, digits)) => (text, Some(u8::try_from(plain(digits).filter(|_| digits.len() <= 3)?).ok()?)),
            None => (text, None),
        };
        let (mut address, base) = match v4(text) {
            Some(v4) => (map_v4(v4), 96u8),
            None => (v6(text)?, 0),
        };
        let room = 128u8.saturating_sub(base);
        let bits = base.checked_add(length.unwrap_or(room).min(room.checked_add(1)?))?;
        if bits > 128 {
            return None;
        }
        keep(&mut address, bits);
        Some(Network { address, bits })
    }

    /// Is the address in the network? An IPv4 address is in IPv4 networks only, not in `::/0`.
    #[inline(never)]
    pub fn contains(&self, address: &[u8; 16]) -> bool {
        let v4_only = self.bits >= 96 && is_v4(&self.address);
        let mut network = *address;
        keep(&mut network, self.bits);
        v4_only == is_v4(address) && network == self.address
    }

    /// Writes the network as it is read: dotted IPv4, or IPv6 with its longest run of zeros shortened.
    pub fn write(&self, put: &mut Put<'_>) {
        let (base, full) = if self.bits >= 96 && is_v4(&self.address) { (96u8, 32u8) } else { (0, 128) };
        if base == 96 {
            for (n, byte) in self.address.iter().skip(12).enumerate() {
                if n > 0 {
                    put(b".");
                }
                decimal(u64::from(*byte), put);
            }
        } else {
            write_v6(&self.address, put);
        }
        let bits = self.bits.saturating_sub(base);
        if bits != full {
            put(b"/");
            decimal(u64::from(bits), put);
        }
    }
}

/// Keeps the first `bits` bits and clears the others.
#[inline(never)]
fn keep(address: &mut [u8; 16], bits: u8) {
    let mut left = bits;
    for byte in address {
        // A shift by eight or more keeps none.
        *byte &= !0xffu8.checked_shr(u32::from(left)).unwrap_or(0);
        left = left.saturating_sub(8);
    }
}

/// Reads four decimal numbers without leading zeros.
#[inline(never)]
fn v4(text: &[u8]) -> Option<[u8; 4]> {
    let mut address = [0u8; 4];
    let mut rest = Some(text);
    for byte in &mut address {
        let part = field(&mut rest, b'.')?;
        let leading_zero = part.len() > 1 && part.first() == Some(&b'0');
        *byte = u8::try_from(plain(part).filter(|_| !leading_zero && part.len() <= 3)?).ok()?;
    }
    if rest.is_some() { None } else { Some(address) }
}

/// Reads eight groups of hexadecimal digits. `::` may stand for one run of zeros, and dotted IPv4 for the last two
/// groups.
fn v6(text: &[u8]) -> Option<[u8; 16]> {
    let mut address = [0u8; 16];
    // The first colon that is followed by another.
    let mut gap = find(text, b':')?;
    while text.get(gap.wrapping_add(1)) != Some(&b':') {
        let behind = gap.wrapping_add(1);
        match text.get(behind..).and_then(|rest| find(rest, b':')) {
            Some(more) => gap = behind.wrapping_add(more),
            None => return (groups(text, true, &mut address)? == 16).then_some(address),
        }
    }
    let (head, rest) = text.split_at_checked(gap)?;
    let tail = rest.get(2..)?;
    let mut end = [0u8; 16];
    let ahead = groups(head, false, &mut address)?;
    let behind = groups(tail, true, &mut end)?;
    // `::` stands for at least one group.
    if ahead.checked_add(behind)? > 14 {
        return None;
    }
    for (to, from) in address.iter_mut().skip(16usize.checked_sub(behind)?).zip(end) {
        *to = from;
    }
    Some(address)
}

/// Reads groups separated by colons into `out`; returns how many bytes they fill.
#[inline(never)]
fn groups(text: &[u8], v4_allowed: bool, out: &mut [u8; 16]) -> Option<usize> {
    let mut filled = 0usize;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            *out.get_mut(filled)? = *byte;
            filled = filled.wrapping_add(1);
        }
        Some(())
    };
    let mut rest = if text.is_empty() { None } else { Some(text) };
    while let Some(part) = field(&mut rest, b':') {
        match v4(part) {
            Some(dotted) if v4_allowed && rest.is_none() => add(&dotted)?,
            _ => add(&group(part)?.to_be_bytes())?,
        }
    }
    Some(filled)
}

fn group(text: &[u8]) -> Option<u16> {
    u16::try_from(in_base(text, 16).filter(|_| text.len() <= 4)?).ok()
}

fn write_v6(address: &[u8; 16], put: &mut Put<'_>) {
    let group = |n: usize| {
        let high = address.get(n.saturating_mul(2)).copied().unwrap_or(0);
        let low = address.get(n.saturating_mul(2).saturating_add(1)).copied().unwrap_or(0);
        u16::from_be_bytes([high, low])
    };
    // The longest run of two or more zero groups, and the first of equal ones (RFC 5952).
    let mut gap = 0..0usize;
    for start in 0..8usize {
        let length = (start..8).take_while(|n| group(*n) == 0).count();
        if length >= 2 && length > gap.len() {
            gap = start..start.saturating_add(length);
        }
    }
    let mut n = 0usize;
    while n < 8 {
        if !gap.is_empty() && n == gap.start {
            put(b"::");
            n = gap.end;
        } else {
            if n > 0 && n != gap.end {
                put(b":");
            }
            hexadecimal(u64::from(group(n)), put);
            n = n.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        let one = Network::parse(address.as_bytes()).expect("an address");
        Network::parse(network.as_bytes()).expect("a network").contains(&one.address)
    }

    #[test]
    fn networks_hold_what_shares_their_leading_bits() {
        assert!(contains("10.0.0.0/8", "10.255.1.2"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("192.168.0.0/23", "192.168.1.9"));
        assert!(!contains("192.168.0.0/23", "192.168.2.9"));
        assert!(contains("fe80::/10", "febf::1"));
        assert!(!contains("fe80::/10", "fec0::1"));
        assert!(contains("::1", "::1"));
        assert!(contains("10.9.8.7/8", "10.1.1.1"), "bits behind the length are dropped");
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_and_families_do_not_mix() {
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(contains("0.0.0.0/0", "1.2.3.4"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(!contains("::/0", "1.2.3.4"));
        assert!(contains("::/0", "2001:db8::1"));
    }

    #[test]
    fn odd_text_is_no_network() {
        for bad in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "010.0.0.1",
            "1.2.3.256",
            "1::2::3",
            ":::",
            "fe80",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7::8",
            "1:2:3:4:5:6:7:8::",
            "12345::",
            "::1%eth0",
            "localhost",
            "1.2.3.4/08x",
        ] {
            assert_eq!(Network::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
