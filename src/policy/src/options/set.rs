//! A set of socket options with their values: small, copyable, no heap. Must not parse text.

use super::sockopts::{Form, IDS, Row, SOCKOPTS, When, id};

/// The size of a congestion control name in the kernel, with its terminating zero (`TCP_CA_NAME_MAX`).
pub(crate) const NAME_MAX: usize = 16;

/// The options of a keepalive setting, which are set and replaced together.
const KEEPALIVE_BITS: u32 = 0b1111;

/// Which options are set, and their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSet {
    /// The ids that are set, a bit for each.
    given: u32,
    /// The upper half of the only 64-bit value, the pacing rate.
    high: u32,
    /// The value for each id; zero if it is not set.
    values: [u32; IDS],
    /// The name of the congestion control, padded with zeros.
    congestion: [u8; NAME_MAX],
}

/// The arguments of one setsockopt(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SockOpt {
    /// The option's bit, below 32, in the mask of options that the application has set itself. Options of two address
    /// families may share it.
    pub id: u8,
    /// The level argument.
    pub level: i32,
    /// The name argument.
    pub name: i32,
    /// When it is to be set.
    pub when: When,
    bytes: [u8; NAME_MAX],
    len: u8,
}

impl SockOpt {
    /// The value argument: an int, a `struct linger`, a 64-bit number or a name.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl OptionSet {
    /// No option.
    pub const EMPTY: OptionSet = OptionSet { given: 0, high: 0, values: [0; IDS], congestion: [0; NAME_MAX] };

    /// Is no option set?
    pub const fn is_empty(&self) -> bool {
        self.given == 0
    }

    /// The ids that are set, a bit for each.
    pub const fn mask(&self) -> u32 {
        self.given
    }

    /// The calls that set these options, in the order in which they must be made.
    pub fn iter(&self) -> impl Iterator<Item = SockOpt> + '_ {
        SOCKOPTS.iter().filter(|row| self.has(row.id)).map(|row| self.call(row))
    }

    #[inline(never)]
    fn call(&self, row: &Row) -> SockOpt {
        let low = self.value(row.id);
        let mut bytes = [0; NAME_MAX];
        let len = match row.form {
            Form::Int => fill(&mut bytes, &low.to_ne_bytes(), &[]),
            Form::Wide => fill(&mut bytes, &self.wide().to_ne_bytes(), &[]),
            Form::Linger if low == u32::MAX => fill(&mut bytes, &[0; 8], &[]),
            Form::Linger => fill(&mut bytes, &1u32.to_ne_bytes(), &low.to_ne_bytes()),
            Form::Name => fill(&mut bytes, self.congestion(), &[]),
        };
        SockOpt { id: row.id, level: row.level, name: row.name, when: row.when, bytes, len }
    }

    /// Merges this set, of which only the options in `own` count, over the set `below`: what this one does not give is
    /// taken from there. A keepalive setting is taken as a whole from one of them.
    #[inline(never)]
    pub(crate) fn lay_over(&mut self, own: u32, below: &OptionSet) {
        let kept = if own & KEEPALIVE_BITS != 0 { own | KEEPALIVE_BITS } else { own };
        for (n, (value, other)) in (0u8..).zip(self.values.iter_mut().zip(&below.values)) {
            if kept & bit(n) == 0 {
                *value = *other;
            }
        }
        if !kept & bit(id::MAX_PACING_RATE) != 0 {
            self.high = below.high;
        }
        if !kept & bit(id::CONGESTION) != 0 {
            self.congestion = below.congestion;
        }
        self.given = self.given & own | below.given & !kept;
    }

    /// The options whose bit is in the mask.
    #[must_use]
    #[inline(never)]
    pub(crate) fn only(&self, mask: u32) -> OptionSet {
        if self.given & !mask == 0 {
            return *self;
        }
        let mut kept = *self;
        for (n, value) in kept.values.iter_mut().enumerate() {
            let bit = u8::try_from(n).map_or(0, bit);
            if mask & bit == 0 {
                *value = 0;
            }
        }
        if mask & bit(id::MAX_PACING_RATE) == 0 {
            kept.high = 0;
        }
        if mask & bit(id::CONGESTION) == 0 {
            kept.congestion = [0; NAME_MAX];
        }
        kept.given &= mask;
        kept
    }

    /// Is this option set?
    pub(crate) fn has(&self, id: u8) -> bool {
        self.given & bit(id) != 0
    }

    /// The value of an option; zero if it is not set.
    pub(crate) fn value(&self, id: u8) -> u32 {
        self.values.get(usize::from(id)).copied().unwrap_or(0)
    }

    /// The pacing rate.
    pub(crate) fn wide(&self) -> u64 {
        u64::from(self.value(id::MAX_PACING_RATE)) | u64::from(self.high).wrapping_shl(32)
    }

    /// The congestion control's name.
    pub(crate) fn congestion(&self) -> &[u8] {
        self.congestion.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, id: u8, value: u32) {
        if let Some(place) = self.values.get_mut(usize::from(id)) {
            *place = value;
            self.given |= bit(id);
        }
    }

    pub(crate) fn put_wide(&mut self, rate: u64) {
        let [a, b, c, d, e, f, g, h] = rate.to_le_bytes();
        self.put(id::MAX_PACING_RATE, u32::from_le_bytes([a, b, c, d]));
        self.high = u32::from_le_bytes([e, f, g, h]);
    }

    pub(crate) fn put_congestion(&mut self, name: &[u8]) {
        self.congestion = [0; NAME_MAX];
        fill(&mut self.congestion, name, &[]);
        self.given |= bit(id::CONGESTION);
    }

    pub(crate) fn clear_keepalive(&mut self) {
        self.given &= !KEEPALIVE_BITS;
        for value in self.values.iter_mut().take(4) {
            *value = 0;
        }
    }
}

/// The bit of an id; 0 for an invalid id.
fn bit(id: u8) -> u32 {
    1u32.checked_shl(u32::from(id)).unwrap_or(0)
}

/// Copies two pieces to the front of `bytes`; returns their total length.
#[inline(never)]
fn fill(bytes: &mut [u8; NAME_MAX], first: &[u8], second: &[u8]) -> u8 {
    let mut len = 0u8;
    for (to, from) in bytes.iter_mut().zip(first.iter().chain(second)) {
        *to = *from;
        len = len.wrapping_add(1);
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn values_have_the_form_the_kernel_wants() {
        let mut set = OptionSet::EMPTY;
        set.put(id::TTL, 9);
        set.put(id::LINGER, 5);
        set.put_wide(5 << 32 | 7);
        set.put_congestion(b"bbr");
        let found: Vec<(i32, Vec<u8>)> = set.iter().map(|o| (o.name, o.bytes().to_vec())).collect();
        assert_eq!(
            found,
            [
                (libc::TCP_CONGESTION, b"bbr".to_vec()),
                (libc::IP_TTL, 9i32.to_ne_bytes().to_vec()),
                (libc::IPV6_UNICAST_HOPS, 9i32.to_ne_bytes().to_vec()),
                (libc::SO_LINGER, [1i32.to_ne_bytes(), 5i32.to_ne_bytes()].concat()),
                (47, (5u64 << 32 | 7).to_ne_bytes().to_vec()),
            ]
        );
        set.put(id::LINGER, u32::MAX);
        let off = set.iter().find(|o| o.level == libc::SOL_SOCKET && o.name == libc::SO_LINGER).expect("still set");
        assert_eq!(off.bytes(), [0; 8]);
    }

    #[test]
    fn a_merged_keepalive_replaces_the_whole_one_below() {
        let mut below = OptionSet::EMPTY;
        for n in 0..4 {
            below.put(n, 60);
        }
        let mut over = OptionSet::EMPTY;
        over.put(id::KEEPALIVE, 0);
        let mut merged = over;
        merged.lay_over(over.mask(), &below);
        assert_eq!(merged, over);
    }
}
