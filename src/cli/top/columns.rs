//! The columns of the list of processes: what stands in each, and what it is sorted by. One row each.

use std::cmp::Ordering;

use tcptune_policy::counters::{Arm, Counter};

use super::sample::Line;
use crate::counters::{Process, name};
use crate::output::table;
use crate::output::words::{per, share, time};

/// Calls that carry data, either way.
pub const CALLS: &[Counter] = &[Counter::CallsSent, Counter::CallsReceived];
/// Bytes, either way.
pub const BYTES: &[Counter] = &[Counter::BytesSent, Counter::BytesReceived];
/// Waits of all kinds that a better order of calls or options would have spared.
pub const STALLS: &[Counter] = &[Counter::Stalls, Counter::CorkStalls, Counter::PeerStalls];

pub struct Column {
    pub title: &'static str,
    /// With a blank before what stands in it.
    pub width: u16,
    /// 0: always there. On a narrow terminal the lowest come first.
    pub rank: u8,
    /// What it shows.
    pub text: fn(&Line) -> String,
    /// What it is sorted by, the largest first.
    pub value: fn(&Line) -> f64,
}

/// Behind them the command line, as far as it fits.
pub const COLUMNS: &[Column] = &[
    Column {
        title: "PID",
        width: 8,
        rank: 0,
        text: |line| line.process.pid.to_string(),
        value: |line| -float(line.process.pid),
    },
    Column { title: "OPEN", width: 6, rank: 5, text: |line| short(float(open(line))), value: |line| float(open(line)) },
    Column {
        title: "CONN/S",
        width: 8,
        rank: 9,
        text: |line| rate(line, &[Counter::Connections]),
        value: |line| of(line, &[Counter::Connections]),
    },
    Column { title: "CALLS/S", width: 9, rank: 1, text: |line| rate(line, CALLS), value: |line| of(line, CALLS) },
    Column { title: "BYTES/S", width: 9, rank: 4, text: |line| rate(line, BYTES), value: |line| of(line, BYTES) },
    Column {
        title: "ANSWER",
        width: 9,
        rank: 3,
        text: answer,
        value: |line| median(line).map_or(0.0, |time| time.as_secs_f64()),
    },
    Column { title: "SEG/BURST", width: 11, rank: 6, text: segments, value: segments_value },
    Column { title: "STALL/S", width: 9, rank: 2, text: stall_rate, value: |line| of(line, STALLS) },
    Column { title: "STALLS", width: 8, rank: 7, text: stalls, value: |line| float(line.sum(STALLS)) },
    Column {
        title: "HELD/S",
        width: 8,
        rank: 8,
        text: |line| rate(line, &[Counter::Held]),
        value: |line| of(line, &[Counter::Held]),
    },
    Column { title: "MISSED", width: 8, rank: 10, text: missed, value: |line| float(line.total.get(Counter::Misses)) },
    Column {
        title: "UNTOUCHED",
        width: 11,
        rank: 11,
        text: untouched,
        value: |line| float(line.connections(Arm::Control)),
    },
];

/// Where each column is, for the keys that sort by it.
pub const CALLS_PER_SECOND: usize = 3;

/// What the command takes at least.
pub const COMMAND: usize = 22;

/// The columns that there is room for beside the command, and always the one that is sorted by.
pub fn shown(room: u16, sorted: usize) -> Vec<usize> {
    let command = COLUMNS.len();
    let mut widths: Vec<usize> = COLUMNS.iter().map(|column| column.width.into()).collect();
    let mut ranks: Vec<u8> = COLUMNS.iter().map(|column| column.rank).collect();
    widths.push(COMMAND);
    ranks.push(0);
    ranks[sorted] = 0;
    let widths = table::fit(&widths, &widths, &ranks, 0, room.into());
    (0..command).filter(|&at| widths[at] > 0).collect()
}

/// What a process is called, and what follows it in its command line.
pub fn name_and_arguments(process: &Process) -> (&str, &str) {
    let named = name(process);
    (named, process.command.split_once(named).map_or("", |(_, rest)| rest.trim_start()))
}

/// Puts lines in the order of a column, running ones first; where it says nothing, by number.
pub fn sort(lines: &mut [&Line], column: usize, reversed: bool) {
    let value = COLUMNS[column].value;
    lines.sort_by(|a, b| {
        let order = value(b).partial_cmp(&value(a)).unwrap_or(Ordering::Equal);
        let order = if reversed { order.reverse() } else { order };
        b.process.running.cmp(&a.process.running).then(order).then(a.process.pid.cmp(&b.process.pid))
    });
}

/// Three digits or so: "0", "0.5", "17", "1.2k", "34M".
pub fn short(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e12 => (v / 1e12, "T"),
        v if v >= 1e9 => (v / 1e9, "G"),
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e4 => (v / 1e3, "k"),
        v => (v, ""),
    };
    if value == 0.0 || value >= 10.0 || (unit.is_empty() && value.fract() == 0.0) {
        format!("{value:.0}{unit}")
    } else {
        format!("{value:.1}{unit}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "to be shown in three digits")]
pub fn float(value: u64) -> f64 {
    value as f64
}

fn of(line: &Line, counters: &[Counter]) -> f64 {
    line.rate(counters).unwrap_or(0.0)
}

/// What has ended does nothing any more.
fn rate(line: &Line, counters: &[Counter]) -> String {
    match line.rate(counters) {
        Some(0.0) if !line.process.running => "-".to_owned(),
        None => "-".to_owned(),
        Some(rate) => short(rate),
    }
}

fn open(line: &Line) -> u64 {
    if line.process.running {
        line.total.get(Counter::Connections).saturating_sub(line.total.get(Counter::Closed))
    } else {
        0
    }
}

/// Of the last interval where there was something, else of all.
fn median(line: &Line) -> Option<std::time::Duration> {
    let latest = line.change.as_ref().and_then(|change| change.counts.answers.quantile(0.5));
    latest.or_else(|| line.total.answers.quantile(0.5))
}

fn answer(line: &Line) -> String {
    median(line).map_or_else(|| "-".to_owned(), time)
}

fn segments(line: &Line) -> String {
    per(line.total.get(Counter::SegmentsSent), line.total.get(Counter::SampledBursts))
}

fn segments_value(line: &Line) -> f64 {
    float(line.total.get(Counter::SegmentsSent)) / float(line.total.get(Counter::SampledBursts)).max(1.0)
}

/// A dash where none could be seen: 0 would be a claim.
fn stalls(line: &Line) -> String {
    if line.total.knows_stalls() { short(float(line.sum(STALLS))) } else { "-".to_owned() }
}

/// The same, and where nothing is counted any more.
fn stall_rate(line: &Line) -> String {
    if line.total.knows_stalls() && !line.process.restricted { rate(line, STALLS) } else { "-".to_owned() }
}

/// Of what was held: in vain.
fn missed(line: &Line) -> String {
    share(line.total.get(Counter::Misses), line.total.get(Counter::Held))
}

fn untouched(line: &Line) -> String {
    let control = line.connections(Arm::Control);
    if control == 0 { "-".to_owned() } else { share(control, line.total.get(Counter::Connections)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (0.5, "0.5"), (3.0, "3"), (17.4, "17"), (9_999.0, "9999"), (12_345.0, "12k"), (2.5e6, "2.5M")]
        {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn on_a_narrow_terminal_the_most_telling_columns_are_left() {
        let titles = |room, sorted| {
            let shown = shown(room, sorted);
            shown.into_iter().map(|at| COLUMNS[at].title).collect::<Vec<_>>()
        };
        assert_eq!(titles(58, CALLS_PER_SECOND), ["PID", "CALLS/S", "ANSWER", "STALL/S"]);
        assert_eq!(titles(78, CALLS_PER_SECOND), ["PID", "OPEN", "CALLS/S", "BYTES/S", "ANSWER", "STALL/S"]);
        assert_eq!(titles(198, CALLS_PER_SECOND).len(), COLUMNS.len());
        let untouched = COLUMNS.len() - 1;
        assert!(titles(58, untouched).contains(&"UNTOUCHED") && titles(10, untouched).contains(&"UNTOUCHED"));
    }

    #[test]
    fn the_names_of_columns_fit() {
        for column in COLUMNS {
            // With a blank before it, and the mark of the column that is sorted by.
            assert!(column.title.len() + 1 < usize::from(column.width), "{}", column.title);
        }
        assert_eq!(COLUMNS[CALLS_PER_SECOND].title, "CALLS/S");
    }
}
