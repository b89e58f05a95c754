//! The state of one socket: two 32-bit words, each read and written in one access, so no lock is needed.
//!
//! ```text
//!  63          32 31            28 27    23 22        19 18  16 15 14 13       8 7       4 3     0
//! +--------------+----------------+--------+------------+------+--+--+----------+---------+-------+
//! | held, or a   | flags          | tuning | flags      | kind |K |  | service  | history | flags |
//! | queue        |                |        |            |      |  |  |          |         |       |
//! +--------------+----------------+--------+------------+------+--+--+----------+---------+-------+
//! ```
//! K: the library has set TCP_CORK. Service and history have the same position as in the index of a place (evidence/).
//! On a connection the upper word says whether some thread has held a data call; it is a word of its own so that
//! setting it takes no locked instruction. On a listener it counts the connections that were queued before the listener
//! was tuned. An all-zero state means that the descriptor is unmet, as most files are.
//!
//! This file knows the layout, and the rules that need nothing else; it decides nothing about bursts (evidence/).

use crate::evidence::{PLACE_MASK, SERVICE_AT};

/// What a descriptor is, as far as the calls seen so far tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// No call has shown what it is. Most such descriptors are files.
    Unmet = 0,
    /// Known to be of no interest: another kind of socket, a pipe, a socket that is left alone.
    Other = 1,
    /// Inherited or received from another process; classified when it is first used.
    Unknown = 2,
    /// A TCP socket that neither connects nor listens yet.
    Fresh = 3,
    /// A listening TCP socket.
    Listener = 4,
    /// A connection that this process opened.
    Client = 5,
    /// A connection that a listener accepted.
    Accepted = 6,
}

/// The state of one socket; the file's header shows the layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Socket(pub u64);

/// Hooks that move data must ask the engine about this descriptor (see [`Socket::attended`]).
pub const ATTEND: u64 = 1 << 0;
/// Every call needs the closer look, out of line. Set on every descriptor that was met, except open connections on
/// which data calls may be held and of which nobody wants to know when they send (policy `stall.rs`).
pub const CLOSELY: u64 = 1 << 1;
/// What is noted about the stalls of this connection is its own, not that of an earlier one with the same number.
pub const NOTED: u64 = 1 << 2;
pub(crate) const SERVICE: u32 = SERVICE_AT;
pub(crate) const SERVICE_MASK: u64 = 0x3f;
/// On a connection: the library has set TCP_CORK, for a burst of calls that MSG_MORE cannot hold. (Shares its bit with a
/// listener's flag.)
pub const CORKED: u64 = 1 << 15;
pub(crate) const KIND: u32 = 16;
/// The kernel's TCP_NODELAY is on because the library set it; the application believes that it is off.
pub const NODELAY_OURS: u64 = 1 << 19;
/// The application has set TCP_NODELAY itself, on or off, and decides.
pub const NODELAY_APP: u64 = 1 << 20;
/// The kernel's TCP_NODELAY is on, whoever set it.
pub const NODELAY_ON: u64 = 1 << 21;
/// Never hold on this socket: the application corks by itself, or the protocol forbids it.
pub const NO_HOLD: u64 = 1 << 22;
pub(crate) const TUNING: u32 = 23;
pub(crate) const TUNING_MASK: u64 = 31;
/// The socket has more than one descriptor, and may have been changed through another.
pub const SHARED: u64 = 1 << 28;
/// On a connection: every receive is acknowledged at once. (Shares its bit with a listener's flag; so does the next.)
const QUICKACK: u64 = 1 << 29;
/// On a connection: receives are watched for stalls of the peer.
const QUICKACK_AUTO: u64 = 1 << 30;
/// The application has corked the connection itself.
pub const APP_CORK: u64 = 1 << 31;
/// Bit position of the upper word.
pub(crate) const HIGH: u32 = 32;

impl Socket {
    /// The bits of the kind: all zero on an unmet descriptor, and on a closed one, of which [`NODELAY_OURS`] may
    /// remain.
    pub const MET: u64 = 7 << KIND;

    /// A descriptor of this kind, of which nothing else is known.
    #[inline]
    pub const fn new(kind: Kind) -> Socket {
        let flags = match kind {
            Kind::Unmet => 0,
            Kind::Unknown | Kind::Fresh => ATTEND | CLOSELY,
            _ => CLOSELY,
        };
        Socket((kind as u64) << KIND | flags)
    }

    /// What kind of descriptor it is.
    #[inline]
    pub const fn kind(self) -> Kind {
        match (self.0 >> KIND) & 7 {
            0 => Kind::Unmet,
            2 => Kind::Unknown,
            3 => Kind::Fresh,
            4 => Kind::Listener,
            5 => Kind::Client,
            6 => Kind::Accepted,
            _ => Kind::Other,
        }
    }

    /// What remains of the state when a descriptor is closed. A close in a vfork child runs in its parent's memory, and
    /// the parent's socket lives on. It will be classified again like an inherited one, but TCP_NODELAY must still read
    /// back as the application set it.
    #[inline(always)]
    #[must_use]
    pub const fn closed(self) -> Socket {
        Socket(self.0 & NODELAY_OURS)
    }

    /// Is the kind known? (A closed descriptor may keep a flag, but has no kind.)
    #[inline(always)]
    pub const fn is_met(self) -> bool {
        self.0 & Socket::MET != 0
    }

    /// Must a hook that moves data look closer?
    #[inline(always)]
    pub const fn attended(self) -> bool {
        self.0 & ATTEND != 0
    }

    /// May data calls be held here? True for an open connection with TCP_NODELAY on and nothing that forbids holding.
    #[inline(always)]
    pub const fn holdable(self) -> bool {
        self.is_connection() && self.0 & (ATTEND | NODELAY_ON | NO_HOLD) == ATTEND | NODELAY_ON
    }

    /// Is it a connection whose receives are watched?
    #[inline(always)]
    pub const fn is_watched(self) -> bool {
        self.is_connection() && self.has(QUICKACK | QUICKACK_AUTO)
    }

    /// Is it a connection whose receives are watched for stalls of the peer?
    #[inline(always)]
    pub const fn is_watched_for_stalls(self) -> bool {
        self.is_connection() && self.has(QUICKACK_AUTO)
    }

    /// This state of a connection whose receives are all acknowledged at once.
    #[must_use]
    pub const fn acknowledged(self) -> Socket {
        self.with(QUICKACK)
    }

    /// This state of a connection whose receives are watched for stalls of the peer.
    #[must_use]
    pub const fn watched_for_stalls(self) -> Socket {
        self.with(QUICKACK_AUTO)
    }

    /// This state of a connection whose receives are not watched, and whose calls need the closer look.
    #[inline]
    #[must_use]
    pub const fn unwatched(self) -> Socket {
        self.without(ATTEND | QUICKACK | QUICKACK_AUTO | NOTED).with(CLOSELY)
    }

    /// The state of a connection that is open: hooks look at its calls from now on. `closely` sets [`CLOSELY`].
    #[inline(always)]
    #[must_use]
    pub const fn opened(self, closely: bool) -> Socket {
        Socket(self.0 & !CLOSELY | ATTEND | if closely { CLOSELY } else { 0 })
    }

    /// The lower word: everything but the held flag or queue length.
    #[inline(always)]
    pub const fn low(self) -> u32 {
        self.0 as u32
    }

    /// The upper word: whether data is held on a connection, or a listener's queue length.
    #[inline(always)]
    pub const fn high(self) -> u32 {
        (self.0 >> HIGH) as u32
    }

    /// The state made of both words.
    #[inline(always)]
    pub const fn of(low: u32, high: u32) -> Socket {
        Socket((high as u64) << HIGH | low as u64)
    }

    /// Is any of these flags set?
    #[inline(always)]
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// This state with these flags set.
    #[inline]
    #[must_use]
    pub const fn with(self, flags: u64) -> Socket {
        Socket(self.0 | flags)
    }

    /// This state with these flags cleared.
    #[inline]
    #[must_use]
    pub const fn without(self, flags: u64) -> Socket {
        Socket(self.0 & !flags)
    }

    /// This state with another kind. The flags that depend on the kind get their initial values.
    #[inline]
    #[must_use]
    pub const fn into(self, kind: Kind) -> Socket {
        Socket(self.0 & !(7 << KIND | ATTEND | CLOSELY | CORKED) | Socket::new(kind).0)
    }

    /// Is it TCP or Multipath TCP?
    #[inline]
    pub const fn is_tcp(self) -> bool {
        matches!(self.kind(), Kind::Fresh | Kind::Listener | Kind::Client | Kind::Accepted)
    }

    /// Is it a TCP connection, open or opening?
    #[inline]
    pub const fn is_connection(self) -> bool {
        matches!(self.kind(), Kind::Client | Kind::Accepted)
    }

    /// The tuning that the rules chose: an index for `Settings::tuning`.
    #[inline]
    pub const fn tuning(self) -> u8 {
        ((self.0 >> TUNING) & TUNING_MASK) as u8
    }

    /// This state with another tuning.
    #[inline]
    #[must_use]
    pub const fn tuned_by(self, index: u8) -> Socket {
        Socket(self.0 & !(TUNING_MASK << TUNING) | (index as u64 & TUNING_MASK) << TUNING)
    }

    /// This state with another service number (that of a listener, or of a remote address and port).
    #[inline]
    #[must_use]
    pub const fn on_service(self, service: u8) -> Socket {
        Socket(self.0 & !(SERVICE_MASK << SERVICE) | (service as u64 & SERVICE_MASK) << SERVICE)
    }

    /// May data calls take the quick path? True for an open connection on which calls may be held, unless what is sent is
    /// watched.
    #[inline(always)]
    pub const fn is_usual(self) -> bool {
        self.0 & (ATTEND | CLOSELY) == ATTEND
    }

    /// May receives take the quick path? Also false if they are watched.
    #[inline(always)]
    pub const fn is_usual_to_receive(self) -> bool {
        self.0 & (ATTEND | CLOSELY | QUICKACK | QUICKACK_AUTO) == ATTEND
    }

    /// This state with another service and history (`evidence::PLACE_MASK`).
    #[inline]
    #[must_use]
    pub const fn at_place(self, place: u32) -> Socket {
        Socket(self.0 & !(PLACE_MASK as u64) | (place & PLACE_MASK) as u64)
    }

    /// The initial state of a new descriptor for the same socket.
    #[inline]
    #[must_use]
    pub const fn duplicated(self) -> Socket {
        match (self.is_connection(), self.is_met()) {
            (true, _) => self.shared(),
            (false, true) => self.with(SHARED),
            (false, false) => self,
        }
    }

    /// What another descriptor of a connection starts with: nothing is held through it.
    #[inline(always)]
    #[must_use]
    pub const fn shared(self) -> Socket {
        Socket(self.0 & 0xffff_ffff & !CORKED | SHARED)
    }

    /// Is it a connection on which some thread has held a data call?
    #[inline(always)]
    pub const fn is_held(self) -> bool {
        self.is_connection() && self.high() != 0
    }

    /// Is it a connection on which the library has set TCP_CORK?
    #[inline]
    pub const fn is_corked(self) -> bool {
        self.is_connection() && self.0 & CORKED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_the_word() {
        for kind in [Kind::Unmet, Kind::Other, Kind::Unknown, Kind::Fresh, Kind::Listener, Kind::Client, Kind::Accepted]
        {
            assert_eq!(Socket::new(kind).kind(), kind);
            let full = Socket(!0).into(kind);
            assert_eq!(full.kind(), kind);
            assert!(full.has(NODELAY_OURS) && full.has(APP_CORK) && full.tuning() == 31);
            assert_eq!(full.has(ATTEND), matches!(kind, Kind::Unknown | Kind::Fresh));
        }
        assert_eq!(Socket::default(), Socket::new(Kind::Unmet));
    }

    #[test]
    fn fields_do_not_touch_each_other() {
        let word = Socket::of(Socket::new(Kind::Client).tuned_by(17).on_service(50).with(NODELAY_OURS).low(), 77);
        assert_eq!((word.kind(), word.tuning(), word.high()), (Kind::Client, 17, 77));
        let other = word.tuned_by(3).on_service(1);
        assert_eq!((other.kind(), other.tuning(), other.high()), (Kind::Client, 3, 77));
        assert!(other.has(NODELAY_OURS));
    }

    #[test]
    fn a_duplicate_holds_nothing() {
        let word = Socket::new(Kind::Client).with(1 << HIGH | CORKED | NODELAY_OURS | ATTEND);
        assert!(word.is_held() && word.is_corked());
        assert!(!word.duplicated().is_held() && !word.duplicated().is_corked() && word.duplicated().has(NODELAY_OURS) && word.duplicated().has(SHARED));
    }
}
