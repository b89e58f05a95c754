//! What is done with a socket: the keywords of the settings as types, and their text. Every default is the zero of its
//! type, so a static of settings takes no space in the library's file. Must not know where the keywords were read.

use crate::grammar::piece::choose;
use crate::grammar::words::words as list;
use crate::options::OptionSet;
use crate::variables::{CORK, NODELAY, QUICKACK, RELEASE};

/// Defines the type of a setting that takes one of a few keywords.
macro_rules! words {
    ($(#[$about:meta])* $name:ident $words:literal { $( $(#[$doc:meta])* $variant:ident = $word:literal ),* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum $name { #[default] $( $(#[$doc])* $variant ),* }

        impl $name {
            /// All values.
            pub const ALL: &'static [$name] = &[$( $name::$variant ),*];

            /// The keyword for this value.
            pub const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word ),* }
            }

            /// The value of a keyword.
            fn parse(word: &[u8]) -> Option<$name> {
                let number = choose(word, list!($words))?;
                $name::ALL.get(usize::from(number)).copied()
            }
        }
    };
}

words! {
    /// What is done about TCP_NODELAY.
    Nodelay "on off force" {
        /// Set it, unless the application sets it either way.
        On = "on",
        /// Leave it alone.
        Off = "off",
        /// Set it, and keep it set when the application turns it off.
        Force = "force"
    }
}
words! {
    /// What is done about small writes that are followed by more.
    Cork "auto off" {
        /// Hold those that experience says are followed at once.
        Auto = "auto",
        /// Hold nothing.
        Off = "off"
    }
}
words! {
    /// What is released before a thread waits.
    Release "own all" {
        /// Data that the library holds.
        Own = "own",
        /// Also data that the application itself holds.
        All = "all"
    }
}
words! {
    /// What is done about delayed acknowledgements.
    Quickack "off on auto" {
        /// Leave them to the kernel.
        Off = "off",
        /// Acknowledge data at once.
        On = "on",
        /// Acknowledge data at once where the peer is seen to wait for it.
        Auto = "auto"
    }
}

/// What is done with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    pub(crate) off: bool,
    /// What is done about TCP_NODELAY.
    pub nodelay: Nodelay,
    /// Whether small writes are held.
    pub cork: Cork,
    /// What is released before a thread waits.
    pub release: Release,
    /// Whether data is acknowledged at once.
    pub quickack: Quickack,
    /// Further socket options.
    pub set: OptionSet,
}

impl Tuning {
    /// The tuning when no setting is given.
    pub const DEFAULT: Tuning = Tuning {
        off: false,
        nodelay: Nodelay::On,
        cork: Cork::Auto,
        release: Release::Own,
        quickack: Quickack::Off,
        set: OptionSet::EMPTY,
    };

    /// Leaves the socket alone entirely.
    pub const OFF: Tuning = Tuning { off: true, ..Tuning::DEFAULT };

    /// Reads the value of one of the four settings above, 0 to 3 in their order. If it is not valid, returns what would
    /// be.
    #[inline(never)]
    pub(crate) fn read(&mut self, number: u8, value: &[u8]) -> Result<(), &'static str> {
        let (done, allowed) = match number {
            0 => (Nodelay::parse(value).map(|word| self.nodelay = word), NODELAY.values),
            1 => (Cork::parse(value).map(|word| self.cork = word), CORK.values),
            2 => (Release::parse(value).map(|word| self.release = word), RELEASE.values),
            _ => (Quickack::parse(value).map(|word| self.quickack = word), QUICKACK.values),
        };
        done.ok_or(allowed)
    }

    /// Is anything done at all? If not, the other fields mean nothing.
    pub const fn enabled(&self) -> bool {
        !self.off
    }

    /// Writes the tuning as the actions of a rule, all of them; just `off` if the socket is left alone.
    pub fn describe(&self, put: &mut dyn FnMut(&[u8])) {
        if self.off {
            put(b"off");
            return;
        }
        for (n, (key, word)) in [
            ("nodelay=", self.nodelay.word()),
            ("cork=", self.cork.word()),
            ("release=", self.release.word()),
            ("quickack=", self.quickack.word()),
        ]
        .into_iter()
        .enumerate()
        {
            if n > 0 {
                put(b" ");
            }
            put(key.as_bytes());
            put(word.as_bytes());
        }
        if !self.set.is_empty() {
            put(b" set(");
            self.set.describe(put);
            put(b")");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_what_it_is_written_for() {
        for &x in Nodelay::ALL {
            assert_eq!(Nodelay::parse(x.word().as_bytes()), Some(x));
        }
        for &x in Cork::ALL {
            assert_eq!(Cork::parse(x.word().as_bytes()), Some(x));
        }
        for &x in Release::ALL {
            assert_eq!(Release::parse(x.word().as_bytes()), Some(x));
        }
        for &x in Quickack::ALL {
            assert_eq!(Quickack::parse(x.word().as_bytes()), Some(x));
        }
    }

    #[test]
    fn on_and_off_have_other_spellings_where_they_are_allowed() {
        for word in ["on", "YES", "True", "1"] {
            assert_eq!(Nodelay::parse(word.as_bytes()), Some(Nodelay::On), "{word}");
            assert_eq!(Cork::parse(word.as_bytes()), None, "{word}");
        }
        for word in ["off", "no", "FALSE", "0"] {
            assert_eq!(Cork::parse(word.as_bytes()), Some(Cork::Off), "{word}");
            assert_eq!(Release::parse(word.as_bytes()), None, "{word}");
        }
        assert_eq!(Quickack::parse(b""), None);
    }
}
