//! The kinds of findings, by the names that data has for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nagle's algorithm holds the end of what the program writes until the peer acknowledges its beginning.
    Nagle,
    /// The program itself holds it, by TCP_CORK or MSG_MORE.
    Cork,
    /// Requests in flight leave one round trip after the other, because each waits for the acknowledgement of those before.
    Paced,
    /// The peer's Nagle's algorithm waits for our delayed acknowledgement.
    Peer,
    /// Many tiny segments, because TCP_NODELAY is on.
    Flood,
    /// An answer takes more segments than it needs: no wait, a small waste.
    Runts,
    /// The library itself held data for too long.
    Held,
}

impl Kind {
    /// As data has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nagle => "nagle",
            Self::Cork => "cork",
            Self::Paced => "paced",
            Self::Peer => "peer",
            Self::Flood => "flood",
            Self::Runts => "runts",
            Self::Held => "held",
        }
    }

    /// Is it worth an exit status?
    pub const fn is_grave(self) -> bool {
        !matches!(self, Kind::Runts)
    }
}
