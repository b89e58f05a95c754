//! The histogram of how long answers took, as the library counted them in one run of each arm: the share of exchanges by time.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{below, class, plot, px};
use crate::ab::counted::Counted;
use crate::ab::report::Report;
use crate::ab::unit::Unit;

fn total(counted: &Counted) -> u64 {
    counted.answers.iter().map(|(_, count)| count).sum()
}

/// All arms, if all were counted and have anything.
pub fn any(report: &Report) -> Option<Vec<&Counted>> {
    let all = report.counted()?;
    all.iter().all(|counted| total(counted) > 0).then_some(all)
}

pub fn histogram(report: &Report, all: &[&Counted]) -> Markup {
    let buckets = || all.iter().flat_map(|counted| &counted.answers).filter(|(from, _)| *from > 0.0);
    let low = buckets().map(|(from, _)| *from).fold(f64::INFINITY, f64::min);
    let high = buckets().map(|(from, _)| *from).fold(0.0, f64::max) * 1.3;
    let share = |counted: &Counted, count: u64| 100.0 * count as f64 / total(counted) as f64;
    let most = all.iter().flat_map(|c| c.answers.iter().map(|(_, n)| share(c, *n))).fold(0.0, f64::max);
    let (row, top) = (132.0, 8.0);
    let bottom = top + all.len() as f64 * row;
    plot("How long answers took: the share of exchanges by time, for each arm", bottom + 24.0, |width| {
        let time = Axis::log(low / 1.2, high, 8.0, width - 8.0);
        html! {
            (below(&time, Unit::Seconds, width, top, bottom))
            @for (side, counted) in report.sides().zip(all) {
                @let floor = top + row * (side.index() as f64 + 1.0);
                @let shares = Axis::from_zero(most, floor, floor - row + 34.0);
                g class=(class(side)) {
                    text.label x="8" y=(px(floor - row + 18.0)) {
                        (report.name(side)) " " tspan.value { (Unit::Seconds.show(middle(counted))) }
                    }
                    line.base x1="8" x2=(px(width - 8.0)) y1=(px(floor)) y2=(px(floor)) {}
                    @for (n, (from, count)) in counted.answers.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
                        @let to = counted.answers.get(n + 1).map_or(from * 1.25, |next| next.0);
                        @let (x, y) = (time.place(*from), shares.place(share(counted, *count)));
                        rect.column x=(px(x)) y=(px(y)) width=(px((time.place(to) - x - 1.0).max(1.5))) height=(px(floor - y)) rx="1.5" {
                            title {
                                (report.name(side)) ": " (count) " of " (total(counted)) " exchanges took "
                                (Unit::Seconds.show(*from)) " to " (Unit::Seconds.show(to))
                            }
                        }
                    }
                }
            }
        }
    })
}

/// The median, to a bucket.
fn middle(counted: &Counted) -> f64 {
    let mut left = total(counted).div_ceil(2);
    for (n, (from, count)) in counted.answers.iter().enumerate() {
        if *count >= left {
            let to = counted.answers.get(n + 1).map_or(from * 1.25, |next| next.0);
            return (from * to).sqrt();
        }
        left -= count;
    }
    0.0
}
