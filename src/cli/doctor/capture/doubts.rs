//! When a capture does not tell whether a program waits, although nothing was found in it. Pure.

use std::net::SocketAddr;

use super::super::doubt::{Doubt, FEW, Reason};
use super::super::words::{self, several};
use super::counts::Captured;
use super::services::{clients, held_or_lost, median};
use super::track::{Service, Side};

/// One segment of so many may be missing.
const MISSING: u64 = 20;

/// Why nothing can be said of what was captured; empty: it can. What was seen well stands for the rest, but not where something waited.
pub fn doubts(services: &[(SocketAddr, &Service)], counts: &Captured, name: &str) -> Vec<Doubt> {
    if services.is_empty() {
        return vec![nothing_seen(counts, name)];
    }
    let late: Vec<Doubt> = services.iter().flat_map(|(server, service)| late(server, service)).collect();
    if !late.is_empty() {
        return late;
    }
    let each: Vec<Option<Doubt>> = services
        .iter()
        .map(|(server, service)| {
            one_direction(server, service).or_else(|| missing(server, service)).or_else(|| too_few(server, service))
        })
        .collect();
    each.into_iter().collect::<Option<_>>().unwrap_or_default()
}

fn nothing_seen(counts: &Captured, name: &str) -> Doubt {
    let Captured { packets, cut, unknown, .. } = *counts;
    let doubt = |reason, text, advice| Doubt { reason, service: None, text, advice };
    if cut * 2 > packets {
        return doubt(
            Reason::CutShort,
            format!("of {} in {name} {cut} were cut before the end of their TCP header", several(packets, "packet")),
            "capture more of each packet: `tcpdump -s 128 -w FILE`",
        );
    }
    if unknown * 2 > packets {
        return doubt(
            Reason::NothingSeen,
            format!(
                "the packets in {name} are of link type {}, which is not read",
                counts.unknown_link.unwrap_or_default()
            ),
            "capture on an Ethernet, loopback or IP interface, or with `tcpdump -i any`",
        );
    }
    doubt(
        Reason::NothingSeen,
        format!("no TCP connection carried data in {name}, of {}", several(packets, "packet")),
        "capture while it works: `tcpdump -i any -s 128 -w FILE tcp port N`; --port must be a port of these connections",
    )
}

fn one_direction(server: &SocketAddr, service: &Service) -> Option<Doubt> {
    let only = service.one_sided > 0 && service.connections == 0;
    let end = service.seen_end.filter(|_| only)?;
    Some(Doubt {
        reason: Reason::OneDirection,
        service: Some(server.to_string()),
        text: format!(
            "only what {end} sent was captured, nothing of what came to it: whether a piece of data waited for an acknowledgement of \
             the other shows in both together",
        ),
        advice: "capture both directions: at one of the two ends, with a filter that names the port (`tcp port N`) and no direction",
    })
}

fn missing(server: &SocketAddr, service: &Service) -> Option<Doubt> {
    let sum = |of: fn(&super::track::Sum) -> u64| of(&service.client.sum) + of(&service.server.sum);
    let (gaps, segments) = (sum(|s| s.missing), sum(|s| s.segments));
    (gaps * MISSING > segments).then(|| Doubt {
        reason: Reason::PacketsMissing,
        service: Some(server.to_string()),
        text: format!(
            "the capture has {} among {} with {server}: too many packets were not captured",
            several(gaps, "gap"),
            several(segments, "segment")
        ),
        advice: "capture less of each packet and with a larger buffer: `tcpdump -s 128 -B 16384 -w FILE tcp port N`",
    })
}

/// Of both ends.
fn late(server: &SocketAddr, service: &Service) -> impl Iterator<Item = Doubt> {
    let of = |side: &Side, from: String, to: String| {
        let waits = held_or_lost(service, side)?;
        Some(Doubt {
            reason: Reason::LostOrHeld,
            service: Some(server.to_string()),
            text: format!(
                "{} of {} that {from} sent to {to} came {} late: a program held them (TCP_CORK, MSG_MORE), or they were lost on their \
                 way to where this was captured, and sent again",
                waits.count,
                several(side.sum.small, "small piece"),
                words::time(median(waits).as_secs_f64())
            ),
            advice: "capture at the sender, where what is sent again is seen twice; or `tcptune doctor --port N` there",
        })
    };
    let clients = clients(&service.clients);
    [of(&service.client, clients.clone(), server.to_string()), of(&service.server, server.to_string(), clients)]
        .into_iter()
        .flatten()
}

fn too_few(server: &SocketAddr, service: &Service) -> Option<Doubt> {
    let Service { exchanges, client, server: served, .. } = service;
    let chances = (*exchanges).max(client.sum.segments).max(served.sum.segments);
    (chances < FEW).then(|| Doubt {
        reason: Reason::TooFewExchanges,
        service: Some(server.to_string()),
        text: format!(
            "{} with {server} {} too few: the kernel acknowledges a connection's first segments at once, so that no stall shows",
            several(*exchanges, "exchange"),
            if *exchanges == 1 { "is" } else { "are" }
        ),
        advice: "capture for longer, or while it has more to do",
    })
}
