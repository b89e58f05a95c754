//! Draws times to an answer: a row for each doubling, with a bar for each arm, as a share of that arm.

use std::ops::RangeInclusive;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Paragraph;

use super::look::{QUIET, TUNED, UNTOUCHED, framed};
use crate::counters::Histogram;
use crate::output::table::cut;
use crate::output::words::{number, share, time};

/// Room for "≥ 1.82 ms ".
const LABEL: usize = 12;
/// Room for " < 0.1 % ".
const SHARE: usize = 9;

/// One arm as it is drawn.
struct Side<'h> {
    name: &'static str,
    color: Color,
    times: &'h Histogram,
    /// Four buckets are a doubling.
    doublings: Vec<u64>,
}

impl<'h> Side<'h> {
    fn new(name: &'static str, color: Color, times: &'h Histogram) -> Self {
        let doublings = times.buckets.chunks(4).map(|four| four.iter().map(|(_, count)| count).sum()).collect();
        Self { name, color, times, doublings }
    }

    fn at(&self, row: usize) -> u64 {
        self.doublings.get(row).copied().unwrap_or(0)
    }

    fn sum(&self, rows: RangeInclusive<usize>) -> u64 {
        rows.map(|row| self.at(row)).sum()
    }

    fn head(&self, room: usize) -> Span<'static> {
        let median = self.times.quantile(0.5).map_or_else(|| "-".to_owned(), time);
        let width = room + SHARE;
        let count = format!("{} {}, ", number(self.times.total()), self.name);
        let whole = format!("{count}median {median}");
        let text = if whole.chars().count() < width { whole } else { cut(&format!("{count}{median}"), width - 1) };
        Span::styled(format!("{text:width$}"), Style::new().fg(self.color).add_modifier(Modifier::BOLD))
    }

    /// Of some rows added up.
    fn bar(&self, rows: RangeInclusive<usize>, most: u64, room: usize) -> [Span<'static>; 2] {
        let count = self.sum(rows);
        let drawn = blocks(count, most, room);
        let width = (room + SHARE).saturating_sub(drawn.chars().count() + 1);
        let said = match share(count, self.times.total()) {
            _ if count == 0 => String::new(),
            zero if zero == "0.0 %" => "< 0.1 %".to_owned(),
            said => said,
        };
        [Span::styled(drawn, Style::new().fg(self.color)), Span::styled(format!(" {said:<width$}"), QUIET)]
    }
}

pub fn draw(frame: &mut Frame, area: Rect, what: &str, tuned: &Histogram, control: &Histogram) {
    let title = format!(" Time to an answer, {what} ");
    let all = [Side::new("tuned", TUNED, tuned), Side::new("untouched", UNTOUCHED, control)];
    let sides: Vec<&Side> = all.iter().filter(|side| side.times.total() > 0).collect();
    let filled = |row: &usize| sides.iter().any(|side| side.at(*row) > 0);
    let rows = sides.iter().map(|side| side.doublings.len()).max().unwrap_or(0);
    let (Some(first), Some(last)) = ((0..rows).find(filled), (0..rows).rev().find(filled)) else {
        frame.render_widget(Paragraph::new(" No exchange yet.").style(QUIET).block(framed(&title)), area);
        return;
    };
    let inside = usize::from(area.width).saturating_sub(2 + LABEL);
    let room = (inside / sides.len()).saturating_sub(SHARE);
    let mut head = vec![Span::raw(" ".repeat(LABEL))];
    head.extend(sides.iter().map(|side| side.head(room)));
    let mut text = vec![Text::from(head)];
    // Where not all rows fit the longest times are what matters: what is shorter is one row.
    let fit = usize::from(area.height).saturating_sub(3);
    let top = first.max((last + 1).saturating_sub(fit));
    for row in top..=last {
        let rows = if row == top { 0..=row } else { row..=row };
        let bound = |row: usize| {
            let nanos = sides[0].times.buckets.get(row * 4).map_or(0.0, |bucket| bucket.0);
            time(Duration::from_secs_f64(nanos / 1e9))
        };
        let label = if row == 0 || row == top && top > first {
            format!("< {}", bound(row + 1))
        } else {
            format!("≥ {}", bound(row))
        };
        let mut words = vec![Span::raw(format!("{label:>width$} ", width = LABEL - 1))];
        for side in &sides {
            let most = (top + 1..=last).map(|row| side.at(row)).chain([side.sum(0..=top)]).max().unwrap_or(0);
            words.extend(side.bar(rows.clone(), most, room));
        }
        text.push(Text::from(words));
    }
    frame.render_widget(Paragraph::new(text).block(framed(&title)), area);
}

/// A bar in eighths of a column; whatever is there can be seen.
fn blocks(count: u64, most: u64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if count == 0 || most == 0 {
        return String::new();
    }
    let eighths = u128::from(count) * room as u128 * 8 / u128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or(0).max(1);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn bars_are_in_proportion_and_never_too_long() {
        assert_eq!(
            (blocks(0, 9, 4), blocks(9, 9, 4), blocks(1, 1_000_000, 4)),
            (String::new(), "████".into(), "▏".into())
        );
        assert_eq!(blocks(5, 16, 4), "█▎");
        assert_eq!(blocks(u64::MAX, u64::MAX, 300).chars().count(), 300);
    }
}
