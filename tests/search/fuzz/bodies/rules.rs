//! Any text as TCPTUNE_RULES, held against a reader and matcher of the same grammar (docs/settings.md) that is made of the
//! standard library's plain means: both accept it or neither does; then every rule wants the same, and every socket that
//! lies near a limit of a rule gets the same rule.

use std::net::{IpAddr, Ipv6Addr};

use tcptune_policy::options::OptionSet;
use tcptune_policy::{Cork, Direction, Nodelay, Peer, Quickack, Release, Settings, Subject};

pub fn check(input: &[u8]) {
    let mut settings = Settings::DEFAULT;
    let accepted = settings.apply(b"TCPTUNE_RULES", input);
    settings.finish();
    let expected = reference(input);
    assert_eq!(accepted.is_ok(), expected.is_some(), "{accepted:?} {:?}", String::from_utf8_lossy(input));
    let Some(rules) = expected else { return };
    assert_eq!(usize::from(settings.rule_count()), rules.len());
    for (n, rule) in (1..).zip(&rules) {
        rule.compare(&settings, n);
    }
    for subject in rules.iter().flat_map(near) {
        let expected = rules.iter().position(|rule| rule.holds(&subject)).map_or(0, |n| n + 1);
        let chosen = settings.choose(&subject.asked());
        assert_eq!(usize::from(chosen), expected, "{subject:?} by {:?}", String::from_utf8_lossy(input));
        // Where it says that the peer is not needed, that must make no difference.
        if !settings.needs_peer(subject.direction, subject.local_port.unwrap_or(0)) && subject.local_port.is_some() {
            assert_eq!(settings.choose(&Socket { peer: None, ..subject }.asked()), chosen);
        }
    }
}

/// A socket.
#[derive(Clone, Copy, Debug)]
struct Socket {
    direction: Direction,
    local_port: Option<u16>,
    peer: Option<(Ipv6Addr, u16)>,
}

impl Socket {
    fn asked(self) -> Subject {
        let peer = self.peer.map(|(address, port)| match address.to_ipv4_mapped() {
            // Both ways to give an IPv4 address are the same to the library.
            Some(v4) if port % 2 == 0 => Peer::from_v4(v4.octets(), port),
            _ => Peer::from_v6(address.octets(), port),
        });
        Subject { direction: self.direction, local_port: self.local_port, peer }
    }
}

#[derive(Debug, Default)]
struct Rule {
    keys: Vec<String>,
    direction: Option<Direction>,
    ports: Vec<(u16, u16)>,
    listens: Vec<(u16, u16)>,
    peers: Vec<(Ipv6Addr, u32)>,
    off: bool,
    nodelay: Nodelay,
    cork: Cork,
    release: Release,
    quickack: Quickack,
    set: Option<OptionSet>,
}

impl Rule {
    fn compare(&self, settings: &Settings, n: u8) {
        let tuning = settings.tuning(n);
        assert_eq!(tuning.enabled(), !self.off);
        if !self.off {
            assert_eq!((tuning.nodelay, tuning.cork), (self.nodelay, self.cork));
            assert_eq!((tuning.release, tuning.quickack), (self.release, self.quickack));
            assert_eq!(tuning.set, self.set.unwrap_or(OptionSet::EMPTY));
        }
    }

    fn holds(&self, socket: &Socket) -> bool {
        let among = |list: &[(u16, u16)], port: Option<u16>| {
            list.is_empty() || port.is_some_and(|port| list.iter().any(|(low, high)| (*low..=*high).contains(&port)))
        };
        self.direction.is_none_or(|wanted| wanted == socket.direction)
            && among(&self.listens, socket.local_port)
            && among(&self.ports, socket.peer.map(|(_, port)| port))
            && (self.peers.is_empty()
                || socket.peer.is_some_and(|(address, _)| self.peers.iter().any(|network| inside(*network, address))))
    }

    /// Takes in one word; nothing where it does not belong there.
    fn word(&mut self, word: &str) -> Option<()> {
        let lower = word.to_ascii_lowercase();
        let (key, value) = if lower.starts_with("set(") {
            ("set", word.get(4..word.len() - 1)?)
        } else {
            match word.split_once('=') {
                // Of this action what is in brackets is read above, and nothing else.
                Some((key, _)) if lower[..key.len()] == *"set" => return None,
                Some((key, value)) => (&lower[..key.len()], value),
                None => (&lower[..], ""),
            }
        };
        let bare = !word.contains('=') && key != "set";
        match key {
            "client" if bare => self.direction = Some(Direction::Client),
            "server" if bare => self.direction = Some(Direction::Server),
            "off" if bare => self.off = true,
            "on" if bare => {}
            _ if bare => return None,
            "port" => self.ports = value.split(',').map(ports).collect::<Option<_>>()?,
            "listen" => self.listens = value.split(',').map(ports).collect::<Option<_>>()?,
            "peer" => self.peers = value.split(',').map(network).collect::<Option<_>>()?,
            "nodelay" => self.nodelay = *Nodelay::ALL.iter().find(|word| is(word.word(), value))?,
            "cork" => self.cork = *Cork::ALL.iter().find(|word| is(word.word(), value))?,
            "release" => self.release = *Release::ALL.iter().find(|word| is(word.word(), value))?,
            "quickack" => self.quickack = *Quickack::ALL.iter().find(|word| is(word.word(), value))?,
            "set" => {
                // What may stand there is what TCPTUNE_SET may be, but not nothing.
                let mut settings = Settings::DEFAULT;
                settings.apply(b"TCPTUNE_SET", value.as_bytes()).ok()?;
                self.set = Some(settings.base.set).filter(|set| !set.is_empty());
                self.set?;
            }
            _ => return None,
        }
        if self.keys.iter().any(|seen| seen == key) {
            return None;
        }
        self.keys.push(key.to_owned());
        Some(())
    }

    fn makes_sense(&self) -> Option<()> {
        let has = |key: &str| self.keys.iter().any(|seen| seen == key);
        let actions =
            ["off", "on", "nodelay", "cork", "release", "quickack", "set"].iter().filter(|key| has(key)).count();
        let single = actions == 1 || !self.off;
        (actions > 0 && single && !(has("client") && has("server"))).then_some(())
    }
}

/// Does the value stand for this word of a setting? `on` and `off` have other spellings.
fn is(word: &str, value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value == word
        || word == "on" && ["yes", "true", "1"].contains(&&*value)
        || word == "off" && ["no", "false", "0"].contains(&&*value)
}

fn reference(input: &[u8]) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    for text in input.split(|byte| *byte == b';') {
        let words = words(text)?;
        if words.is_empty() {
            continue;
        }
        let mut rule = Rule::default();
        for word in words {
            rule.word(std::str::from_utf8(&word).ok()?)?;
        }
        rule.makes_sense()?;
        rules.push(rule);
    }
    let count = |of: fn(&Rule) -> usize| rules.iter().map(of).sum::<usize>();
    let fits = rules.len() <= 30 && count(|rule| rule.ports.len() + rule.listens.len()) <= 96;
    (fits && count(|rule| rule.peers.len()) <= 64).then_some(rules)
}

/// The words of a rule; `set(...)` is one, blanks and all.
fn words(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blank = |byte: u8| byte == b' ' || (9..=13).contains(&byte);
    let (mut words, mut rest) = (Vec::new(), text);
    loop {
        let start = rest.iter().position(|byte| !blank(*byte)).unwrap_or(rest.len());
        rest = &rest[start..];
        if rest.is_empty() {
            return Some(words);
        }
        let set = rest.len() >= 4 && rest[..4].eq_ignore_ascii_case(b"set(");
        let end = if set { rest.iter().position(|byte| *byte == b')')? + 1 } else { 0 };
        let gap = rest[end..].iter().position(|byte| blank(*byte)).map_or(rest.len(), |n| n + end);
        if set && gap != end {
            return None;
        }
        words.push(rest[..gap].to_vec());
        rest = &rest[gap..];
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // However many zeros stand before it, as long as the number fits 64 bits.
    text.parse::<u64>().ok().filter(|_| digits).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    (first <= last).then_some((first, last))
}

/// An IPv4 network is the same one among the IPv4-mapped addresses of IPv6.
fn network(text: &str) -> Option<(Ipv6Addr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let (address, base) = match address.parse().ok()? {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped(), 96),
        IpAddr::V6(v6) => (v6, 0),
    };
    let length = match length {
        Some(text) if (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
        Some(_) => return None,
        None => 128 - base,
    };
    (length <= 128 - base).then_some((address, base + length))
}

/// An IPv4 address lies in IPv4 networks only, an IPv6 address in the others.
fn inside((network, bits): (Ipv6Addr, u32), address: Ipv6Addr) -> bool {
    let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
    let of_v4 = bits >= 96 && network.to_ipv4_mapped().is_some();
    of_v4 == address.to_ipv4_mapped().is_some() && (network.to_bits() ^ address.to_bits()) & mask == 0
}

/// Sockets at the limits of a rule, just inside and just outside.
fn near(rule: &Rule) -> Vec<Socket> {
    let around = |list: &[(u16, u16)]| {
        let edges = list.iter().take(8).flat_map(|(low, high)| [low - 1, *low, *high, high.saturating_add(1)]);
        edges.chain([7]).collect::<Vec<_>>()
    };
    let addresses = rule.peers.iter().take(8).flat_map(|(address, bits)| {
        let flipped = |bit: u32| Ipv6Addr::from_bits(address.to_bits() ^ 1u128.checked_shl(bit).unwrap_or(0));
        [*address, flipped(127 - bits.min(&127)), flipped(128 - bits.max(&1)), flipped(0)]
    });
    let addresses: Vec<_> =
        addresses.chain(["::1", "::ffff:10.0.0.1"].map(|a| a.parse().expect("an address"))).collect();
    let mut sockets = Vec::new();
    for direction in [Direction::Client, Direction::Server] {
        for local_port in around(&rule.listens).into_iter().map(Some).chain([None]) {
            sockets.push(Socket { direction, local_port, peer: None });
            // All pairs of ports and addresses would be many; each port meets some address, each address some port.
            let (ports, pairs) = (around(&rule.ports), addresses.len().max(rule.ports.len() * 4 + 1));
            for n in 0..pairs.min(40) {
                let peer = Some((addresses[n % addresses.len()], ports[n % ports.len()]));
                sockets.push(Socket { direction, local_port, peer });
            }
        }
    }
    sockets
}
