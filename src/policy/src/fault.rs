//! What is wrong with a setting, where it stands and what is allowed, as one line of text. Must not allocate or use
//! `core::fmt`: the library prints this line before the program's first instruction.

use crate::put::{Put, decimal};

/// The longest part of an offending word that is shown.
const SHOWN: usize = 80;

/// A setting that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable that holds it.
    pub variable: &'static str,
    /// Where in the value the offending word starts: bytes from its beginning.
    pub start: u32,
    /// Where that word ends.
    pub end: u32,
    /// What would have been right.
    pub allowed: &'static str,
    /// The lowest allowed number; empty where no range applies.
    pub low: &'static str,
    /// The highest allowed number; empty where no range applies.
    pub high: &'static str,
}

impl Fault {
    /// The reason alone, with neither the program's name nor what follows from it:
    /// ``TCPTUNE_SET: `ttl=0` at character 1 is not valid: allowed is a number from 1 to 255``.
    pub fn reason(&self, value: &[u8], put: &mut dyn FnMut(&[u8])) {
        put(self.variable.as_bytes());
        put(b": `");
        self.word(value, put);
        put(b"` at character ");
        decimal(u64::from(self.start).saturating_add(1), put);
        put(b" is not valid: allowed is ");
        put(self.allowed.as_bytes());
        if !self.low.is_empty() {
            put(b" from ");
            put(self.low.as_bytes());
            put(b" to ");
            put(self.high.as_bytes());
        }
    }

    /// The one line the library prints at start. `value` is the whole value of the variable. The word is shown up to
    /// 80 bytes long, with `?` for what is not printable, so that the result is always exactly one line.
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

    /// The same fault with a range of allowed numbers.
    pub(crate) fn range(self, low: &'static str, high: &'static str) -> Fault {
        Fault { low, high, ..self }
    }

    /// The same fault in its variable.
    pub(crate) fn of(self, variable: &'static str) -> Fault {
        Fault { variable, ..self }
    }
}
