//! Parses the rules. Must not complete them: what a rule does not say is added when all variables are read.

use super::{MAX_NETWORKS, MAX_PORTS, MAX_RULES, Rule, Rules, Span, word};
use crate::fault::Wrong;
use crate::grammar::cidr::Network;
use crate::grammar::piece::{self, Gap, cut, field, find, is_blank, split_once, trim};
use crate::grammar::ports::Ports;
use crate::grammar::words::words;
use crate::options;
use crate::variables::{ALLOWED_WORDS, WORD_LISTEN, WORD_OFF, WORD_PEER, WORD_PORT, WORD_SET};

impl Rules {
    /// Parses rules separated by `;`; empty ones are ignored.
    pub fn parse<'v>(&mut self, text: &'v [u8], wrong: &mut Wrong<'v>) -> Option<()> {
        let mut rest = Some(text);
        while let Some(text) = field(&mut rest, b';').map(trim) {
            if text.is_empty() {
                continue;
            }
            let mut rule = Rule::NONE;
            self.rule(&mut rule, text, wrong)?;
            let Some(place) = self.rules.get_mut(usize::from(self.count)) else {
                const { assert!(MAX_RULES == 30, "the message below names the number") };
                return wrong.note(text, "at most 30 rules");
            };
            *place = rule;
            self.count = self.count.saturating_add(1);
        }
        Some(())
    }

    #[inline(never)]
    fn rule<'v>(&mut self, rule: &mut Rule, text: &'v [u8], wrong: &mut Wrong<'v>) -> Option<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let next = next_word(&mut rest, wrong)?;
            let Some((bit, value)) = split(next) else { return wrong.note(next, ALLOWED_WORDS) };
            if rule.has(bit) {
                return wrong.note(next, "each word once in a rule");
            }
            rule.words |= bit;
            if rule.has(word::CLIENT) && rule.has(word::SERVER) {
                return wrong.note(next, "either client or server in a rule");
            }
            if rule.has(word::OFF) && rule.words & word::ACTIONS != word::OFF {
                return wrong.note(next, WORD_OFF.values);
            }
            self.word(rule, bit, next, value, wrong)?;
        }
        if rule.words & word::ACTIONS == 0 {
            return wrong.note(text, "a rule with an action: off, on, nodelay=, cork=, release=, quickack= or set(...)");
        }
        Some(())
    }

    #[inline(never)]
    fn word<'v>(
        &mut self, rule: &mut Rule, bit: u16, next: &'v [u8], value: &'v [u8], wrong: &mut Wrong<'v>,
    ) -> Option<()> {
        match bit {
            word::PORT => rule.ports = self.ports(next, value, WORD_PORT.values, wrong)?,
            word::LISTEN => rule.listens = self.ports(next, value, WORD_LISTEN.values, wrong)?,
            word::PEER => rule.peers = self.networks(next, value, wrong)?,
            word::SET => {
                options::parse(&mut rule.tuning.set, value, wrong)?;
                rule.own_options = rule.tuning.set.mask();
                if rule.own_options == 0 {
                    return wrong.note(next, WORD_SET.values);
                }
            }
            word::NODELAY | word::CORK | word::RELEASE | word::QUICKACK => {
                let number = bit.trailing_zeros().wrapping_sub(word::NODELAY.trailing_zeros());
                if let Err(allowed) = rule.tuning.read(number as u8, value) {
                    return wrong.note(next, allowed);
                }
            }
            _ => {}
        }
        Some(())
    }

    #[inline(never)]
    fn ports<'v>(
        &mut self, whole: &'v [u8], list: &'v [u8], values: &'static str, wrong: &mut Wrong<'v>,
    ) -> Option<Span> {
        let start = self.port_count;
        let mut rest = Some(list);
        while let Some(item) = field(&mut rest, b',') {
            let Some(ports) = Ports::parse(item) else { return wrong.note(pointed(whole, item), values) };
            let Some(place) = self.ports.get_mut(usize::from(self.port_count)) else {
                const { assert!(MAX_PORTS == 96, "the message below names the number") };
                return wrong.note(item, "at most 96 ports and ranges in all rules together");
            };
            *place = ports;
            self.port_count = self.port_count.saturating_add(1);
        }
        Some(Span { start, len: self.port_count.saturating_sub(start) })
    }

    #[inline(never)]
    fn networks<'v>(&mut self, whole: &'v [u8], list: &'v [u8], wrong: &mut Wrong<'v>) -> Option<Span> {
        let start = self.network_count;
        let mut rest = Some(list);
        while let Some(item) = field(&mut rest, b',') {
            let Some(network) = Network::parse(item) else { return wrong.note(pointed(whole, item), WORD_PEER.values) };
            let Some(place) = self.networks.get_mut(usize::from(self.network_count)) else {
                const { assert!(MAX_NETWORKS == 64, "the message below names the number") };
                return wrong.note(item, "at most 64 addresses and networks in all rules together");
            };
            *place = network;
            self.network_count = self.network_count.saturating_add(1);
        }
        Some(Span { start, len: self.network_count.saturating_sub(start) })
    }
}

/// Splits a word into its keyword's bit and its value: what follows `=` or is inside the parentheses.
fn split(next: &[u8]) -> Option<(u16, &[u8])> {
    if is_set(next) {
        let inside = cut(next, 4).1;
        return Some((word::SET, cut(inside, inside.len().saturating_sub(1)).0));
    }
    let (number, value) = match split_once(next, b'=') {
        Some((key, value)) => {
            (words!("port listen peer nodelay cork release quickack").find(key)?.checked_add(4)?, value)
        }
        None => (words!("off on client server").find(next)?, next),
    };
    Some((1u16.checked_shl(u32::from(number))?, value))
}

/// Does the text start with `set(`?
fn is_set(text: &[u8]) -> bool {
    words!("set(").find(cut(text, 4).0).is_some()
}

/// Takes the next word off the front; the blanks inside `set(...)` belong to it.
fn next_word<'v>(rest: &mut &'v [u8], wrong: &mut Wrong<'v>) -> Option<&'v [u8]> {
    let text = *rest;
    let (next, behind) = if is_set(text) {
        let closed = find(text, b')').map(|n| cut(text, n.saturating_add(1)));
        match closed.filter(|(_, behind)| behind.first().is_none_or(|byte| is_blank(*byte))) {
            Some(found) => found,
            None => return wrong.note(text, WORD_SET.values),
        }
    } else {
        (piece::word(rest, Gap::Blank)?, *rest)
    };
    *rest = trim(behind);
    Some(next)
}

/// What a fault in a list points at: the item, or the whole word if the item is empty and would be invisible.
fn pointed<'v>(whole: &'v [u8], item: &'v [u8]) -> &'v [u8] {
    if item.is_empty() { whole } else { item }
}
