//! A part of a value that remembers where it stands, so that a fault can point at it. Must not look into what it holds
//! beyond cutting it and comparing words.

use crate::fault::Fault;

/// Part of a value.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'v> {
    /// The bytes.
    pub text: &'v [u8],
    /// Where in the value they start.
    pub at: usize,
}

/// Is this byte a blank between words?
pub(crate) fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Is this byte a gap between the entries of `TCPTUNE_SET`?
pub(crate) fn is_blank_or_comma(byte: u8) -> bool {
    is_blank(byte) || byte == b','
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
    pub fn trim(self) -> Self {
        let lead = self.text.iter().take_while(|b| is_blank(**b)).count();
        let (_, rest) = self.cut(lead);
        let trail = rest.text.iter().rev().take_while(|b| is_blank(**b)).count();
        rest.cut(rest.text.len().saturating_sub(trail)).0
    }

    /// Takes the next word off the front; `None` when only gaps are left.
    pub fn word(&mut self, is_gap: fn(u8) -> bool) -> Option<Self> {
        let lead = self.text.iter().take_while(|b| is_gap(**b)).count();
        let (_, rest) = self.cut(lead);
        let length = rest.text.iter().take_while(|b| !is_gap(**b)).count();
        let (word, rest) = rest.cut(length);
        *self = rest;
        (length > 0).then_some(word)
    }

    /// What stands before and after the first `mark`, without it.
    pub fn split_once(self, mark: u8) -> Option<(Self, Self)> {
        let n = self.text.iter().position(|b| *b == mark)?;
        let (head, tail) = self.cut(n);
        Some((head, tail.cut(1).1))
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

    /// Is it this word, in whatever case?
    pub fn is(self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    /// `on` or `off`, or one of their other spellings: `yes`, `true`, `1`; `no`, `false`, `0`.
    pub fn switch(self) -> Option<bool> {
        if self.is("on") || self.is("yes") || self.is("true") || self.is("1") {
            Some(true)
        } else if self.is("off") || self.is("no") || self.is("false") || self.is("0") {
            Some(false)
        } else {
            None
        }
    }

    /// The fault that points here. The variable is added by whoever knows it.
    pub fn fault(self, allowed: &'static str) -> Fault {
        let end = self.at.saturating_add(self.text.len());
        Fault {
            variable: "",
            start: u32::try_from(self.at).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
            allowed,
            low: "",
            high: "",
        }
    }
}
