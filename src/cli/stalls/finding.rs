//! Judges the evidence: is it a stall, whose, how much time does it take, and what would be gained. Pure.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::evidence::{Evidence, Service, Side, Waits};
use super::hold::DELAYED;
pub use super::kind::Kind;
use super::program::Program;
use super::watch::Options;

/// What a cure would gain.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Gain {
    /// Of what the times are: an exchange, or a piece of data on its way.
    pub per: &'static str,
    pub before_ms: f64,
    pub after_ms: f64,
    pub saved_ms: f64,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    pub kind: Kind,
    pub program: Program,
    pub pids: Vec<u32>,
    pub side: Side,
    /// It is the other end of connections of the processes in question.
    pub other_end: bool,
    pub service: String,
    #[serde(skip)]
    pub of: Service,
    pub port: u16,
    /// Local and remote address of the connection that waited most.
    pub socket: Option<(String, String)>,
    pub connections: u64,
    pub exchanges: u64,
    pub waits: u64,
    /// The middle one of the waits.
    pub wait_ms: f64,
    pub waited_s: f64,
    /// Looks at which something was under way, and those at which a piece was held, where waits are too short to be seen one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<[u64; 2]>,
    pub span_s: f64,
    pub round_trip_ms: f64,
    /// Sizes of the pieces before a wait.
    #[serde(rename = "pattern_bytes")]
    pub pattern: Vec<u64>,
    pub options: Option<Options>,
    pub segments: u64,
    pub fewest_segments: u64,
    pub bytes_sent: u64,
    pub calls: u64,
    pub flood_calls: u64,
    /// The longest of the waits, where the library itself is their cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_ms: Option<f64>,
    /// Data goes one way: nothing answers what waited.
    pub stream: bool,
    pub gain: Option<Gain>,
    /// The library's own holding is the cause.
    pub held_by_library: bool,
}

/// Fewer waits than this are chance, unless they took a good part of the time.
pub const SEVERAL: u64 = 3;
/// Parts of the time that a cure is worth the trouble for: of several waits, of a few or short ones.
const WORTH: (f64, f64) = (0.01, 0.1);
/// One hold of so many that is late is too many.
const LATE: u64 = 1000;
/// A segment of fewer bytes is tiny. (On loopback several small writes may share one even so.)
const TINY: u64 = 512;
/// So many answers tell how many segments one takes.
const ENOUGH: u64 = 20;
/// Tiny segments in a second that nothing answers are a flood.
const FLOOD_PER_SECOND: f64 = 1000.0;

/// Everything that is wrong with this service.
pub fn judge(evidence: &Evidence) -> Vec<Finding> {
    let mut found = Vec::new();
    if worth(&evidence.nagle, evidence) {
        found.push(finding(Kind::Nagle, evidence, &evidence.nagle));
    }
    if worth(&evidence.cork, evidence) {
        found.push(finding(Kind::Cork, evidence, &evidence.cork));
    }
    found.extend(paced(evidence));
    // Five, and most of our bare acknowledgements: others pause for 40 ms too, but not in time with these.
    let Waits { seen, count, .. } = evidence.peer;
    let in_time = (if evidence.sampled { count } else { seen }) >= 5 && count * 10 >= evidence.bare_acks * 6;
    // Who only listens to what comes every 40 ms keeps nobody waiting.
    let in_time = in_time && evidence.exchanges * 2 >= evidence.peer.count;
    // The delay of our acknowledgements alone: the round trip that follows would be there without it.
    if !evidence.other_end && in_time && worth_beyond(Duration::ZERO, &evidence.peer, evidence) {
        found.push(finding(Kind::Peer, evidence, &evidence.peer));
    }
    let waits = |f: &Finding| matches!(f.kind, Kind::Nagle | Kind::Cork | Kind::Paced);
    if !evidence.other_end && !found.iter().any(waits) {
        found.extend(small_segments(evidence).map(|kind| finding(kind, evidence, &Waits::default())));
    }
    if held_for_long(evidence) {
        found.push(Finding {
            waits: evidence.holds.late,
            longest_ms: Some(evidence.holds.longest.as_secs_f64() * 1e3),
            ..finding(Kind::Held, evidence, &Waits::default())
        });
    }
    found
}

/// Do requests in flight wait for each other, for a good part of the time and of what they take?
fn paced(evidence: &Evidence) -> Option<Finding> {
    let pacing = evidence.paced.as_ref()?;
    let [before, after] = pacing.gain(evidence.span)?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Some(Finding {
        waits: pacing.count,
        wait_ms: ms(pacing.wait),
        waited_s: pacing.held.as_secs_f64(),
        looks: Some(pacing.looks),
        pattern: pacing.pattern.clone(),
        gain: Some(Gain {
            per: match evidence.service.side {
                Side::Client => "request",
                Side::Server => "answer",
            },
            before_ms: ms(before),
            after_ms: ms(after),
            saved_ms: ms(before - after),
        }),
        ..finding(Kind::Paced, evidence, &Waits::default())
    })
}

/// Does the library harm what it is to help? A hold that a busy machine has made a little longer is none.
fn held_for_long(evidence: &Evidence) -> bool {
    let holds = evidence.holds;
    let often = holds.late >= SEVERAL && holds.late * LATE >= holds.count;
    holds.late > 0 && (often || holds.longest >= DELAYED)
}

fn worth(waits: &Waits, evidence: &Evidence) -> bool {
    worth_beyond(evidence.round_trip, waits, evidence)
}

/// Are there several waits, longer than this time by what an acknowledgement is delayed, and do they take a good part of all?
fn worth_beyond(time: Duration, waits: &Waits, evidence: &Evidence) -> bool {
    // What was not seen is estimated, which is no ground for an alarm; but of a sample the whole time is not to be compared with
    // what was seen in a part of it.
    let part = if evidence.sampled { 1.0 } else { waits.seen as f64 / waits.count.max(1) as f64 };
    let seen = waits.total.as_secs_f64() * part;
    let share = seen / evidence.span.as_secs_f64().max(0.001);
    // Acknowledgements that come late, but not by the timer, are the way's or a busy machine's.
    let usual = waits.median >= time + DELAYED;
    waits.seen >= SEVERAL && usual && share >= WORTH.0 || waits.seen + 1 >= SEVERAL && share >= WORTH.1
}

fn small_segments(evidence: &Evidence) -> Option<Kind> {
    let Evidence { segments, fewest_segments, exchanges, bytes_sent, .. } = *evidence;
    let tiny = segments > 0 && bytes_sent / segments < TINY;
    let excess = segments.saturating_sub(fewest_segments);
    let per_second = segments as f64 / evidence.span.as_secs_f64().max(0.001);
    let unanswered = exchanges * 20 < segments;
    if tiny && excess >= 100 && unanswered && segments >= 1000 && per_second >= FLOOD_PER_SECOND {
        return Some(Kind::Flood);
    }
    if evidence.flood_calls >= 1000 && evidence.flood_calls * 2 >= evidence.calls {
        return Some(Kind::Flood);
    }
    if tiny && exchanges >= ENOUGH && excess >= 100 && segments >= fewest_segments * 3 && !unanswered {
        return Some(Kind::Flood);
    }
    (exchanges >= ENOUGH && !unanswered && segments * 2 >= fewest_segments * 3).then_some(Kind::Runts)
}

fn finding(kind: Kind, evidence: &Evidence, waits: &Waits) -> Finding {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let stream = waits.count > 0 && evidence.is_stream();
    // Waits that passed unseen are estimated: there are no more of them than exchanges, and they took no more than the time.
    let most = if stream { waits.count } else { evidence.exchanges };
    let waits = &Waits { count: waits.count.min(most), total: waits.total.min(evidence.span), ..*waits };
    Finding {
        kind,
        program: evidence.service.program.clone(),
        pids: evidence.pids.clone(),
        side: evidence.service.side,
        other_end: evidence.other_end,
        service: evidence.service.shown(),
        of: evidence.service.clone(),
        port: evidence.service.port,
        socket: evidence.example.map(|(local, peer)| (local.to_string(), peer.to_string())),
        connections: evidence.connections,
        exchanges: evidence.exchanges,
        waits: waits.count,
        wait_ms: ms(waits.median),
        waited_s: waits.total.as_secs_f64(),
        looks: None,
        span_s: evidence.span.as_secs_f64(),
        round_trip_ms: ms(evidence.round_trip),
        pattern: evidence.pattern.clone(),
        options: evidence.options,
        segments: evidence.segments,
        fewest_segments: evidence.fewest_segments,
        bytes_sent: evidence.bytes_sent,
        calls: evidence.calls,
        flood_calls: evidence.flood_calls,
        longest_ms: None,
        stream,
        gain: gain(evidence, waits),
        held_by_library: matches!(kind, Kind::Held) || kind == Kind::Cork && held_for_long(evidence),
    }
}

/// Without the waits, exchanges take what is left of their time; data that nobody answers arrives earlier by what it was held.
fn gain(evidence: &Evidence, waits: &Waits) -> Option<Gain> {
    if waits.count == 0 {
        return None;
    }
    let ms = |time: f64| time * 1e3;
    if evidence.is_stream() {
        let delay = ms(evidence.mean_delay.as_secs_f64());
        return Some(Gain { per: "piece of data", before_ms: delay, after_ms: 0.0, saved_ms: delay });
    }
    let exchanges = evidence.exchanges.max(1) as f64;
    let (span, waited) = (evidence.span.as_secs_f64(), waits.total.as_secs_f64());
    let (before, saved) = (ms(span / exchanges), ms(waited / exchanges));
    Some(Gain { per: "exchange", before_ms: before, after_ms: (before - saved).max(0.0), saved_ms: saved })
}

impl Finding {
    /// Was it the timer of a delayed acknowledgement, rather than the way to the peer and back?
    pub fn delayed(&self) -> bool {
        self.wait_ms - self.round_trip_ms >= DELAYED.as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, judge};
    use crate::stalls::evidence::{Evidence, Holds, Service, Side, Waits};
    use crate::stalls::paced::Pacing;
    use crate::stalls::program::Program;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn quiet() -> Evidence {
        Evidence {
            service: Service { program: Program::default(), side: Side::Client, address: None, port: 143 },
            pids: vec![1],
            other_end: false,
            example: None,
            connections: 1,
            exchanges: 100,
            sampled: false,
            nagle: Waits::default(),
            cork: Waits::default(),
            peer: Waits::default(),
            paced: None,
            bare_acks: 0,
            span: MS(10_000),
            pieces: 0,
            mean_delay: Duration::ZERO,
            round_trip: Duration::from_micros(30),
            pattern: vec![100, 2],
            options: None,
            bytes_sent: 10_200,
            segments: 100,
            fewest_segments: 100,
            calls: 0,
            flood_calls: 0,
            holds: Holds::default(),
            hidden: Duration::ZERO,
            untold: 0,
            watched: 0,
        }
    }

    fn waits(count: u64, each: u64) -> Waits {
        Waits { seen: count, count, total: MS(count * each), median: MS(each) }
    }

    fn kinds(evidence: &Evidence) -> Vec<Kind> {
        judge(evidence).iter().map(|f| f.kind).collect()
    }

    #[test]
    fn a_few_waits_in_a_long_time_are_nothing() {
        assert_eq!(kinds(&quiet()), []);
        assert_eq!(kinds(&Evidence { nagle: waits(1, 40), ..quiet() }), []);
        assert_eq!(kinds(&Evidence { nagle: waits(2, 40), ..quiet() }), []);
        assert_eq!(kinds(&Evidence { nagle: waits(3, 40), span: MS(60_000), ..quiet() }), []);
        assert_eq!(kinds(&Evidence { nagle: waits(3, 40), ..quiet() }), [Kind::Nagle]);
        assert_eq!(kinds(&Evidence { nagle: waits(20, 8), ..quiet() }), []);
        assert_eq!(kinds(&Evidence { nagle: waits(200, 8), ..quiet() }), [Kind::Nagle]);
        // A short command that waits twice.
        assert_eq!(kinds(&Evidence { nagle: waits(2, 40), span: MS(300), ..quiet() }), [Kind::Nagle]);
    }

    #[test]
    fn the_gain_is_the_time_waited() {
        let found = &judge(&Evidence { nagle: waits(100, 40), ..quiet() })[0];
        let gain = found.gain.as_ref().expect("a gain");
        assert_eq!((gain.per, gain.before_ms, gain.saved_ms, gain.after_ms), ("exchange", 100.0, 40.0, 60.0));
        assert!(found.delayed());
        // Nothing is answered: what counts is how long data was held.
        let stream = Evidence { exchanges: 1, cork: waits(100, 40), mean_delay: MS(25), ..quiet() };
        let gain = judge(&stream)[0].gain.clone().expect("a gain");
        assert_eq!((gain.per, gain.saved_ms), ("piece of data", 25.0));
    }

    #[test]
    fn requests_that_wait_for_each_other_are_told_with_what_they_would_take() {
        let ten = MS(10);
        let pacing = |busy| {
            let (held, looks, pattern) = (MS(9_000), [5_000, 4_500], vec![32, 96]);
            Pacing { wait: ten, held, count: 900, flight: ten, busy, looks, pattern }
        };
        let found = &judge(&Evidence { paced: Some(pacing(Some(0.0))), ..quiet() })[0];
        let gain = found.gain.as_ref().expect("a gain");
        assert_eq!((found.kind, found.waits, found.wait_ms, found.stream), (Kind::Paced, 900, 10.0, false));
        assert_eq!((gain.per, gain.before_ms, gain.after_ms, gain.saved_ms), ("request", 20.0, 10.0, 10.0));
        assert_eq!((found.looks, found.pattern.as_slice()), (Some([5_000, 4_500]), &[32, 96][..]));
        assert_eq!(kinds(&Evidence { paced: Some(pacing(None)), ..quiet() }), []);
    }

    #[test]
    fn the_library_itself_is_named_where_it_was_late() {
        let held = |count, late, longest| Evidence { holds: Holds { count, late, longest: MS(longest) }, ..quiet() };
        for (evidence, expected) in [
            (held(1_000_000, 0, 1), None),
            // Interrupted now and then.
            (held(1_000_000, 5, 2), None),
            (held(1_000_000, 1, 200), Some(1)),
            (held(1_000, 3, 2), Some(3)),
        ] {
            let found = judge(&evidence);
            assert_eq!(found.iter().map(|f| f.waits).next(), expected, "{evidence:?}");
            assert!(found.iter().all(|f| f.kind == Kind::Held && f.gain.is_none() && f.longest_ms.is_some()));
        }
    }

    #[test]
    fn a_long_way_is_no_delayed_acknowledgement() {
        let far = Evidence { nagle: waits(50, 100), round_trip: MS(95), ..quiet() };
        assert!(!judge(&far)[0].delayed());
    }

    #[test]
    fn the_peers_waits_must_be_in_time_with_our_acknowledgements() {
        assert_eq!(kinds(&Evidence { peer: waits(50, 40), bare_acks: 51, ..quiet() }), [Kind::Peer]);
        assert_eq!(kinds(&Evidence { peer: waits(50, 40), bare_acks: 500, ..quiet() }), []);
        // Two, from which six are concluded, are no ground for an alarm.
        let few = Waits { seen: 2, ..waits(6, 40) };
        assert_eq!(kinds(&Evidence { peer: few, bare_acks: 6, span: MS(500), ..quiet() }), []);
    }

    #[test]
    fn many_small_segments_are_told_from_a_header_of_its_own() {
        assert_eq!(kinds(&Evidence { segments: 1_100, ..quiet() }), [Kind::Flood]);
        assert_eq!(kinds(&Evidence { segments: 200, bytes_sent: 100_000, ..quiet() }), [Kind::Runts]);
        let stream =
            Evidence { exchanges: 1, segments: 20_000, fewest_segments: 100, bytes_sent: 1_000_000, ..quiet() };
        assert_eq!(kinds(&stream), [Kind::Flood]);
        // Tokens of a model, 200 a second, each sent at once: that is what the option is for.
        assert_eq!(kinds(&Evidence { segments: 2_000, bytes_sent: 100_000, ..stream }), []);
    }
}
