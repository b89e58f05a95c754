//! Plots of the runs' times: how they are distributed, and in which order they were made.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{below, beside, class, fitting, plot, px};
use crate::ab::report::Report;
use crate::ab::schedule::Side;
use crate::ab::unit::Unit;

const ROW: f64 = 86.0;

fn all(report: &Report) -> impl Iterator<Item = f64> + Clone + '_ {
    report.runs.iter().map(|run| run.measured.time_s)
}

/// What the first plot shows.
pub fn note(report: &Report) -> &'static str {
    if Axis::around(all(report), 0.0, 1.0).is_log() {
        "A dot for each run, on a logarithmic axis; the band holds the middle half, the line is the median."
    } else {
        "A dot for each run; the band holds the middle half, the line is the median."
    }
}

/// A dot for each run, with the median and the middle half.
pub fn distribution(report: &Report) -> Markup {
    let bottom = 10.0 + report.arms.len() as f64 * ROW;
    plot("The time of each run, by arm", bottom + 24.0, |width| {
        let axis = Axis::around(all(report), 8.0, width - 8.0);
        html! {
            (below(&axis, Unit::Seconds, width, 10.0, bottom))
            @for side in report.sides() { (row(report, side, &axis, 10.0 + ROW * (side.index() as f64))) }
        }
    })
}

fn row(report: &Report, side: Side, axis: &Axis, top: f64) -> Markup {
    let walls = report.walls(side);
    let Some(summary) = report.time_of(side) else { return html! {} };
    let name = report.name(side);
    let middle = top + 54.0;
    let [from, to, median] = [summary.lower_quartile, summary.upper_quartile, summary.median].map(|v| axis.place(v));
    // A label that would run out at the right stands at the left of its place.
    let end = axis.place(f64::MAX);
    let anchor = if median > end - 150.0 {
        "end"
    } else if median < 100.0 {
        "start"
    } else {
        "middle"
    };
    html! {
        g class=(class(side)) {
            text.label x=(px(median)) y=(px(top + 18.0)) text-anchor=(anchor) {
                (name) " " tspan.value { (Unit::Seconds.show(summary.median)) }
            }
            rect.half x=(px(from)) y=(px(middle - 20.0)) width=(px((to - from).max(2.0))) height="40" rx="4" {}
            @for (n, (position, wall)) in walls.iter().enumerate() {
                circle.dot cx=(px(axis.place(*wall))) cy=(px(middle + spread(n))) r="4.5" {
                    title { (name) ", run " (position + 1) ": " (Unit::Seconds.show(*wall)) }
                }
            }
            line.median x1=(px(median)) x2=(px(median)) y1=(px(middle - 24.0)) y2=(px(middle + 24.0)) {}
        }
    }
}

/// Where a dot lies across its row: apart from its neighbours, the same in every drawing.
fn spread(number: usize) -> f64 {
    // The golden ratio's multiples fill an interval evenly, however many there are.
    ((number as f64 * 0.618_033_988_75).fract() - 0.5) * 30.0
}

/// The runs in their order: what changes on the machine shows as a slope or a step in both arms.
pub fn order(report: &Report) -> Markup {
    let (top, bottom) = (12.0, 232.0);
    plot("The time of each run, in the order they were made", bottom + 40.0, |width| {
        let (left, right) = (58.0, width - 10.0);
        let times = Axis::around(all(report), bottom, top);
        let places = Axis::from_zero(report.runs.len() as f64 + 1.0, left, right);
        html! {
            (beside(&times, Unit::Seconds, left, right))
            @for tick in places.ticks(fitting(width)).into_iter().filter(|t| *t >= 1.0 && t.fract() == 0.0) {
                text.tick x=(px(places.place(tick))) y=(px(bottom + 18.0)) text-anchor="middle" { (tick) }
            }
            text.tick x=(px(right)) y=(px(bottom + 36.0)) text-anchor="end" { "run" }
            @for side in report.sides() {
                g class=(class(side)) {
                    @for (position, wall) in report.walls(side) {
                        circle.dot cx=(px(places.place(position as f64 + 1.0))) cy=(px(times.place(wall))) r="4" {
                            title {
                                (report.name(side)) ", run " (position + 1) ": " (Unit::Seconds.show(wall))
                            }
                        }
                    }
                }
            }
        }
    })
}
