//! From evidence to the report: the verdict, the findings with their sentences, and what limits them.

use std::path::Path;
use std::time::Duration;

use super::doubt::{self, Looks};
use super::evidence::Evidence;
use super::family::Member;
use super::finding::{self, Finding, Kind};
use super::report::{Report, Told, Verdict};
use super::watch::Watch;
use super::words::Reach;
use super::{cures, words};
use crate::programs::library;
use crate::programs::reach;
use crate::programs::verdict::Supervisable;

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
    let mut findings: Vec<Told> = findings.into_iter().map(|finding| tell(finding, library)).collect();
    findings.sort_by(|a, b| b.finding.waited_s.total_cmp(&a.finding.waited_s));
    let connections = ours().map(|e| e.connections).sum();
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
    notes.extend(ours().filter(|e| slight(e)).map(|e| {
        let waits = words::several(e.nagle.count + e.cork.count, "wait");
        let time = words::time((e.nagle.total + e.cork.total).as_secs_f64());
        format!("{waits} with {} took {time}: too little to be worth a change", e.service.shown())
    }));
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
        exchanges: ours().map(|e| e.exchanges).sum(),
        watched_s: watched.as_secs_f64(),
        looks: watch.looks,
        longest_gap_ms: watch.longest_gap.as_secs_f64() * 1e3,
        processes,
        command_ended,
        notes,
    }
}

/// Waits that are no finding.
fn slight(evidence: &Evidence) -> bool {
    evidence.nagle.count + evidence.cork.count > 0 && finding::judge(evidence).iter().all(|f| f.waits == 0)
}

/// The finding with its sentences.
fn tell(finding: Finding, library: Option<&Path>) -> Told {
    let reach = finding.pids.first().map_or(Reach::Preload, |&pid| reach(pid, &finding, library));
    Told {
        text: words::verdict(&finding),
        place: words::place(&finding),
        called_by: None,
        called_by_text: Vec::new(),
        pattern_text: words::pattern(&finding),
        change: words::change(&finding, reach),
        expected: words::expected(&finding),
        upstream: cures::upstream(&finding),
        finding,
    }
}

/// How the program can be reached if it is started anew.
fn reach(pid: u32, finding: &Finding, library: Option<&Path>) -> Reach {
    let Ok(library) = library::find(library) else { return Reach::Preload };
    let of_file = || reach::program_verdict(finding.program.file.as_os_str(), &library);
    let loads = match reach::process_standing(pid, &library) {
        Ok(standing) => standing.reason.is_none(),
        // It has ended: its file tells nearly as much.
        Err(_) => of_file().is_ok_and(|verdict| verdict.reachable),
    };
    match loads {
        true => Reach::Preload,
        false if of_file().is_ok_and(|verdict| verdict.supervisable == Supervisable::Yes) => Reach::Supervise,
        false => Reach::Attach,
    }
}
