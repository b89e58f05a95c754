//! The result as a table and as bars.

use crate::output::{BAD, BOLD, FAINT, GOOD, line, styled};

/// One of the two ways the client was run.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    /// Mails per second, median of the rounds.
    pub rate: f64,
    /// Data segments per mail.
    pub segments: Option<f64>,
}

const BAR: usize = 56;
const MIGRATION: f64 = 5000.0;

pub fn print(plain: Row, tuned: Row, ratio: f64) {
    line(&styled(
        BOLD,
        format_args!("{:12}{:>10}{:>12}{:>16}{:>15}", "", "mails/s", "per mail", "segments/mail", "5,000 mails"),
    ));
    for row in [plain, tuned] {
        let segments = row.segments.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}"));
        line(&format!(
            "{:12}{:>10.1}{:>12}{:>16}{:>15}",
            row.name,
            row.rate,
            format!("{:.2} ms", 1000.0 / row.rate),
            segments,
            duration(MIGRATION / row.rate)
        ));
    }
    line(&format!("{:12}{:>9.1}x", "ratio", ratio));
    line("");
    let full = plain.rate.max(tuned.rate);
    for (row, style) in [(plain, BAD), (tuned, GOOD)] {
        let bar = bar(row.rate / full, BAR);
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
