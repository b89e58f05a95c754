//! Draws it all: the line above, the list or one process, the keys below.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::look::{ACCENT, ALARM, QUIET, UNTOUCHED, framed};
use super::sample::Samples;
use super::view::View;
use super::{detail, list};

const KEYS: &[(&str, &str)] = &[
    ("up, down, k, j", "choose a process, or a service in an open one"),
    ("Home, End, PgUp, PgDn", "choose farther away"),
    ("Enter", "open the process: services, times to an answer, reasons"),
    ("Esc, Backspace", "back to the list"),
    ("left, right, <, >", "sort by the column before, behind"),
    ("r", "turn the order around"),
    ("g", "hide or show processes that are gone"),
    ("Space, p", "pause, go on"),
    ("?, h", "this help"),
    ("q, Ctrl-C", "leave"),
];

pub fn draw(frame: &mut Frame, view: &mut View, samples: &Samples) {
    let [above, body, below] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    head(frame, view, above, samples);
    let lines = view.lines(samples);
    match view.place(&lines) {
        Some(at) if view.open => {
            view.service = view.service.min(lines[at].process.services.len());
            detail::draw(frame, body, lines[at], view.service);
        }
        at => list::draw(frame, body, view, &lines, at),
    }
    foot(frame, view, below, samples);
    if view.help {
        help(frame);
    }
}

fn head(frame: &mut Frame, view: &View, area: Rect, samples: &Samples) {
    let running = samples.lines.iter().filter(|line| line.process.running).count();
    let gone = samples.lines.len() - running;
    let plural = if running == 1 { "process" } else { "processes" };
    let mut words = vec![
        Span::styled(" tcptune top ", Style::new().fg(Color::Black).bg(ACCENT).bold()),
        Span::raw(format!(" {}  ", view.directory.display())).bold(),
        Span::raw(format!("{running} {plural} running")),
        Span::styled(format!(", {gone} gone"), QUIET),
    ];
    if view.paused {
        words.push(Span::styled("  paused", Style::new().fg(UNTOUCHED).bold()));
    }
    frame.render_widget(Text::from(words), area);
    let every = format!("every {} s ", view.interval.as_secs_f64());
    at_the_right(frame, area, every, QUIET);
}

fn foot(frame: &mut Frame, view: &View, area: Rect, samples: &Samples) {
    let keys: &[(&str, &str)] = if view.open {
        &[("↑↓", "service"), ("Esc", "back"), ("p", "pause"), ("?", "help"), ("q", "leave")]
    } else {
        &[
            ("↑↓", "choose"),
            ("Enter", "open"),
            ("←→", "sort"),
            ("r", "reverse"),
            ("g", "gone"),
            ("p", "pause"),
            ("?", "help"),
            ("q", "leave"),
        ]
    };
    let mut words = vec![Span::raw(" ")];
    for (key, what) in keys {
        words.push(Span::styled(*key, Style::new().fg(ACCENT).bold()));
        words.push(Span::raw(format!(" {what}   ")));
    }
    frame.render_widget(Text::from(words), area);
    if let Some(problem) = samples.problems.first() {
        let all = samples.problems.len();
        let text = if all == 1 { format!("{problem} ") } else { format!("{all} files were left out ") };
        at_the_right(frame, area, text, Style::new().fg(ALARM));
    }
}

fn help(frame: &mut Frame) {
    let whole = frame.area();
    let height = u16::try_from(KEYS.len()).unwrap_or(u16::MAX).saturating_add(4).min(whole.height);
    let width = 84.min(whole.width);
    let area = Rect { x: (whole.width - width) / 2, y: (whole.height - height) / 2, width, height };
    let row = |(keys, what): &(&'static str, &'static str)| {
        Text::from(vec![Span::styled(format!("  {keys:>22}  "), Style::new().fg(ACCENT)), Span::raw(*what)])
    };
    let mut text = vec![Text::raw("")];
    text.extend(KEYS.iter().map(row));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).block(framed(" Keys ")), area);
}

/// Text at the right end of a line; it leaves what stands before it alone.
fn at_the_right(frame: &mut Frame, area: Rect, text: String, style: Style) {
    let width = u16::try_from(text.chars().count()).unwrap_or(u16::MAX).min(area.width);
    let area = Rect { x: area.right() - width, width, ..area };
    frame.render_widget(Text::styled(text, style), area);
}
