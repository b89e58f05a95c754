//! What the demonstration says: with which client, the rates as a table and as bars, and what they mean.

use std::path::Path;

use super::client::{Client, MAIL_SIZE};
use crate::errors::{NO, OK};
use crate::output::table::{self, Column};
use crate::output::{BAD, BOLD, FAINT, GOOD, Width, line, paragraph, styled};

/// One of the two ways the client was run.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    /// Mails per second, median of the rounds.
    pub rate: f64,
    /// Data segments per mail.
    pub segments: Option<f64>,
}

/// An exchange that lasts longer than this waits for a timer, not for the machine; a delayed acknowledgement is 40 ms.
pub const STALL: f64 = 0.030;
/// A bar, at most, and what stands beside it.
const BAR: usize = 56;
const BESIDE: usize = 22;
const MIGRATION: f64 = 5000.0;

/// Sentences.
fn say(text: &str) {
    line(&paragraph("", text, 0, Width::of_stdout().sentence()));
}

/// What is going to be done.
pub fn introduction(client: &Client, library: &Path, rounds: usize) {
    say(&format!(
        "Appending mails of {:.1} kB over IMAP on loopback, {rounds} rounds plain and preloaded in turns.",
        MAIL_SIZE as f64 / 1000.0
    ));
    line(&styled(FAINT, format_args!("client   {}", client.describe())));
    line(&styled(FAINT, format_args!("library  {}", library.display())));
    line("");
}

pub fn table(plain: Row, tuned: Row, ratio: f64) {
    let cells = [plain, tuned].map(|row| {
        [
            row.name.to_owned(),
            format!("{:.1}", row.rate),
            format!("{:.2} ms", 1000.0 / row.rate),
            row.segments.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}")),
            duration(MIGRATION / row.rate),
        ]
    });
    let columns = [
        Column::left("", 0).at_least(10),
        Column::right("mails/s", 0).at_least(10),
        Column::right("per mail", 0).at_least(10),
        Column::right("segments/mail", 2),
        Column::right("5,000 mails", 1).at_least(13),
    ];
    let table = table::lines(&columns, cells.iter().map(<[String; 5]>::as_slice), Width::of_stdout().page());
    line(&styled(BOLD, table.head));
    table.rows.iter().for_each(|text| line(text));
    line(&format!("{:12}{:>9.1}x", "ratio", ratio));
    line("");
    let full = plain.rate.max(tuned.rate);
    for (row, style) in [(plain, BAD), (tuned, GOOD)] {
        let bar = bar(row.rate / full, Width::of_stdout().page().saturating_sub(BESIDE).clamp(8, BAR));
        line(&format!("{:12}{} {}", row.name, styled(style, bar), styled(FAINT, format_args!("{:.0}/s", row.rate))));
    }
    line("");
}

/// A bar of `share` times `width` columns, exact to an eighth of a column, never empty.
fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = ((share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize).max(1);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

/// What the figures mean, and whether the demonstration showed it. Seconds per mail, and segments per mail if they went down.
pub fn conclusion(plain: f64, tuned: f64, fewer: Option<(f64, f64)>) -> u8 {
    if plain < STALL {
        say(
            "The plain run did not stall on this machine, so there is nothing to cure here. Possible reasons: a route with \
             quickack 1, a system-wide preload, or a kernel whose delayed acknowledgements are set otherwise.",
        );
        return OK;
    }
    if tuned >= STALL {
        say("The preloaded run stalled as well: the library had no effect. `tcptune check python3` may say why.");
        return NO;
    }
    say(&format!(
        "Plain, each mail waits about {:.0} ms: its last two bytes are held back by Nagle's algorithm until the server \
         acknowledges the part before them, and the server's kernel delays that acknowledgement. Preloaded, nothing waits.",
        plain * 1000.0
    ));
    if let Some((before, after)) = fewer {
        say(&format!("A mail now takes {after:.1} segments instead of {before:.1}: its two writes leave together."));
    }
    say("This server stores nothing; one that does adds its own time per mail to both rows.");
    OK
}

#[cfg(test)]
mod tests {
    use super::{bar, duration};

    #[test]
    fn bars_are_exact_to_an_eighth() {
        assert_eq!(bar(1.0, 3), "███");
        assert_eq!(bar(0.5, 3), "█▌");
        assert_eq!(bar(0.0, 3), "▏");
        assert_eq!(bar(7.0, 2), "██");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(8.04), "8.0 s");
        assert_eq!(duration(218.9), "3 min 39 s");
        assert_eq!(duration(119.7), "2 min 00 s");
    }
}
