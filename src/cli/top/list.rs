//! Draws the list of processes, under the curves of what all of them do.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Padding, Paragraph, Row, Sparkline, Table, TableState, Wrap};

use super::columns::{COLUMNS, Column, STALLS, name_and_arguments, short, shown};
use super::look::{ACCENT, ALARM, QUIET, TUNED, framed};
use super::sample::Line;
use super::view::View;
use crate::output::table::cut;

/// A lower screen has the list only.
const ROOM_FOR_CURVES: u16 = 16;

pub fn draw(frame: &mut Frame, area: Rect, view: &View, lines: &[&Line], at: Option<usize>) {
    let curves = if area.height >= ROOM_FOR_CURVES { 6 } else { 0 };
    let [top, below] = Layout::vertical([Constraint::Length(curves), Constraint::Fill(1)]).areas(area);
    if curves > 0 {
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(top);
        curve(frame, left, "data calls", &view.calls, TUNED);
        curve(frame, right, "stalls", &view.stalls, ALARM);
    }
    if lines.is_empty() {
        let text = "Nothing is counted here yet: a process makes its file when it opens its first TCP connection or listener.\n\n\
                    tcptune run --stats DIR -- COMMAND";
        let block = framed(" Processes ").padding(Padding::new(2, 2, 1, 0));
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).block(block), below);
        return;
    }
    let columns = shown(below.width.saturating_sub(2), view.column);
    let title = |&number: &usize| {
        let column = &COLUMNS[number];
        let sorted = number == view.column;
        let mark = match (sorted, view.reversed) {
            (true, false) => "▾",
            (true, true) => "▴",
            (false, _) => "",
        };
        let style = if sorted { Style::new().fg(Color::Black).bg(ACCENT) } else { Style::new().fg(ACCENT) };
        // The blank before it is not part of it.
        let title = Span::styled(format!("{mark}{}", column.title), style);
        Cell::new(Text::from(title).right_aligned())
    };
    let titles = columns.iter().map(title).chain([Cell::new(" COMMAND").style(Style::new().fg(ACCENT))]);
    let mut state = TableState::new().with_selected(at);
    let widths = columns.iter().map(|&at| Constraint::Length(COLUMNS[at].width)).chain([Constraint::Fill(1)]);
    let taken: u16 = columns.iter().map(|&at| COLUMNS[at].width).sum();
    let room = usize::from(below.width.saturating_sub(2 + taken));
    let table = Table::new(lines.iter().map(|line| row(line, &columns, room)), widths)
        .header(Row::new(titles).style(Modifier::BOLD))
        .column_spacing(0)
        .row_highlight_style(Style::new().bg(Color::Indexed(237)).add_modifier(Modifier::BOLD))
        .block(framed(" Processes "));
    frame.render_stateful_widget(table, below, &mut state);
}

/// `room`: for the command.
fn row<'l>(line: &'l Line, columns: &[usize], room: usize) -> Row<'l> {
    let stalls = line.rate(STALLS).unwrap_or(0.0) > 0.0;
    let cell = |column: &Column| {
        let text = (column.text)(line);
        let style = match column.title {
            _ if text == "-" || text == "0" => QUIET,
            "STALL/S" if stalls => Style::new().fg(ALARM).add_modifier(Modifier::BOLD),
            _ => Style::new(),
        };
        Cell::new(Text::from(text).right_aligned().style(style))
    };
    let (named, arguments) = name_and_arguments(&line.process);
    let mut command = vec![Span::raw(cut(&format!(" {named}"), room))];
    if line.process.observing {
        command.push(Span::styled(" observed", Style::new().fg(ACCENT)));
    }
    let left = room.saturating_sub(command.iter().map(Span::width).sum());
    command.push(Span::styled(cut(&format!(" {arguments}"), left), QUIET));
    let style = if line.process.running { Style::new() } else { QUIET };
    Row::new(columns.iter().map(|&at| cell(&COLUMNS[at])).chain([Cell::new(Text::from(command))])).style(style)
}

/// What all processes did lately, a column for each interval, the newest at the right.
fn curve(frame: &mut Frame, area: Rect, what: &str, rates: &VecDeque<f64>, color: Color) {
    let now = rates.back().copied().unwrap_or(0.0);
    let shown = rates.iter().rev().take(area.width.saturating_sub(2).into());
    let most = shown.clone().copied().fold(0.0, f64::max);
    let whole = format!(" {} {what}/s, most {} ", short(now), short(most));
    // A number without its last digits would be another.
    let fits = whole.chars().count() + 2 <= usize::from(area.width);
    let title = if fits { whole } else { format!(" {} {what}/s ", short(now)) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a height, in thousandths")]
    let mut heights: Vec<u64> = shown.map(|rate| (rate * 1000.0) as u64).collect();
    heights.resize(area.width.saturating_sub(2).into(), 0);
    heights.reverse();
    frame.render_widget(Sparkline::default().data(heights).style(Style::new().fg(color)).block(framed(&title)), area);
}
