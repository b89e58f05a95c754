//! What `tcptune systemd show` and `verify` print for people.

use super::environment::{Origin, Variable};
use super::report::Report;
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, line, styled, wrapped};

/// The width of the labels.
const LABEL: usize = 18;
const WIDTH: usize = 78;

pub fn heading(unit: &str, state: &str) {
    line(&styled(BOLD, format_args!("{unit}: {state}")));
}

pub fn row(label: &str, text: &str) {
    let plain = anstream::adapter::strip_str(label).to_string();
    let space = " ".repeat(LABEL.saturating_sub(plain.len()).max(1));
    line(&format!("  {label}{space}{}", wrapped(text, WIDTH - LABEL, LABEL + 2)));
}

pub fn variable(variable: &Variable) {
    let (Origin::Unit(path) | Origin::File(path)) = &variable.origin;
    let origin = styled(FAINT, format_args!("(from {})", path.display()));
    row(&variable.name, &format!("{} {origin}", variable.value));
}

pub fn hindrance(text: &str) {
    row(&styled(BAD, "stands in the way"), text);
}

pub fn note(text: &str) {
    row(&styled(NOTE, "note"), text);
}

/// What `verify` has seen of a unit.
pub fn verified(report: &Report) {
    heading(&report.unit, &report.state);
    for row in &report.processes {
        let what = match (&row.library, &row.reason) {
            (Some(library), None) => format!("{} {}", styled(GOOD, "loaded"), library.display()),
            (Some(_), Some(_)) => styled(BAD, "does nothing"),
            (None, _) => styled(BAD, "not loaded"),
        };
        line(&format!("  process {} ({}): {what}", row.pid, row.name));
        if let Some(reason) = &row.reason {
            line(&format!("    {}", wrapped(reason, 76, 4)));
        }
        for socket in &row.sockets {
            let word = if socket.nodelay { styled(GOOD, "on") } else { styled(NOTE, "off") };
            let peer = if socket.peer == "-" { String::new() } else { format!(" -> {}", socket.peer) };
            line(&format!("    fd {} {} {}{peer}: TCP_NODELAY {word}", socket.fd, socket.state, socket.local));
        }
        if let Some(why) = &row.unseen {
            line(&styled(FAINT, format_args!("    its sockets cannot be looked at: {why}")));
        }
    }
    let (style, word) = match (report.tuned, report.observes) {
        (true, true) => (GOOD, "observed"),
        (true, false) => (GOOD, "tuned"),
        (false, _) => (BAD, "not tuned"),
    };
    line(&format!("{}: {}", styled(style, word), report.verdict));
}
