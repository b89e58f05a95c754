//! What is wrong with a setting: the word, its position and what is allowed, as one line of text. Must not allocate or
//! use `core::fmt`: the library prints this line before the program's first instruction.

use crate::grammar::words::words;
use crate::options::OPTIONS;
use crate::put::{Put, decimal};
use crate::variables::{NAMES, VARIABLES};

/// How many bytes of the offending word are shown.
const SHOWN: usize = 80;

/// A setting that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset of the offending word in the value, in bytes.
    pub start: u32,
    /// Offset of the end of that word.
    pub end: u32,
    /// What would have been valid; empty if the row of an option says it.
    allowed: &'static str,
    /// The row of the option, if the value belongs to one.
    row: Option<u8>,
    /// The row of the variable.
    variable: u8,
}

/// Where a parser notes what is wrong: the word, as a slice of the value that is parsed, and what would have been
/// valid.
#[derive(Default)]
pub(crate) struct Wrong<'v> {
    word: &'v [u8],
    allowed: &'static str,
    row: Option<u8>,
}

impl<'v> Wrong<'v> {
    /// Notes the word and what would have been valid; returns None, for the parser to return in turn.
    pub fn note<T>(&mut self, word: &'v [u8], allowed: &'static str) -> Option<T> {
        self.keep(word, allowed, None);
        None
    }

    /// Notes an option whose value is not valid; what would have been valid is taken from the row. Returns None.
    pub fn note_option<T>(&mut self, word: &'v [u8], row: u8) -> Option<T> {
        self.keep(word, "", Some(row));
        None
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, word: &'v [u8], allowed: &'static str, row: Option<u8>) {
        *self = Wrong { word, allowed, row };
    }

    /// The fault in the value of this variable.
    #[cold]
    pub fn fault(&self, value: &'v [u8], variable: u8) -> Fault {
        let start = self.word.as_ptr().addr().wrapping_sub(value.as_ptr().addr());
        let end = start.saturating_add(self.word.len());
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Fault { start: place(start), end: place(end), allowed: self.allowed, row: self.row, variable }
    }
}

impl Fault {
    /// The name of the variable.
    pub fn variable(&self) -> &'static str {
        VARIABLES.get(usize::from(self.variable)).map_or("", |variable| variable.name)
    }

    /// Writes what would have been valid, for instance `a number from 1 to 255`.
    #[inline(never)]
    pub fn allowed(&self, put: &mut dyn FnMut(&[u8])) {
        let Some(row) = self.row.and_then(|row| OPTIONS.get(usize::from(row))) else {
            put(self.allowed.as_bytes());
            return;
        };
        put(row.value());
        if !row.low.as_bytes().is_empty() {
            put(b" from ");
            put(row.low.as_bytes());
            put(b" to ");
            put(row.high.as_bytes());
        }
    }

    /// Writes the reason alone, without the program's name and the consequence:
    /// ``TCPTUNE_SET: `ttl=0` at character 1 is not valid: allowed is a number from 1 to 255``.
    pub fn reason(&self, value: &[u8], put: &mut dyn FnMut(&[u8])) {
        put(words!(NAMES).get(self.variable));
        put(b": `");
        self.word(value, put);
        put(b"` at character ");
        decimal(u64::from(self.start).saturating_add(1), put);
        put(b" is not valid: allowed is ");
        self.allowed(put);
    }

    /// Writes the line that the library prints at start-up. `value` is the whole value of the variable. Of the word at
    /// most 80 bytes are shown, with `?` for what is not printable, so the result is always exactly one line.
    #[cold]
    #[inline(never)]
    pub fn line(&self, value: &[u8], put: &mut dyn FnMut(&[u8])) {
        put(b"tcptune: ");
        self.reason(value, put);
        put(b"; tuning is off for this process\n");
    }

    #[inline(never)]
    fn word(&self, value: &[u8], put: &mut Put<'_>) {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = usize::try_from(self.end).unwrap_or(usize::MAX);
        let word = value.get(start..end).unwrap_or_default();
        for byte in word.iter().take(SHOWN) {
            put(if matches!(byte, b' '..=b'~') { core::slice::from_ref(byte) } else { b"?" });
        }
        if word.len() > SHOWN {
            put(b"...");
        }
    }
}
