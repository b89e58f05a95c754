//! The report for a terminal: a table, the runs as two small distributions, what to be careful about, and the verdict last.

use crate::output::table::{self, Column, cut};
use crate::output::{BOLD, FAINT, GOOD, NOTE, Width, line, paragraph, styled};

use super::counted::{FIGURES, Figure};
use super::measures::Source;
use super::report::{Compared, Report};
use super::schedule::Side;
use super::stats::Summary;
use super::unit::Unit;
use super::verdict::{Comparison, Verdict, chance, figure};

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
    for arm in report.arms.iter().filter(|arm| arm.name != arm.description) {
        say(&arm.name, &arm.description);
    }
    let runs = report.blocks();
    let until = match (report.method.at_most_s, report.method.decided) {
        (None, _) => "",
        (Some(_), true) => ", until all was decided",
        (Some(_), false) => ", until time was up",
    };
    say("runs", &format!("{runs} of each, in blocks, in random order{until} (--seed {})", report.seed));
    line("");
    if report.arms.len() > 2 {
        by_measure(report, width);
    } else {
        table(report, width);
    }
    counted(report, width);
    line("");
    distributions(report, width.page());
    for warning in &report.warnings {
        line(&styled(NOTE, paragraph("warning: ", warning, 2, width.sentence())));
    }
    for row in report.times() {
        let style = match row.comparison.map(|comparison| comparison.verdict) {
            Some(Verdict::Less) => GOOD,
            _ => BOLD,
        };
        let sentence = report.arms[row.arm.index()].verdict.as_deref().unwrap_or_default();
        line(&styled(style, paragraph("", sentence, 2, width.sentence())));
    }
}

/// Below each measure a row for each arm.
fn by_measure(report: &Report, width: Width) {
    let columns = [
        Column::left("medians", 0).cut(LABEL).at_least(LABEL),
        Column::right("", 0).at_least(VALUE - 7),
        Column::left("", 2).at_least(5),
        Column::right("ratio", 0),
        Column::left("95 % interval", 1),
        Column::left("chance", 3),
    ];
    let empty = || -> [String; 6] { Default::default() };
    let mut rows: Vec<[String; 6]> = Vec::new();
    let candidates = report.arms.len() - 1;
    // What hardly happened in any arm is not worth its lines.
    let same = |rows: &[Compared]| rows.iter().all(|row| row.baseline.median == 0.0 && row.candidate.median == 0.0);
    for group in report.measures.chunks(candidates).filter(|group| !same(group)) {
        let [mut head, mut first] = [empty(), empty()];
        head[0] = label(&group[0]);
        first[0] = format!("  {}", report.name(Side::BASELINE));
        [first[1], first[2]] = middle(&group[0], &group[0].baseline);
        rows.extend([head, first]);
        for row in group {
            let [value, spread] = middle(row, &row.candidate);
            let [ratio, bounds] = bounds(row);
            let chance = row.comparison.map_or_else(String::new, |comparison| chance(comparison.p_holm));
            rows.push([format!("  {}", report.name(row.arm)), value, spread, ratio, bounds, chance]);
        }
    }
    let table = table::lines(&columns, rows.iter().map(<[String; 6]>::as_slice), width.page());
    line(&styled(BOLD, table.head));
    table.rows.iter().for_each(|text| line(text));
    let faint = |text: &str| line(&styled(FAINT, paragraph("", text, 2, width.sentence())));
    faint("chance: corrected by Holm's method, for all comparisons of times together and for all others");
    if report.measures.iter().any(|row| row.of.source == Source::Namespace) {
        faint(NAMESPACE);
    }
}

fn label(row: &Compared) -> String {
    format!("{}{}", row.of.label, if row.of.source == Source::Namespace { "*" } else { "" })
}

/// A median, and by how much runs differ.
fn middle(row: &Compared, summary: &Summary) -> [String; 2] {
    let spread = if summary.median > 0.0 { format!("±{:>2.0} %", 100.0 * summary.spread()) } else { String::new() };
    [row.of.unit.show(summary.median), spread]
}

/// A ratio, and between which bounds it lies.
fn bounds(row: &Compared) -> [String; 2] {
    let Some(Comparison { interval, .. }) = row.comparison else { return ["-".to_owned(), String::new()] };
    [figure(interval.ratio), format!("{} to {}", figure(interval.low), figure(interval.high))]
}

const NAMESPACE: &str = "* of the whole network namespace: other programs count, and on loopback both ends";

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
        let [a, spread_a] = middle(row, &row.baseline);
        let [b, spread_b] = middle(row, &row.candidate);
        let [ratio, bounds] = bounds(row);
        rows.push([label(row), a, spread_a, b, spread_b, ratio, bounds]);
    }
    let table = table::lines(&columns, rows.iter().map(<[String; 7]>::as_slice), width.page());
    line(&styled(BOLD, table.head));
    table.rows.iter().for_each(|text| line(text));
    if report.measures.iter().any(|row| row.of.source == Source::Namespace) {
        line(&styled(FAINT, paragraph("", NAMESPACE, 2, width.sentence())));
    }
}

/// What the library counted, a column for each arm.
fn counted(report: &Report, width: Width) {
    let Some(all) = report.counted() else { return };
    line(&styled(FAINT, paragraph("", "counted by the library in one run of each:", 2, width.sentence())));
    let mut columns = vec![Column::left("", 0).wrap(LABEL).at_least(LABEL)];
    // Of two, they stand below the medians.
    let behind = (all.len() == 2).then(|| Column::left("", 0).at_least(5));
    for arm in &report.arms {
        columns.push(Column::right(&arm.name, 0).wrap(9).at_least(VALUE - 7));
        columns.extend(behind);
    }
    let row = |figure: &Figure| {
        let values = all.iter().flat_map(|counted| [Some((figure.show)(counted)), behind.map(|_| String::new())]);
        std::iter::once(figure.label.to_owned()).chain(values.flatten()).collect()
    };
    let rows: Vec<Vec<String>> = FIGURES.iter().map(row).collect();
    let table = table::lines(&columns, rows.iter().map(Vec::as_slice), width.page());
    if all.len() > 2 {
        line(&styled(BOLD, table.head));
    }
    table.rows.iter().for_each(|text| line(text));
}

pub fn interval(row: &Compared) -> String {
    let Some(comparison) = &row.comparison else { return "-".to_owned() };
    let interval = comparison.interval;
    format!("{} ({} to {})", figure(interval.ratio), figure(interval.low), figure(interval.high))
}

/// How the runs of all arms lie, on one axis.
fn distributions(report: &Report, width: usize) {
    let walls: Vec<Vec<f64>> =
        report.sides().map(|side| report.walls(side).into_iter().map(|(_, wall)| wall).collect()).collect();
    let all = || walls.iter().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if low <= 0.0 || low >= high {
        return;
    }
    let room = width.saturating_sub(LABEL).clamp(*BARS.start(), *BARS.end());
    // Far apart, only a logarithmic axis shows both arms' spread.
    let log = high / low > 5.0;
    let place = |value: f64| if log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
    for (side, values) in report.sides().zip(&walls) {
        let mut counts = vec![0_usize; room];
        for value in values {
            counts[((place(*value) * room as f64) as usize).min(room - 1)] += 1;
        }
        let style = if side == Side::CANDIDATE { GOOD } else { BOLD };
        let name = cut(report.name(side), LABEL - 2);
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
