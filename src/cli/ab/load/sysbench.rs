//! sysbench: transactions of a database, or the events of its other tests; one percentile, the one that was asked for.

use super::reading::{Reading, Unread};
use super::text::{behind, count, number};

const RATE: &str = "transactions:";

pub fn read(text: &str) -> Result<Reading, Unread> {
    // "transactions:   138142 (68683.04 per sec.)"
    let transactions = behind(text, RATE).and_then(|rest| number(rest.split_once('(')?.1));
    let rate = transactions.or_else(|| behind(text, "events per second:").and_then(number));
    let mut reading = Reading {
        rate_per_s: rate.ok_or(Unread::Missing(RATE))?,
        errors: behind(text, "ignored errors:").and_then(count),
        ..Reading::default()
    };
    for line in text.lines().skip_while(|line| !line.starts_with("Latency (ms):")).skip(1) {
        let Some((name, ms)) = line.trim_start().split_once(':') else { break };
        match (name, name.split_once("th percentile").and_then(|(percent, _)| number(percent)), number(ms)) {
            ("avg", _, ms) => reading.mean_ms = ms,
            (_, Some(percent), Some(ms)) => reading.note(percent, ms),
            _ => {}
        }
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn transactions_or_events() {
        let expected = Reading { rate_per_s: 68_683.04, errors: Some(0), mean_ms: Some(0.03), ..Reading::default() };
        assert_eq!(read(include_str!("../../../../tests/data/load/sysbench-1.0.20.txt")), Ok(expected));
        let rate = read(include_str!("../../../../tests/data/load/sysbench-1.0.20-rate.txt")).expect("a report");
        assert_eq!((rate.rate_per_s, rate.p99_ms, rate.p50_ms), (192.73, Some(2.71), None));
        let cpu = read(include_str!("../../../../tests/data/load/sysbench-1.0.20-cpu.txt")).expect("a report");
        assert_eq!((cpu.rate_per_s, cpu.errors, cpu.mean_ms), (2621.1, None, Some(0.38)));
    }
}
