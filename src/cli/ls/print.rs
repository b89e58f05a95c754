//! The list as a person reads it: a line for each socket, columns as wide as what is in them; on a narrow terminal those that matter
//! least are not there.

use super::socket::Row;
use crate::output::table::{Column, lines};
use crate::output::{BOLD, FAINT, NOTE, Width, line, paragraph, styled};

const COLUMNS: [Column<'static>; 11] = [
    Column::left("LOCAL", 0).middle(15),
    Column::left("PEER", 1).middle(15),
    Column::left("NODELAY", 0),
    Column::left("CORK", 4),
    Column::right("DELACK", 8),
    Column::right("RTT", 5),
    Column::right("UNSENT", 3),
    Column::left("LIBRARY", 6),
    Column::right("PID", 2),
    // The kernel keeps no longer names.
    Column::left("COMMAND", 0).cut(15),
    Column::left("UNIT", 7).cut(12),
];

pub fn table(rows: &[Row]) {
    let width = Width::of_stdout();
    let cells: Vec<[String; COLUMNS.len()]> = rows.iter().map(cells).collect();
    let table = lines(&COLUMNS, cells.iter().map(<[String; COLUMNS.len()]>::as_slice), width.table());
    line(&styled(BOLD, table.head));
    for (row, text) in rows.iter().zip(table.rows) {
        line(&if row.held { styled(NOTE, text) } else { text });
    }
    let unseen = rows.iter().filter(|row| row.nodelay.is_none()).count();
    if unseen > 0 {
        let whose = "of other users' processes, or of none: their options cannot be read from here (as root more can)";
        line(&styled(FAINT, paragraph("", &format!("{unseen} of {} {whose}", rows.len()), 2, width.sentence())));
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
        row.delayed_ack_max_ms.map_or_else(dash, milliseconds),
        row.round_trip_ms.map_or_else(dash, milliseconds),
        unsent,
        row.loaded.map_or_else(dash, |there| if there { "yes" } else { "no" }.to_owned()),
        match row.pids.as_slice() {
            [] => dash(),
            [pid] => pid.to_string(),
            [pid, others @ ..] => format!("{pid}+{}", others.len()),
        },
        row.name.clone().unwrap_or_else(dash),
        row.unit.clone().unwrap_or_else(dash),
    ]
}

fn milliseconds(ms: f64) -> String {
    if ms >= 10.0 { format!("{ms:.0} ms") } else { format!("{ms:.2} ms") }
}
