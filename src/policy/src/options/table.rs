//! The table of options: one row for each key of `TCPTUNE_SET`, with its syntax, range, kernel options and description.
//! The parser, the messages, the command's help and the reference page all use these rows. The library needs only
//! [`OPTIONS`], which holds no pointers; the descriptions in [`OPTION_TEXTS`] are for the command and stay out of the
//! library.

use super::sockopts::{SOCKOPTS, When, id};
use crate::grammar::number::{Unit, read};
use crate::grammar::piece::field;
use crate::grammar::words::words;
use crate::text::Text;

/// How a value is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Plain,
    Bytes,
    Micros,
    Millis,
    Seconds,
    Switch,
    Linger,
    Dscp,
    Rate,
    Name,
    Keepalive,
}

impl Kind {
    /// The unit of the kind's numbers.
    pub const fn unit(self) -> Unit {
        match self {
            Kind::Bytes | Kind::Rate => Unit::Bytes,
            Kind::Micros => Unit::Micros,
            Kind::Millis => Unit::Millis,
            Kind::Seconds | Kind::Linger | Kind::Keepalive => Unit::Seconds,
            Kind::Plain | Kind::Switch | Kind::Dscp | Kind::Name => Unit::Plain,
        }
    }
}

/// The allowed values of each kind, worded to follow "allowed is", in the order of [`Kind`].
const VALUES: &str = "a number|\
    a size in bytes (also k, m, g)|\
    a time in microseconds (also ms, s)|\
    a time in milliseconds (also s, m, h)|\
    a time in seconds (also m, h)|\
    on or off|\
    off or a time in seconds (also m, h)|\
    cs0 to cs7, af11 to af43, ef, va, le or a number from 0 to 63|\
    bytes per second (also k, m, g)|\
    the name of a congestion control: 1 to 15 letters, digits, _ - or .|\
    on, off or IDLE[/INTERVAL[/COUNT]], COUNT 1 to 127, the others in seconds (also m, h)";

/// The part of a row that the library needs.
#[derive(Clone, Copy)]
pub struct OptionRow {
    /// The lowest number; empty if there is no range.
    pub low: Text<6>,
    /// The highest number; empty if there is no range.
    pub high: Text<10>,
    /// Both limits as numbers: the library parses none at run time.
    pub(crate) range: [u64; 2],
    pub(crate) kind: Kind,
    pub(crate) id: u8,
}

impl OptionRow {
    /// The allowed values, worded to follow "allowed is".
    pub fn value(&self) -> &'static [u8] {
        let mut rest = Some(VALUES.as_bytes());
        for _ in 0..self.kind as u8 {
            field(&mut rest, b'|');
        }
        field(&mut rest, b'|').unwrap_or_default()
    }

    /// When the option is set.
    pub fn when(&self) -> When {
        SOCKOPTS.iter().find(|row| row.id == self.id).map_or(When::ALWAYS, |row| row.when)
    }
}

/// The part of a row that is for users.
#[derive(Clone, Copy, Debug)]
pub struct OptionText {
    /// The option's key.
    pub key: &'static str,
    /// A valid example.
    pub example: &'static str,
    /// The kernel options that it sets.
    pub kernel: &'static str,
    /// What it does, and when to use it.
    pub meaning: &'static str,
}

/// Reads a limit of the table; 0 if there is none. Only for constants.
const fn limit(text: &str, unit: Unit) -> u64 {
    match read(text.as_bytes(), unit) {
        Some(number) => number,
        None => {
            assert!(text.is_empty(), "a limit is a number in the option's own unit");
            0
        }
    }
}

/// Generates the library's view and the users' view of the table.
macro_rules! options {
    ($( $key:literal $kind:ident $id:ident, $low:literal .. $high:literal,
        $example:literal, $kernel:literal, $meaning:literal; )*) => {
        /// The options, in the order in which they are described.
        pub static OPTIONS: [OptionRow; [$($key),*].len()] = [$( OptionRow {
            low: Text::new($low),
            high: Text::new($high),
            range: [limit($low, Kind::$kind.unit()), limit($high, Kind::$kind.unit())],
            kind: Kind::$kind,
            id: id::$id,
        } ),*];

        /// The keys of the options, in the order of the table.
        const KEYS: &str = concat!($($key, " "),*);

        /// The descriptions of the options, in the order of the table.
        pub static OPTION_TEXTS: [OptionText; [$($key),*].len()] =
            [$( OptionText { key: $key, example: $example, kernel: $kernel, meaning: $meaning } ),*];
    };
}

options! {
    "keepalive" Keepalive KEEPALIVE, "1s" .. "32767s",
        "keepalive=60/10/5", "SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT",
        "Probe a silent peer after IDLE, then every INTERVAL; give up after COUNT probes without an answer.";
    "user_timeout" Millis USER_TIMEOUT, "100ms" .. "24h",
        "user_timeout=30s", "TCP_USER_TIMEOUT",
        "Give a connection up when sent data stays unacknowledged for this long.";
    "sndbuf" Bytes SNDBUF, "2k" .. "1g",
        "sndbuf=1m", "SO_SNDBUF",
        "Size of the send buffer, at most net.core.wmem_max. Turns off the kernel's automatic sizing.";
    "rcvbuf" Bytes RCVBUF, "2k" .. "1g",
        "rcvbuf=1m", "SO_RCVBUF",
        "Size of the receive buffer, at most net.core.rmem_max. Turns off the kernel's automatic sizing.";
    "congestion" Name CONGESTION, "" .. "",
        "congestion=bbr", "TCP_CONGESTION",
        "The congestion control algorithm. One that the kernel lacks (net.ipv4.tcp_available_congestion_control) is ignored.";
    "notsent_lowat" Bytes NOTSENT_LOWAT, "0" .. "1g",
        "notsent_lowat=128k", "TCP_NOTSENT_LOWAT",
        "Report the socket writable only while less than this is unsent: less memory, fresher data. 0: the system's value.";
    "dscp" Dscp TOS, "" .. "",
        "dscp=af21", "IP_TOS, IPV6_TCLASS",
        "Mark packets with a differentiated services code point.";
    "tos" Plain TOS, "0" .. "255",
        "tos=0x10", "IP_TOS, IPV6_TCLASS",
        "The whole byte of which dscp sets the upper six bits. If both are given, the later one counts.";
    "priority" Plain PRIORITY, "0" .. "2147483647",
        "priority=6", "SO_PRIORITY",
        "Priority in the queueing discipline; above 6 needs CAP_NET_ADMIN.";
    "ttl" Plain TTL, "1" .. "255",
        "ttl=64", "IP_TTL, IPV6_UNICAST_HOPS",
        "How many routers a packet may pass.";
    "linger" Linger LINGER, "0s" .. "1h",
        "linger=5s", "SO_LINGER",
        "How long close waits for unsent data to be sent. 0: close discards it and resets the connection.";
    "maxseg" Plain MAXSEG, "88" .. "32767",
        "maxseg=1200", "TCP_MAXSEG",
        "The largest segment (MSS) to announce and to send.";
    "defer_accept" Seconds DEFER_ACCEPT, "0s" .. "1h",
        "defer_accept=5s", "TCP_DEFER_ACCEPT",
        "Accept a connection only once its first data has arrived. Only for services whose client speaks first.";
    "fastopen" Plain FASTOPEN, "0" .. "65535",
        "fastopen=256", "TCP_FASTOPEN",
        "Take data in the SYN (TCP Fast Open), for this many pending connections.";
    "fastopen_connect" Switch FASTOPEN_CONNECT, "" .. "",
        "fastopen_connect=on", "TCP_FASTOPEN_CONNECT",
        "Send the first data in the SYN. connect then returns at once, and its error appears at the first write.";
    "quickack" Switch QUICKACK, "" .. "",
        "quickack=on", "TCP_QUICKACK",
        "Set once when a connection is accepted; the kernel soon goes back to its own choice. TCPTUNE_QUICKACK keeps it on, for clients too.";
    "busy_poll" Micros BUSY_POLL, "0us" .. "1s",
        "busy_poll=50", "SO_BUSY_POLL",
        "Poll the network card for this long before sleeping; more than net.core.busy_read needs CAP_NET_ADMIN.";
    "thin_linear_timeouts" Switch THIN_LINEAR_TIMEOUTS, "" .. "",
        "thin_linear_timeouts=on", "TCP_THIN_LINEAR_TIMEOUTS",
        "Do not double the retransmission timeout while few segments are in flight.";
    "mark" Plain MARK, "0" .. "4294967295",
        "mark=0x17", "SO_MARK",
        "Mark for routing and firewall rules; needs CAP_NET_ADMIN.";
    "max_pacing_rate" Rate MAX_PACING_RATE, "1k" .. "1024g",
        "max_pacing_rate=10m", "SO_MAX_PACING_RATE",
        "Send no faster than this.";
    "rcvlowat" Bytes RCVLOWAT, "1" .. "1g",
        "rcvlowat=1", "SO_RCVLOWAT",
        "Report the socket readable only once this much has arrived. Safe only where messages are never shorter.";
    "syncnt" Plain SYNCNT, "1" .. "127",
        "syncnt=3", "TCP_SYNCNT",
        "How often the SYN is sent again before a connection attempt fails.";
    "window_clamp" Bytes WINDOW_CLAMP, "1k" .. "1g",
        "window_clamp=256k", "TCP_WINDOW_CLAMP",
        "The largest receive window to announce.";
    "delack_max" Micros DELACK_MAX, "1ms" .. "200ms",
        "delack_max=8ms", "TCP_DELACK_MAX_US",
        "Delay an ACK no longer than this, so that the other end waits less for it. Linux 6.15; at least two timer ticks, 8ms at 250 Hz.";
    "rto_min" Micros RTO_MIN, "1ms" .. "200ms",
        "rto_min=50ms", "TCP_RTO_MIN_US",
        "The shortest retransmission timeout. Linux 6.15; at least two timer ticks.";
    "rto_max" Millis RTO_MAX, "1s" .. "120s",
        "rto_max=10s", "TCP_RTO_MAX_MS",
        "The longest retransmission timeout. Linux 6.15.";
}

/// What is allowed where a key is expected.
pub(crate) const ALLOWED_KEYS: &str = "key=value with one of keepalive, user_timeout, sndbuf, rcvbuf, congestion, \
    notsent_lowat, dscp, tos, priority, ttl, linger, maxseg, defer_accept, fastopen, fastopen_connect, quickack, \
    busy_poll, thin_linear_timeouts, mark, max_pacing_rate, rcvlowat, syncnt, window_clamp, delack_max, rto_min, rto_max";

/// The row of a key, and its number.
pub(crate) fn row(key: &[u8]) -> Option<(u8, &'static OptionRow)> {
    let number = words!(KEYS).find(key)?;
    OPTIONS.get(usize::from(number)).map(|row| (number, row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::parse;
    use crate::fault::Wrong;
    use crate::options::OptionSet;
    use crate::options::sockopts::IDS;
    use std::{format, string::String};

    fn reads(entries: &[u8]) -> bool {
        parse(&mut { OptionSet::EMPTY }, entries, &mut Wrong::default()).is_some()
    }

    #[test]
    fn every_example_is_valid_and_every_key_is_listed() {
        let mut listed = String::new();
        for (number, text) in (0u8..).zip(&OPTION_TEXTS) {
            assert_eq!(row(text.key.as_bytes()).map(|(number, _)| number), Some(number));
            assert!(text.example.starts_with(&format!("{}=", text.key)), "{}", text.example);
            assert!(reads(text.example.as_bytes()), "{}", text.example);
            listed = if listed.is_empty() { text.key.into() } else { format!("{listed}, {}", text.key) };
        }
        assert_eq!(ALLOWED_KEYS, format!("key=value with one of {listed}"));
    }

    #[test]
    fn every_option_has_room_for_its_value_and_a_call_that_sets_it() {
        for (row, text) in OPTIONS.iter().zip(&OPTION_TEXTS) {
            assert!(usize::from(row.id) < IDS, "{}: IDS is less than the number of ids", text.key);
            let mut set = OptionSet::EMPTY;
            parse(&mut set, text.example.as_bytes(), &mut Wrong::default()).expect("the example is valid");
            assert!(set.iter().any(|call| call.id == row.id), "{}: SOCKOPTS has no row that sets it", text.key);
        }
    }

    #[test]
    fn the_limits_of_every_row_are_valid_and_beyond_them_is_not() {
        let mut ranges = 0;
        for (row, text) in OPTIONS.iter().zip(&OPTION_TEXTS).filter(|(row, _)| !row.low.as_str().is_empty()) {
            let entry = |value: &str| format!("{}={value}", text.key);
            assert!(reads(entry(row.low.as_str()).as_bytes()), "{}", entry(row.low.as_str()));
            assert!(reads(entry(row.high.as_str()).as_bytes()), "{}", entry(row.high.as_str()));
            let unit_at = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (digits, unit) = row.high.as_str().split_at(unit_at(row.high.as_str()));
            let above = format!("{}{unit}", digits.parse::<u64>().expect("digits") + 1);
            assert!(!reads(entry(&above).as_bytes()), "{}", entry(&above));
            let (digits, unit) = row.low.as_str().split_at(unit_at(row.low.as_str()));
            if let Some(below) = digits.parse::<u64>().expect("digits").checked_sub(1) {
                let below = format!("{below}{unit}");
                // keepalive=0s is a time below its range, as it should be.
                assert!(!reads(entry(&below).as_bytes()), "{}", entry(&below));
            }
            ranges += 1;
        }
        assert!(ranges > 10);
    }
}
