//! The ranking as a person reads it: a table that fits a terminal of 80 columns, the worst first.

use std::fmt::Write;

use super::ranking::{Fault, Ranking, Row};
use crate::doctor::report::Verdict;
use crate::doctor::words::{self, several};
use crate::output::words::{milliseconds, number};
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, styled, wrapped};

const WIDTH: usize = 78;
/// Of a service's name, so that the rest fits.
const NAME: usize = 20;
const WITH: usize = 19;
/// Doubts that are shown.
const SHOWN: usize = 5;

pub fn text(ranking: &Ranking) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    match ranking.verdict {
        Verdict::Found => {
            let count = several(ranking.services.len() as u64, "service");
            let verb = if ranking.services.len() == 1 { "waits" } else { "wait" };
            let all = number(ranking.watched_services as u64);
            line(styled(BAD, format_args!("{count} of {all} {verb} for nothing")));
            table(&ranking.services, &mut line);
        }
        Verdict::None => line(styled(GOOD, "no stall found")),
        Verdict::Unknown => {}
    }
    doubts(ranking, &mut line);
    line(wrapped(&extent(ranking), WIDTH, 2));
    if ranking.own_only {
        line(styled(FAINT, "only your own processes were looked at: as root, all are"));
    }
    out
}

fn table(rows: &[Row], line: &mut impl FnMut(String)) {
    let titles = ["LOST", "WAITS", "EACH", "SERVICE", "WITH", "AT FAULT"].map(str::to_owned);
    line(styled(BOLD, columns(&titles)));
    for row in rows {
        let lost = if row.lost_ms_per_s > 0.0 { format!("{:.0} ms/s", row.lost_ms_per_s) } else { "-".to_owned() };
        let each = if row.told.finding.wait_ms > 0.0 { milliseconds(row.told.finding.wait_ms) } else { "-".to_owned() };
        let fault = match row.at_fault {
            Fault::Process => "itself",
            Fault::Peer => "its peer",
        };
        let waits = format!("{:.1}/s", row.waits_per_s);
        line(columns(&[lost, waits, each, cut(&row.name, NAME), cut(&row.with, WITH), fault.to_owned()]));
        if let Some(cure) = &row.cure {
            line(format!("           {}  {}", styled(FAINT, "cure"), wrapped(cure, WIDTH - 17, 17)));
        }
        if let Some(pid) = row.told.finding.pids.first() {
            line(format!("           {}  tcptune doctor --pid {pid}", styled(FAINT, "more")));
        }
    }
}

fn columns(cells: &[String; 6]) -> String {
    let [lost, waits, each, name, with, fault] = cells;
    format!("{lost:>9}  {waits:>7}  {each:>7}  {name:<NAME$}  {with:<WITH$}  {fault}").trim_end().to_owned()
}

/// No more than so many characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

fn doubts(ranking: &Ranking, line: &mut impl FnMut(String)) {
    for doubt in ranking.doubts.iter().take(SHOWN) {
        line(format!("{}: {}", styled(NOTE, "could not tell"), wrapped(&doubt.text, WIDTH - 16, 2)));
    }
    let more = ranking.doubts.len().saturating_sub(SHOWN);
    if more > 0 {
        line(format!("  and of {} more (--json lists all)", several(more as u64, "service")));
    }
    if let Some(doubt) = ranking.doubts.first() {
        line(format!("  {}  {}", styled(FAINT, "what helps"), wrapped(doubt.advice, WIDTH - 14, 14)));
    }
}

/// What was looked at, how often, and what that took.
fn extent(ranking: &Ranking) -> String {
    let extent = &ranking.extent;
    let mut text = format!(
        "{} on {} of {} in {}; {}, up to {} apart, and closely at up to {} at a time; this took {:.1} % of one core",
        several(ranking.exchanges, "exchange"),
        several(ranking.connections, "connection"),
        several(ranking.watched_services as u64, "service"),
        words::time(ranking.watched_s),
        match extent.surveys {
            1 => "looked at all once".to_owned(),
            times => format!("looked at all {} times", number(times.into())),
        },
        words::time(extent.apart.as_secs_f64()),
        number(extent.closely as u64),
        ranking.cost * 100.0
    );
    if extent.spaces > 1 {
        text.push_str(&format!("; {}", several(extent.spaces as u64, "network namespace")));
    }
    if ranking.sampled {
        text.push_str("; times are estimates from what was seen closely");
    }
    text
}
