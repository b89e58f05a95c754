//! vegeta's report as text, whose columns have their names in front.

use super::reading::{Reading, Unread};
use super::text::{behind, count, is_success, milliseconds, number};

const REQUESTS: &str = "Requests ";

/// What it calls rate is how often it sent; done is what was answered well, its throughput.
pub fn read(text: &str) -> Result<Reading, Unread> {
    let requests = row(text, REQUESTS).ok_or(Unread::Missing("Requests      [total, rate, throughput]"))?;
    let value = |name: &str| requests.iter().find(|(column, _)| *column == name).and_then(|(_, value)| number(value));
    // Old versions have no throughput.
    let rate = value("throughput").or_else(|| value("rate"));
    let rate = rate.ok_or(Unread::Missing("Requests      [total, rate, throughput]"))?;
    let codes = behind(text, "Status Codes").and_then(|rest| rest.split_once(']')).map(|(_, codes)| codes);
    let failed = |code: &str| {
        let (code, times) = code.split_once(':')?;
        (!is_success(code)).then(|| count(times)).flatten()
    };
    let errors = codes.map(|codes| codes.split_ascii_whitespace().filter_map(failed).sum());
    let mut reading = Reading { rate_per_s: rate, errors, ..Reading::default() };
    for (column, value) in row(text, "Latencies ").unwrap_or_default() {
        let Some(ms) = milliseconds(value) else { continue };
        match number(column) {
            Some(percent) => reading.note(percent, ms),
            None if column == "mean" => reading.mean_ms = Some(ms),
            None => {}
        }
    }
    Ok(reading)
}

/// "Latencies     [min, mean, 50, …]  1ms, 2ms, 1.5ms, …": columns with their values.
fn row<'t>(text: &'t str, title: &str) -> Option<Vec<(&'t str, &'t str)>> {
    let (columns, values) = behind(text, title)?.strip_prefix('[')?.split_once(']')?;
    Some(columns.split(',').map(str::trim).zip(values.split(',').map(str::trim)).collect())
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn columns_are_known_by_their_names() {
        let expected = Reading {
            rate_per_s: 65.87,
            errors: Some(535),
            mean_ms: Some(113.172_398),
            p50_ms: Some(108.272_568),
            p90_ms: None,
            p99_ms: Some(247.771_566),
            p999_ms: None,
        };
        assert_eq!(read(include_str!("../../../../tests/data/load/vegeta-readme.txt")), Ok(expected));
        // The columns of version 12.
        let text = "Requests      [total, rate, throughput]         400, 200.50, 200.44\n\
                    Latencies     [min, mean, 50, 90, 95, 99, max]  92.3µs, 1.2s, 250.1µs, 1m0.5s, 2s, 3s, 4s\n\
                    Success       [ratio]                           100.00%\n\
                    Status Codes  [code:count]                      200:400  \nError Set:\n";
        let reading = read(text).expect("a report");
        assert_eq!((reading.rate_per_s, reading.errors), (200.44, Some(0)));
        assert_eq!((reading.mean_ms, reading.p50_ms, reading.p90_ms), (Some(1200.0), Some(0.2501), Some(60_500.0)));
    }
}
