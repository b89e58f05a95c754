//! What was seen on one service of one program: sums over its connections, whichever source they come from.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::hold::Wait;
use super::program::Program;
use super::sample::Sample;
use super::spaces::End;
use super::watch::{Options, Seen, Watch};
use crate::units::home::Home;

/// Three delayed acknowledgements.
const SEVERAL: Duration = Duration::from_millis(120);

/// Which end of its connections a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Client,
    Server,
}

/// Waits of one kind.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// As far as they were seen or counted, not estimated.
    pub seen: u64,
    pub count: u64,
    pub total: Duration,
    pub median: Duration,
}

impl Waits {
    fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let median = durations.get(durations.len() / 2).copied().unwrap_or_default();
        let seen = durations.len() as u64;
        Self { seen, count: seen, total: durations.iter().sum(), median }
    }

    /// As many more.
    fn times(self, factor: f64) -> Self {
        let count = (self.count as f64 * factor).round() as u64;
        Self { count, total: self.total.mul_f64(factor), ..self }
    }

    /// Of some connections, those that passed unseen among them: `times` as many as were seen, or as many as each connection's own
    /// time tells.
    fn seen(group: &[&Seen], times: Option<f64>, is_kind: impl Fn(&Wait, Option<Options>) -> bool) -> Self {
        let (mut whole, mut all) = (Vec::new(), Vec::new());
        let mut total = 0.0;
        for seen in group {
            for wait in seen.track.waits.iter().filter(|wait| is_kind(wait, seen.options)) {
                total += wait.duration.as_secs_f64() * seen.weight * times.unwrap_or_else(|| seen.track.unseen());
                all.push(wait.duration);
                whole.extend(wait.whole.then_some(wait.duration));
            }
        }
        let seen = Self::of(all);
        let sample = Self::of(whole);
        let total = Duration::from_secs_f64(total);
        if sample.count == 0 || total <= seen.total {
            return Self { total, ..seen };
        }
        let mean = sample.total.as_secs_f64() / sample.count as f64;
        // As many as it takes to fill the time, but no fewer than were seen.
        let count = (total.as_secs_f64() / mean.max(1e-3)).round() as u64;
        Self { seen: seen.seen, count: count.max(sample.count), total, median: sample.median }
    }
}

/// What tells services apart: the program, its end, and the remote address and port, or the local port of a server.
#[derive(Clone, Debug)]
pub struct Service {
    pub program: Program,
    pub side: Side,
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// What is equal for all connections of a service.
pub type Key = (PathBuf, String, Side, Option<IpAddr>, u16);

impl Service {
    pub fn key(&self) -> Key {
        let (file, command) = self.program.identity();
        (file, command, self.side, self.address, self.port)
    }

    pub fn shown(&self) -> String {
        match self.address {
            Some(ip) => SocketAddr::new(ip, self.port).to_string(),
            None => format!("clients of port {}", self.port),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Evidence {
    pub service: Service,
    pub pids: Vec<u32>,
    /// It is the other end of connections of the processes in question.
    pub other_end: bool,
    /// One of its connections, the one that waited most.
    pub example: Option<(SocketAddr, SocketAddr)>,
    pub connections: u64,
    pub exchanges: u64,
    /// Only a part of the time was looked at closely, and stands for the rest.
    pub sampled: bool,
    /// Under Nagle's rule.
    pub nagle: Waits,
    /// What the program itself held back, by TCP_CORK or MSG_MORE.
    pub cork: Waits,
    /// The peer's, for our delayed acknowledgement.
    pub peer: Waits,
    /// How often acknowledgements without data were seen to go.
    pub bare_acks: u64,
    /// Time in which these connections were in use, added up.
    pub span: Duration,
    /// Pieces that were held, and how long a piece of data was held on average, those among them that were not held at all.
    pub pieces: u64,
    pub mean_delay: Duration,
    pub round_trip: Duration,
    /// Sizes of the pieces before a wait: what left, what was held.
    pub pattern: Vec<u64>,
    pub options: Option<Options>,
    pub bytes_sent: u64,
    pub segments: u64,
    /// Segments in which the same answers would fit.
    pub fewest_segments: u64,
    /// Calls that sent data, and those among them that were the eighth and later tiny one in a row; where that was counted.
    pub calls: u64,
    pub flood_calls: u64,
    /// What the library held there.
    pub holds: Holds,
    /// Of the span: time in which a stall would have gone unseen.
    pub hidden: Duration,
    /// Connections of which the kernel did not tell what is held.
    pub untold: u64,
    /// Segments with data that came from ends that are watched too.
    pub watched: u64,
}

/// What the library itself held, where it counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holds {
    pub count: u64,
    /// Of these, for more than a millisecond, but for those where the machine ran something else …
    pub late: u64,
    /// … and how long at most.
    pub longest: Duration,
}

impl Evidence {
    /// Of a service of which nothing was seen.
    pub fn of(service: Service, pids: Vec<u32>) -> Self {
        Self {
            service,
            pids,
            other_end: false,
            example: None,
            connections: 0,
            exchanges: 0,
            sampled: false,
            nagle: Waits::default(),
            cork: Waits::default(),
            peer: Waits::default(),
            bare_acks: 0,
            span: Duration::ZERO,
            pieces: 0,
            mean_delay: Duration::ZERO,
            round_trip: Duration::ZERO,
            pattern: Vec::new(),
            options: None,
            bytes_sent: 0,
            segments: 0,
            fewest_segments: 0,
            calls: 0,
            flood_calls: 0,
            holds: Holds::default(),
            hidden: Duration::ZERO,
            untold: 0,
            watched: 0,
        }
    }

    /// Did so much of the time pass unseen that several stalls would not have shown?
    pub fn hides_stalls(&self) -> bool {
        // Of what is only sampled, nothing is known of the rest: it counts like waits that were seen.
        let part = if self.sampled { 100 } else { 2 };
        self.hidden * part > self.span && self.hidden > SEVERAL
    }

    /// Does data go one way, so that exchanges say nothing? Then there are more waits than answers, or many pieces in a wait.
    pub fn is_stream(&self) -> bool {
        let waits = self.nagle.count + self.cork.count;
        self.exchanges * 2 < waits || self.pieces > waits * 3
    }
}

/// A service with its connections.
type Group<'s> = (Service, Vec<&'s Seen>);

/// The evidence from the kernel's view of each connection.
pub fn from_kernel(watch: &Watch) -> Vec<Evidence> {
    let mut groups: HashMap<(Key, bool, Option<&Home>), Group<'_>> = HashMap::new();
    let ends: HashSet<End> = watch.seen.values().map(|seen| seen.track.end()).collect();
    for seen in watch.seen.values() {
        let program = seen.pid.and_then(|pid| watch.programs.get(&pid)).cloned().unwrap_or_default();
        let track = &seen.track;
        let (side, address, port) = match track.server {
            true => (Side::Server, None, track.local.port()),
            false => (Side::Client, Some(track.peer.ip()), track.peer.port()),
        };
        let service = Service { program, side, address, port };
        let home = seen.pid.and_then(|pid| watch.homes.get(&pid)?.as_ref());
        let (_, group) = groups.entry((service.key(), seen.other_end, home)).or_insert((service, Vec::new()));
        group.push(seen);
    }
    let mut all: Vec<Evidence> = groups
        .into_iter()
        .map(|((_, other_end, _), (service, group))| sum(service, other_end, &group, &ends, watch.is_sampling()))
        .collect();
    all.sort_by_key(|e| std::cmp::Reverse(e.nagle.total + e.cork.total + e.peer.total));
    all
}

/// `ends`: of all connections that were watched, as each end has its addresses. `sampled`: not all were to be seen closely.
fn sum(service: Service, other_end: bool, group: &[&Seen], ends: &HashSet<End>, sampled: bool) -> Evidence {
    let most = group.iter().max_by_key(|seen| seen.track.waited());
    let options = group.iter().find_map(|seen| seen.options);
    // With TCP_NODELAY on, or with nothing in flight, Nagle's rule holds nothing.
    let corked =
        |wait: &Wait, options: Option<Options>| wait.in_flight == 0 || options.is_some_and(|o| o.nodelay || o.cork);
    let mut pids: Vec<u32> = group.iter().filter_map(|seen| seen.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let count =
        |of: fn(&Seen) -> u64| group.iter().map(|seen| (of(seen) as f64 * seen.weight).round() as u64).sum::<u64>();
    let bytes_sent = count(|seen| seen.track.bytes_sent());
    let both = |seen: &&&Seen| ends.contains(&seen.track.other_end());
    let mut sample = Sample::default();
    for seen in group.iter().filter(|_| sampled) {
        sample.add(seen.track.suspect, seen.weight, both(&seen));
    }
    Evidence {
        pids,
        other_end,
        example: most.map(|seen| (seen.track.local, seen.track.peer)),
        connections: count(|seen| u64::from(seen.track.was_used())),
        exchanges: count(|seen| seen.track.segments_in().min(seen.track.segments_out()).into()),
        sampled: sample.is_needed(),
        nagle: Waits::seen(group, sample.own(), |wait, options| !corked(wait, options)),
        cork: Waits::seen(group, sample.own(), corked),
        // Where the other end is watched closely too, what it holds is seen there.
        peer: Waits::of(
            group
                .iter()
                .filter(|seen| !(sampled && both(seen)))
                .flat_map(|seen| seen.track.other.waits.iter().copied())
                .collect(),
        )
        .times(sample.other()),
        bare_acks: (count(|seen| seen.track.other.bare_acks.into()) as f64 * sample.other()).round() as u64,
        span: group.iter().map(|seen| seen.track.span().mul_f64(seen.weight)).sum(),
        pieces: group.iter().flat_map(|seen| &seen.track.waits).map(|wait| u64::from(wait.pieces)).sum(),
        mean_delay: mean_delay(group),
        round_trip: group.iter().map(|seen| seen.track.round_trip()).filter(|t| !t.is_zero()).min().unwrap_or_default(),
        pattern: pattern(group.iter().flat_map(|s| &s.track.waits).map(|w| (w.in_flight, w.held.into())).collect()),
        options,
        bytes_sent,
        segments: count(|seen| seen.track.segments_out().into()),
        fewest_segments: count(fewest),
        calls: 0,
        flood_calls: 0,
        holds: Holds::default(),
        hidden: match sample.is_needed() {
            true => sample.hidden(),
            false => group.iter().map(|seen| seen.track.hidden.time(both(&seen))).sum(),
        },
        untold: count(|seen| u64::from(!seen.track.told())),
        watched: group.iter().filter(both).map(|seen| u64::from(seen.track.segments_in())).sum(),
        service,
    }
}

/// See there.
fn mean_delay(group: &[&Seen]) -> Duration {
    let waits = || group.iter().flat_map(|seen| &seen.track.waits);
    let held: u32 = waits().map(|wait| wait.pieces).sum();
    // What is let go leaves in one segment; each of the others was a piece that did not wait.
    let segments: u32 = group.iter().map(|seen| seen.track.segments_out()).sum();
    let others = segments.saturating_sub(u32::try_from(waits().count()).unwrap_or(u32::MAX));
    waits().map(|wait| wait.delay).sum::<Duration>() / held.saturating_add(others).max(1)
}

/// How few segments could have carried what a connection sent, one answer at a time.
fn fewest(seen: &Seen) -> u64 {
    let track = &seen.track;
    let answers = u64::from(track.segments_in().min(track.segments_out())).max(1);
    let each = (track.bytes_sent() / answers).max(1);
    answers * each.div_ceil(u64::from(track.mss().max(1)))
}

/// The middle one of the pairs.
pub fn pattern(mut pairs: Vec<(u64, u64)>) -> Vec<u64> {
    pairs.sort_unstable();
    match pairs.get(pairs.len() / 2) {
        Some(&(0, held)) => vec![held],
        Some(&(left, held)) => vec![left, held],
        None => Vec::new(),
    }
}
