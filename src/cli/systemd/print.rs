//! What `tcptune systemd show` and `verify` print for people.

use super::environment::{Origin, Variable};
use super::report::Report;
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, Width, line, paragraph, styled};

/// The width of the labels.
const LABEL: usize = 18;

pub fn heading(unit: &str, state: &str) {
    say("", &styled(BOLD, format_args!("{unit}: {state}")), 2);
}

pub fn row(label: &str, text: &str) {
    let plain = anstream::adapter::strip_str(label).to_string();
    let space = " ".repeat(LABEL.saturating_sub(plain.len()).max(1));
    say(&format!("  {label}{space}"), text, LABEL + 2);
}

fn say(head: &str, text: &str, indent: usize) {
    line(&paragraph(head, text, indent, Width::of_stdout().sentence()));
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
    line(&told(report, Width::of_stdout()));
}

fn told(report: &Report, room: Width) -> String {
    let width = room.sentence();
    let mut lines = vec![paragraph("", &styled(BOLD, format_args!("{}: {}", report.unit, report.state)), 2, width)];
    let said = |head: &str, text: &str, indent: usize| paragraph(head, text, indent, width);
    for row in &report.processes {
        let what = match (&row.library, &row.reason) {
            (Some(library), None) => format!("{} {}", styled(GOOD, "loaded"), library.display()),
            (Some(_), Some(_)) => styled(BAD, "does nothing"),
            (None, _) => styled(BAD, "not loaded"),
        };
        lines.push(said(&format!("  process {} ({}): ", row.pid, row.name), &what, 4));
        if let Some(reason) = &row.reason {
            lines.push(said("    ", reason, 4));
        }
        for socket in &row.sockets {
            let word = if socket.nodelay { styled(GOOD, "on") } else { styled(NOTE, "off") };
            let peer = if socket.peer == "-" { String::new() } else { format!(" -> {}", socket.peer) };
            let text = format!("{} {}{peer}: TCP_NODELAY {word}", socket.state, socket.local);
            // A line for each, where another program looks for it.
            lines.push(paragraph(&format!("    fd {} ", socket.fd), &text, 6, room.table()));
        }
        if let Some(why) = &row.unseen {
            lines.push(said("    ", &styled(FAINT, format_args!("its sockets cannot be looked at: {why}")), 6));
        }
    }
    let (style, word) = match (report.tuned, report.observes) {
        (true, true) => (GOOD, "observed"),
        (true, false) => (GOOD, "tuned"),
        (false, _) => (BAD, "not tuned"),
    };
    lines.push(said(&format!("{}: ", styled(style, word)), &report.verdict, 2));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::report::{Report, Row, TcpSocket};
    use super::{Width, told};

    #[test]
    fn it_fits_the_terminal() {
        let socket = |fd| TcpSocket {
            fd,
            state: "established",
            local: "[2001:db8:17:4711::1]:8443".to_owned(),
            peer: "[2001:db8:17:4711::2]:50412".to_owned(),
            nodelay: fd % 2 == 0,
        };
        let row = |reason: Option<&str>| Row {
            pid: 4711,
            name: "imap-hibernate".to_owned(),
            library: reason.is_none().then(|| "/usr/lib/x86_64-linux-gnu/tcptune/libtcptune.so".into()),
            reason: reason.map(str::to_owned),
            sockets: vec![socket(4), socket(5)],
            unseen: Some("not permitted: as root more can be seen".to_owned()),
        };
        let report = Report {
            unit: "legacyd-frontend@northwest.service".to_owned(),
            state: "active (running)".to_owned(),
            tuned: false,
            observes: false,
            verdict: "the library is in 1 of 2 processes, 2 of 4 TCP sockets have TCP_NODELAY".to_owned(),
            processes: vec![row(None), row(Some("it was started without: before the drop-in was written"))],
        };
        for width in [60, 80, 120, 200] {
            let text = anstream::adapter::strip_str(&told(&report, Width::columns(width))).to_string();
            for line in text.lines() {
                // The library's path is one word.
                assert!(line.chars().count() <= width || line.trim().starts_with("/usr/lib/"), "{width}: {line}");
            }
            assert!(
                text.contains("process 4711 (imap-hibernate)") && text.contains("not tuned: the library"),
                "{text}"
            );
        }
    }
}
