//! hey, and oha, which prints the same in other units.

use super::reading::{Reading, Unread};
use super::text::{behind, count, is_success, number, of_unit};

const RATE: &str = "Requests/sec:";
/// What oha calls requests that were under way when its time was over: nothing has failed.
const UNFINISHED: &str = "aborted due to deadline";

/// Both name the unit behind each time. hey's are seconds with four digits: a tenth of a millisecond is the least.
pub fn read(text: &str) -> Result<Reading, Unread> {
    let rate = behind(text, RATE).and_then(number).ok_or(Unread::Missing(RATE))?;
    let codes = section(text, "Status code distribution:").filter(|(code, _)| !is_success(code));
    let codes: u64 = codes.filter_map(|(_, responses)| count(responses)).sum();
    let refused = section(text, "Error distribution:").filter(|(_, error)| *error != UNFINISHED);
    let refused: u64 = refused.filter_map(|(times, _)| count(times)).sum();
    let mean_ms = behind(text, "Average:").and_then(time);
    let mut reading = Reading { rate_per_s: rate, errors: Some(codes + refused), mean_ms, ..Reading::default() };
    let is_title = |line: &str| ["Latency distribution:", "Response time distribution:"].contains(&line);
    // "50% in 0.0001 secs", "50.00% in 0.1234 ms"
    reading.note_below(text, is_title, "% in ", time);
    Ok(reading)
}

/// "0.0011 secs" in milliseconds.
fn time(text: &str) -> Option<f64> {
    let (value, unit) = text.trim().split_once(' ')?;
    Some(number(value)? * of_unit(unit)?)
}

/// "[404] 200 responses": what is in brackets, and what stands behind it.
fn section<'t>(text: &'t str, title: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let mut lines = text.lines();
    let there = lines.any(|line| line == title);
    lines.take_while(move |_| there).map_while(|line| {
        let (inside, behind) = line.trim_start().strip_prefix('[')?.split_once(']')?;
        Some((inside, behind.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn hey_has_seconds_with_four_digits() {
        let expected = Reading {
            rate_per_s: 35_966.557,
            errors: Some(0),
            mean_ms: Some(0.1),
            p50_ms: Some(0.1),
            p90_ms: Some(0.1),
            p99_ms: Some(1.1),
            p999_ms: None,
        };
        assert_eq!(read(include_str!("../../../../tests/data/load/hey-0.1.4.txt")), Ok(expected));
    }

    #[test]
    fn hey_counts_codes_and_refusals() {
        let missing = read(include_str!("../../../../tests/data/load/hey-0.1.4-errors.txt")).expect("a report");
        assert_eq!((missing.errors, missing.p99_ms), (Some(200), Some(3.9)));
        // Nothing was answered: the mean is no number.
        let refused = read(include_str!("../../../../tests/data/load/hey-0.1.4-refused.txt")).expect("a report");
        assert_eq!((refused.errors, refused.mean_ms, refused.p50_ms), (Some(20), None, None));
    }

    #[test]
    fn oha_names_its_unit_and_does_not_count_what_it_left_off() {
        let expected = Reading {
            rate_per_s: 73_724.579_2,
            errors: Some(0),
            mean_ms: Some(0.0534),
            p50_ms: Some(0.0186),
            p90_ms: Some(0.0432),
            p99_ms: Some(0.1609),
            p999_ms: Some(5.0598),
        };
        assert_eq!(read(include_str!("../../../../tests/data/load/oha-1.16.0.txt")), Ok(expected));
        let missing = read(include_str!("../../../../tests/data/load/oha-1.16.0-errors.txt")).expect("a report");
        assert_eq!((missing.errors, missing.p999_ms), (Some(400), Some(8.0921)));
        // Slow answers are told in seconds.
        let slow = "  Requests/sec:\t2.5\n\nResponse time distribution:\n  50.00% in 1.2500 sec\n\nError distribution:\n  [3] timeout\n";
        let slow = read(slow).expect("a report");
        assert_eq!((slow.p50_ms, slow.errors), (Some(1250.0), Some(3)));
    }
}
