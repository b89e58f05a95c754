//! What is done with a socket: the words of the settings as types, and their text. Every default is the zero of its type,
//! so that a static of settings costs no byte in the library's file. Must not know where the words were read.

use crate::grammar::piece::Piece;
use crate::options::OptionSet;

/// Makes the type of a setting that is one of a few words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal ),* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        #[repr(u8)]
        pub enum $name { #[default] $( $(#[$doc])* $variant ),* }

        impl $name {
            /// The word that stands for it in a setting.
            pub const fn word(self) -> &'static str {
                match self { $( $name::$variant => $word ),* }
            }
        }
    };
}

words! {
    /// What is done about TCP_NODELAY.
    Nodelay {
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
    Cork {
        /// Those are held that experience says are followed at once.
        Auto = "auto",
        /// Nothing is held.
        Off = "off"
    }
}
words! {
    /// What is sent off before a thread waits.
    Release {
        /// What we hold.
        Own = "own",
        /// Also what the application itself holds.
        All = "all"
    }
}
words! {
    /// What is done about delayed acknowledgements.
    Quickack {
        /// Nothing.
        Off = "off",
        /// Data is acknowledged at once.
        On = "on",
        /// Data is acknowledged at once where the peer is seen to wait for it.
        Auto = "auto"
    }
}

impl Nodelay {
    pub(crate) fn parse(word: Piece<'_>) -> Option<Nodelay> {
        match word.switch() {
            Some(true) => Some(Nodelay::On),
            Some(false) => Some(Nodelay::Off),
            None => word.is("force").then_some(Nodelay::Force),
        }
    }
}

impl Cork {
    pub(crate) fn parse(word: Piece<'_>) -> Option<Cork> {
        match word.switch() {
            Some(false) => Some(Cork::Off),
            _ => word.is("auto").then_some(Cork::Auto),
        }
    }
}

impl Release {
    pub(crate) fn parse(word: Piece<'_>) -> Option<Release> {
        if word.is("all") { Some(Release::All) } else { word.is("own").then_some(Release::Own) }
    }
}

impl Quickack {
    pub(crate) fn parse(word: Piece<'_>) -> Option<Quickack> {
        match word.switch() {
            Some(true) => Some(Quickack::On),
            Some(false) => Some(Quickack::Off),
            None => word.is("auto").then_some(Quickack::Auto),
        }
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
