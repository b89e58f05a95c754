//! The list as a person reads it: a line for each socket, columns as wide as what is in them.

use super::socket::Row;
use crate::output::{BOLD, FAINT, NOTE, line, styled};

/// Title, and whether it is set to the right.
const COLUMNS: [(&str, bool); 11] = [
    ("LOCAL", false),
    ("PEER", false),
    ("NODELAY", false),
    ("CORK", false),
    ("DELACK", true),
    ("RTT", true),
    ("UNSENT", true),
    ("LIBRARY", false),
    ("PID", true),
    ("COMMAND", false),
    ("UNIT", false),
];

pub fn table(rows: &[Row]) {
    let cells: Vec<[String; COLUMNS.len()]> = rows.iter().map(cells).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            let longest = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
            longest.unwrap_or(0).max(COLUMNS.get(column).map_or(0, |(title, _)| title.len()))
        })
        .collect();
    line(&styled(BOLD, joined(COLUMNS.map(|(title, _)| title.to_owned()).as_slice(), &widths)));
    for (row, cells) in rows.iter().zip(&cells) {
        let text = joined(cells, &widths);
        line(&if row.held { styled(NOTE, text) } else { text });
    }
    let unseen = rows.iter().filter(|row| row.nodelay.is_none()).count();
    if unseen > 0 {
        let whose = "of other users' processes, or of none: their options cannot be read from here (as root more can)";
        line(&styled(FAINT, format_args!("{unseen} of {} {whose}", rows.len())));
    }
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let dash = || "-".to_owned();
    let switch = |on: Option<bool>| on.map_or_else(dash, |on| if on { "on" } else { "off" }.to_owned());
    let unsent = match (row.listening, row.unsent_bytes) {
        (true, _) => dash(),
        (false, bytes) if row.held => format!("{bytes} held"),
        (false, bytes) => bytes.to_string(),
    };
    [
        row.local.to_string(),
        row.peer.map_or_else(|| "(listening)".to_owned(), |peer| peer.to_string()),
        switch(row.nodelay),
        switch(row.cork),
        row.delayed_ack_max_us.map_or_else(dash, |us| milliseconds(us.unsigned_abs())),
        row.round_trip_us.map_or_else(dash, milliseconds),
        unsent,
        row.library.map_or_else(dash, |there| if there { "yes" } else { "no" }.to_owned()),
        match row.pids.as_slice() {
            [] => dash(),
            [pid] => pid.to_string(),
            [pid, others @ ..] => format!("{pid}+{}", others.len()),
        },
        row.command.clone().unwrap_or_else(dash),
        row.unit.clone().unwrap_or_else(dash),
    ]
}

fn milliseconds(us: u32) -> String {
    let ms = f64::from(us) / 1000.0;
    if ms >= 10.0 { format!("{ms:.0} ms") } else { format!("{ms:.2} ms") }
}

fn joined(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for ((cell, width), (_, right)) in cells.iter().zip(widths).zip(COLUMNS) {
        let cell = if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
        text.push_str(&cell);
        text.push_str("  ");
    }
    text.trim_end().to_owned()
}
