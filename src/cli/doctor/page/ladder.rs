//! The time-sequence picture of an exchange: two ends as upright lines, segments and acknowledgements as arrows between them, the
//! wait marked and named. Pure: places are computed from the finding's figures.

use maud::{Markup, html};

use crate::output::words::milliseconds as ms;
use crate::stalls::finding::{Finding, Kind};

/// What crosses from one end to the other. Times are in milliseconds since the first call.
struct Arrow {
    from_writer: bool,
    leaves: f64,
    arrives: f64,
    says: String,
    /// An acknowledgement without data.
    bare: bool,
}

/// One exchange, as it went or as it would go.
pub struct Exchange {
    title: String,
    writer: &'static str,
    reader: &'static str,
    arrows: Vec<Arrow>,
    /// From when to when the last piece was held, and why.
    held: Option<(f64, f64, String)>,
    round_trip: f64,
    pieces: (String, String),
}

impl Exchange {
    /// A typical one of a finding in which something waited for an acknowledgement or a timer.
    pub fn stalled(f: &Finding) -> Option<Self> {
        let (held, before) = f.pattern.split_last().filter(|_| f.waits > 0 && f.wait_ms > 0.0)?;
        let (writer, reader) = match f.kind {
            Kind::Nagle | Kind::Cork | Kind::Paced => ("this end", "the other end"),
            Kind::Peer => ("the other end", "this end"),
            Kind::Flood | Kind::Runts | Kind::Held => return None,
        };
        let (trip, wait) = (f.round_trip_ms.max(0.0), f.wait_ms);
        let sizes: Vec<String> = before.iter().map(u64::to_string).collect();
        let first = if sizes.is_empty() { String::new() } else { format!("{} bytes", sizes.join(" + ")) };
        let last = format!("{held} bytes");
        let mut arrows = Vec::new();
        if !first.is_empty() {
            arrows.push(arrow(true, 0.0, trip, &first, false));
        }
        if f.kind != Kind::Cork && !first.is_empty() {
            let (says, bare) = match f.kind {
                Kind::Paced => ("acknowledgement, answer", false),
                _ => ("acknowledgement", true),
            };
            arrows.push(arrow(false, wait - trip / 2.0, trip, says, bare));
        }
        arrows.push(arrow(true, wait, trip, &last, false));
        if !f.stream {
            arrows.push(arrow(false, wait + trip / 2.0, trip, "answer", false));
        }
        let cause = match f.kind {
            Kind::Cork => "held by the program itself",
            Kind::Nagle | Kind::Peer if f.delayed() => "for the delayed acknowledgement",
            _ => "for the acknowledgement",
        };
        Some(Self {
            title: "as it is".to_owned(),
            writer,
            reader,
            held: Some((0.0, wait, format!("{last} wait {} {cause}", ms(wait)))),
            arrows,
            round_trip: trip,
            pieces: (first, last),
        })
    }

    /// The same with TCP_NODELAY, or sent at once.
    pub fn cured(&self) -> Self {
        let (first, last) = &self.pieces;
        let both = if first.is_empty() { last.clone() } else { format!("{first}, {last}") };
        let mut arrows = vec![arrow(true, 0.0, self.round_trip, &both, false)];
        if self.arrows.iter().any(|arrow| arrow.says == "answer") {
            arrows.push(arrow(false, self.round_trip / 2.0, self.round_trip, "answer", false));
        }
        Self {
            title: "with the cure, one round trip".to_owned(),
            writer: self.writer,
            reader: self.reader,
            arrows,
            held: None,
            round_trip: self.round_trip,
            pieces: self.pieces.clone(),
        }
    }

    fn ends(&self) -> f64 {
        self.arrows.iter().map(|arrow| arrow.arrives).fold(0.0, f64::max)
    }
}

fn arrow(from_writer: bool, leaves: f64, trip: f64, says: &str, bare: bool) -> Arrow {
    Arrow { from_writer, leaves, arrives: leaves + trip / 2.0, says: says.to_owned(), bare }
}

/// The drawing's own measures, in its units.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
const TOP: f64 = 46.0;
const WRITER: f64 = 165.0;
const READER: f64 = 385.0;
/// What happens one after the other is at least so far apart: there is room for words between two arrows.
const APART: f64 = 22.0;

/// Where moments are drawn: to scale, but never closer than can be read.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn new(exchange: &Exchange, whole: f64) -> Self {
        let mut moments: Vec<f64> = exchange.arrows.iter().flat_map(|arrow| [arrow.leaves, arrow.arrives]).collect();
        moments.sort_by(f64::total_cmp);
        moments.dedup();
        let per = if whole > 0.0 { (HEIGHT - TOP - 60.0) / whole } else { 0.0 };
        let mut places: Vec<(f64, f64)> = Vec::new();
        for moment in moments {
            let least = places.last().map_or(TOP, |(_, place)| place + APART);
            places.push((moment, (TOP + moment * per).max(least)));
        }
        Self(places)
    }

    fn place(&self, moment: f64) -> f64 {
        self.0.iter().find(|(known, _)| *known >= moment).or(self.0.last()).map_or(TOP, |(_, place)| *place)
    }
}

/// Both beside each other, or one below the other where there is no room, to the same scale.
pub fn pair(before: &Exchange, after: &Exchange) -> Markup {
    let whole = before.ends().max(after.ends());
    html! { div.ladders { (draw(before, whole)) (draw(after, whole)) } }
}

fn draw(exchange: &Exchange, whole: f64) -> Markup {
    let scale = Scale::new(exchange, whole);
    let px = |value: f64| format!("{value:.1}");
    let mut texts = 0.0_f64;
    let rows: Vec<(&Arrow, f64, f64, f64)> = exchange
        .arrows
        .iter()
        .map(|arrow| {
            let (from, to) = (scale.place(arrow.leaves), scale.place(arrow.arrives));
            // Its words stand above its middle, below those before.
            texts = ((from + to) / 2.0 - 8.0).max(texts + 15.0);
            (arrow, from, to, texts)
        })
        .collect();
    let bottom = rows.iter().map(|(.., to, text)| to.max(*text)).fold(TOP, f64::max) + 16.0;
    let says = format!("{}: {} until the last of it has arrived", exchange.title, ms(exchange.ends()));
    html! {
        figure {
            figcaption { (exchange.title) ": " (ms(exchange.ends())) }
            svg viewBox=(format!("0 0 {WIDTH} {}", px(bottom))) role="img" aria-label=(says) {
                text.end x=(px(WRITER)) y="18" text-anchor="middle" { (exchange.writer) }
                text.end x=(px(READER)) y="18" text-anchor="middle" { (exchange.reader) }
                line.life x1=(px(WRITER)) x2=(px(WRITER)) y1="28" y2=(px(bottom)) {}
                line.life x1=(px(READER)) x2=(px(READER)) y1="28" y2=(px(bottom)) {}
                @if let Some((from, to, why)) = &exchange.held {
                    @let (from, to) = (scale.place(*from), scale.place(*to));
                    rect.held x=(px(WRITER - 9.0)) y=(px(from)) width="9" height=(px((to - from).max(2.0))) {}
                    @for (n, line) in lines(why).iter().enumerate() {
                        text.why x=(px(WRITER - 16.0)) y=(px(f64::midpoint(from, to) + 15.0 * n as f64 - 15.0)) text-anchor="end" { (line) }
                    }
                }
                @for (arrow, from, to, text) in &rows {
                    @let (x1, x2) = if arrow.from_writer { (WRITER, READER) } else { (READER, WRITER) };
                    @let tip = if arrow.from_writer { -8.0 } else { 8.0 };
                    g class=(if arrow.bare { "bare" } else { "data" }) {
                        line x1=(px(x1)) y1=(px(*from)) x2=(px(x2)) y2=(px(*to)) {}
                        path d=(format!("M{} {} l{} -4 v8 z", px(x2), px(*to), px(tip))) {}
                        text x=(px(f64::midpoint(WRITER, READER))) y=(px(*text)) text-anchor="middle" { (arrow.says) }
                    }
                    text.time x=(px(if arrow.from_writer { READER + 8.0 } else { WRITER - 16.0 }))
                        y=(px(to + 4.0)) text-anchor=(if arrow.from_writer { "start" } else { "end" }) { (ms(arrow.arrives)) }
                }
            }
        }
    }
}

/// Words in lines that fit beside the picture.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 18 => *line = format!("{line} {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Exchange, Scale, arrow, lines};

    fn exchange(trip: f64, wait: f64) -> Exchange {
        let arrows = vec![
            arrow(true, 0.0, trip, "100 bytes", false),
            arrow(false, wait - trip / 2.0, trip, "acknowledgement", true),
            arrow(true, wait, trip, "2 bytes", false),
            arrow(false, wait + trip / 2.0, trip, "answer", false),
        ];
        let pieces = ("100 bytes".to_owned(), "2 bytes".to_owned());
        Exchange { title: String::new(), writer: "", reader: "", arrows, held: None, round_trip: trip, pieces }
    }

    #[test]
    fn what_is_later_is_drawn_below() {
        for (trip, wait) in [(0.002, 44.0), (0.0, 40.0), (20.0, 60.0), (200.0, 240.0)] {
            let exchange = exchange(trip, wait);
            let scale = Scale::new(&exchange, exchange.ends());
            let places: Vec<f64> = scale.0.iter().map(|(_, place)| *place).collect();
            assert!(places.is_sorted_by(|a, b| a < b), "{trip} {wait}: {places:?}");
            assert!(places.iter().all(|place| *place < 400.0), "{places:?}");
        }
    }

    #[test]
    fn the_cure_takes_a_round_trip() {
        let cured = exchange(20.0, 60.0).cured();
        assert!((cured.ends() - 20.0).abs() < 1e-9 && cured.arrows.len() == 2, "{}", cured.ends());
    }

    #[test]
    fn words_are_kept_whole() {
        assert_eq!(lines("10 bytes wait 43.7 ms for it"), ["10 bytes wait 43.7", "ms for it"]);
    }
}
