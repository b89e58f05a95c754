//! The report for a terminal: a table, the runs as two small distributions, what to be careful about, and the verdict last.

use crate::output::{BOLD, FAINT, GOOD, NOTE, line, styled};

use super::counted::FIGURES;
use super::measures::Source;
use super::report::{Compared, Report};
use super::schedule::{SIDES, Side};
use super::unit::Unit;
use super::verdict::{Verdict, figure};

const COLUMNS: usize = 60;

pub fn print(report: &Report) {
    for arm in &report.arms {
        line(&styled(FAINT, format_args!("{:26}{}", arm.name, arm.description)));
    }
    let runs = report.blocks();
    line(&styled(
        FAINT,
        format_args!("{:26}{runs} of each, in blocks, in random order (--seed {})", "runs", report.seed),
    ));
    line("");
    table(report);
    line("");
    distributions(report);
    for warning in &report.warnings {
        line(&styled(NOTE, format_args!("warning: {warning}")));
    }
    let verdict = report.time().and_then(|time| time.comparison).map(|comparison| comparison.verdict);
    let style = if verdict == Some(Verdict::Less) { GOOD } else { BOLD };
    line(&styled(style, &report.verdict));
}

fn table(report: &Report) {
    let [baseline, candidate] = [&report.arms[0].name, &report.arms[1].name];
    let head = format!("{:20}{baseline:>24}{candidate:>24}   ratio (95 % interval)", "medians");
    line(&styled(BOLD, head));
    for row in &report.measures {
        let mark = if row.of.source == Source::Namespace { "*" } else { "" };
        let cells = [&row.baseline, &row.candidate].map(|summary| {
            let spread =
                if summary.median > 0.0 { format!(" ±{:>3.0} %", 100.0 * summary.spread()) } else { String::new() };
            format!("{}{spread}", row.of.unit.show(summary.median))
        });
        line(&format!("{:20}{:>24}{:>24}   {}", format!("{}{mark}", row.of.label), cells[0], cells[1], interval(row)));
    }
    if report.measures.iter().any(|row| row.of.source == Source::Namespace) {
        line(&styled(FAINT, "* of the whole network namespace: other programs count, and on loopback both ends"));
    }
    if let Some([baseline, candidate]) = report.counted() {
        line(&styled(FAINT, "counted by the library in one run of each:"));
        for figure in &FIGURES {
            line(&format!("{:20}{:>24}{:>24}", figure.label, (figure.show)(baseline), (figure.show)(candidate)));
        }
    }
}

pub fn interval(row: &Compared) -> String {
    let Some(comparison) = &row.comparison else { return "-".to_owned() };
    let interval = comparison.interval;
    format!("{} ({} to {})", figure(interval.ratio), figure(interval.low), figure(interval.high))
}

/// How the runs of both arms lie, on one axis.
fn distributions(report: &Report) {
    let walls = SIDES.map(|side| report.walls(side).into_iter().map(|(_, wall)| wall).collect::<Vec<f64>>());
    let all = || walls.iter().flatten().copied();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if low <= 0.0 || low >= high {
        return;
    }
    // Far apart, only a logarithmic axis shows both arms' spread.
    let log = high / low > 5.0;
    let place = |value: f64| if log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
    for (side, values) in SIDES.into_iter().zip(&walls) {
        let mut counts = [0_usize; COLUMNS];
        for value in values {
            counts[((place(*value) * COLUMNS as f64) as usize).min(COLUMNS - 1)] += 1;
        }
        let style = if side == Side::Candidate { GOOD } else { BOLD };
        line(&format!("{:26}{}", report.arms[side as usize].name, styled(style, bars(&counts))));
    }
    let show = |value: f64| Unit::Seconds.show(value);
    let axis = if log { "logarithmic" } else { "" };
    line(&styled(FAINT, format_args!("{:26}{:<12}{axis:^36}{:>12}", "", show(low), show(high))));
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
