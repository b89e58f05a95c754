//! When it cannot be told whether a program waits, although nothing was found; why, and what would help. Pure.
//!
//! Nothing can be told
//! - where no connection carried data,
//! - where the kernel did not say what is held on a connection,
//! - where looks lay so far apart that stalls of 40 ms could have filled half of the time of a service,
//! - where data only came, from an end that is not watched: what that one holds shows in nothing that this end sees,
//! - where so little went to and fro that no stall can have shown: the kernel acknowledges a connection's first segments at once.
//!
//! The last two are no doubt where another service was judged. Where the library counted in every program, nothing was missed:
//! then only what no program did remains.

use std::time::Duration;

use serde::Serialize;

use super::words;
use crate::stalls::evidence::Evidence;

/// Fewer exchanges than this say nothing.
pub const FEW: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No connection carried data.
    NothingSeen,
    /// The kernel gave too few fields of TCP_INFO.
    NotTold,
    /// Looks came too seldom.
    TooSeldom,
    /// Data only came, and its sender is not watched.
    OneWay,
    TooFewExchanges,
    /// A capture has what one end sent, and nothing of the other.
    OneDirection,
    /// Too much was not captured.
    PacketsMissing,
    /// Of most packets the headers were not kept.
    CutShort,
    /// In a capture: data came as late as what is corked, and as what is lost and sent again.
    LostOrHeld,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    pub reason: Reason,
    /// Which connections; none: all.
    pub service: Option<String>,
    pub text: String,
    /// What would help.
    pub advice: &'static str,
}

/// How it was watched.
pub struct Looks {
    pub watched: Duration,
    pub longest_gap: Duration,
    /// The library counted in every program.
    pub counted: bool,
}

/// Why nothing can be said of this evidence, in which nothing was found; empty: it can.
pub fn doubts(evidence: &[Evidence], looks: &Looks) -> Vec<Doubt> {
    let used = || evidence.iter().filter(|e| e.connections > 0);
    let ours = || used().filter(|e| !e.other_end);
    if ours().next().is_none() {
        return vec![nothing_seen(looks)];
    }
    let found = if looks.counted { Vec::new() } else { blind(evidence, looks) };
    if !found.is_empty() {
        return found;
    }
    let each: Vec<Option<Doubt>> = ours().map(|e| one_way(e).or_else(|| too_few(e, looks))).collect();
    // What was judged stands for the rest.
    each.into_iter().collect::<Option<_>>().unwrap_or_default()
}

/// Of which services a stall would not have been seen.
pub fn blind(evidence: &[Evidence], looks: &Looks) -> Vec<Doubt> {
    let used = evidence.iter().filter(|e| e.connections > 0);
    used.filter_map(|e| not_told(e).or_else(|| too_seldom(e, looks))).collect()
}

fn nothing_seen(looks: &Looks) -> Doubt {
    Doubt {
        reason: Reason::NothingSeen,
        service: None,
        text: format!(
            "no TCP connection carried data in {} while it was watched",
            words::time(looks.watched.as_secs_f64())
        ),
        advice: "watch while it works, for longer (--duration); connections that live for a few milliseconds are only seen by \
                 `tcptune doctor -- COMMAND`",
    }
}

fn not_told(e: &Evidence) -> Option<Doubt> {
    (e.untold > 0).then(|| Doubt {
        reason: Reason::NotTold,
        service: Some(e.service.shown()),
        text: format!(
            "the kernel does not say what is held on connections with {} (its TCP_INFO has too few fields)",
            e.service.shown()
        ),
        advice: "Linux 4.19 or newer, outside of a sandbox that has a kernel of its own; or `tcptune doctor -- COMMAND`, where the \
                 library counts inside the program",
    })
}

fn too_seldom(e: &Evidence, looks: &Looks) -> Option<Doubt> {
    e.hides_stalls().then(|| Doubt {
        reason: Reason::TooSeldom,
        service: Some(e.service.shown()),
        text: format!(
            "the looks came too seldom: up to {} lay between two, {} of {} with {} passed so, and a stall takes 40 ms",
            words::time(looks.longest_gap.as_secs_f64()),
            words::time(e.hidden.as_secs_f64()),
            words::time(e.span.as_secs_f64()),
            e.service.shown()
        ),
        advice: if e.sampled {
            "watch for longer (--duration), with a larger --budget, or less at once: --port, --unit or --pid"
        } else {
            "look again when the machine is less busy, with a small --interval, as root (whose looks go before other work); or \
             `tcptune doctor -- COMMAND`, where the library counts inside the program"
        },
    })
}

fn one_way(e: &Evidence) -> Option<Doubt> {
    let silent = e.exchanges == 0 && e.segments == 0;
    (silent && e.watched < FEW).then(|| Doubt {
        reason: Reason::OneWay,
        service: Some(e.service.shown()),
        text: format!(
            "data only came from {}, and what the other end holds back is not seen from here",
            match e.service.address {
                Some(_) => e.service.shown(),
                None => format!("the {}", e.service.shown()),
            }
        ),
        advice: "ask on the machine that sends: `tcptune doctor --port N` there",
    })
}

fn too_few(e: &Evidence, looks: &Looks) -> Option<Doubt> {
    // What was sent and would have been held here, or at the other end, says as much as an exchange.
    let chances = e.exchanges.max(e.segments).max(e.watched);
    (chances < FEW && !looks.counted).then(|| Doubt {
        reason: Reason::TooFewExchanges,
        service: Some(e.service.shown()),
        text: format!(
            "{} with {} {} too few: the kernel acknowledges a connection's first segments at once, so that no stall shows",
            words::several(e.exchanges, "exchange"),
            e.service.shown(),
            if e.exchanges == 1 { "is" } else { "are" }
        ),
        advice: "watch for longer (--duration), or while it has more to do",
    })
}

#[cfg(test)]
mod tests {
    use super::{Doubt, Looks, Reason, doubts};
    use crate::stalls::evidence::{Evidence, Service, Side};
    use crate::stalls::program::Program;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const LOOKS: Looks =
        Looks { watched: Duration::from_secs(10), longest_gap: Duration::from_millis(300), counted: false };

    /// A client's connection on which it asked and was answered.
    fn healthy() -> Evidence {
        let service =
            Service { program: Program::default(), side: Side::Client, address: Some([10, 0, 0, 1].into()), port: 80 };
        Evidence { connections: 1, exchanges: 100, segments: 100, span: MS(10_000), ..Evidence::of(service, vec![1]) }
    }

    #[track_caller]
    fn expect(evidence: &[Evidence], looks: &Looks, expected: &[Reason]) {
        let found = doubts(evidence, looks);
        assert_eq!(found.iter().map(|doubt| doubt.reason).collect::<Vec<_>>(), expected, "{found:?}");
        assert!(found.iter().all(|Doubt { text, advice, .. }| !text.is_empty() && !advice.is_empty()));
    }

    #[test]
    fn what_was_seen_well_is_told() {
        expect(&[healthy()], &LOOKS, &[]);
        // A stream of this end's own, of which every piece was watched; one of the other end's, which is watched too.
        expect(&[Evidence { exchanges: 0, ..healthy() }], &LOOKS, &[]);
        expect(&[Evidence { exchanges: 0, segments: 0, watched: 100, ..healthy() }], &LOOKS, &[]);
        // Half of the time was seen.
        expect(&[Evidence { hidden: MS(4_900), ..healthy() }], &LOOKS, &[]);
        // Three stalls would not fit.
        expect(&[Evidence { hidden: MS(100), span: MS(110), ..healthy() }], &LOOKS, &[]);
    }

    #[test]
    fn each_doubt_has_its_reason() {
        let few = Evidence { exchanges: 2, segments: 2, ..healthy() };
        let one_way = Evidence { exchanges: 0, segments: 0, ..healthy() };
        expect(&[], &LOOKS, &[Reason::NothingSeen]);
        expect(&[Evidence { connections: 0, ..healthy() }], &LOOKS, &[Reason::NothingSeen]);
        expect(&[Evidence { untold: 1, ..healthy() }], &LOOKS, &[Reason::NotTold]);
        expect(&[Evidence { hidden: MS(6_000), ..healthy() }], &LOOKS, &[Reason::TooSeldom]);
        expect(&[Evidence { hidden: MS(130), sampled: true, ..healthy() }], &LOOKS, &[Reason::TooSeldom]);
        expect(std::slice::from_ref(&few), &LOOKS, &[Reason::TooFewExchanges]);
        expect(std::slice::from_ref(&one_way), &LOOKS, &[Reason::OneWay]);
        expect(&[few.clone(), one_way.clone()], &LOOKS, &[Reason::TooFewExchanges, Reason::OneWay]);
        // The other end counts as much, where it is watched.
        expect(
            &[healthy(), Evidence { other_end: true, hidden: MS(6_000), ..healthy() }],
            &LOOKS,
            &[Reason::TooSeldom],
        );
    }

    #[test]
    fn what_was_judged_stands_for_what_did_little() {
        let few = Evidence { exchanges: 2, segments: 2, ..healthy() };
        let one_way = Evidence { exchanges: 0, segments: 0, ..healthy() };
        expect(&[healthy(), few, one_way], &LOOKS, &[]);
    }

    #[test]
    fn where_the_library_counted_only_the_other_end_is_in_doubt() {
        let counted = Looks { counted: true, ..LOOKS };
        expect(&[Evidence { hidden: MS(6_000), untold: 1, exchanges: 1, ..healthy() }], &counted, &[]);
        expect(&[Evidence { exchanges: 0, segments: 0, ..healthy() }], &counted, &[Reason::OneWay]);
    }
}
