//! A part of a value that remembers where it stands, so that a fault can point at it. Must not look into what it holds
//! beyond cutting it and comparing words.

use super::words::{Words, words};
use crate::fault::Fault;

/// Part of a value.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'v> {
    /// The bytes.
    pub text: &'v [u8],
    /// Where in the value they start.
    pub at: usize,
}

/// What stands between words.
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

impl<'v> Piece<'v> {
    /// A whole value.
    pub fn new(text: &'v [u8]) -> Self {
        Piece { text, at: 0 }
    }

    /// The first `n` bytes and the rest.
    pub fn cut(self, n: usize) -> (Self, Self) {
        let (head, tail) = self.text.split_at_checked(n).unwrap_or((self.text, &[]));
        (Piece { text: head, at: self.at }, Piece { text: tail, at: self.at.saturating_add(head.len()) })
    }

    /// Without the blanks around it.
    #[inline(never)]
    pub fn trim(self) -> Self {
        let lead = self.text.iter().take_while(|b| is_blank(**b)).count();
        let (_, rest) = self.cut(lead);
        let trail = rest.text.iter().rev().take_while(|b| is_blank(**b)).count();
        rest.cut(rest.text.len().saturating_sub(trail)).0
    }

    /// Takes the next word off the front; `None` when only gaps are left.
    #[inline(never)]
    pub fn word(&mut self, gap: Gap) -> Option<Self> {
        let comma = if gap == Gap::BlankOrComma { b',' } else { b' ' };
        // Most bytes are above all that are gaps: one comparison.
        let is_gap = |byte: u8| byte <= b',' && (is_blank(byte) || byte == comma);
        let mut lead = 0usize;
        let mut ahead = self.text;
        while let [byte, rest @ ..] = ahead
            && is_gap(*byte)
        {
            ahead = rest;
            lead = lead.wrapping_add(1);
        }
        let mut length = 0usize;
        while let [byte, rest @ ..] = ahead
            && !is_gap(*byte)
        {
            ahead = rest;
            length = length.wrapping_add(1);
        }
        let (word, rest) = self.cut(lead).1.cut(length);
        *self = rest;
        (length > 0).then_some(word)
    }

    /// What stands before and after the first `mark`, without it.
    #[inline(never)]
    pub fn split_once(self, mark: u8) -> Option<(Self, Self)> {
        let mut ahead = self.text;
        while let [byte, rest @ ..] = ahead {
            if *byte == mark {
                let (head, tail) = self.cut(self.text.len().wrapping_sub(ahead.len()));
                return Some((head, tail.cut(1).1));
            }
            ahead = rest;
        }
        None
    }

    /// The fields between marks, empty ones too.
    pub fn split(self, mark: u8) -> impl Iterator<Item = Piece<'v>> {
        let mut rest = Some(self);
        core::iter::from_fn(move || {
            let piece = rest?;
            match piece.split_once(mark) {
                Some((field, more)) => {
                    rest = Some(more);
                    Some(field)
                }
                None => {
                    rest = None;
                    Some(piece)
                }
            }
        })
    }

    /// Which of these words is it, in whatever case?
    pub fn pick(self, words: Words) -> Option<u8> {
        words.find(self.text)
    }

    /// The same for words of which some are `on` and `off`, which have other spellings: `yes`, `true`, `1`; `no`,
    /// `false`, `0`.
    #[inline(never)]
    pub fn choose(self, words: Words) -> Option<u8> {
        words.find(match self.pick(words!("off no false 0 on yes true 1")) {
            Some(0..=3) => b"off",
            Some(_) => b"on",
            None => self.text,
        })
    }

    /// `on` or `off`, or one of their other spellings.
    pub fn switch(self) -> Option<bool> {
        self.choose(words!("off on")).map(|n| n == 1)
    }

    /// The fault that points here. Which variable it is in is added by whoever knows it.
    #[cold]
    #[inline(never)]
    pub fn fault(self, allowed: &'static str) -> Fault {
        let end = self.at.saturating_add(self.text.len());
        Fault::new(u32::try_from(self.at).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX), allowed)
    }
}
