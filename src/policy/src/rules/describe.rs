//! Writes a rule as text that reads back as the same rule: what it says itself, without what it takes from the base.

use super::{Rules, Span, word};
use crate::put::Put;

impl Rules {
    /// Writes rule `index`, counted from 1; nothing if there is none.
    pub fn describe(&self, index: u8, put: &mut Put<'_>) {
        let Some(rule) = index.checked_sub(1).and_then(|n| self.all().nth(usize::from(n))) else { return };
        let mut first = true;
        let mut begin = |put: &mut Put<'_>, text: &str| {
            if !first {
                put(b" ");
            }
            first = false;
            put(text.as_bytes());
        };
        for (bit, text) in [(word::CLIENT, "client"), (word::SERVER, "server")] {
            if rule.has(bit) {
                begin(put, text);
            }
        }
        for (span, text) in [(rule.ports, "port="), (rule.listens, "listen=")] {
            if !span.is_empty() {
                begin(put, text);
                self.describe_ports(span, put);
            }
        }
        if !rule.peers.is_empty() {
            begin(put, "peer=");
            for (n, network) in rule.peers.of(&self.networks).iter().enumerate() {
                if n > 0 {
                    put(b",");
                }
                network.write(put);
            }
        }
        for (bit, key, text) in [
            (word::OFF, "off", ""),
            (word::ON, "on", ""),
            (word::NODELAY, "nodelay=", rule.tuning.nodelay.word()),
            (word::CORK, "cork=", rule.tuning.cork.word()),
            (word::RELEASE, "release=", rule.tuning.release.word()),
            (word::QUICKACK, "quickack=", rule.tuning.quickack.word()),
        ] {
            if rule.has(bit) {
                begin(put, key);
                put(text.as_bytes());
            }
        }
        if rule.has(word::SET) {
            begin(put, "set(");
            rule.tuning.set.only(rule.own_options).describe(put);
            put(b")");
        }
    }

    fn describe_ports(&self, span: Span, put: &mut Put<'_>) {
        for (n, ports) in span.of(&self.ports).iter().enumerate() {
            if n > 0 {
                put(b",");
            }
            ports.write(put);
        }
    }
}
