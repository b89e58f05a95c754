//! Splits a value into words and fields. A part is a slice of the value, so its position follows from its address
//! (fault.rs). Must not interpret the parts beyond comparing words.

use super::words::{Words, words};

/// What separates words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Blanks.
    Blank,
    /// Blanks and commas, as between the entries of `TCPTUNE_SET`.
    BlankOrComma,
}

/// Is this byte a blank between words?
pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || matches!(byte, b'\t'..=b'\r')
}

/// The first `n` bytes and the rest.
pub(crate) fn cut(text: &[u8], n: usize) -> (&[u8], &[u8]) {
    text.split_at_checked(n).unwrap_or((text, &[]))
}

/// The text without the blanks around it.
#[inline(never)]
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

/// Takes the next word off the front; `None` if only separators are left.
#[inline(never)]
pub(crate) fn word<'v>(rest: &mut &'v [u8], gap: Gap) -> Option<&'v [u8]> {
    let comma = if gap == Gap::BlankOrComma { b',' } else { b' ' };
    // Most bytes are greater than any separator: one comparison.
    let is_gap = |byte: u8| byte <= b',' && (is_blank(byte) || byte == comma);
    let mut ahead = *rest;
    while let [byte, behind @ ..] = ahead
        && is_gap(*byte)
    {
        ahead = behind;
    }
    let from = ahead;
    while let [byte, behind @ ..] = ahead
        && !is_gap(*byte)
    {
        ahead = behind;
    }
    *rest = ahead;
    let (word, _) = cut(from, from.len().wrapping_sub(ahead.len()));
    if word.is_empty() { None } else { Some(word) }
}

/// The position of the first such byte.
#[inline(never)]
pub(crate) fn find(text: &[u8], mark: u8) -> Option<usize> {
    let mut ahead = text;
    while let [byte, behind @ ..] = ahead {
        if *byte == mark {
            return Some(text.len().wrapping_sub(ahead.len()));
        }
        ahead = behind;
    }
    None
}

/// What comes before and after the first `mark`.
pub(crate) fn split_once(text: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let (head, tail) = cut(text, find(text, mark)?);
    Some((head, cut(tail, 1).1))
}

/// Takes the next field off the front, which may be empty; `None` once the last field has been taken.
#[inline(never)]
pub(crate) fn field<'v>(rest: &mut Option<&'v [u8]>, mark: u8) -> Option<&'v [u8]> {
    let text = (*rest)?;
    let Some((field, behind)) = split_once(text, mark) else { return rest.take() };
    *rest = Some(behind);
    Some(field)
}

/// The number of the word that the text is, ignoring case. `on` can also be spelt `yes`, `true` or `1`, and `off` can
/// be spelt `no`, `false` or `0`.
#[inline(never)]
pub(crate) fn choose(text: &[u8], words: Words) -> Option<u8> {
    words.find(match words!("off no false 0 on yes true 1").find(text) {
        Some(0..=3) => b"off",
        Some(_) => b"on",
        None => text,
    })
}

/// Reads `on` or `off`, in any of their spellings.
pub(crate) fn switch(text: &[u8]) -> Option<bool> {
    choose(text, words!("off on")).map(|n| n == 1)
}
