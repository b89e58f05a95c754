//! From evidence to the report: the verdict, the findings with their sentences, and what limits them.

use std::path::Path;
use std::time::Duration;

use super::doubt::{self, Looks};
use super::family::Member;
use super::gate::key::Key;
use super::report::{Report, Told, Verdict};
use super::target::Target;
use super::{change, cures, words};
use crate::os::proc;
use crate::stalls::evidence::{Evidence, Side};
use crate::stalls::finding::{self, Finding, Kind};
use crate::stalls::watch::Watch;

/// Judges everything that was seen.
pub fn conclude(
    watch: &Watch,
    evidence: &[Evidence],
    watched: Duration,
    processes: Vec<Member>,
    command_ended: Option<String>,
    library: Option<&Path>,
) -> Report {
    let ours = || evidence.iter().filter(|e| !e.other_end);
    let mut findings: Vec<Finding> = evidence.iter().flat_map(finding::judge).collect();
    // Where the end that waits was seen itself, the pauses it makes need not be told.
    let seen: Vec<u16> = findings.iter().filter(|f| f.kind == Kind::Nagle).map(|f| f.port).collect();
    findings.retain(|f| f.kind != Kind::Peer || !seen.contains(&f.port));
    // Into the programs of a command the library was put to watch them.
    let observed = command_ended.is_some() || !processes.is_empty();
    let mut findings: Vec<Told> = findings.into_iter().map(|finding| tell(finding, library, observed)).collect();
    findings.sort_by(|a, b| b.finding.waited_s.total_cmp(&a.finding.waited_s));
    let [connections, exchanges] = once(evidence);
    let mut notes = Vec::new();
    // Where the library counted in every program nothing was missed.
    let counted = !processes.is_empty() && processes.iter().all(|member| member.loaded == Some(true));
    let found = findings.iter().any(|told| told.finding.kind.is_grave());
    let looks = Looks { watched, longest_gap: watch.longest_gap, counted };
    let doubts = if found { Vec::new() } else { doubt::doubts(evidence, &looks) };
    let verdict = match (found, doubts.is_empty()) {
        (true, _) => Verdict::Found,
        (false, true) => Verdict::None,
        (false, false) => Verdict::Unknown,
    };
    notes.extend(ours().filter_map(slight));
    if watch.longest_gap > Duration::from_millis(40) && !counted && verdict != Verdict::Unknown {
        notes.push(format!(
            "this machine is busy: up to {} lay between two looks, in which a stall may have been missed",
            words::time(watch.longest_gap.as_secs_f64())
        ));
    }
    Report {
        verdict,
        doubts,
        findings,
        connections,
        exchanges,
        watched_s: watched.as_secs_f64(),
        looks: watch.looks,
        longest_gap_ms: watch.longest_gap.as_secs_f64() * 1e3,
        processes,
        command: None,
        command_ended,
        stopped: false,
        gate: None,
        notes,
        waits: None,
        capture: None,
    }
}

/// Connections and exchanges in all. Where both ends are in question, each end has counted them.
pub(super) fn once(evidence: &[Evidence]) -> [u64; 2] {
    let ours = || evidence.iter().filter(|e| !e.other_end);
    let counts = |e: &Evidence| [e.connections, e.exchanges];
    let sum = |each: Vec<[u64; 2]>| each.iter().fold([0, 0], |sum: [u64; 2], one| [sum[0] + one[0], sum[1] + one[1]]);
    let servers = ours().filter(|e| e.service.side == Side::Server);
    let twice = servers.map(|server| {
        let clients = sum(ours().filter(|client| is_with(client, server)).map(counts).collect());
        let [connections, exchanges] = counts(server);
        [connections.min(clients[0]), exchanges.min(clients[1])]
    });
    let (all, twice) = (sum(ours().map(counts).collect()), sum(twice.collect()));
    [all[0] - twice[0], all[1] - twice[1]]
}

/// Are these the connections of that server, on this machine?
fn is_with(client: &Evidence, server: &Evidence) -> bool {
    let local = client.service.address.is_some_and(|to| to.is_loopback())
        || client.example.is_some_and(|(from, to)| from.ip() == to.ip());
    client.service.side == Side::Client && client.service.port == server.service.port && local
}

/// Waits that are no finding.
fn slight(evidence: &Evidence) -> Option<String> {
    let Evidence { nagle, cork, service, .. } = evidence;
    if nagle.count + cork.count == 0 || finding::judge(evidence).iter().any(|f| f.waits > 0) {
        return None;
    }
    let waits = words::several(nagle.count + cork.count, "wait");
    let time = words::time((nagle.total + cork.total).as_secs_f64());
    Some(format!("{waits} with {} took {time}: too little to be worth a change", service.shown()))
}

/// The finding with its sentences.
pub(super) fn tell(finding: Finding, library: Option<&Path>, observed: bool) -> Told {
    // The other end is nobody's that was started here.
    let target = Target::of(&finding, library, observed && !finding.other_end);
    Told {
        text: words::verdict(&finding, &target),
        place: words::place(&finding, &target),
        called_by: None,
        called_by_text: Vec::new(),
        script: None,
        script_text: Vec::new(),
        pattern_text: words::pattern(&finding),
        change: change::change(&finding, &target),
        expected: words::expected(&finding),
        key: Key::of(&finding, &proc::ephemeral_ports()),
        standing: None,
        upstream: cures::upstream(&finding),
        finding,
    }
}

#[cfg(test)]
mod tests {
    use super::once;
    use crate::stalls::evidence::{Evidence, Service, Side};
    use crate::stalls::program::Program;

    fn service(side: Side, address: Option<[u8; 4]>, port: u16, exchanges: u64) -> Evidence {
        let service = Service { program: Program::default(), side, address: address.map(Into::into), port };
        Evidence { connections: 1, exchanges, ..Evidence::of(service, vec![1]) }
    }

    #[test]
    fn what_both_ends_have_counted_counts_once() {
        let client = service(Side::Client, Some([127, 0, 0, 1]), 9090, 46);
        let server = service(Side::Server, None, 9090, 45);
        assert_eq!(once(&[client.clone(), server.clone()]), [1, 46]);
        // Another server's, another port's, and one that is only watched beside ours.
        let elsewhere = service(Side::Client, Some([10, 0, 0, 1]), 9090, 7);
        assert_eq!(once(&[elsewhere, server.clone()]), [2, 52]);
        assert_eq!(once(&[service(Side::Client, Some([127, 0, 0, 1]), 80, 7), server.clone()]), [2, 52]);
        assert_eq!(once(&[client, Evidence { other_end: true, ..server }]), [1, 46]);
    }
}
