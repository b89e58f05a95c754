//! The kernel's options in the order in which they are applied, and the moments in a socket's life at which each is
//! set. Must not know how a setting spells their values.

use libc::{
    IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPV6_TCLASS, IPV6_UNICAST_HOPS, SO_BUSY_POLL, SO_KEEPALIVE,
    SO_LINGER, SO_MARK, SO_PRIORITY, SO_RCVBUF, SO_RCVBUFFORCE, SO_RCVLOWAT, SO_SNDBUF, SO_SNDBUFFORCE, SOL_SOCKET,
    TCP_CONGESTION, TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL,
    TCP_MAXSEG, TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_SYNCNT, TCP_THIN_LINEAR_TIMEOUTS, TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP,
};

/// Missing from the libc crate; the number on every architecture with the generic socket constants.
const SO_MAX_PACING_RATE: i32 = 47;

/// Missing from it too: bounds of the kernel's timers (linux/tcp.h), since Linux 6.15. Accepted sockets inherit them.
pub const TCP_RTO_MAX_MS: i32 = 44;
/// See [`TCP_RTO_MAX_MS`].
pub const TCP_RTO_MIN_US: i32 = 45;
/// See [`TCP_RTO_MAX_MS`].
pub const TCP_DELACK_MAX_US: i32 = 46;

/// When in a socket's life an option is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// Before listen(2). Accepted sockets inherit it, unless `accept` says otherwise.
    pub listen: bool,
    /// On each accepted socket, because it is not inherited from the listener.
    pub accept: bool,
    /// Before connect(2).
    pub connect: bool,
}

impl When {
    /// On listeners and connecting sockets; accepted sockets inherit it.
    pub(crate) const ALWAYS: When = When { listen: true, accept: false, connect: true };
    /// On listeners, on connecting sockets, and on each accepted socket, which does not inherit it.
    pub(crate) const EACH: When = When { accept: true, ..When::ALWAYS };
    /// On listeners only.
    pub(crate) const LISTEN: When = When { connect: false, ..When::ALWAYS };
    /// On accepted sockets only: the kernel resets it when a socket starts to listen or to connect.
    pub(crate) const ACCEPT: When = When { listen: false, accept: true, connect: false };
    /// On connecting sockets only.
    pub(crate) const CONNECT: When = When { listen: false, ..When::ALWAYS };

    /// A description for tables.
    pub const fn words(self) -> &'static str {
        match self {
            When::ALWAYS => "listeners (accepted sockets inherit it) and clients",
            When::EACH => "listeners, each accepted socket, clients",
            When::LISTEN => "listeners",
            When::ACCEPT => "each accepted socket",
            _ => "clients",
        }
    }
}

/// The form in which a value is passed to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Int,
    Wide,
    Linger,
    Name,
}

/// An option of the kernel.
pub(crate) struct Row {
    pub id: u8,
    pub level: i32,
    pub name: i32,
    pub when: When,
    pub form: Form,
}

/// The number of ids.
pub(crate) const IDS: usize = 28;

/// The ids of the options: their bit and their index in an `OptionSet`.
pub(crate) mod id {
    pub const KEEPALIVE: u8 = 0;
    pub const KEEP_IDLE: u8 = 1;
    pub const KEEP_INTERVAL: u8 = 2;
    pub const KEEP_COUNT: u8 = 3;
    pub const USER_TIMEOUT: u8 = 4;
    pub const SNDBUF: u8 = 5;
    pub const RCVBUF: u8 = 6;
    pub const CONGESTION: u8 = 7;
    pub const NOTSENT_LOWAT: u8 = 8;
    pub const TOS: u8 = 9;
    pub const PRIORITY: u8 = 10;
    pub const TTL: u8 = 11;
    pub const LINGER: u8 = 12;
    pub const MAXSEG: u8 = 13;
    pub const DEFER_ACCEPT: u8 = 14;
    pub const FASTOPEN: u8 = 15;
    pub const FASTOPEN_CONNECT: u8 = 16;
    pub const QUICKACK: u8 = 17;
    pub const BUSY_POLL: u8 = 18;
    pub const THIN_LINEAR_TIMEOUTS: u8 = 19;
    pub const MARK: u8 = 20;
    pub const MAX_PACING_RATE: u8 = 21;
    pub const RCVLOWAT: u8 = 22;
    pub const SYNCNT: u8 = 23;
    pub const WINDOW_CLAMP: u8 = 24;
    pub const DELACK_MAX: u8 = 25;
    pub const RTO_MIN: u8 = 26;
    pub const RTO_MAX: u8 = 27;
}

const fn row(id: u8, level: i32, name: i32, when: When) -> Row {
    Row { id, level, name, when, form: Form::Int }
}

const TCP: i32 = IPPROTO_TCP;
const IP: i32 = IPPROTO_IP;
const IP6: i32 = IPPROTO_IPV6;

/// The options in the order in which they are applied. IP_TOS comes before SO_PRIORITY, because setting it changes the
/// priority. An id may have two rows, one for each address family; the one that does not fit the socket fails
/// harmlessly.
pub(crate) static SOCKOPTS: [Row; 30] = [
    row(id::KEEPALIVE, SOL_SOCKET, SO_KEEPALIVE, When::ALWAYS),
    row(id::KEEP_IDLE, TCP, TCP_KEEPIDLE, When::ALWAYS),
    row(id::KEEP_INTERVAL, TCP, TCP_KEEPINTVL, When::ALWAYS),
    row(id::KEEP_COUNT, TCP, TCP_KEEPCNT, When::ALWAYS),
    row(id::USER_TIMEOUT, TCP, TCP_USER_TIMEOUT, When::ALWAYS),
    row(id::SNDBUF, SOL_SOCKET, SO_SNDBUF, When::ALWAYS),
    row(id::RCVBUF, SOL_SOCKET, SO_RCVBUF, When::ALWAYS),
    Row { id: id::CONGESTION, level: TCP, name: TCP_CONGESTION, when: When::ALWAYS, form: Form::Name },
    row(id::NOTSENT_LOWAT, TCP, TCP_NOTSENT_LOWAT, When::ALWAYS),
    row(id::TOS, IP, IP_TOS, When::ALWAYS),
    row(id::TOS, IP6, IPV6_TCLASS, When::ALWAYS),
    row(id::PRIORITY, SOL_SOCKET, SO_PRIORITY, When::EACH),
    row(id::TTL, IP, IP_TTL, When::ALWAYS),
    row(id::TTL, IP6, IPV6_UNICAST_HOPS, When::ALWAYS),
    Row { id: id::LINGER, level: SOL_SOCKET, name: SO_LINGER, when: When::ALWAYS, form: Form::Linger },
    row(id::MAXSEG, TCP, TCP_MAXSEG, When::ALWAYS),
    row(id::DEFER_ACCEPT, TCP, TCP_DEFER_ACCEPT, When::LISTEN),
    row(id::FASTOPEN, TCP, TCP_FASTOPEN, When::LISTEN),
    row(id::FASTOPEN_CONNECT, TCP, TCP_FASTOPEN_CONNECT, When::CONNECT),
    row(id::QUICKACK, TCP, TCP_QUICKACK, When::ACCEPT),
    row(id::BUSY_POLL, SOL_SOCKET, SO_BUSY_POLL, When::ALWAYS),
    row(id::THIN_LINEAR_TIMEOUTS, TCP, TCP_THIN_LINEAR_TIMEOUTS, When::ALWAYS),
    row(id::MARK, SOL_SOCKET, SO_MARK, When::ALWAYS),
    Row { id: id::MAX_PACING_RATE, level: SOL_SOCKET, name: SO_MAX_PACING_RATE, when: When::ALWAYS, form: Form::Wide },
    row(id::RCVLOWAT, SOL_SOCKET, SO_RCVLOWAT, When::ALWAYS),
    row(id::SYNCNT, TCP, TCP_SYNCNT, When::ALWAYS),
    row(id::WINDOW_CLAMP, TCP, TCP_WINDOW_CLAMP, When::ALWAYS),
    row(id::DELACK_MAX, TCP, TCP_DELACK_MAX_US, When::ALWAYS),
    row(id::RTO_MIN, TCP, TCP_RTO_MIN_US, When::ALWAYS),
    row(id::RTO_MAX, TCP, TCP_RTO_MAX_MS, When::ALWAYS),
];

/// The option of `TCPTUNE_SET` that the application takes over by calling setsockopt(2) with this level and name. The
/// id is below 32. The library then leaves that option alone on that socket.
#[inline(never)]
pub fn option_id(level: i32, name: i32) -> Option<u8> {
    let name = match (level, name) {
        (SOL_SOCKET, SO_SNDBUFFORCE) => SO_SNDBUF,
        (SOL_SOCKET, SO_RCVBUFFORCE) => SO_RCVBUF,
        _ => name,
    };
    SOCKOPTS.iter().find(|row| row.level == level && row.name == name).map(|row| row.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_small_and_names_unique() {
        for (n, row) in SOCKOPTS.iter().enumerate() {
            assert!(usize::from(row.id) < IDS && row.id < 32);
            assert_eq!(SOCKOPTS.iter().position(|r| r.level == row.level && r.name == row.name), Some(n));
        }
        assert_eq!(option_id(IPPROTO_IPV6, IPV6_TCLASS), Some(id::TOS));
        assert_eq!(option_id(SOL_SOCKET, SO_SNDBUFFORCE), Some(id::SNDBUF));
        assert_eq!(option_id(IPPROTO_TCP, libc::TCP_NODELAY), None);
    }
}
