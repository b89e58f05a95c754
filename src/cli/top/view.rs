//! What is shown and what keys change: which process, which order, which service.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::columns::{self, CALLS, CALLS_PER_SECOND, COLUMNS, STALLS};
use super::sample::{Line, Samples};

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
    pub open: bool,
    /// Of the open process: 0 for all services, else the number of one, from 1.
    pub service: usize,
    /// Of the open process on a narrow terminal: what became of it, in place of the times to an answer.
    pub outcomes: bool,
    /// Are the keys explained?
    pub help: bool,
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
            outcomes: false,
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
            KeyCode::Tab if self.open => self.outcomes = !self.outcomes,
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
}
