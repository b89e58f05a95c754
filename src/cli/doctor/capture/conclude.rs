//! From what a capture shows to the report.

use std::net::SocketAddr;

use super::super::gate::key::Key;
use super::super::report::{Report, Told, Verdict};
use super::super::target::Target;
use super::super::words as sentences;
use super::counts::Captured;
use super::packets::End;
use super::track::{Service, Table};
use super::{doubts, services, words};
use crate::os::proc;
use crate::stalls::evidence::Evidence;
use crate::stalls::finding::{self, Finding, Kind};

/// More services of which nothing can be told are only counted.
const DOUBTS: usize = 12;

pub fn conclude(table: &Table, counts: Captured, end: End, name: &str) -> Report {
    let mut all: Vec<(SocketAddr, &Service)> = table.services.iter().map(|(server, seen)| (*server, seen)).collect();
    all.sort_by_key(|(server, _)| *server);
    let evidence: Vec<Evidence> = all.iter().flat_map(|(server, seen)| services::evidence(*server, seen)).collect();
    let mut findings: Vec<Told> = evidence.iter().flat_map(finding::judge).map(tell).collect();
    findings.sort_by(|a, b| b.finding.waited_s.total_cmp(&a.finding.waited_s));
    let found = findings.iter().any(|told| told.finding.kind.is_grave());
    let mut doubts = if found { Vec::new() } else { doubts::doubts(&all, &counts, name) };
    let verdict = match (found, doubts.is_empty()) {
        (true, _) => Verdict::Found,
        (false, true) => Verdict::None,
        (false, false) => Verdict::Unknown,
    };
    let mut notes = words::notes(table, &counts, end, verdict);
    if doubts.len() > DOUBTS {
        notes.push(format!("so it is with {} more", sentences::several((doubts.len() - DOUBTS) as u64, "service")));
        doubts.truncate(DOUBTS);
    }
    let sum = |of: fn(&Service) -> u64| all.iter().map(|(_, service)| of(service)).sum();
    let (first, last) = table.times.unwrap_or_default();
    Report {
        verdict,
        doubts,
        findings,
        connections: sum(|service| service.connections + service.one_sided),
        exchanges: sum(|service| service.exchanges),
        watched_s: services::time(last.saturating_sub(first)).as_secs_f64(),
        looks: 0,
        longest_gap_ms: 0.0,
        processes: Vec::new(),
        command: None,
        command_ended: None,
        stopped: false,
        gate: None,
        notes,
        waits: None,
        capture: Some(counts),
    }
}

/// The finding with its sentences. Who sent the packets is known by address, and by no more.
fn tell(finding: Finding) -> Told {
    let target = Target::default();
    let host = &finding.program.name;
    Told {
        text: sentences::verdict(&finding, &target),
        place: sentences::place(&finding, &target),
        called_by: None,
        called_by_text: Vec::new(),
        script: None,
        script_text: Vec::new(),
        pattern_text: match finding.kind {
            Kind::Cork => words::corked(&finding),
            _ => sentences::pattern(&finding),
        },
        change: words::change(&finding, host),
        expected: sentences::expected(&finding),
        key: Key::of(&finding, &proc::ephemeral_ports()),
        standing: None,
        upstream: words::upstream(&finding),
        finding,
    }
}
