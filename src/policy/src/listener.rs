//! The state of a listening socket: a view of its word (socket.rs) that alone knows the flags and the count that only listeners
//! have. They share their bits with flags of connections, so neither can be asked of the other.

use crate::socket::{
    HIGH, KIND, Kind, NO_HOLD, NODELAY_APP, NODELAY_ON, NODELAY_OURS, SERVICE, SERVICE_MASK, Socket, TUNING, TUNING_MASK,
};

/// Whether accepted sockets inherit TCP_NODELAY has been checked on the first one.
const CHECKED: u64 = 1 << 29;
/// Accepted sockets do not inherit TCP_NODELAY on this kernel, so it is set on each.
const NO_INHERIT: u64 = 1 << 30;
/// Accepted sockets need nothing but what they inherit.
const UNIFORM: u64 = 1 << 15;

/// The state of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listener(Socket);

impl Listener {
    /// A TCP socket that is a listener from now on.
    #[must_use]
    pub const fn new(socket: Socket) -> Listener {
        Listener(socket.into(Kind::Listener))
    }

    /// The listener that a socket is, if it is one.
    #[must_use]
    pub const fn of(socket: Socket) -> Option<Listener> {
        if matches!(socket.kind(), Kind::Listener) { Some(Listener(socket)) } else { None }
    }

    /// The listener that a socket is, if its accepted sockets need nothing but what they inherit: one comparison.
    #[inline(always)]
    #[must_use]
    pub const fn of_uniform(socket: Socket) -> Option<Listener> {
        const WANTED: u64 = (Kind::Listener as u64) << KIND | UNIFORM;
        if socket.0 & (7 << KIND | UNIFORM) == WANTED { Some(Listener(socket)) } else { None }
    }

    /// The state as that of any socket.
    #[inline(always)]
    #[must_use]
    pub const fn socket(self) -> Socket {
        self.0
    }

    /// Connections that were queued before it was tuned, and are not yet accepted.
    #[must_use]
    pub const fn queued(self) -> u32 {
        self.0.high()
    }

    /// This state with `count` connections queued before it was tuned.
    #[must_use]
    pub const fn with_queued(self, count: u32) -> Listener {
        Listener(Socket(self.0.0 & 0xffff_ffff | (count as u64) << HIGH))
    }

    /// Has an accepted socket been looked at?
    #[must_use]
    pub const fn is_checked(self) -> bool {
        self.0.has(CHECKED)
    }

    /// This state once an accepted socket has been looked at, or need not be.
    #[must_use]
    pub const fn checked(self) -> Listener {
        Listener(self.0.with(CHECKED))
    }

    /// Do accepted sockets inherit TCP_NODELAY, as far as is known?
    #[must_use]
    pub const fn passes_on(self) -> bool {
        !self.0.has(NO_INHERIT)
    }

    /// This state on a kernel on which they do not.
    #[must_use]
    pub const fn passing_nothing_on(self) -> Listener {
        Listener(self.0.with(NO_INHERIT))
    }

    /// This state if its accepted sockets need nothing but what they inherit.
    #[must_use]
    pub const fn uniform(self) -> Listener {
        Listener(self.0.with(UNIFORM))
    }

    /// The initial state of a connection that it accepts: options and service are inherited, and there is no history.
    #[inline]
    #[must_use]
    pub const fn accepted(self) -> Socket {
        let kept = NODELAY_OURS | NODELAY_APP | NODELAY_ON | NO_HOLD | TUNING_MASK << TUNING | SERVICE_MASK << SERVICE;
        Socket(self.0.0 & kept | Socket::new(Kind::Accepted).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::ATTEND;

    #[test]
    fn its_flags_and_its_queue_are_its_own() {
        let listener = Listener::new(Socket::new(Kind::Fresh).tuned_by(17).on_service(50)).with_queued(77).checked();
        assert_eq!((listener.queued(), listener.is_checked(), listener.passes_on()), (77, true, true));
        let socket = listener.socket();
        assert_eq!((socket.kind(), socket.tuning()), (Kind::Listener, 17));
        assert!(!socket.is_watched() && !socket.is_held() && !socket.is_corked());
        assert_eq!((Listener::of(socket), Listener::of_uniform(socket)), (Some(listener), None));
        let uniform = listener.uniform().passing_nothing_on();
        assert_eq!(Listener::of_uniform(uniform.socket()), Some(uniform));
        assert!(!uniform.passes_on() && !uniform.socket().is_corked() && !uniform.socket().is_watched());
        let connection = uniform.socket().into(Kind::Client);
        assert_eq!((Listener::of(connection), Listener::of_uniform(connection)), (None, None));
    }

    #[test]
    fn an_accepted_connection_inherits_what_the_kernel_lets_it_inherit() {
        let tuned = Socket::new(Kind::Fresh).tuned_by(4).on_service(9).with(NODELAY_OURS | NODELAY_ON);
        let accepted = Listener::new(tuned).with_queued(5).checked().uniform().passing_nothing_on().accepted();
        assert_eq!((accepted.kind(), accepted.tuning(), accepted.high()), (Kind::Accepted, 4, 0));
        assert!(accepted.has(NODELAY_OURS) && accepted.has(NODELAY_ON) && !accepted.has(ATTEND));
        assert!(!accepted.is_watched() && !accepted.is_corked());
        assert_eq!(accepted.0 & 0xf0, 0, "no history yet");
    }
}
