//! What a capture shows of a service, as the evidence that doctor judges: for its clients and for its server alike, as both ends
//! of a connection are seen in it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::track::{Hosts, Service as Seen, Side, Wait, Waits};
use crate::stalls::evidence::{self, Evidence, Service};
use crate::stalls::finding::SEVERAL;
use crate::stalls::program::Program;

/// Pieces that left with an acknowledgement are no chance if they are as many of ten of those that left about then.
const MOST: u64 = 6;
/// Pieces that leave when the kernel lets go of what is corked were held if they are one of so many. What is lost on its way to the
/// place of the capture, and sent again, comes by as late and on the same ticks, and more seldom.
const SELDOM: u64 = 10;
/// A doubt is worth so much of the time, as a finding is.
const WORTH: i64 = 100;

/// The evidence on both its ends.
pub fn evidence(server: SocketAddr, seen: &Seen) -> [Evidence; 2] {
    let client = Service {
        program: host(clients(&seen.clients)),
        side: evidence::Side::Client,
        address: Some(server.ip()),
        port: server.port(),
    };
    let served = Service {
        program: host(server.ip().to_string()),
        side: evidence::Side::Server,
        address: None,
        port: server.port(),
    };
    [of(client, seen, &seen.client, &seen.server), of(served, seen, &seen.server, &seen.client)]
}

/// Packets have addresses, and no programs.
fn host(name: String) -> Program {
    Program { name, ..Program::default() }
}

pub fn clients(hosts: &Hosts) -> String {
    let mut known = hosts.known.iter().map(IpAddr::to_string);
    let first = known.next().unwrap_or_default();
    match (known.count(), hosts.more) {
        (0, false) => first,
        (1, false) => format!("{first} and another host"),
        (others, false) => format!("{first} and {others} other hosts"),
        (others, true) => format!("{first} and more than {others} other hosts"),
    }
}

fn of(service: Service, seen: &Seen, side: &Side, other: &Side) -> Evidence {
    let sum = &side.sum;
    let (nagle, cork) = (held_by_nagle(side), held_by_cork(side));
    let soon = if nagle.is_some() { sum.soon } else { (0, 0) };
    let total =
        [soon.1, nagle.map_or(0, |w| w.total), cork.map_or(0, |w| w.total)].into_iter().fold(0, i64::saturating_add);
    let kept: Vec<Wait> = nagle.iter().chain(&cork).flat_map(|waits| waits.kept.iter().copied()).collect();
    Evidence {
        example: side.example.map(|(own, peer, _)| (own, peer)),
        connections: seen.connections,
        exchanges: seen.exchanges,
        nagle: nagle.map(|found| waits(found, soon)).unwrap_or_default(),
        cork: cork.map(|found| waits(found, (0, 0))).unwrap_or_default(),
        span: time(seen.span),
        pieces: nagle.map_or(0, |w| w.count) + soon.0 + cork.map_or(0, |w| w.count),
        mean_delay: time(total / i64::try_from(sum.segments.max(1)).unwrap_or(i64::MAX)),
        round_trip: time(seen.round_trip.unwrap_or(0)),
        pattern: evidence::pattern(kept.iter().map(|wait| (wait.left.into(), wait.held.into())).collect()),
        bytes_sent: sum.bytes,
        segments: sum.segments,
        fewest_segments: side.fewest,
        watched: other.sum.segments,
        ..Evidence::of(service, Vec::new())
    }
}

/// What left with the acknowledgement of the piece before, if that is neither chance nor a clock that ticks as slowly.
fn held_by_nagle(side: &Side) -> Option<&Waits> {
    let Waits { count, .. } = side.sum.nagle;
    let most = count >= SEVERAL && count * 10 >= (count + side.sum.against) * MOST;
    (most && !side.sum.scatter.follows_a_clock()).then_some(&side.sum.nagle)
}

/// What left when the kernel lets go of what is corked, if it was the kernel's timer.
fn on_timer(side: &Side) -> Option<&Waits> {
    let Waits { count, .. } = side.sum.corked;
    let most = count * 10 >= (count + side.sum.uncorked) * MOST;
    (most && side.sum.ticks.found()).then_some(&side.sum.corked)
}

fn held_by_cork(side: &Side) -> Option<&Waits> {
    on_timer(side).filter(|waits| waits.count * SELDOM >= side.sum.small)
}

/// What was held by a cork, or lost and sent again, for all that can be told, if it took a good part of the time.
pub fn held_or_lost<'a>(seen: &Seen, side: &'a Side) -> Option<&'a Waits> {
    let worth = |waits: &&Waits| waits.count >= SEVERAL && waits.total >= seen.span / WORTH;
    on_timer(side).filter(|waits| waits.count * SELDOM < side.sum.small).filter(worth)
}

/// `more`: of the same kind, of which it was not seen.
fn waits(waits: &Waits, more: (u64, i64)) -> evidence::Waits {
    let total = time(waits.total.saturating_add(more.1));
    evidence::Waits { seen: waits.count, count: waits.count + more.0, total, median: median(waits) }
}

/// The middle one.
pub fn median(waits: &Waits) -> Duration {
    let mut times: Vec<i64> = waits.kept.iter().map(|wait| wait.time).collect();
    times.sort_unstable();
    time(times.get(times.len() / 2).copied().unwrap_or(0))
}

pub fn time(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}
