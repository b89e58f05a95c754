//! redis-benchmark, in each of its three forms: the long one, `-q` and `--csv`. Its distribution has other steps than ours: only what it
//! names by a round percentile is taken.

use super::reading::{Reading, Unread};
use super::text::number;

const RATE: &str = "requests per second";
const SEVERAL: Unread = Unread::Several("`-t` chooses one test");

pub fn read(text: &str) -> Result<Reading, Unread> {
    if let Some(header) = text.lines().find(|line| line.starts_with("\"test\",")) {
        return csv(header, text);
    }
    let mut found = None;
    for line in text.lines() {
        let long = line.trim_start().strip_prefix("throughput summary:");
        // "GET: 109289.62 requests per second, p50=0.039 msec"
        let quiet = || line.split_once(": ").map(|(_, rest)| rest).filter(|rest| rest.contains(RATE));
        let Some(rate) = long.or_else(quiet).and_then(number) else { continue };
        let p50_ms = line.split_once("p50=").and_then(|(_, ms)| number(ms));
        if found.replace(Reading { rate_per_s: rate, p50_ms, ..Reading::default() }).is_some() {
            return Err(SEVERAL);
        }
    }
    let mut reading = found.ok_or(Unread::Missing(RATE))?;
    let mut rows = text.lines().skip_while(|line| !line.trim_start().starts_with("latency summary (msec):")).skip(1);
    if let (Some(names), Some(values)) = (rows.next(), rows.next()) {
        names
            .split_ascii_whitespace()
            .zip(values.split_ascii_whitespace())
            .for_each(|column| note(&mut reading, column));
    }
    Ok(reading)
}

fn csv(header: &str, text: &str) -> Result<Reading, Unread> {
    let cells =
        |line: &str| -> Vec<String> { line.split("\",\"").map(|cell| cell.trim_matches('"').to_owned()).collect() };
    let names = cells(header);
    let mut rows = text.lines().filter(|line| line.starts_with('"') && *line != header);
    let values = cells(rows.next().ok_or(Unread::Missing("\"rps\""))?);
    if rows.next().is_some() {
        return Err(SEVERAL);
    }
    let mut reading = Reading::default();
    let rate = names.iter().position(|name| name == "rps").and_then(|at| number(values.get(at)?));
    reading.rate_per_s = rate.ok_or(Unread::Missing("\"rps\""))?;
    for (name, value) in names.iter().zip(&values) {
        if let Some(name) = name.strip_suffix("_latency_ms") {
            note(&mut reading, (name, value));
        }
    }
    Ok(reading)
}

/// A column of its summary.
fn note(reading: &mut Reading, (name, value): (&str, &str)) {
    match (name.strip_prefix('p').and_then(number), number(value)) {
        (Some(percent), Some(ms)) => reading.note(percent, ms),
        (None, ms) if name == "avg" => reading.mean_ms = ms,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::{Reading, Unread};

    #[test]
    fn each_form_is_read() {
        let whole = Reading {
            rate_per_s: 142_857.14,
            mean_ms: Some(0.039),
            p50_ms: Some(0.031),
            p99_ms: Some(0.087),
            ..Reading::default()
        };
        let plain = |text: &str| text.replace('\r', "\n");
        assert_eq!(read(&plain(include_str!("../../../../tests/data/load/redis-benchmark-7.0.15.txt"))), Ok(whole));
        let quiet = Reading { rate_per_s: 109_289.62, p50_ms: Some(0.039), ..Reading::default() };
        assert_eq!(
            read(&plain(include_str!("../../../../tests/data/load/redis-benchmark-7.0.15-quiet.txt"))),
            Ok(quiet)
        );
        let csv = include_str!("../../../../tests/data/load/redis-benchmark-7.0.15-csv.txt");
        assert!(matches!(read(csv), Err(Unread::Several(_))));
        let one: Vec<&str> = csv.lines().take(2).collect();
        let reading = read(&one.join("\n")).expect("one result");
        let expected = (144_927.55, Some(0.035), Some(0.039), Some(0.079));
        assert_eq!((reading.rate_per_s, reading.mean_ms, reading.p50_ms, reading.p99_ms), expected);
    }
}
