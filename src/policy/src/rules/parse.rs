//! Reads the rules from their text. Must not complete them: what a rule does not say is added when all variables are read.

use super::{MAX_NETWORKS, MAX_PORTS, MAX_RULES, Rule, Rules, Span, word};
use crate::fault::Fault;
use crate::grammar::cidr::Network;
use crate::grammar::piece::{Piece, is_blank};
use crate::grammar::ports::Ports;
use crate::options;
use crate::tuning::{Cork, Nodelay, Quickack, Release};
use crate::variables::{
    ALLOWED_WORDS, RuleWord, WORD_CORK, WORD_LISTEN, WORD_NODELAY, WORD_OFF, WORD_PEER, WORD_PORT, WORD_QUICKACK,
    WORD_RELEASE, WORD_SET,
};

impl Rules {
    /// Reads rules with `;` between; empty ones are left out.
    pub fn parse(&mut self, text: Piece<'_>) -> Result<(), Fault> {
        for text in text.split(b';').map(Piece::trim).filter(|text| !text.text.is_empty()) {
            let rule = self.rule(text)?;
            let Some(place) = self.rules.get_mut(usize::from(self.count)) else {
                const { assert!(MAX_RULES == 31, "the message below names the number") };
                return Err(text.fault("at most 31 rules"));
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
            let before = rule.words;
            self.word(&mut rule, next)?;
            if rule.words == before {
                return Err(next.fault("each word once in a rule"));
            }
            if rule.has(word::CLIENT) && rule.has(word::SERVER) {
                return Err(next.fault("either client or server in a rule"));
            }
            if rule.has(word::OFF) && rule.words & word::ACTIONS != word::OFF {
                return Err(next.fault(WORD_OFF.values));
            }
        }
        if rule.words & word::ACTIONS == 0 {
            return Err(text.fault("a rule with an action: off, on, nodelay=, cork=, release=, quickack= or set(...)"));
        }
        Ok(rule)
    }

    fn word(&mut self, rule: &mut Rule, next: Piece<'_>) -> Result<(), Fault> {
        if next.is("client") {
            rule.words |= word::CLIENT;
        } else if next.is("server") {
            rule.words |= word::SERVER;
        } else if next.is("off") {
            rule.words |= word::OFF;
        } else if next.is("on") {
            rule.words |= word::ON;
        } else if is_set(next) {
            if rule.has(word::SET) {
                return Ok(());
            }
            let (_, inside) = next.cut(4);
            let (inside, _) = inside.cut(inside.text.len().saturating_sub(1));
            rule.tuning.set = options::parse(inside)?;
            rule.own_options = rule.tuning.set.mask();
            if rule.own_options == 0 {
                return Err(next.fault(WORD_SET.values));
            }
            rule.words |= word::SET;
        } else {
            let Some((key, value)) = next.split_once(b'=') else { return Err(next.fault(ALLOWED_WORDS)) };
            self.assignment(rule, next, key, value)?;
        }
        Ok(())
    }

    fn assignment(&mut self, rule: &mut Rule, whole: Piece<'_>, key: Piece<'_>, value: Piece<'_>) -> Result<(), Fault> {
        let bit = if key.is("port") {
            if rule.ports.is_empty() {
                rule.ports = self.ports(whole, value, &WORD_PORT)?;
            } else {
                return Err(whole.fault("each word once in a rule"));
            }
            word::PORT
        } else if key.is("listen") {
            if rule.listens.is_empty() {
                rule.listens = self.ports(whole, value, &WORD_LISTEN)?;
            } else {
                return Err(whole.fault("each word once in a rule"));
            }
            word::LISTEN
        } else if key.is("peer") {
            if rule.peers.is_empty() {
                rule.peers = self.networks(whole, value)?;
            } else {
                return Err(whole.fault("each word once in a rule"));
            }
            word::PEER
        } else if key.is("nodelay") {
            rule.tuning.nodelay = Nodelay::parse(value).ok_or_else(|| whole.fault(WORD_NODELAY.values))?;
            word::NODELAY
        } else if key.is("cork") {
            rule.tuning.cork = Cork::parse(value).ok_or_else(|| whole.fault(WORD_CORK.values))?;
            word::CORK
        } else if key.is("release") {
            rule.tuning.release = Release::parse(value).ok_or_else(|| whole.fault(WORD_RELEASE.values))?;
            word::RELEASE
        } else if key.is("quickack") {
            rule.tuning.quickack = Quickack::parse(value).ok_or_else(|| whole.fault(WORD_QUICKACK.values))?;
            word::QUICKACK
        } else {
            return Err(whole.fault(ALLOWED_WORDS));
        };
        rule.words |= bit;
        Ok(())
    }

    fn ports(&mut self, whole: Piece<'_>, list: Piece<'_>, word: &RuleWord) -> Result<Span, Fault> {
        let start = self.port_count;
        for item in list.split(b',') {
            let ports = Ports::parse(item.text).ok_or_else(|| pointed(whole, item).fault(word.values))?;
            let Some(place) = self.ports.get_mut(usize::from(self.port_count)) else {
                const { assert!(MAX_PORTS == 96, "the message below names the number") };
                return Err(pointed(whole, item).fault("at most 96 ports and ranges in all rules together"));
            };
            *place = ports;
            self.port_count = self.port_count.saturating_add(1);
        }
        Ok(Span { start, len: self.port_count.saturating_sub(start) })
    }

    fn networks(&mut self, whole: Piece<'_>, list: Piece<'_>) -> Result<Span, Fault> {
        let start = self.network_count;
        for item in list.split(b',') {
            let network = Network::parse(item.text).ok_or_else(|| pointed(whole, item).fault(WORD_PEER.values))?;
            let Some(place) = self.networks.get_mut(usize::from(self.network_count)) else {
                const { assert!(MAX_NETWORKS == 64, "the message below names the number") };
                return Err(pointed(whole, item).fault("at most 64 addresses and networks in all rules together"));
            };
            *place = network;
            self.network_count = self.network_count.saturating_add(1);
        }
        Ok(Span { start, len: self.network_count.saturating_sub(start) })
    }
}

/// What a fault in a list points at: the item, or the whole word where the item is empty and cannot be seen.
fn pointed<'v>(whole: Piece<'v>, item: Piece<'v>) -> Piece<'v> {
    if item.text.is_empty() { whole } else { item }
}

/// Is it the word `set(...)`?
fn is_set(next: Piece<'_>) -> bool {
    let (head, tail) = next.cut(4);
    head.is("set(") && tail.text.last() == Some(&b')')
}

/// Takes the next word off the front; blanks within `set(...)` belong to it.
fn next_word<'v>(rest: &mut Piece<'v>) -> Result<Option<Piece<'v>>, Fault> {
    let mut ahead = *rest;
    let Some(mut next) = ahead.word(is_blank) else { return Ok(None) };
    if next.cut(4).0.is("set(") {
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
