//! Reads the rules from their text. Must not complete them: what a rule does not say is added when all variables are read.

use super::{MAX_NETWORKS, MAX_PORTS, MAX_RULES, Rule, Rules, Span, word};
use crate::fault::Fault;
use crate::grammar::cidr::Network;
use crate::grammar::piece::{Gap, Piece, is_blank};
use crate::grammar::ports::Ports;
use crate::grammar::words::words;
use crate::options;
use crate::tuning::{Cork, Nodelay, Quickack, Release};
use crate::variables::{
    ALLOWED_WORDS, WORD_CORK, WORD_LISTEN, WORD_NODELAY, WORD_OFF, WORD_PEER, WORD_PORT, WORD_QUICKACK, WORD_RELEASE,
    WORD_SET,
};

impl Rules {
    /// Reads rules with `;` between; empty ones are left out.
    pub fn parse(&mut self, text: Piece<'_>) -> Result<(), Fault> {
        for text in text.split(b';').map(Piece::trim).filter(|text| !text.text.is_empty()) {
            let rule = self.rule(text)?;
            let Some(place) = self.rules.get_mut(usize::from(self.count)) else {
                const { assert!(MAX_RULES == 30, "the message below names the number") };
                return Err(text.fault("at most 30 rules"));
            };
            *place = rule;
            self.count = self.count.saturating_add(1);
        }
        Ok(())
    }

    fn rule(&mut self, text: Piece<'_>) -> Result<Rule, Fault> {
        let mut rule = Rule::NONE;
        let mut rest = text;
        while let Some(next) = next_word(&mut rest)? {
            let (bit, value) = split(next).ok_or_else(|| next.fault(ALLOWED_WORDS))?;
            if rule.has(bit) {
                return Err(next.fault("each word once in a rule"));
            }
            rule.words |= bit;
            if rule.has(word::CLIENT) && rule.has(word::SERVER) {
                return Err(next.fault("either client or server in a rule"));
            }
            if rule.has(word::OFF) && rule.words & word::ACTIONS != word::OFF {
                return Err(next.fault(WORD_OFF.values));
            }
            self.word(&mut rule, bit, next, value)?;
        }
        if rule.words & word::ACTIONS == 0 {
            return Err(text.fault("a rule with an action: off, on, nodelay=, cork=, release=, quickack= or set(...)"));
        }
        Ok(rule)
    }

    fn word(&mut self, rule: &mut Rule, bit: u16, next: Piece<'_>, value: Piece<'_>) -> Result<(), Fault> {
        let tuning = &mut rule.tuning;
        let (done, values) = match bit {
            word::PORT => {
                rule.ports = self.ports(next, value, WORD_PORT.values)?;
                return Ok(());
            }
            word::LISTEN => {
                rule.listens = self.ports(next, value, WORD_LISTEN.values)?;
                return Ok(());
            }
            word::PEER => {
                rule.peers = self.networks(next, value)?;
                return Ok(());
            }
            word::SET => {
                tuning.set = options::parse(value)?;
                rule.own_options = tuning.set.mask();
                ((rule.own_options != 0).then_some(()), WORD_SET.values)
            }
            word::NODELAY => (Nodelay::parse(value).map(|word| tuning.nodelay = word), WORD_NODELAY.values),
            word::CORK => (Cork::parse(value).map(|word| tuning.cork = word), WORD_CORK.values),
            word::RELEASE => (Release::parse(value).map(|word| tuning.release = word), WORD_RELEASE.values),
            word::QUICKACK => (Quickack::parse(value).map(|word| tuning.quickack = word), WORD_QUICKACK.values),
            _ => return Ok(()),
        };
        done.ok_or_else(|| next.fault(values))
    }

    #[inline(never)]
    fn ports(&mut self, whole: Piece<'_>, list: Piece<'_>, values: &'static str) -> Result<Span, Fault> {
        let start = self.port_count;
        for item in list.split(b',') {
            let ports = Ports::parse(item.text).ok_or_else(|| pointed(whole, item).fault(values))?;
            let Some(place) = self.ports.get_mut(usize::from(self.port_count)) else {
                const { assert!(MAX_PORTS == 96, "the message below names the number") };
                return Err(item.fault("at most 96 ports and ranges in all rules together"));
            };
            *place = ports;
            self.port_count = self.port_count.saturating_add(1);
        }
        Ok(Span { start, len: self.port_count.saturating_sub(start) })
    }

    #[inline(never)]
    fn networks(&mut self, whole: Piece<'_>, list: Piece<'_>) -> Result<Span, Fault> {
        let start = self.network_count;
        for item in list.split(b',') {
            let network = Network::parse(item.text).ok_or_else(|| pointed(whole, item).fault(WORD_PEER.values))?;
            let Some(place) = self.networks.get_mut(usize::from(self.network_count)) else {
                const { assert!(MAX_NETWORKS == 64, "the message below names the number") };
                return Err(item.fault("at most 64 addresses and networks in all rules together"));
            };
            *place = network;
            self.network_count = self.network_count.saturating_add(1);
        }
        Ok(Span { start, len: self.network_count.saturating_sub(start) })
    }
}

/// Which word it is, and what stands behind its `=` or between its parentheses.
fn split(next: Piece<'_>) -> Option<(u16, Piece<'_>)> {
    if is_set(next) {
        let inside = next.cut(4).1;
        return Some((word::SET, inside.cut(inside.text.len().saturating_sub(1)).0));
    }
    let (number, value) = match next.split_once(b'=') {
        Some((key, value)) => {
            (key.pick(words!("port listen peer nodelay cork release quickack"))?.checked_add(4)?, value)
        }
        None => (next.pick(words!("off on client server"))?, next),
    };
    Some((1u16.checked_shl(u32::from(number))?, value))
}

/// What a fault in a list points at: the item, or the whole word where the item is empty and cannot be seen.
fn pointed<'v>(whole: Piece<'v>, item: Piece<'v>) -> Piece<'v> {
    if item.text.is_empty() { whole } else { item }
}

/// Does it start as `set(...)` does?
fn is_set(next: Piece<'_>) -> bool {
    next.cut(4).0.pick(words!("set(")).is_some()
}

/// Takes the next word off the front; blanks within `set(...)` belong to it.
fn next_word<'v>(rest: &mut Piece<'v>) -> Result<Option<Piece<'v>>, Fault> {
    let mut ahead = *rest;
    let Some(mut next) = ahead.word(Gap::Blank) else { return Ok(None) };
    if is_set(next) {
        let (_, text) = rest.cut(next.at.saturating_sub(rest.at));
        let Some(length) = text.text.iter().position(|b| *b == b')') else { return Err(text.fault(WORD_SET.values)) };
        (next, ahead) = text.cut(length.saturating_add(1));
        if ahead.text.first().is_some_and(|b| !is_blank(*b)) {
            return Err(text.fault(WORD_SET.values));
        }
    }
    *rest = ahead;
    Ok(Some(next))
}
