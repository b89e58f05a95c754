//! The state of one socket: a 64-bit word, so that it is read and written in one access and needs no lock.
//!
//! ```text
//!  63                   32 31          28 27    23 22         16 15  13 12 11      6 5   4 3    0
//! +-----------------------+--------------+--------+-------------+------+--+---------+-----+------+
//! | time of the last call | flags        | tuning | flags       | kind |A | service | his | pos  |
//! +-----------------------+--------------+--------+-------------+------+--+---------+-----+------+
//! ```
//! A = attend: a hook that moves data must look closer. The lowest 12 bits are an index into what burst.rs has learned, so
//! that the commonest step is to add one. For a listener the upper half counts connections that were queued before the
//! listener was tuned. An all-zero word is a descriptor that was never met: most are files.
//! This file knows the layout and the rules that need nothing else; it decides nothing about bursts (burst.rs).

/// What a descriptor is, as far as the calls seen so far tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Never met. Most are files.
    Unmet = 0,
    /// Known to be of no interest: another kind of socket, a pipe, a socket that is left alone.
    Other = 1,
    /// Inherited or received: to be looked at when it is first used.
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

/// The state of one socket. See the header for the layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Socket(pub u64);

/// burst.rs's index: position (4 bits), history (2 bits), service (6 bits).
pub const BURST_MASK: u64 = 0xfff;
/// The position in the present burst, 0 where none is under way.
pub const POSITION: u64 = 15;
const SERVICE: u32 = 6;
const SERVICE_MASK: u64 = 0x3f;
/// A hook that moves data must look closer at this descriptor.
pub const ATTEND: u64 = 1 << 12;
const KIND: u32 = 13;
/// Something may wait in the kernel for more: the last data call was held, or the socket is [`CORKED`].
pub const HELD: u64 = 1 << 16;
/// We have set TCP_CORK for the rest of a long burst.
pub const CORKED: u64 = 1 << 17;
/// The kernel's TCP_NODELAY is on because we set it; the application believes that it is off.
pub const NODELAY_OURS: u64 = 1 << 18;
/// The application has set TCP_NODELAY itself, on or off: its word wins.
pub const NODELAY_APP: u64 = 1 << 19;
/// The kernel's TCP_NODELAY is on, whoever set it.
pub const NODELAY_ON: u64 = 1 << 20;
/// Never hold on this socket: the application corks by itself, or the protocol forbids it.
pub const NO_HOLD: u64 = 1 << 21;
/// An open connection on which data calls may be held.
pub const HOLDABLE: u64 = 1 << 22;
const TUNING: u32 = 23;
const TUNING_MASK: u64 = 31;
/// The socket has been duplicated: another descriptor may have told the kernel something since.
pub const SHARED: u64 = 1 << 28;
/// A listener whose inheritance has been checked on a first accepted connection.
pub const CHECKED: u64 = 1 << 29;
/// A listener (or kernel) whose accepted sockets do not inherit: each is set by itself.
pub const NO_INHERIT: u64 = 1 << 30;
/// A listener whose accepted sockets need nothing but what they inherit (the bit of [`HOLDABLE`], which only connections use).
pub const UNIFORM: u64 = 1 << 22;
/// A connection on which every receive is acknowledged at once (the bit of [`CHECKED`], which only listeners use).
pub const QUICKACK: u64 = 1 << 29;
/// A connection whose receives are looked at for stalls of its peer (the bit of [`NO_INHERIT`]).
pub const QUICKACK_AUTO: u64 = 1 << 30;
/// The application has corked the connection itself.
pub const APP_CORK: u64 = 1 << 31;
/// Where the time of the last data call is kept.
pub const TIME: u32 = 32;

impl Socket {
    /// A descriptor of this kind and nothing else known.
    #[inline]
    pub const fn new(kind: Kind) -> Socket {
        let attend = match kind {
            Kind::Unknown | Kind::Fresh => ATTEND,
            _ => 0,
        };
        Socket((kind as u64) << KIND | attend)
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

    /// What stays when a descriptor is closed: a close in a vfork child runs in its parent's memory, and the parent's socket
    /// lives on. It is met again like an inherited one, but what we have set still reads back as the application knows it.
    #[inline(always)]
    #[must_use]
    pub const fn closed(self) -> Socket {
        Socket(self.0 & NODELAY_OURS)
    }

    /// Is anything known about it but what a closed one leaves behind?
    #[inline(always)]
    pub const fn is_met(self) -> bool {
        self.0 & 7 << KIND != 0
    }

    /// Must a hook that moves data look closer?
    #[inline(always)]
    pub const fn attended(self) -> bool {
        self.0 & ATTEND != 0
    }

    /// Is any of these flags set?
    #[inline(always)]
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// The same with flags set.
    #[inline]
    #[must_use]
    pub const fn with(self, flags: u64) -> Socket {
        Socket(self.0 | flags)
    }

    /// The same with flags cleared.
    #[inline]
    #[must_use]
    pub const fn without(self, flags: u64) -> Socket {
        Socket(self.0 & !flags)
    }

    /// The same socket in another role.
    #[inline]
    #[must_use]
    pub const fn into(self, kind: Kind) -> Socket {
        Socket(self.0 & !(7 << KIND | ATTEND | HOLDABLE) | Socket::new(kind).0)
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

    /// The tuning that the rules chose for it: an index for `Settings::tuning`.
    #[inline]
    pub const fn tuning(self) -> u8 {
        ((self.0 >> TUNING) & TUNING_MASK) as u8
    }

    /// The same with another tuning.
    #[inline]
    #[must_use]
    pub const fn tuned_by(self, index: u8) -> Socket {
        Socket(self.0 & !(TUNING_MASK << TUNING) | (index as u64 & TUNING_MASK) << TUNING)
    }

    /// The same on another service (listener, or remote address and port).
    #[inline]
    #[must_use]
    pub const fn on_service(self, service: u8) -> Socket {
        Socket(self.0 & !(SERVICE_MASK << SERVICE) | (service as u64 & SERVICE_MASK) << SERVICE)
    }

    /// Connections that were already queued when this listener was tuned, not yet accepted.
    #[inline]
    pub const fn queued(self) -> u32 {
        (self.0 >> TIME) as u32
    }

    /// A listener with so many connections queued before it was tuned.
    #[inline]
    #[must_use]
    pub const fn with_queued(self, count: u32) -> Socket {
        Socket(self.0 & 0xffff_ffff | (count as u64) << TIME)
    }

    /// Is a burst under way: has data been sent since data was last received?
    #[inline]
    pub const fn in_burst(self) -> bool {
        self.0 & POSITION != 0
    }

    /// What another descriptor of the same socket starts with.
    #[inline]
    #[must_use]
    pub const fn duplicated(self) -> Socket {
        if self.is_met() { Socket(self.0 & !(HELD | CORKED) | SHARED) } else { self }
    }

    /// Is it a listener whose accepted sockets need nothing but what they inherit?
    #[inline(always)]
    pub const fn is_uniform(self) -> bool {
        const LISTENER: u64 = (Kind::Listener as u64) << KIND | UNIFORM;
        self.0 & (7 << KIND | UNIFORM) == LISTENER
    }

    /// What a connection starts with that this listener accepts: its options are inherited, its history is the service's.
    #[inline]
    #[must_use]
    pub const fn accepted(self) -> Socket {
        let kept = NODELAY_OURS | NODELAY_APP | NODELAY_ON | NO_HOLD | TUNING_MASK << TUNING | SERVICE_MASK << SERVICE;
        Socket(self.0 & kept | (Kind::Accepted as u64) << KIND)
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
        let word = Socket::new(Kind::Listener).tuned_by(17).on_service(50).with_queued(77).with(NODELAY_OURS);
        assert_eq!((word.kind(), word.tuning(), word.queued()), (Kind::Listener, 17, 77));
        let other = word.tuned_by(3).on_service(1).with_queued(0);
        assert_eq!((other.kind(), other.tuning(), other.queued()), (Kind::Listener, 3, 0));
        assert!(other.has(NODELAY_OURS));
    }

    #[test]
    fn an_accepted_connection_inherits_what_the_kernel_lets_it_inherit() {
        let listener = Socket::new(Kind::Listener).tuned_by(4).on_service(9).with_queued(5);
        let accepted = listener.with(NODELAY_OURS | NODELAY_ON | CHECKED).accepted();
        assert_eq!((accepted.kind(), accepted.tuning()), (Kind::Accepted, 4));
        assert!(accepted.has(NODELAY_OURS) && accepted.has(NODELAY_ON) && !accepted.has(CHECKED | HELD | ATTEND));
        assert_eq!(accepted.0 >> TIME, 0);
        assert_eq!(accepted.0 & 63, 0, "no burst yet");
    }

    #[test]
    fn a_duplicate_holds_nothing() {
        let word = Socket::new(Kind::Client).with(HELD | NODELAY_OURS | ATTEND);
        assert!(!word.duplicated().has(HELD) && word.duplicated().has(NODELAY_OURS) && word.duplicated().has(SHARED));
    }
}
