//! The findings as an issue in the tracker of the program's authors: what a user sees, the evidence, the line to change, how to
//! check. Markdown that can be pasted as it is. Says nothing that the report does not say.

use std::fmt::Write;

use super::report::{Report, Told, Verdict};
use super::words;
use crate::os::kernel;
use crate::output::words::{milliseconds as ms, number, share};
use crate::stalls::evidence::Side;
use crate::stalls::finding::{Finding, Kind};

/// `again` is the command line by which the same can be seen again.
pub fn markdown(report: &Report, again: &str) -> String {
    let own = |told: &&Told| told.finding.kind == Kind::Held;
    let theirs: Vec<&Told> = report.findings.iter().filter(|told| !own(told)).collect();
    let mut out = String::new();
    for told in &theirs {
        issue(&mut out, told, again);
    }
    if theirs.is_empty() {
        let _ = writeln!(out, "{}", nothing(report));
    }
    out
}

/// There is nothing to write to anybody.
fn nothing(report: &Report) -> String {
    if report.findings.iter().any(|told| told.finding.kind == Kind::Held) {
        return "Only tcptune's own library held data for too long: that is no issue of this program's.".to_owned();
    }
    let seen = format!("{} in {}", words::several(report.exchanges, "exchange"), words::time(report.watched_s));
    match report.verdict {
        Verdict::Unknown => {
            let why: Vec<&str> = report.doubts.iter().map(|doubt| doubt.text.as_str()).collect();
            format!("It could not be told whether there is a stall: {}.", why.join("; "))
        }
        _ => format!("No stall was found: {seen}."),
    }
}

fn issue(out: &mut String, told: &Told, again: &str) {
    let f = &told.finding;
    let _ = writeln!(out, "## {}\n", title(f));
    let _ = writeln!(out, "{}\n", sentence(&told.text));
    if let Some(pattern) = &told.pattern_text {
        let _ = writeln!(out, "{}\n", sentence(pattern));
    }
    let _ = writeln!(out, "### Evidence\n\n| | |\n|---|---|");
    for (what, value) in evidence(told) {
        let _ = writeln!(out, "| {what} | {} |", value.replace('|', "\\|"));
    }
    if !told.script_text.is_empty() {
        let _ = writeln!(out, "\nThe script waited here:\n\n```text\n{}\n```", told.script_text.join("\n"));
    }
    if !told.called_by_text.is_empty() {
        let _ =
            writeln!(out, "\nThe calls that waited were made by:\n\n```text\n{}\n```", told.called_by_text.join("\n"));
    }
    if !told.upstream.is_empty() {
        let _ = writeln!(out, "\n### What to change\n");
        for line in &told.upstream {
            let _ = writeln!(out, "- {line}");
        }
    }
    if let Some(expected) = &told.expected {
        let _ = writeln!(out, "\nTo expect from it: {expected}.");
    }
    let _ = writeln!(out, "\n### How to check\n\n```sh\n{again}\n```\n");
    let _ = writeln!(out, "After the change it no longer finds this. {}\n", background(f.kind));
}

pub fn title(f: &Finding) -> String {
    let with = &f.service;
    match f.kind {
        Kind::Nagle if f.stream => format!("Data for {with} waits {} because TCP_NODELAY is not set", ms(f.wait_ms)),
        Kind::Nagle => format!("Exchanges with {with} wait {} because TCP_NODELAY is not set", ms(f.wait_ms)),
        Kind::Paced => {
            let things = if f.side == Side::Client { "Requests to" } else { "Answers to" };
            format!("{things} {with} leave one round trip after the other because TCP_NODELAY is not set")
        }
        Kind::Cork => format!("Exchanges with {with} wait {} behind TCP_CORK or MSG_MORE", ms(f.wait_ms)),
        Kind::Peer => format!("The other end of {with} waits {} for a delayed acknowledgement", ms(f.wait_ms)),
        Kind::Flood => format!("{} segments where {} would do", number(f.segments), number(f.fewest_segments)),
        Kind::Runts => format!("An answer to {with} takes more segments than it needs"),
        Kind::Held => "tcptune's library held data".to_owned(),
    }
}

pub fn evidence(told: &Told) -> Vec<(&'static str, String)> {
    let f = &told.finding;
    let mut rows = vec![("program", format!("`{}`", f.program.shown().replace('`', "'")))];
    rows.push((
        "watched",
        format!("{} on {}", words::time(f.span_s), words::several(f.connections.max(1), "connection")),
    ));
    if let Some([looks, held]) = f.looks {
        rows.push(("looks with a small piece unsent", format!("{} of {}", number(held), number(looks))));
        rows.push(("a wait, on average", ms(f.wait_ms)));
        rows.push(("round trip", ms(f.round_trip_ms)));
    } else if f.waits > 0 {
        let of = if f.stream {
            number(f.waits)
        } else {
            format!("{} of {} exchanges", number(f.waits), number(f.exchanges))
        };
        rows.push(("waits", of));
        rows.push(("a wait, median", ms(f.wait_ms)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        let thousandths = |seconds: f64| (seconds.max(0.0) * 1e3) as u64;
        rows.push(("of the time", share(thousandths(f.waited_s), thousandths(f.span_s))));
        rows.push(("round trip", ms(f.round_trip_ms)));
    }
    if !f.pattern.is_empty() && f.waits > 0 && f.kind != Kind::Paced {
        let sizes: Vec<String> = f.pattern.iter().map(u64::to_string).collect();
        rows.push(("bytes written, call by call", sizes.join(", ")));
    }
    if let Some(options) = f.options {
        rows.push(("TCP_NODELAY", if options.nodelay { "on" } else { "off" }.to_owned()));
    }
    if f.calls > 0 {
        rows.push(("calls that send", number(f.calls)));
    }
    rows.push(("segments", number(f.segments)));
    rows.push(("seen by", format!("tcptune {}, {}", env!("CARGO_PKG_VERSION"), kernel::name())));
    rows
}

/// What the reader may want to look up.
pub const fn background(kind: Kind) -> &'static str {
    match kind {
        Kind::Nagle | Kind::Peer => {
            "Background: Nagle's algorithm (RFC 896) holds a small segment while another is not acknowledged; the receiver delays \
             acknowledgements (RFC 1122, 4.2.3.2) by 40 ms and more on Linux; tcp(7), TCP_NODELAY."
        }
        Kind::Paced => {
            "Background: Nagle's algorithm (RFC 896) holds a small segment while another is not acknowledged, which takes a round trip; \
             tcp(7), TCP_NODELAY."
        }
        Kind::Cork | Kind::Held => {
            "Background: tcp(7), TCP_CORK: what is held leaves when the option is cleared, or after 200 ms; send(2), MSG_MORE."
        }
        Kind::Flood | Kind::Runts => "Background: tcp(7), TCP_NODELAY and TCP_CORK; send(2), MSG_MORE; writev(2).",
    }
}

/// A report's words as a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}
