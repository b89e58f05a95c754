//! The time line of segments: how many had been sent by when, and the first moments as bars, where a stall is a gap.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{below, beside, class, plot, px};
use crate::ab::executor::TimeLine;
use crate::ab::report::Report;
use crate::ab::unit::Unit;

/// The close-up shows at least and at most so many seconds.
const CLOSE: (f64, f64) = (0.02, 0.6);

fn end(line: &TimeLine) -> f64 {
    line.last().map_or(0.0, |(time, _)| *time)
}

fn sent(line: &TimeLine) -> u64 {
    line.last().map_or(0, |(_, segments)| *segments)
}

/// Is there something to be seen?
pub fn any(report: &Report) -> bool {
    report.time_lines.iter().all(|line| line.len() > 2 && sent(line) > 2)
}

/// Segments sent so far, over the whole of one run of each arm.
pub fn whole(report: &Report) -> Markup {
    let lines = &report.time_lines;
    let longest = lines.iter().map(end).fold(0.0, f64::max);
    let most = lines.iter().map(sent).max().unwrap_or(0);
    let (top, bottom) = (16.0, 236.0);
    plot("Segments sent so far over the time of one run of each arm", bottom + 24.0, |width| {
        let (left, right) = (58.0, width - 14.0);
        let time = Axis::from_zero(longest * 1.02, left, right);
        let count = Axis::from_zero(most as f64 * 1.08, bottom, top);
        html! {
            (beside(&count, Unit::Count, left, right))
            (below(&time, Unit::Seconds, width, bottom, bottom))
            @for side in report.sides() {
                @let line = &lines[side.index()];
                g class=(class(side)) {
                    path.curve d=(curve(line, &time, &count)) {}
                    circle.dot cx=(px(time.place(end(line)))) cy=(px(count.place(sent(line) as f64))) r="4.5" {
                        title { (sent(line)) " segments in " (Unit::Seconds.show(end(line))) }
                    }
                }
            }
        }
    })
}

/// A path through the points at which the count changed; what lies within half a pixel of the last is left out.
fn curve(line: &TimeLine, time: &Axis, count: &Axis) -> String {
    let mut path = String::new();
    let (mut last_x, mut last_y) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (n, (at, segments)) in line.iter().enumerate() {
        let (x, y) = (time.place(*at), count.place(*segments as f64));
        let moved = (x - last_x).abs() >= 1.0 || (y - last_y).abs() >= 0.5;
        if moved || n + 1 == line.len() {
            path.push_str(&format!("{}{} {}", if path.is_empty() { 'M' } else { 'L' }, px(x), px(y)));
            (last_x, last_y) = (x, y);
        }
    }
    path
}

/// When it begins: a single segment before that is a farewell of an earlier connection.
fn first(line: &TimeLine) -> f64 {
    let few = (sent(line) / 50).max(2);
    line.iter().find(|(_, segments)| *segments > few).map_or(0.0, |(time, _)| *time)
}

/// Seconds of the close-up: an eighth of the longer run's, so that single waits are seen.
pub fn window(report: &Report) -> f64 {
    let longest = report.time_lines.iter().map(|line| end(line) - first(line)).fold(0.0, f64::max);
    (longest / 8.0).clamp(CLOSE.0.min(longest), CLOSE.1)
}

/// The beginning: a bar at each moment at which segments were sent.
pub fn close(report: &Report) -> Markup {
    let length = window(report);
    let (row, top, lines) = (74.0, 4.0, report.arms.len());
    let bottom = top + lines as f64 * row;
    plot("The moments at which segments were sent, at the beginning of one run of each arm", bottom + 24.0, |width| {
        let axis = Axis::from_zero(length, 8.0, width - 8.0);
        html! {
            (below(&axis, Unit::Seconds, width, top, bottom))
            @for side in report.sides() {
                @let y = top + row * (side.index() as f64);
                g class=(class(side)) {
                    text.label x="8" y=(px(y + 18.0)) { (report.name(side)) }
                    path.bars d=(bars(&report.time_lines[side.index()], &axis, y + 28.0)) {}
                }
            }
        }
    })
}

fn bars(line: &TimeLine, axis: &Axis, top: f64) -> String {
    let (start, end) = (first(line), axis.place(f64::MAX));
    let (mut path, mut last, mut before) = (String::new(), String::new(), 0);
    for (time, segments) in line {
        let place = axis.place(time - start);
        let x = px(place);
        if *segments > before && *time >= start && place < end && x != last {
            path.push_str(&format!("M{x} {}v36", px(top)));
            last = x;
        }
        before = *segments;
    }
    path
}
