//! The ranking as a person reads it: a table as wide as there is room, the worst first.

use std::fmt::Write;

use super::ranking::{Fault, Ranking, Row};
use crate::doctor::report::Verdict;
use crate::doctor::words::{self, several};
use crate::output::table::{self, Column};
use crate::output::words::{milliseconds, number};
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, Width, paragraph, styled};

/// Where what is said of a service begins.
const INDENT: &str = "           ";
/// Doubts that are shown.
const SHOWN: usize = 5;

pub fn text(ranking: &Ranking, width: Width) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    match ranking.verdict {
        Verdict::Found => {
            let count = number(ranking.services.len() as u64);
            let verb = if ranking.services.len() == 1 { "loses" } else { "lose" };
            let all = several(ranking.watched_services as u64, "service");
            line(styled(BAD, format_args!("{count} of {all} {verb} time to stalls")));
            table(&ranking.services, width, &mut line);
        }
        Verdict::None => line(styled(GOOD, "no stall found")),
        Verdict::Unknown => {}
    }
    doubts(ranking, width.sentence(), &mut line);
    line(paragraph("", &extent(ranking), 2, width.sentence()));
    if ranking.own_only {
        let text = "only your own processes were looked at: as root, all are";
        line(styled(FAINT, paragraph("", text, 2, width.sentence())));
    }
    out
}

const COLUMNS: [Column<'static>; 6] = [
    Column::right("LOST", 0),
    Column::right("WAITS", 3),
    Column::right("EACH", 2),
    Column::left("SERVICE", 0).cut(12),
    Column::left("WITH", 1).middle(15),
    Column::left("AT FAULT", 4),
];

fn table(rows: &[Row], width: Width, line: &mut impl FnMut(String)) {
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let table = table::lines(&COLUMNS, cells.iter().map(<[String; 6]>::as_slice), width.page());
    line(styled(BOLD, table.head));
    for (row, text) in rows.iter().zip(table.rows) {
        line(text);
        if let Some(cure) = &row.cure {
            let head = format!("{INDENT}{}  ", styled(FAINT, "cure"));
            line(paragraph(&head, cure, INDENT.len() + 6, width.sentence()));
        }
        if let Some(pid) = row.told.finding.pids.first() {
            line(format!("{INDENT}{}  tcptune doctor --pid {pid}", styled(FAINT, "more")));
        }
    }
}

fn cells(row: &Row) -> [String; 6] {
    let lost = if row.lost_ms_per_s > 0.0 { format!("{:.0} ms/s", row.lost_ms_per_s) } else { "-".to_owned() };
    let each = if row.told.finding.wait_ms > 0.0 { milliseconds(row.told.finding.wait_ms) } else { "-".to_owned() };
    let fault = match row.at_fault {
        Fault::Process => "itself",
        Fault::Peer => "its peer",
    };
    let waits = format!("{:.1}/s", row.waits_per_s);
    [lost, waits, each, row.name.clone(), row.with.clone(), fault.to_owned()]
}

fn doubts(ranking: &Ranking, width: usize, line: &mut impl FnMut(String)) {
    for doubt in ranking.doubts.iter().take(SHOWN) {
        line(paragraph(&format!("{}: ", styled(NOTE, "could not tell")), &doubt.text, 2, width));
    }
    let more = ranking.doubts.len().saturating_sub(SHOWN);
    if more > 0 {
        line(format!("  and of {} more (--json lists all)", several(more as u64, "service")));
    }
    if let Some(doubt) = ranking.doubts.first() {
        line(paragraph(&format!("  {}  ", styled(FAINT, "what helps")), doubt.advice, 14, width));
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
        ranking.cost_percent
    );
    if extent.spaces > 1 {
        text.push_str(&format!("; {}", several(extent.spaces as u64, "network namespace")));
    }
    if ranking.sampled {
        text.push_str("; times are estimates from what was seen closely");
    }
    text
}
