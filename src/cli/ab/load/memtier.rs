//! memtier_benchmark: a table with a row for all operations. Which percentiles it has is asked for.

use super::reading::{Reading, Unread};
use super::text::number;

const ROW: &str = "Totals";

pub fn read(text: &str) -> Result<Reading, Unread> {
    let lines = || text.lines().skip_while(|line| !line.starts_with("ALL STATS"));
    // Names of several words, with two blanks and more between them.
    let header = lines().find(|line| line.starts_with("Type ")).ok_or(Unread::Missing("Type  Ops/sec"))?;
    let names = header.split("  ").map(str::trim).filter(|name| !name.is_empty());
    let values = lines().find(|line| line.starts_with(ROW)).ok_or(Unread::Missing(ROW))?.split_ascii_whitespace();
    let (mut rate, mut reading) = (None, Reading::default());
    for (name, value) in names.zip(values) {
        let value = number(value);
        match (name, name.strip_suffix(" Latency"), value) {
            ("Ops/sec", _, value) => rate = value,
            (_, Some("Avg."), value) => reading.mean_ms = value,
            (_, Some(percentile), Some(ms)) => {
                if let Some(percent) = percentile.strip_prefix('p').and_then(number) {
                    reading.note(percent, ms);
                }
            }
            _ => {}
        }
    }
    reading.rate_per_s = rate.ok_or(Unread::Missing("Ops/sec"))?;
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn the_row_of_all_operations_counts() {
        let usual = read(include_str!("../../../../tests/data/load/memtier_benchmark-2f74d611.txt")).expect("a report");
        assert_eq!((usual.p90_ms, usual.errors), (None, None));
        let expected = Reading {
            rate_per_s: 142_344.33,
            mean_ms: Some(0.028_64),
            p50_ms: Some(0.023),
            p90_ms: Some(0.031),
            p99_ms: Some(0.055),
            p999_ms: Some(2.111),
            ..Reading::default()
        };
        let asked = read(include_str!("../../../../tests/data/load/memtier_benchmark-2f74d611-percentiles.txt"));
        assert_eq!(asked, Ok(expected));
    }
}
