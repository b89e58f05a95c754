//! The sockets as a person reads them: a table for each process, and single lines for what --watch finds later.

use super::session::Row;
use crate::os::process::Process;
use crate::output::table::{self, Column};
use crate::output::{BOLD, FAINT, GOOD, NOTE, Width, line, styled};

const INDENT: &str = "  ";
const COLUMNS: [Column<'static>; 5] = [
    Column::right("fd", 0).at_least(5),
    Column::left("state", 2),
    Column::left("local", 1).middle(15),
    Column::left("peer", 0).middle(15),
    Column::left("TCP_NODELAY", 0).wrap(11),
];

/// How much is to be told.
#[derive(Clone, Copy)]
pub struct Manner {
    pub dry: bool,
    pub verbose: bool,
}

pub fn list(process: &Process, rows: &[Row], manner: Manner) {
    line(&styled(BOLD, process));
    if rows.is_empty() {
        line("  no TCP socket");
        return;
    }
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| [row.fd.to_string(), row.state.to_owned(), row.local.clone(), row.peer.clone(), change(row, manner)])
        .collect();
    let room = Width::of_stdout().table().saturating_sub(INDENT.len());
    let table = table::lines(&COLUMNS, cells.iter().map(<[String; 5]>::as_slice), room);
    line(&format!("{INDENT}{}", styled(FAINT, table.head)));
    table.rows.iter().flat_map(|row| row.lines()).for_each(|text| line(&format!("{INDENT}{text}")));
    let changed = rows.iter().filter(|row| row.changed).count();
    let total: f64 = rows.iter().map(|row| row.took_us).sum();
    let plural = if rows.len() == 1 { "" } else { "s" };
    let verb = if manner.dry { "would be changed" } else { "changed" };
    line(&format!("  {} TCP socket{plural}, {changed} {verb}, {:.2} ms", rows.len(), total / 1000.0));
}

/// What --watch has found.
pub fn single(row: &Row, manner: Manner) {
    line(&format!("{} fd {} {} {} -> {}: {}", row.pid, row.fd, row.state, row.local, row.peer, change(row, manner)));
}

fn change(row: &Row, manner: Manner) -> String {
    let word = |on| if on { "on" } else { "off" };
    let mut text = if row.before == row.after {
        word(row.after).to_owned()
    } else {
        styled(GOOD, format_args!("{} -> {}", word(row.before), word(row.after)))
    };
    if row.protocol != "tcp" {
        text.push_str(&format!(" ({})", row.protocol));
    }
    for option in &row.options {
        text.push_str(&format!(", {option}"));
    }
    for reason in &row.refused {
        text.push_str(&format!(", {}", styled(NOTE, format_args!("refused: {reason}"))));
    }
    if manner.verbose {
        text.push_str(&styled(FAINT, format_args!("  {:.0} us", row.took_us)));
    }
    text
}
