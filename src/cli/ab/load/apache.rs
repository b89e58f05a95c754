//! ab, ApacheBench. Its percentiles are whole milliseconds, and 100 % is the longest.

use super::reading::{Reading, Unread};
use super::text::{behind, count, number};

const RATE: &str = "Requests per second:";

pub fn read(text: &str) -> Result<Reading, Unread> {
    let rate = behind(text, RATE).and_then(number).ok_or(Unread::Missing(RATE))?;
    let of = |line| behind(text, line).and_then(count);
    // "Failed" also are answers of another length than the first; other statuses than 200 are counted beside them.
    let errors = of("Failed requests:").map(|failed| failed + of("Non-2xx responses:").unwrap_or(0));
    // With several connections the first of two lines has what a request took.
    let mean_ms = behind(text, "Time per request:").and_then(number);
    let mut reading = Reading { rate_per_s: rate, errors, mean_ms, ..Reading::default() };
    reading.note_below(text, |line| line.starts_with("Percentage of the requests served"), "%", number);
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn percentiles_are_whole_milliseconds() {
        let expected = Reading {
            rate_per_s: 142_765.37,
            errors: Some(0),
            mean_ms: Some(0.028),
            p50_ms: Some(0.0),
            p90_ms: Some(0.0),
            p99_ms: Some(0.0),
            p999_ms: None,
        };
        assert_eq!(read(include_str!("../../../../tests/data/load/ab-2.3.txt")), Ok(expected));
    }

    #[test]
    fn statuses_that_say_no_are_errors() {
        let reading = read(include_str!("../../../../tests/data/load/ab-2.3-errors.txt")).expect("a report");
        assert_eq!((reading.rate_per_s, reading.errors), (39_816.84, Some(200)));
    }
}
