//! Puts services of a program together that differ only in an ephemeral port. Each test of a suite starts a server of its own: one by
//! one such services have too few exchanges to be judged, and together they show what the program does. Pure.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::evidence::{Evidence, Holds, SEVERAL_PORTS, Service, Waits};

/// The same evidence, with services at ephemeral ports put together where there are several.
pub fn pooled(all: Vec<Evidence>, ephemeral: &RangeInclusive<u16>) -> Vec<Evidence> {
    let mut groups: Vec<Vec<Evidence>> = Vec::new();
    for evidence in all {
        let same = |group: &&mut Vec<Evidence>| group.first().is_some_and(|other| is_same(other, &evidence, ephemeral));
        match groups.iter_mut().find(same) {
            Some(group) => group.push(evidence),
            None => groups.push(vec![evidence]),
        }
    }
    groups.into_iter().filter_map(|group| group.into_iter().reduce(sum)).collect()
}

fn is_same(one: &Evidence, other: &Evidence, ephemeral: &RangeInclusive<u16>) -> bool {
    // Requests in flight are judged by numbers that are not to be added up.
    let may = |e: &Evidence| ephemeral.contains(&e.service.port) && e.paced.is_none();
    let place = |e: &Evidence| (e.service.program.identity(), e.service.side, e.service.address, e.other_end);
    may(one) && may(other) && place(one) == place(other)
}

fn sum(mut one: Evidence, mut other: Evidence) -> Evidence {
    let waited = |e: &Evidence| e.nagle.total + e.cork.total + e.peer.total;
    // What is told of a single connection is that of the one that waited most.
    if waited(&other) > waited(&one) {
        std::mem::swap(&mut one, &mut other);
    }
    let mut pids = [one.pids, other.pids].concat();
    pids.sort_unstable();
    pids.dedup();
    let pieces = one.pieces + other.pieces;
    let delay = one.mean_delay.as_secs_f64() * one.pieces as f64 + other.mean_delay.as_secs_f64() * other.pieces as f64;
    Evidence {
        service: Service { port: SEVERAL_PORTS, ..one.service },
        pids,
        connections: one.connections + other.connections,
        exchanges: one.exchanges + other.exchanges,
        sampled: one.sampled || other.sampled,
        nagle: both(one.nagle, other.nagle),
        cork: both(one.cork, other.cork),
        peer: both(one.peer, other.peer),
        bare_acks: one.bare_acks + other.bare_acks,
        span: one.span + other.span,
        pieces,
        mean_delay: Duration::from_secs_f64(if pieces > 0 { delay / pieces as f64 } else { 0.0 }),
        round_trip: shortest(one.round_trip, other.round_trip),
        options: one.options.or(other.options),
        bytes_sent: one.bytes_sent + other.bytes_sent,
        segments: one.segments + other.segments,
        fewest_segments: one.fewest_segments + other.fewest_segments,
        calls: one.calls + other.calls,
        flood_calls: one.flood_calls + other.flood_calls,
        holds: Holds {
            count: one.holds.count + other.holds.count,
            late: one.holds.late + other.holds.late,
            longest: one.holds.longest.max(other.holds.longest),
        },
        hidden: one.hidden + other.hidden,
        untold: one.untold + other.untold,
        watched: one.watched + other.watched,
        ..one
    }
}

/// Of two medians that of the larger number is nearer to the one of all.
fn both(one: Waits, other: Waits) -> Waits {
    let median = if other.count > one.count { other.median } else { one.median };
    Waits { seen: one.seen + other.seen, count: one.count + other.count, total: one.total + other.total, median }
}

/// Zero is not known.
fn shortest(one: Duration, other: Duration) -> Duration {
    if one.is_zero() || other.is_zero() { one.max(other) } else { one.min(other) }
}

#[cfg(test)]
mod tests {
    use super::pooled;
    use crate::stalls::evidence::{Evidence, Service, Side, Waits};
    use crate::stalls::finding::judge;
    use crate::stalls::program::Program;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn of(side: Side, port: u16) -> Evidence {
        let service = Service { program: Program::default(), side, address: None, port };
        // A test: one exchange waits, in a connection that lives for a while.
        let nagle = Waits { seen: 1, count: 1, total: MS(40), median: MS(40) };
        Evidence { connections: 1, exchanges: 4, nagle, span: MS(200), ..Evidence::of(service, vec![7]) }
    }

    #[test]
    fn a_stall_in_each_of_many_tests_is_a_finding() {
        let all: Vec<Evidence> = (0..5).map(|n| of(Side::Client, 40_000 + n)).collect();
        assert!(all.iter().flat_map(judge).next().is_none(), "one by one they are nothing");
        let together = pooled(all, &(32_768..=60_999));
        let found: Vec<_> = together.iter().flat_map(judge).collect();
        assert_eq!((together.len(), found.len()), (1, 1));
        assert_eq!((found[0].waits, found[0].exchanges, found[0].connections, found[0].port), (5, 20, 5, 0));
        assert_eq!((found[0].service.as_str(), found[0].pids.as_slice()), ("clients of several ports", &[7][..]));
    }

    #[test]
    fn ports_that_mean_something_and_ends_stay_apart() {
        let ends = [of(Side::Client, 143), of(Side::Client, 25), of(Side::Client, 40_000), of(Side::Server, 40_001)];
        let ports = pooled(ends.to_vec(), &(32_768..=60_999)).iter().map(|e| e.service.port).collect::<Vec<_>>();
        assert_eq!(ports, [143, 25, 40_000, 40_001]);
    }
}
