//! The report as a person reads it.

use std::fmt::Write;

use super::gate::outcome::{Outcome, Standing};
use super::report::{Report, Told, Verdict};
use super::words;
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, Width, paragraph, styled};
use crate::stalls::finding::Kind;

const LABEL: usize = 15;
/// More processes that the library could not be loaded into than these are only counted.
const SHOWN: usize = 12;

pub fn text(report: &Report, width: Width) -> String {
    let width = width.sentence();
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    for told in &report.findings {
        finding(told, width, &mut line);
    }
    let seen = format!(
        "{} on {} in {}",
        words::several(report.exchanges, "exchange"),
        words::several(report.connections, "connection"),
        words::time(report.watched_s)
    );
    match report.verdict {
        Verdict::Found => {}
        Verdict::None => line(paragraph(&format!("{}: ", styled(GOOD, "no stall found")), &seen, 2, width)),
        Verdict::Unknown => doubts(report, width, &mut line),
    }
    if let Some(capture) = &report.capture {
        let [packets, segments] =
            [(capture.packets, "packet"), (capture.segments, "segment")].map(|(n, thing)| words::several(n, thing));
        row("capture", &format!("{}: {packets}, {segments} of TCP", capture.file), width, &mut line);
    }
    processes(report, width, &mut line);
    if let Some(ended) = &report.command_ended {
        row("command", ended, width, &mut line);
    }
    for note in &report.notes {
        row("note", note, width, &mut line);
    }
    if let Some(outcome) = &report.gate {
        gate(outcome, width, &mut line);
    }
    out
}

/// What the findings mean to the exit status.
fn gate(outcome: &Outcome, width: usize, line: &mut impl FnMut(String)) {
    let listed: Vec<String> = outcome.fail_on.iter().map(|class| class.word()).collect();
    let listed = listed.join(", ");
    let file = outcome.baseline.as_deref().unwrap_or_default();
    let findings = |n| words::several(n, "finding");
    let mut text = match (outcome.new_findings, outcome.failed) {
        (0, false) => format!("{}: no new finding of {listed}", styled(GOOD, "passed")),
        (0, true) => format!("{}: it could not be told whether there is one of {listed}", styled(BAD, "failed")),
        (new, _) => format!("{}: {} of {listed}", styled(BAD, "failed"), words::several(new, "new finding")),
    };
    match outcome.known_findings {
        known if outcome.written => text += &format!("; {} written to {file}", findings(known)),
        0 => {}
        known => text += &format!("; {} known by {file}", findings(known)),
    }
    row("gate", &text, width, line);
    for known in outcome.unused.iter().filter(|_| !outcome.written) {
        let text = format!("{} of {} was not found any more", known.kind.word(), known.program);
        row("", &format!("{text}: {file} need not have it"), width, line);
    }
}

/// Each reason once, with what helps.
fn doubts(report: &Report, width: usize, line: &mut impl FnMut(String)) {
    for (n, doubt) in report.doubts.iter().enumerate() {
        let head = styled(NOTE, "could not tell");
        line(paragraph(&format!("{head}: "), &doubt.text, 2, width));
        let next = report.doubts.get(n + 1);
        if next.is_none_or(|next| next.advice != doubt.advice) {
            row("what helps", doubt.advice, width, line);
        }
    }
}

fn finding(told: &Told, width: usize, line: &mut impl FnMut(String)) {
    let head = match told.finding.kind {
        Kind::Nagle | Kind::Peer => styled(BAD, "stall found"),
        Kind::Cork => styled(BAD, "stall found (its own corking)"),
        Kind::Paced => styled(BAD, "paced by acknowledgements"),
        Kind::Flood => styled(BAD, "flood of tiny segments"),
        Kind::Runts => styled(NOTE, "more segments than needed"),
        Kind::Held => styled(BAD, "held by the library itself"),
    };
    line(paragraph(&format!("{head}: "), &styled(BOLD, &told.text), 2, width));
    row("where", &told.place, width, line);
    for (n, text) in told.script_text.iter().enumerate() {
        row(if n == 0 { "your line" } else { "" }, text, width, line);
    }
    if told.standing == Some(Standing::Known) {
        row("gate", "known: it fails nothing", width, line);
    }
    for (n, text) in told.called_by_text.iter().enumerate() {
        row(if n == 0 { "called by" } else { "" }, text, width, line);
    }
    if let Some(pattern) = &told.pattern_text {
        row("what happens", pattern, width, line);
    }
    // Who can change the program itself needs nothing else.
    for (n, text) in told.upstream.iter().enumerate() {
        row(if n == 0 { "in the program" } else { "" }, text, width, line);
    }
    row("tcptune", &told.change, width, line);
    if let Some(expected) = &told.expected {
        row("expected", expected, width, line);
    }
}

fn processes(report: &Report, width: usize, line: &mut impl FnMut(String)) {
    if report.processes.is_empty() {
        return;
    }
    let count = |is: Option<bool>| report.processes.iter().filter(|m| m.loaded == is).count();
    let (with, without, unknown) = (count(Some(true)), count(Some(false)), count(None));
    let unknown = if unknown == 0 { String::new() } else { format!(", {unknown} not known") };
    row(
        "processes",
        &format!("{} seen; with the library {with}, without {without}{unknown}", report.processes.len()),
        width,
        line,
    );
    let outside = report.processes.iter().filter(|m| m.loaded != Some(true));
    for member in outside.clone().take(SHOWN) {
        let reason = member.reason.as_deref().unwrap_or("not known why");
        row("", &format!("{} ({}): {reason}", member.program.shown(), member.pid), width, line);
    }
    let more = outside.count().saturating_sub(SHOWN);
    if more > 0 {
        row("", &format!("and {more} more (--json lists all)"), width, line);
    }
}

fn row(label: &str, text: &str, width: usize, line: &mut impl FnMut(String)) {
    let label = format!("  {}", styled(FAINT, format_args!("{label:<LABEL$}")));
    line(paragraph(&label, text, LABEL + 2, width));
}
