//! Everything that tcptune decides: the settings and their grammar, the rules, the table of hooks, the state word of a
//! socket, and when a data call may be held. Pure: time, descriptors and bytes come in as arguments. No system call, no
//! heap, no panic.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "loom"))]
extern crate std;

/// Declares modules that obey the rule of the preloaded library: no operation that can panic.
#[macro_export]
macro_rules! never_panic {
    ($($(#[$about:meta])* $vis:vis mod $name:ident;)*) => { $(
        $(#[$about])*
        #[cfg_attr(not(test), deny(
            clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::unwrap_used, clippy::expect_used,
            clippy::panic, clippy::unreachable
        ))]
        $vis mod $name;
    )* };
}

never_panic! {
    mod confined;
    pub mod counters;
    mod directory;
    pub mod evidence;
    mod fault;
    mod grammar;
    pub mod hooks;
    pub mod listener;
    pub mod options;
    mod programs;
    mod put;
    mod rules;
    pub mod settings;
    pub mod socket;
    pub mod stall;
    mod subject;
    mod text;
    mod tuning;
    mod variables;
}

#[cfg(not(feature = "loom"))]
mod sync;
#[cfg(feature = "loom")]
#[path = "sync_loom.rs"]
pub mod sync;

pub use confined::is_confined;
pub use fault::Fault;
pub use options::{
    OPTION_TEXTS, OPTIONS, OptionRow, OptionSet, OptionText, SockOpt, TCP_DELACK_MAX_US, TCP_RTO_MAX_MS,
    TCP_RTO_MIN_US, When, option_id,
};
pub use programs::ROOM as PATTERNS_ROOM;
pub use put::{decimal, hexadecimal};
pub use rules::MAX_RULES;
pub use settings::{Cork, Direction, Nodelay, Peer, Quickack, Release, Settings, Subject, Tuning, UNTOUCHED};
pub use text::Text;
pub use variables::{RULE_WORDS, RuleWord, VARIABLES, Variable};
