//! What is done with a socket: the words of the settings as types, and their text. Every default is the zero of its type,
//! so that a static of settings costs no byte in the library's file. Must not know where the words were read.

use crate::grammar::piece::choose;
use crate::grammar::words::words as list;
use crate::options::OptionSet;
use crate::variables::{CORK, NODELAY, QUICKACK, RELEASE};

/// Makes the type of a setting that is one of a few words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident $words:literal { $( $(#[$doc:meta])* $variant:ident = $word:literal ),* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum $name { #[default] $( $(#[$doc])* $variant ),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$( $name::$variant ),*];

            /// The word that stands for it in a setting.
            pub const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word ),* }
            }

            /// What a word stands for.
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
        /// It is set, unless the application decides itself.
        On = "on",
        /// It is left alone.
        Off = "off",
        /// It is set, and stays set when the application turns it off.
        Force = "force"
    }
}
words! {
    /// What is done about small writes that are followed by more.
    Cork "auto off" {
        /// Those are held that experience says are followed at once.
        Auto = "auto",
        /// Nothing is held.
        Off = "off"
    }
}
words! {
    /// What is sent off before a thread waits.
    Release "own all" {
        /// What we hold.
        Own = "own",
        /// Also what the application itself holds.
        All = "all"
    }
}
words! {
    /// What is done about delayed acknowledgements.
    Quickack "off on auto" {
        /// Nothing.
        Off = "off",
        /// Data is acknowledged at once.
        On = "on",
        /// Data is acknowledged at once where the peer is seen to wait for it.
        Auto = "auto"
    }
}

/// What is done with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    pub(crate) off: bool,
    /// TCP_NODELAY.
    pub nodelay: Nodelay,
    /// Holding small writes.
    pub cork: Cork,
    /// What is sent off before a thread waits.
    pub release: Release,
    /// Acknowledging at once.
    pub quickack: Quickack,
    /// Further socket options.
    pub set: OptionSet,
}

impl Tuning {
    /// What is done when nothing is set.
    pub const DEFAULT: Tuning = Tuning {
        off: false,
        nodelay: Nodelay::On,
        cork: Cork::Auto,
        release: Release::Own,
        quickack: Quickack::Off,
        set: OptionSet::EMPTY,
    };

    /// The socket is left wholly alone.
    pub const OFF: Tuning = Tuning { off: true, ..Tuning::DEFAULT };

    /// Reads what one of the four settings is to be, 0 to 3 in the order above; where that is not valid, what would be.
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

    /// Is anything done at all? Where not, the other fields mean nothing.
    pub const fn enabled(&self) -> bool {
        !self.off
    }

    /// Writes it as the actions of a rule, all of them; `off` alone where the socket is left alone.
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
