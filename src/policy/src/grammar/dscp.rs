//! Names of differentiated services code points (RFC 2474, 2597, 3246, 5865, 8622). Knows numbers 0 to 63 only.

use super::number::{Unit, read};
use crate::put::{Put, decimal};

/// Reads a name (`af21`, `cs5`, `ef`, `va`, `le`) or a number from 0 to 63.
pub(crate) fn parse(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8, low: u8, high: u8| {
        let value = byte.wrapping_sub(b'0');
        (low..=high).contains(&value).then_some(value)
    };
    match text {
        [b'c' | b'C', b's' | b'S', class] => digit(class, 0, 7)?.checked_mul(8),
        [b'a' | b'A', b'f' | b'F', class, drop] => {
            digit(class, 1, 4)?.checked_mul(8)?.checked_add(digit(drop, 1, 3)?.checked_mul(2)?)
        }
        [b'e' | b'E', b'f' | b'F'] => Some(46),
        [b'v' | b'V', b'a' | b'A'] => Some(44),
        [b'l' | b'L', b'e' | b'E'] => Some(1),
        _ => u8::try_from(read(text, Unit::Plain)?).ok().filter(|value| *value < 64),
    }
}

/// Writes a code point by its name, or as a number if it has none.
pub(crate) fn write(value: u8, put: &mut Put<'_>) {
    let (class, rest) = (value >> 3, value & 7);
    match (value, class, rest) {
        (46, ..) => put(b"ef"),
        (44, ..) => put(b"va"),
        (1, ..) => put(b"le"),
        (_, 0..=7, 0) => {
            put(b"cs");
            decimal(u64::from(class), put);
        }
        (_, 1..=4, 2 | 4 | 6) => {
            put(b"af");
            decimal(u64::from(class), put);
            decimal(u64::from(rest >> 1), put);
        }
        _ => decimal(u64::from(value), put),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_registered_numbers() {
        for (name, value) in [
            ("cs0", 0),
            ("le", 1),
            ("cs1", 8),
            ("af11", 10),
            ("AF21", 18),
            ("af43", 38),
            ("va", 44),
            ("EF", 46),
            ("cs7", 56),
        ] {
            assert_eq!(parse(name.as_bytes()), Some(value), "{name}");
        }
        for bad in ["", "cs8", "af51", "af14", "af10", "cs", "64", "best", "af211"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn every_code_point_survives_being_written_and_read() {
        for value in 0..64 {
            let mut text = std::vec::Vec::new();
            write(value, &mut |b| text.extend_from_slice(b));
            assert_eq!(parse(&text), Some(value));
        }
    }
}
