//! Rules: settings for single sockets. This file defines what a rule is and how it is matched; the other two write and
//! read it. Must not see any setting outside TCPTUNE_RULES, except when a rule is laid over the base.

mod describe;
mod parse;

use crate::grammar::cidr::Network;
use crate::grammar::ports::Ports;
use crate::subject::{Direction, Subject};
use crate::tuning::Tuning;

/// The maximum number of rules.
pub const MAX_RULES: usize = 30;
/// The maximum number of ports and port ranges in all rules together.
pub(crate) const MAX_PORTS: usize = 96;
/// The maximum number of networks in all rules together.
pub(crate) const MAX_NETWORKS: usize = 64;

/// The entries of a common list that belong to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u8,
    len: u8,
}

impl Span {
    const NONE: Span = Span { start: 0, len: 0 };

    /// The entries.
    fn of<T>(self, list: &[T]) -> &[T] {
        let start = usize::from(self.start);
        list.get(start..start.saturating_add(usize::from(self.len))).unwrap_or_default()
    }

    fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The keywords of a rule, a bit for each, in the order in which the parser lists them.
mod word {
    pub const OFF: u16 = 1;
    pub const ON: u16 = 1 << 1;
    pub const CLIENT: u16 = 1 << 2;
    pub const SERVER: u16 = 1 << 3;
    pub const PORT: u16 = 1 << 4;
    pub const LISTEN: u16 = 1 << 5;
    pub const PEER: u16 = 1 << 6;
    pub const NODELAY: u16 = 1 << 7;
    pub const CORK: u16 = 1 << 8;
    pub const RELEASE: u16 = 1 << 9;
    pub const QUICKACK: u16 = 1 << 10;
    pub const SET: u16 = 1 << 11;
    pub const ACTIONS: u16 = OFF | ON | NODELAY | CORK | RELEASE | QUICKACK | SET;
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    words: u16,
    ports: Span,
    listens: Span,
    peers: Span,
    /// The options that the rule's own `set(...)` gives, a bit for each.
    own_options: u32,
    tuning: Tuning,
}

impl Rule {
    const NONE: Rule = Rule {
        words: 0,
        ports: Span::NONE,
        listens: Span::NONE,
        peers: Span::NONE,
        own_options: 0,
        tuning: Tuning::DEFAULT,
    };

    fn has(&self, word: u16) -> bool {
        self.words & word != 0
    }

    fn fits(&self, direction: Direction) -> bool {
        match direction {
            Direction::Client => !self.has(word::SERVER),
            Direction::Server => !self.has(word::CLIENT),
        }
    }

    fn asks_for_peer(&self) -> bool {
        !self.ports.is_empty() || !self.peers.is_empty()
    }
}

/// All rules, in order. The ports and networks of all of them are in two common lists. The fields are sorted by size,
/// so that a few rules, the usual case, touch only one page of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Rules {
    count: u8,
    port_count: u8,
    network_count: u8,
    ports: [Ports; MAX_PORTS],
    networks: [Network; MAX_NETWORKS],
    rules: [Rule; MAX_RULES],
}

impl Rules {
    pub const NONE: Rules = Rules {
        count: 0,
        port_count: 0,
        network_count: 0,
        rules: [Rule::NONE; MAX_RULES],
        ports: [Ports::NONE; MAX_PORTS],
        networks: [Network::NONE; MAX_NETWORKS],
    };

    /// The number of rules.
    pub fn count(&self) -> u8 {
        self.count
    }

    fn all(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().take(usize::from(self.count))
    }

    /// The tuning of rule `index`, counted from 1.
    pub fn tuning(&self, index: u8) -> Option<&Tuning> {
        self.all().nth(usize::from(index.checked_sub(1)?)).map(|rule| &rule.tuning)
    }

    /// Completes the tuning of each rule with what the base says.
    pub fn lay_over(&mut self, base: &Tuning) {
        for rule in self.rules.iter_mut().take(usize::from(self.count)) {
            let has = |word| rule.words & word != 0;
            let tuning = &mut rule.tuning;
            if has(word::OFF) {
                *tuning = Tuning::OFF;
                continue;
            }
            tuning.off = base.off && !has(word::ON);
            if !has(word::NODELAY) {
                tuning.nodelay = base.nodelay;
            }
            if !has(word::CORK) {
                tuning.cork = base.cork;
            }
            if !has(word::RELEASE) {
                tuning.release = base.release;
            }
            if !has(word::QUICKACK) {
                tuning.quickack = base.quickack;
            }
            tuning.set.lay_over(rule.own_options, &base.set);
        }
    }

    /// Does any rule's tuning set further socket options?
    pub fn set_options(&self) -> bool {
        self.all().any(|rule| !rule.tuning.set.is_empty())
    }

    /// The first rule whose conditions all hold, counted from 1; 0 if there is none.
    pub fn choose(&self, subject: &Subject) -> u8 {
        let found = self.all().position(|rule| self.holds(rule, subject));
        found.and_then(|n| u8::try_from(n).ok()).map_or(0, |n| n.saturating_add(1))
    }

    #[inline(never)]
    fn holds(&self, rule: &Rule, subject: &Subject) -> bool {
        let peer_holds = match subject.peer {
            Some(peer) => {
                (rule.ports.is_empty() || self.in_ports(rule.ports, peer.port))
                    && (rule.peers.is_empty()
                        || rule.peers.of(&self.networks).iter().any(|network| network.contains(&peer.address)))
            }
            None => !rule.asks_for_peer(),
        };
        peer_holds
            && rule.fits(subject.direction)
            && (rule.listens.is_empty() || subject.local_port.is_some_and(|port| self.in_ports(rule.listens, port)))
    }

    #[inline(never)]
    fn in_ports(&self, span: Span, port: u16) -> bool {
        span.of(&self.ports).iter().any(|ports| ports.contains(port))
    }

    /// Can the choice depend on the peer? A `local_port` of 0 means unknown.
    pub fn need_peer(&self, direction: Direction, local_port: u16) -> bool {
        for rule in self.all().filter(|rule| rule.fits(direction)) {
            let here = self.in_ports(rule.listens, local_port);
            if !rule.listens.is_empty() && local_port != 0 && !here {
                continue;
            }
            if rule.asks_for_peer() {
                return true;
            }
            if rule.listens.is_empty() || here {
                // This rule holds for any peer, so the rules after it are not reached.
                return false;
            }
        }
        false
    }

    /// Does any rule have a condition on the local port?
    pub fn need_local_port(&self) -> bool {
        self.all().any(|rule| !rule.listens.is_empty())
    }
}
