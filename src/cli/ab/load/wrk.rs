//! wrk and wrk2. Percentiles come with `--latency`, to two digits of wrk and three nines and more of wrk2, whose first distribution is
//! corrected for what could not be sent in time.

use super::reading::{Reading, Unread};
use super::text::{behind, count, milliseconds, number};

const RATE: &str = "Requests/sec:";

pub fn read(text: &str) -> Result<Reading, Unread> {
    let rate = behind(text, RATE).and_then(number).ok_or(Unread::Missing(RATE))?;
    let mut reading =
        Reading { rate_per_s: rate, errors: Some(errors(text)), mean_ms: mean(text), ..Reading::default() };
    reading.note_below(text, |line| line.trim_start().starts_with("Latency Distribution"), "%", milliseconds);
    Ok(reading)
}

/// "Latency   237.40us    1.15ms  20.25ms   94.99%": the mean, the deviation, the longest.
fn mean(text: &str) -> Option<f64> {
    let rows = text.lines().map(str::trim_start).filter(|line| !line.starts_with("Latency Distribution"));
    let row = rows.filter_map(|line| line.strip_prefix("Latency ")).next()?;
    milliseconds(row.split_ascii_whitespace().next()?)
}

/// Both lines are there only where something failed: "Socket errors: connect 0, read 5, write 0, timeout 3".
fn errors(text: &str) -> u64 {
    let sockets = behind(text, "Socket errors:").unwrap_or_default();
    let sockets: u64 = sockets.split(',').filter_map(|part| count(part.trim().rsplit(' ').next()?)).sum();
    sockets + behind(text, "Non-2xx or 3xx responses:").and_then(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{errors, read};
    use crate::ab::load::reading::Reading;

    #[test]
    fn wrk() {
        let reading = read(include_str!("../../../../tests/data/load/wrk-4.1.0.txt"));
        let expected = Reading {
            rate_per_s: 151_979.67,
            errors: Some(0),
            mean_ms: Some(0.2374),
            p50_ms: Some(0.017),
            p90_ms: Some(0.046),
            p99_ms: Some(4.36),
            p999_ms: None,
        };
        assert_eq!(reading, Ok(expected));
    }

    #[test]
    fn wrk_with_errors_and_without_percentiles() {
        let reading = read(include_str!("../../../../tests/data/load/wrk-4.1.0-errors.txt")).expect("a report");
        assert_eq!((reading.rate_per_s, reading.errors, reading.p50_ms), (145_728.31, Some(307_899), None));
        assert_eq!(errors("  Socket errors: connect 1, read 20, write 0, timeout 3\n"), 24);
    }

    #[test]
    fn wrk2() {
        let reading = read(include_str!("../../../../tests/data/load/wrk2-4.0.0.txt"));
        let expected = Reading {
            rate_per_s: 499.88,
            errors: Some(0),
            mean_ms: Some(0.98),
            p50_ms: Some(0.91),
            p90_ms: Some(1.56),
            p99_ms: Some(3.59),
            p999_ms: Some(7.2),
        };
        assert_eq!(reading, Ok(expected));
    }
}
