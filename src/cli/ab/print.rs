//! The report for a terminal: a table, the runs as two small distributions, what to be careful about, and the verdict last.

use crate::output::table::{self, Column, cut};
use crate::output::{BOLD, FAINT, GOOD, NOTE, Width, line, paragraph, styled};

use super::counted::FIGURES;
use super::measures::Source;
use super::report::{Compared, Report};
use super::schedule::{SIDES, Side};
use super::unit::Unit;
use super::verdict::{Verdict, figure};

/// The bars of a distribution, at least and at most.
const BARS: std::ops::RangeInclusive<usize> = 20..=60;
/// Where what is said of an arm begins.
const LABEL: usize = 20;
/// What a median takes where there is room.
const VALUE: usize = 16;

pub fn print(report: &Report) {
    let width = Width::of_stdout();
    let say = |head: &str, text: &str| {
        let head = format!("{head:<label$}", label = LABEL.max(head.len() + 2));
        line(&styled(FAINT, paragraph(&head, text, LABEL, width.sentence())));
    };
    for arm in &report.arms {
        say(&arm.name, &arm.description);
    }
    let runs = report.blocks();
    say("runs", &format!("{runs} of each, in blocks, in random order (--seed {})", report.seed));
    line("");
    table(report, width);
    line("");
    distributions(report, width.page());
    for warning in &report.warnings {
        line(&styled(NOTE, paragraph("warning: ", warning, 2, width.sentence())));
    }
    let verdict = report.time().and_then(|time| time.comparison).map(|comparison| comparison.verdict);
    let style = if verdict == Some(Verdict::Less) { GOOD } else { BOLD };
    line(&styled(style, paragraph("", &report.verdict, 2, width.sentence())));
}

fn table(report: &Report, width: Width) {
    let names = [&report.arms[0].name, &report.arms[1].name];
    let [baseline, candidate] = names.map(|name| Column::right(name, 0).wrap(9).at_least(VALUE - 7));
    // By how much runs differ matters less than between which bounds the ratio lies.
    let spread = Column::left("", 2).at_least(5);
    let columns = [
        Column::left("medians", 0).wrap(LABEL).at_least(LABEL),
        baseline,
        spread,
        candidate,
        spread,
        Column::right("ratio", 0),
        Column::left("95 % interval", 1),
    ];
    let mut rows = Vec::new();
    for row in &report.measures {
        let mark = if row.of.source == Source::Namespace { "*" } else { "" };
        let [a, b] = [&row.baseline, &row.candidate].map(|summary| {
            let spread =
                if summary.median > 0.0 { format!("±{:>2.0} %", 100.0 * summary.spread()) } else { String::new() };
            [row.of.unit.show(summary.median), spread]
        });
        let ratio = row.comparison.as_ref().map(|comparison| comparison.interval);
        let bounds = ratio.map_or_else(String::new, |r| format!("{} to {}", figure(r.low), figure(r.high)));
        let ratio = ratio.map_or_else(|| "-".to_owned(), |r| figure(r.ratio));
        let label = format!("{}{mark}", row.of.label);
        let [[a, spread_a], [b, spread_b]] = [a, b];
        rows.push([label, a, spread_a, b, spread_b, ratio, bounds]);
    }
    let measured = rows.len();
    let counted = report.counted();
    for figure in counted.iter().flat_map(|_| &FIGURES) {
        let [a, b] = counted.map_or_else(Default::default, |both| both.map(figure.show));
        let [label, none] = [figure.label, ""].map(str::to_owned);
        rows.push([label, a, none.clone(), b, none.clone(), none.clone(), none]);
    }
    let table = table::lines(&columns, rows.iter().map(<[String; 7]>::as_slice), width.page());
    line(&styled(BOLD, table.head));
    table.rows.iter().take(measured).for_each(|text| line(text));
    let faint = |text: &str| line(&styled(FAINT, paragraph("", text, 2, width.sentence())));
    if report.measures.iter().any(|row| row.of.source == Source::Namespace) {
        faint("* of the whole network namespace: other programs count, and on loopback both ends");
    }
    if counted.is_some() {
        faint("counted by the library in one run of each:");
    }
    table.rows.iter().skip(measured).for_each(|text| line(text));
}

pub fn interval(row: &Compared) -> String {
    let Some(comparison) = &row.comparison else { return "-".to_owned() };
    let interval = comparison.interval;
    format!("{} ({} to {})", figure(interval.ratio), figure(interval.low), figure(interval.high))
}

/// How the runs of both arms lie, on one axis.
fn distributions(report: &Report, width: usize) {
    let walls = SIDES.map(|side| report.walls(side).into_iter().map(|(_, wall)| wall).collect::<Vec<f64>>());
    let all = || walls.iter().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if low <= 0.0 || low >= high {
        return;
    }
    let room = width.saturating_sub(LABEL).clamp(*BARS.start(), *BARS.end());
    // Far apart, only a logarithmic axis shows both arms' spread.
    let log = high / low > 5.0;
    let place = |value: f64| if log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
    for (side, values) in SIDES.into_iter().zip(&walls) {
        let mut counts = vec![0_usize; room];
        for value in values {
            counts[((place(*value) * room as f64) as usize).min(room - 1)] += 1;
        }
        let style = if side == Side::Candidate { GOOD } else { BOLD };
        let name = cut(&report.arms[side as usize].name, LABEL - 2);
        line(&format!("{name:LABEL$}{}", styled(style, bars(&counts))));
    }
    let [low, high] = [low, high].map(|value| Unit::Seconds.show(value));
    let axis = if log { "logarithmic" } else { "" };
    let between = room.saturating_sub(low.chars().count() + high.chars().count());
    line(&styled(FAINT, format_args!("{:LABEL$}{low}{axis:^between$}{high}", "")));
    line("");
}

/// Eighths of a column's height for each count; nothing where nothing lies.
fn bars(counts: &[usize]) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    counts.iter().map(|count| HEIGHTS[(count * 8).div_ceil(most)]).collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_highest_fills_its_column_and_one_run_is_seen() {
        assert_eq!(bars(&[0, 1, 16, 8]), " ▁█▄");
        assert_eq!(bars(&[0, 0]), "  ");
    }
}
