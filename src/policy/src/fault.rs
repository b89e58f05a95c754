//! What is wrong with a setting, where it stands and what is allowed, as one line of text. Must not allocate or use
//! `core::fmt`: the library prints this line before the program's first instruction.

use crate::grammar::words::words;
use crate::options::OPTIONS;
use crate::put::{Put, decimal};
use crate::variables::{NAMES, VARIABLES};

/// The longest part of an offending word that is shown.
const SHOWN: usize = 80;

/// A setting that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the value the offending word starts: bytes from its beginning.
    pub start: u32,
    /// Where that word ends.
    pub end: u32,
    /// What would have been right; empty where the row of an option says it.
    allowed: &'static str,
    /// The row of the option whose value it is.
    row: Option<u8>,
    /// The row of the variable.
    variable: u8,
}

/// Where a reader notes what is wrong: the word, a part of the value that is read, and what would have been right.
#[derive(Default)]
pub(crate) struct Wrong<'v> {
    word: &'v [u8],
    allowed: &'static str,
    row: Option<u8>,
}

impl<'v> Wrong<'v> {
    /// Notes it, and says that there is nothing.
    pub fn note<T>(&mut self, word: &'v [u8], allowed: &'static str) -> Option<T> {
        self.keep(word, allowed, None);
        None
    }

    /// The same of the value of an option, whose row says what would have been right.
    pub fn note_option<T>(&mut self, word: &'v [u8], row: u8) -> Option<T> {
        self.keep(word, "", Some(row));
        None
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, word: &'v [u8], allowed: &'static str, row: Option<u8>) {
        *self = Wrong { word, allowed, row };
    }

    /// As a fault in the value of a variable.
    #[cold]
    pub fn fault(&self, value: &'v [u8], variable: u8) -> Fault {
        let start = self.word.as_ptr().addr().wrapping_sub(value.as_ptr().addr());
        let end = start.saturating_add(self.word.len());
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Fault { start: place(start), end: place(end), allowed: self.allowed, row: self.row, variable }
    }
}

impl Fault {
    /// The variable whose value it is.
    pub fn variable(&self) -> &'static str {
        VARIABLES.get(usize::from(self.variable)).map_or("", |variable| variable.name)
    }

    /// What would have been right: `a number from 1 to 255`.
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

    /// The reason alone, with neither the program's name nor what follows from it:
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

    /// The one line the library prints at start. `value` is the whole value of the variable. The word is shown up to
    /// 80 bytes long, with `?` for what is not printable, so that the result is always exactly one line.
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
