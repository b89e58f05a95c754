//! Numbers with units, read from text and written back. Must not round: a value that is not a whole number of the
//! option's own unit is invalid.

use crate::put::{Put, decimal};

/// What a number counts, and so which suffixes it may have. Without a suffix it is in the unit named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A number without a unit: decimal, or hexadecimal after `0x`.
    Plain,
    /// Bytes; the suffixes `k`, `m` and `g` are powers of 1,024.
    Bytes,
    /// Microseconds; the suffixes are `us`, `ms`, `s`, `m` and `h`.
    Micros,
    /// Milliseconds; the suffixes are those of microseconds.
    Millis,
    /// Seconds; the suffixes are those of microseconds.
    Seconds,
}

impl Unit {
    /// This unit of time in microseconds.
    const fn micros(self) -> u64 {
        match self {
            Unit::Plain | Unit::Bytes | Unit::Micros => 1,
            Unit::Millis => 1_000,
            Unit::Seconds => 1_000_000,
        }
    }
}

/// Reads a number; returns it in the unit of the option.
#[inline(never)]
pub(crate) const fn read(text: &[u8], unit: Unit) -> Option<u64> {
    if let (Unit::Plain, [b'0', b'x' | b'X', hex @ ..]) = (unit, text) {
        return in_base(hex, 16);
    }
    let (number, suffix) = match leading(text, 10) {
        Some((number, [])) => return Some(number),
        Some(found) => found,
        None => return None,
    };
    // Converted to lower case. No byte that is not a letter becomes one of the suffixes.
    let suffix = match suffix {
        [one] => [*one | 0x20, 0],
        [one, two] => [*one | 0x20, *two | 0x20],
        _ => return None,
    };
    let scale = match (unit, &suffix) {
        (Unit::Plain, _) => return None,
        (Unit::Bytes, b"k\0") => 1 << 10,
        (Unit::Bytes, b"m\0") => 1 << 20,
        (Unit::Bytes, b"g\0") => 1 << 30,
        (Unit::Bytes, _) => return None,
        (_, b"us") => 1,
        (_, b"ms") => 1_000,
        (_, b"s\0") => 1_000_000,
        (_, b"m\0") => 60_000_000,
        (_, b"h\0") => 3_600_000_000,
        _ => return None,
    };
    let own = unit.micros();
    let Some(scaled) = number.checked_mul(scale) else { return None };
    match (scaled.checked_div(own), scaled.checked_rem(own)) {
        (whole, Some(0)) => whole,
        _ => None,
    }
}

/// Reads decimal digits and nothing else.
pub(crate) const fn plain(digits: &[u8]) -> Option<u64> {
    in_base(digits, 10)
}

/// Reads digits of a base up to sixteen and nothing else.
pub(crate) const fn in_base(digits: &[u8], base: u8) -> Option<u64> {
    match leading(digits, base) {
        Some((number, [])) => Some(number),
        _ => None,
    }
}

/// Reads the digits at the front, at least one, in a base up to sixteen; returns what follows them too.
#[inline(never)]
const fn leading(text: &[u8], base: u8) -> Option<(u64, &[u8])> {
    let (mut sum, mut rest) = (0u64, text);
    while let [byte, behind @ ..] = rest {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
            _ => break,
        };
        if digit >= base {
            break;
        }
        sum = match sum.checked_mul(base as u64) {
            Some(scaled) => match scaled.checked_add(digit as u64) {
                Some(sum) => sum,
                None => return None,
            },
            None => return None,
        };
        rest = behind;
    }
    if rest.len() == text.len() { None } else { Some((sum, rest)) }
}

/// Writes a number with the largest suffix that leaves it whole.
pub(crate) fn write(number: u64, unit: Unit, put: &mut Put<'_>) {
    let scales: &[(&str, u64)] = match unit {
        Unit::Plain => &[],
        Unit::Bytes => &[("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)],
        Unit::Micros | Unit::Millis | Unit::Seconds => {
            &[("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)]
        }
    };
    let scaled = if matches!(unit, Unit::Bytes) { Some(number) } else { number.checked_mul(unit.micros()) };
    if let (Some(scaled), true) = (scaled, number > 0) {
        for (name, size) in scales {
            if scaled.checked_rem(*size) == Some(0) {
                decimal(scaled.checked_div(*size).unwrap_or(0), put);
                put(name.as_bytes());
                return;
            }
        }
    }
    decimal(number, put);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale_and_bare_numbers_are_in_the_options_own_unit() {
        assert_eq!(read(b"64k", Unit::Bytes), Some(65_536));
        assert_eq!(read(b"1G", Unit::Bytes), Some(1 << 30));
        assert_eq!(read(b"30s", Unit::Millis), Some(30_000));
        assert_eq!(read(b"30", Unit::Millis), Some(30));
        assert_eq!(read(b"2m", Unit::Seconds), Some(120));
        assert_eq!(read(b"1H", Unit::Seconds), Some(3_600));
        assert_eq!(read(b"0xfF", Unit::Plain), Some(255));
    }

    #[test]
    fn what_is_not_a_whole_number_of_the_unit_is_refused() {
        assert_eq!(read(b"1500ms", Unit::Seconds), None);
        assert_eq!(read(b"2000ms", Unit::Seconds), Some(2));
        assert_eq!(read(b"999us", Unit::Millis), None);
    }

    #[test]
    fn odd_text_is_no_number() {
        for text in ["", "k", "-1", "+1", "1 k", "1kb", "1.5m", "0x", "0xg", "18446744073709551616", "99999999999g"] {
            for unit in [Unit::Plain, Unit::Bytes, Unit::Micros, Unit::Millis, Unit::Seconds] {
                assert_eq!(read(text.as_bytes(), unit), None, "{text} in {unit:?}");
            }
        }
        assert_eq!(read(b"0x10", Unit::Bytes), None);
        assert_eq!(read(b"1k", Unit::Plain), None);
    }

    #[test]
    fn numbers_are_written_with_the_largest_whole_unit() {
        let text = |number, unit| {
            let mut out = std::string::String::new();
            write(number, unit, &mut |b| out.push_str(core::str::from_utf8(b).expect("text")));
            out
        };
        assert_eq!(text(0, Unit::Seconds), "0");
        assert_eq!(text(65_536, Unit::Bytes), "64k");
        assert_eq!(text(65_537, Unit::Bytes), "65537");
        assert_eq!(text(30_000, Unit::Millis), "30s");
        assert_eq!(text(7_200, Unit::Seconds), "2h");
        assert_eq!(text(1_500, Unit::Micros), "1500us");
    }
}
