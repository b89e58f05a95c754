//! What is shown and what keys change: which process, which order, which service. Draws the frame around it all.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use super::columns::{self, CALLS, CALLS_PER_SECOND, COLUMNS, STALLS};
use super::sample::{Line, Samples};
use super::{detail, list};

pub struct View {
    pub directory: PathBuf,
    pub interval: Duration,
    pub paused: bool,
    /// The column that the list is sorted by.
    pub column: usize,
    pub reversed: bool,
    /// Are processes shown that are gone?
    pub gone: bool,
    /// The file of the process that the bar is on.
    selected: Option<String>,
    /// Is it open?
    open: bool,
    /// Of the open process: 0 for all services, else the number of one, from 1.
    pub service: usize,
    help: bool,
    /// The latest rates of all processes, the newest last.
    pub calls: VecDeque<f64>,
    pub stalls: VecDeque<f64>,
}

pub enum Next {
    Go,
    Leave,
}

/// How many rates are kept: more columns than a wide terminal has.
const KEPT: usize = 500;
pub const ACCENT: Color = Color::Cyan;
pub const TUNED: Color = Color::Green;
pub const UNTOUCHED: Color = Color::Yellow;
pub const ALARM: Color = Color::LightRed;
pub const QUIET: Style = Style::new().fg(Color::DarkGray);

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

impl View {
    pub fn new(directory: PathBuf, interval: Duration) -> Self {
        Self {
            directory,
            interval,
            paused: false,
            column: CALLS_PER_SECOND,
            reversed: false,
            gone: true,
            selected: None,
            open: false,
            service: 0,
            help: false,
            calls: VecDeque::new(),
            stalls: VecDeque::new(),
        }
    }

    /// Keeps the latest rates for the curves.
    pub fn remember(&mut self, samples: &Samples) {
        for (kept, rate) in [(&mut self.calls, samples.rate(CALLS)), (&mut self.stalls, samples.rate(STALLS))] {
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(rate);
        }
    }

    /// The processes to show, in order.
    pub fn lines<'s>(&self, samples: &'s Samples) -> Vec<&'s Line> {
        let mut lines: Vec<&Line> = samples.lines.iter().filter(|line| self.gone || line.process.running).collect();
        columns::sort(&mut lines, self.column, self.reversed);
        lines
    }

    /// Where the bar is; it stays on its process while the order changes.
    pub fn place(&self, lines: &[&Line]) -> Option<usize> {
        let found = self.selected.as_ref().and_then(|file| lines.iter().position(|line| line.is(file)));
        found.or((!lines.is_empty()).then_some(0))
    }

    pub fn key(&mut self, key: KeyEvent, samples: &Samples) -> Next {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if matches!(key.code, KeyCode::Char('c' | 'd')) { Next::Leave } else { Next::Go };
        }
        if self.help {
            self.help = false;
            return if key.code == KeyCode::Char('q') { Next::Leave } else { Next::Go };
        }
        match key.code {
            KeyCode::Char('q') => return Next::Leave,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char(' ' | 'p') => self.paused = !self.paused,
            KeyCode::Char('g') => self.gone = !self.gone,
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Left | KeyCode::Char('<') => self.column = self.column.saturating_sub(1),
            KeyCode::Right | KeyCode::Char('>') => self.column = (self.column + 1).min(COLUMNS.len() - 1),
            KeyCode::Esc | KeyCode::Backspace => self.open = false,
            KeyCode::Enter => self.enter(samples),
            KeyCode::Up | KeyCode::Char('k') => self.go(-1, samples),
            KeyCode::Down | KeyCode::Char('j') => self.go(1, samples),
            KeyCode::PageUp => self.go(-10, samples),
            KeyCode::PageDown => self.go(10, samples),
            KeyCode::Home => self.go(-10_000, samples),
            KeyCode::End => self.go(10_000, samples),
            _ => {}
        }
        Next::Go
    }

    fn enter(&mut self, samples: &Samples) {
        let lines = self.lines(samples);
        if let (false, Some(at)) = (self.open, self.place(&lines)) {
            self.selected = Some(lines[at].process.file.clone());
            self.open = true;
            self.service = 0;
        }
    }

    fn go(&mut self, by: isize, samples: &Samples) {
        let lines = self.lines(samples);
        let Some(at) = self.place(&lines) else { return };
        if self.open {
            self.service = self.service.saturating_add_signed(by).min(lines[at].process.services.len());
        } else {
            let at = at.saturating_add_signed(by).min(lines.len() - 1);
            self.selected = Some(lines[at].process.file.clone());
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, samples: &Samples) {
        let [head, body, foot] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
        self.head(frame, head, samples);
        let lines = self.lines(samples);
        match self.place(&lines) {
            Some(at) if self.open => {
                self.service = self.service.min(lines[at].process.services.len());
                detail::draw(frame, body, lines[at], self.service);
            }
            at => list::draw(frame, body, self, &lines, at),
        }
        self.foot(frame, foot, samples);
        if self.help {
            help(frame);
        }
    }

    fn head(&self, frame: &mut Frame, area: Rect, samples: &Samples) {
        let running = samples.lines.iter().filter(|line| line.process.running).count();
        let gone = samples.lines.len() - running;
        let plural = if running == 1 { "process" } else { "processes" };
        let mut words = vec![
            Span::styled(" tcptune top ", Style::new().fg(Color::Black).bg(ACCENT).bold()),
            Span::raw(format!(" {}  ", self.directory.display())).bold(),
            Span::raw(format!("{running} {plural} running")),
            Span::styled(format!(", {gone} gone"), QUIET),
        ];
        if self.paused {
            words.push(Span::styled("  paused", Style::new().fg(UNTOUCHED).bold()));
        }
        frame.render_widget(Text::from(words), area);
        let every = format!("every {} s ", self.interval.as_secs_f64());
        at_the_right(frame, area, every, QUIET);
    }

    fn foot(&self, frame: &mut Frame, area: Rect, samples: &Samples) {
        let keys: &[(&str, &str)] = if self.open {
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

/// A frame with a title.
pub fn framed(title: &str) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(QUIET)
        .title(Span::styled(title, Style::new().fg(Color::White).bold()))
}
