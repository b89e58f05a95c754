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
use crate::output::table::cut;

const KEYS: &[(&str, &str)] = &[
    ("up, down, k, j", "choose a process, or a service in an open one"),
    ("Home, End, PgUp, PgDn", "choose farther away"),
    ("Enter", "open the process: services, times, what became of it"),
    ("Tab", "in an open one: more of what has no room"),
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
            detail::draw(frame, body, lines[at], view.service, view.outcomes);
        }
        at => list::draw(frame, body, view, &lines, at),
    }
    let other = view.open && !detail::is_whole(body);
    foot(frame, view, below, samples, other);
    if view.help {
        help(frame);
    }
}

fn head(frame: &mut Frame, view: &View, area: Rect, samples: &Samples) {
    let running = samples.lines.iter().filter(|line| line.process.running).count();
    let gone = samples.lines.len() - running;
    let plural = if running == 1 { "process" } else { "processes" };
    let name = Span::styled(" tcptune top ", Style::new().fg(Color::Black).bg(ACCENT).bold());
    let mut counts =
        vec![Span::raw(format!("{running} {plural} running")), Span::styled(format!(", {gone} gone"), QUIET)];
    if view.paused {
        counts.push(Span::styled("  paused", Style::new().fg(UNTOUCHED).bold()));
    }
    let every = Span::styled(format!("every {} s ", view.interval.as_secs_f64()), QUIET);
    // The directory gets what is left, then the interval.
    let room = usize::from(area.width);
    let taken = name.width() + counts.iter().map(Span::width).sum::<usize>();
    let place = view.directory.display().to_string();
    let place = Span::raw(format!(" {}  ", cut(&place, room.saturating_sub(taken + 3)))).bold();
    let left = room.saturating_sub(taken + place.width());
    let words: Vec<Span<'_>> = [name, place].into_iter().chain(counts).collect();
    frame.render_widget(Text::from(words), area);
    if every.width() < left {
        frame.render_widget(Text::from(every).right_aligned(), area);
    }
}

/// Keys, the ones to go without first on a narrow terminal last.
const OF_LIST: [(&str, &str); 8] = [
    ("↑↓", "choose"),
    ("Enter", "open"),
    ("?", "help"),
    ("q", "leave"),
    ("←→", "sort"),
    ("r", "reverse"),
    ("g", "gone"),
    ("p", "pause"),
];
const OF_PROCESS: [(&str, &str); 6] =
    [("↑↓", "service"), ("Esc", "back"), ("Tab", "the rest"), ("?", "help"), ("q", "leave"), ("p", "pause")];

fn foot(frame: &mut Frame, view: &View, area: Rect, samples: &Samples, other: bool) {
    let keys: &[(&str, &str)] = if view.open { &OF_PROCESS } else { &OF_LIST };
    let problem = match samples.problems.as_slice() {
        [] => String::new(),
        [one] => cut(&format!(" {one}"), usize::from(area.width) / 2),
        all => format!(" {} files were left out", all.len()),
    };
    let problem = Span::styled(problem, Style::new().fg(ALARM));
    let mut left = usize::from(area.width).saturating_sub(problem.width() + 1);
    let mut words = vec![Span::raw(" ")];
    for (key, what) in keys.iter().filter(|(key, _)| other || *key != "Tab") {
        let pair = [Span::styled(*key, Style::new().fg(ACCENT).bold()), Span::raw(format!(" {what}   "))];
        let width: usize = pair.iter().map(Span::width).sum();
        if width > left + 3 {
            break;
        }
        left = left.saturating_sub(width);
        words.extend(pair);
    }
    frame.render_widget(Text::from(words), area);
    frame.render_widget(Text::from(problem).right_aligned(), area);
}

/// Room for the names of keys.
const NAMES: usize = 21;

fn help(frame: &mut Frame) {
    let whole = frame.area();
    let width = 84.min(whole.width);
    let room = usize::from(width).saturating_sub(NAMES + 6);
    let mut text = vec![Text::raw("")];
    for (names, what) in KEYS {
        for (number, what) in textwrap::wrap(what, room.max(1)).into_iter().enumerate() {
            let names = if number == 0 { *names } else { "" };
            let names = Span::styled(format!(" {names:>NAMES$}  "), Style::new().fg(ACCENT));
            text.push(Text::from(vec![names, Span::raw(what)]));
        }
    }
    let height = u16::try_from(text.len()).unwrap_or(u16::MAX).saturating_add(3).min(whole.height);
    let area = Rect { x: (whole.width - width) / 2, y: (whole.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).block(framed(" Keys ")), area);
}
