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
    #[inline(never)]
    pub fn trim(self) -> Self {
        let lead = self.text.iter().take_while(|b| is_blank(**b)).count();
        let (_, rest) = self.cut(lead);
        let trail = rest.text.iter().rev().take_while(|b| is_blank(**b)).count();
        rest.cut(rest.text.len().saturating_sub(trail)).0
    }

    /// Takes the next word off the front; `None` when only gaps are left.
    #[inline(never)]
    pub fn word(&mut self, is_gap: fn(u8) -> bool) -> Option<Self> {
        let lead = self.text.iter().take_while(|b| is_gap(**b)).count();
        let (_, rest) = self.cut(lead);
        let length = rest.text.iter().take_while(|b| !is_gap(**b)).count();
        let (word, rest) = rest.cut(length);
        *self = rest;
        (length > 0).then_some(word)
    }

    /// What stands before and after the first `mark`, without it.
    #[inline(never)]
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

    /// Which of these words, with single blanks between, is it, in whatever case?
    #[inline(never)]
    pub fn pick(self, words: &'static str) -> Option<u8> {
        let found = words.as_bytes().split(|b| *b == b' ').position(|word| self.text.eq_ignore_ascii_case(word))?;
        u8::try_from(found).ok()
    }

    /// The same for words of which some are `on` and `off`, which have other spellings: `yes`, `true`, `1`; `no`,
    /// `false`, `0`.
    #[inline(never)]
    pub fn choose(self, words: &'static str) -> Option<u8> {
        let text = match self.pick("off no false 0 on yes true 1") {
            Some(0..=3) => b"off".as_slice(),
            Some(_) => b"on",
            None => self.text,
        };
        Piece { text, at: self.at }.pick(words)
    }

    /// `on` or `off`, or one of their other spellings.
    pub fn switch(self) -> Option<bool> {
        self.choose("off on").map(|n| n == 1)
    }

    /// The fault that points here. Which variable it is in is added by whoever knows it.
    #[cold]
    #[inline(never)]
    pub fn fault(self, allowed: &'static str) -> Fault {
        let end = self.at.saturating_add(self.text.len());
        Fault::new(u32::try_from(self.at).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX), allowed)
    }
}
