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

impl Fault {
    pub(crate) fn new(start: u32, end: u32, allowed: &'static str) -> Fault {
        Fault { start, end, allowed, row: None, variable: 0 }
    }

    /// The same fault in the value of an option.
    pub(crate) fn of_option(self, row: u8) -> Fault {
        Fault { row: Some(row), ..self }
    }

    /// The same fault in its variable.
    pub(crate) fn of_variable(self, variable: u8) -> Fault {
        Fault { variable, ..self }
    }

    /// The variable whose value it is.
    pub fn variable(&self) -> &'static str {
        VARIABLES.get(usize::from(self.variable)).map_or("", |variable| variable.name)
    }

    /// What would have been right: `a number from 1 to 255`.
    pub fn allowed(&self, put: &mut dyn FnMut(&[u8])) {
        let Some(row) = self.row.and_then(|row| OPTIONS.get(usize::from(row))) else {
            put(self.allowed.as_bytes());
            return;
        };
        put(row.value().as_bytes());
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
