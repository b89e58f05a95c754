//! What the plots share: a frame that is drawn twice, for a desk and for a phone, and grid lines with their numbers. Colours come
//! from the page's style, so that one drawing serves light and dark.

use maud::{Markup, html};

use super::axis::{Axis, tick_label};
use crate::ab::schedule::Side;
use crate::ab::unit::Unit;

/// The two widths that everything is drawn in; the page shows the one that fits.
const WIDTHS: [(&str, f64); 2] = [("wide", 880.0), ("narrow", 344.0)];

/// The class that gives an arm its colour.
pub fn class(side: Side) -> String {
    side.word()
}

/// A plot in both widths. `says` is what it shows, for those who cannot see it.
pub fn plot(says: &str, height: f64, draw: impl Fn(f64) -> Markup) -> Markup {
    html! {
        @for (class, width) in WIDTHS {
            svg class=(class) viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(says) { (draw(width)) }
        }
    }
}

/// How many numbers fit along a width.
pub fn fitting(width: f64) -> usize {
    (width / 80.0) as usize
}

/// Vertical grid lines with numbers below.
pub fn below(axis: &Axis, unit: Unit, width: f64, top: f64, bottom: f64) -> Markup {
    html! {
        @for tick in axis.ticks(fitting(width)) {
            @let x = axis.place(tick);
            line.grid x1=(px(x)) x2=(px(x)) y1=(px(top)) y2=(px(bottom)) {}
            // A number in the middle of its line, unless it would leave the plot.
            @let anchor = if x > width - 24.0 { "end" } else if x < 12.0 { "start" } else { "middle" };
            text.tick x=(px(x)) y=(px(bottom + 16.0)) text-anchor=(anchor) { (tick_label(unit, tick)) }
        }
    }
}

/// Horizontal grid lines with numbers at the left.
pub fn beside(axis: &Axis, unit: Unit, left: f64, right: f64) -> Markup {
    html! {
        @for tick in axis.ticks(5) {
            @let y = axis.place(tick);
            line.grid x1=(px(left)) x2=(px(right)) y1=(px(y)) y2=(px(y)) {}
            text.tick x=(px(left - 8.0)) y=(px(y + 4.0)) text-anchor="end" { (tick_label(unit, tick)) }
        }
    }
}

/// A coordinate, to a tenth of a pixel.
pub fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
