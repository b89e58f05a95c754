//! Draws one process: what it is, its services, how long answers take there, what became of connections and held calls.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};
use tcptune_policy::counters::{Arm, Counter, Unit};

use super::columns::STALLS;
use super::histogram;
use super::look::{ACCENT, ALARM, QUIET, framed};
use super::sample::{Line, sum};
use crate::counters::{ArmCounts, Service, name};
use crate::output::table::{cut, fit};
use crate::output::words::{number, per, share, time};

/// What became of it, beside the times to an answer.
const OUTCOMES: u16 = 54;
/// From this width on both are there; else one of them.
const ROOM_FOR_BOTH: u16 = 104;

/// On a lower screen what became of it stands in the place of the services too.
const ROOM_FOR_SERVICES: u16 = 28;

/// Is there room for all of it?
pub fn is_whole(area: Rect) -> bool {
    area.width >= ROOM_FOR_BOTH && area.height >= ROOM_FOR_SERVICES
}

/// Draws a process; `chosen` is 0 for all of its services, else the number of one, from 1. `outcomes_first`: of what has no room
/// beside each other.
pub fn draw(frame: &mut Frame, area: Rect, line: &Line, chosen: usize, outcomes_first: bool) {
    let rows = u16::try_from(line.process.services.len()).unwrap_or(u16::MAX).saturating_add(4).min(area.height / 3);
    let rows = if outcomes_first && area.height < ROOM_FOR_SERVICES { 0 } else { rows.max(5) };
    let [facts, services, rest] =
        Layout::vertical([Constraint::Length(6), Constraint::Length(rows), Constraint::Fill(1)]).areas(area);
    let [answers, reasons] = match (area.width >= ROOM_FOR_BOTH, outcomes_first) {
        (true, _) => Layout::horizontal([Constraint::Fill(1), Constraint::Length(OUTCOMES)]).areas(rest),
        (false, true) => [Rect::ZERO, rest],
        (false, false) => [rest, Rect::ZERO],
    };
    about(frame, facts, line);
    if !services.is_empty() {
        table(frame, services, line, chosen);
    }
    let one = chosen.checked_sub(1).and_then(|number| line.process.services.get(number));
    let arm = |arm: Arm| one.map_or_else(|| all(line, arm), |service| service.arm(arm).clone());
    let (tuned, control) = (arm(Arm::Tuned), arm(Arm::Control));
    let what = one.map_or_else(|| "all services".to_owned(), Service::to_string);
    if !answers.is_empty() {
        histogram::draw(frame, answers, &what, &tuned.answers, &control.answers);
    }
    if !reasons.is_empty() {
        outcomes(frame, reasons, &what, &tuned, &control);
    }
}

/// An arm of all services.
fn all(line: &Line, arm: Arm) -> ArmCounts {
    let mut sum = ArmCounts::default();
    line.process.services.iter().for_each(|service| sum.add(service.arm(arm)));
    sum
}

/// Room for what a fact is called.
const FACT: usize = 10;

fn about(frame: &mut Frame, area: Rect, line: &Line) {
    let process = &line.process;
    let room = usize::from(area.width).saturating_sub(FACT + 2);
    let field = |name: &'static str, value: String| {
        let value = Span::raw(cut(&value, room));
        Text::from(vec![Span::styled(format!(" {name:width$}", width = FACT - 1), Style::new().fg(ACCENT)), value])
    };
    let age = process.created.elapsed().unwrap_or_default();
    let state = if process.running { "running" } else { "gone" };
    let mut words = vec![format!("{state}, began to count {} ago", long(age)), format!("user {}", process.user)];
    if process.observing {
        words.push("only observes".to_owned());
    }
    if process.split > 0 {
        words.push(format!("{} % of its connections are left untouched", process.split));
    }
    if process.forks > 0 {
        words.push(format!("{} forked children count here too", number(process.forks)));
    }
    if process.uncounted > 0 {
        words.push(format!("{} connections not counted", number(process.uncounted)));
    }
    if process.restricted {
        words.push("restricted its own system calls or divided its descriptors: nothing is counted since".to_owned());
    }
    if process.detached {
        words.push("was told to stop tuning: connections since then count as untouched".to_owned());
    }
    let title = format!(" {} {} ", process.pid, name(process));
    let text = vec![
        field("command", process.command.clone()),
        field("settings", process.settings.clone()),
        field("library", format!("{}  (program {})", process.library, process.program)),
        field("state", words.join("; ")),
    ];
    frame.render_widget(Paragraph::new(text).block(framed(&title)), area);
}

/// "3 h 12 min": for ages.
fn long(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        s if s >= 172_800 => format!("{} days", s / 86_400),
        s if s >= 3600 => format!("{} h {} min", s / 3600, s / 60 % 60),
        s if s >= 60 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{s} s"),
    }
}

/// A column of the table of services.
struct Field {
    title: &'static str,
    width: u16,
    /// 0: always there. On a narrow terminal the lowest come first.
    rank: u8,
    /// What it shows of both arms.
    text: fn(&ArmCounts) -> String,
}

const fn field(title: &'static str, width: u16, rank: u8, text: fn(&ArmCounts) -> String) -> Field {
    Field { title, width, rank, text }
}

const FIELDS: [Field; 8] = [
    field("CONNECTIONS", 13, 3, |both| number(both.get(Counter::Connections))),
    field("EXCHANGES", 12, 2, |both| number(both.get(Counter::Exchanges))),
    field("MEDIAN", 10, 1, |both| both.answers.quantile(0.5).map_or_else(|| "-".to_owned(), time)),
    field("99 %", 10, 4, |both| both.answers.quantile(0.99).map_or_else(|| "-".to_owned(), time)),
    field("SEG/BURST", 11, 5, |both| per(both.get(Counter::SegmentsSent), both.get(Counter::SampledBursts))),
    field("STALLS", 9, 1, |both| if both.knows_stalls() { number(sum(both, STALLS)) } else { "-".to_owned() }),
    field("HELD", 10, 6, |both| number(both.get(Counter::Held))),
    field("MISSED", 8, 7, |both| share(both.get(Counter::Misses), both.get(Counter::Held))),
];
/// What the name of a service takes at least.
const SERVICE: usize = 24;

/// The columns that there is room for.
fn fields(room: u16) -> Vec<&'static Field> {
    let mut widths: Vec<usize> = FIELDS.iter().map(|field| field.width.into()).collect();
    let mut ranks: Vec<u8> = FIELDS.iter().map(|field| field.rank).collect();
    widths.push(SERVICE);
    ranks.push(0);
    let widths = fit(&widths, &widths, &ranks, 0, room.into());
    FIELDS.iter().zip(widths).filter(|(_, width)| *width > 0).map(|(field, _)| field).collect()
}

fn table(frame: &mut Frame, area: Rect, line: &Line, chosen: usize) {
    let fields = fields(area.width.saturating_sub(2));
    let row = |name: String, side: &'static str, both: &ArmCounts| {
        let stalled = sum(both, STALLS) > 0;
        let cell = |field: &&Field| {
            let style = if field.title == "STALLS" && stalled { Style::new().fg(ALARM) } else { Style::new() };
            Cell::new(Text::from((field.text)(both)).right_aligned()).style(style)
        };
        Row::new([Cell::new(format!(" {side}{name}"))].into_iter().chain(fields.iter().map(cell)))
    };
    let mut rows = vec![row("all services".to_owned(), "", &line.total)];
    rows.extend(line.process.services.iter().map(|service| {
        let side = if service.address.is_some() { "to " } else { "on " };
        row(service.to_string(), side, &service.both())
    }));
    let title = |field: &&Field| Cell::new(Text::from(field.title).right_aligned());
    let header = Row::new([Cell::new(" SERVICE")].into_iter().chain(fields.iter().map(title)));
    let widths = [Constraint::Fill(1)].into_iter().chain(fields.iter().map(|field| Constraint::Length(field.width)));
    let table = Table::new(rows, widths)
        .header(header.style(Style::new().fg(ACCENT).add_modifier(Modifier::BOLD)))
        .column_spacing(0)
        .row_highlight_style(Style::new().bg(Color::Indexed(237)).add_modifier(Modifier::BOLD))
        .block(framed(" Services "));
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(chosen));
}

fn value(counter: Counter, value: u64) -> String {
    if counter.row().unit == Unit::Longest { time(Duration::from_nanos(value)) } else { number(value) }
}

/// In place of rows.
const NONE: &str = " none";

/// What became of connections, what of held calls, which stalls there were; a column for each arm.
fn outcomes(frame: &mut Frame, area: Rect, what: &str, tuned: &ArmCounts, control: &ArmCounts) {
    let split = control.get(Counter::Connections) > 0;
    let mut text = Vec::new();
    let mut group = |title: &'static str, none: &'static str, rows: &[(&'static str, Counter)]| {
        let heads = if split { format!("{:>10}{:>11}", "tuned", "untouched") } else { String::new() };
        if !text.is_empty() {
            text.push(Text::raw(""));
        }
        text.push(
            Text::from(format!(" {title:30}{heads}")).style(Style::new().fg(ACCENT).add_modifier(Modifier::BOLD)),
        );
        let before = text.len();
        for (name, counter) in rows {
            let (left, right) = (tuned.get(*counter), control.get(*counter));
            if left + right > 0 {
                let right = if split { format!("{:>11}", value(*counter, right)) } else { String::new() };
                text.push(Text::raw(format!(" {name:30}{:>10}{right}", value(*counter, left))));
            }
        }
        if text.len() == before {
            text.push(Text::styled(none, QUIET));
        }
    };
    group(
        "Connections",
        NONE,
        &[
            ("TCP_NODELAY set by the library", Counter::Tuned),
            ("it was on already", Counter::SkippedProgramOn),
            ("the program turned it off", Counter::SkippedProgramOff),
            ("a rule or setting says no", Counter::SkippedRule),
            ("control group", Counter::SkippedControl),
            ("only observed", Counter::SkippedObserving),
            ("the kernel refused", Counter::SkippedKernel),
            ("nothing can be held", Counter::NeverHeld),
        ],
    );
    group(
        "Stalls",
        if tuned.knows_stalls() || control.knows_stalls() { NONE } else { " not known: no call that sends was seen" },
        &[
            ("Nagle's algorithm", Counter::Stalls),
            ("the program's own cork", Counter::CorkStalls),
            ("the other end's", Counter::PeerStalls),
        ],
    );
    group(
        "Held calls",
        NONE,
        &[
            ("the next call took them along", Counter::ReleasedNext),
            ("sent off before a wait", Counter::ReleasedWait),
            ("sent off before an end", Counter::ReleasedEnd),
            ("in vain", Counter::Misses),
            ("held at most", Counter::HeldLongest),
            ("for more than 1 ms", Counter::HeldLate),
            ("  until a wait", Counter::LateByWait),
            ("  until the next call", Counter::LateByCall),
            ("  until an end", Counter::LateByEnd),
        ],
    );
    frame.render_widget(Paragraph::new(text).block(framed(&format!(" What became of it, {what} "))), area);
}
