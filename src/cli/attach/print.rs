//! The sockets as a person reads them: a table for each process, and single lines for what --watch finds later.

use super::session::Row;
use crate::os::process::Process;
use crate::output::{BOLD, FAINT, GOOD, NOTE, line, styled};

/// How much is to be told.
#[derive(Clone, Copy)]
pub struct Manner {
    pub dry: bool,
    pub verbose: bool,
}

pub fn table(process: &Process, rows: &[Row], manner: Manner) {
    line(&styled(BOLD, format!("process {} ({})", process.pid, process.name)));
    if rows.is_empty() {
        line("  no TCP socket");
        return;
    }
    let width =
        |title: &str, of: fn(&Row) -> &str| rows.iter().map(|r| of(r).len()).max().unwrap_or(0).max(title.len());
    let (state, local, peer) = (width("state", |r| r.state), width("local", |r| &r.local), width("peer", |r| &r.peer));
    let head = format!("  {:>5}  {:<state$}  {:<local$}  {:<peer$}  TCP_NODELAY", "fd", "state", "local", "peer");
    line(&styled(FAINT, head));
    for row in rows {
        line(&format!(
            "  {:>5}  {:<state$}  {:<local$}  {:<peer$}  {}",
            row.fd,
            row.state,
            row.local,
            row.peer,
            change(row, manner)
        ));
    }
    let changed = rows.iter().filter(|row| row.changed).count();
    let total: f64 = rows.iter().map(|row| row.microseconds).sum();
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
        text.push_str(&styled(FAINT, format_args!("  {:.0} us", row.microseconds)));
    }
    text
}
