//! pgbench, which prints a mean and no percentiles.

use super::reading::{Reading, Unread};
use super::text::{behind, count, number};

const RATE: &str = "tps = ";

pub fn read(text: &str) -> Result<Reading, Unread> {
    // Before version 14 there are two such lines; the second is without the time to connect, as the only one is later.
    let mut rates = text.lines().filter_map(|line| line.strip_prefix(RATE));
    let rate = rates.next_back().and_then(number).ok_or(Unread::Missing(RATE))?;
    // Since version 15.
    let errors = behind(text, "number of failed transactions:").and_then(count);
    let mean_ms = behind(text, "latency average = ").and_then(number);
    Ok(Reading { rate_per_s: rate, errors, mean_ms, ..Reading::default() })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ab::load::reading::Reading;

    #[test]
    fn it_has_a_rate_and_a_mean() {
        let expected =
            Reading { rate_per_s: 32_867.500_071, errors: Some(0), mean_ms: Some(0.122), ..Reading::default() };
        assert_eq!(read(include_str!("../../../../tests/data/load/pgbench-15.18.txt")), Ok(expected));
        let rate = read(include_str!("../../../../tests/data/load/pgbench-15.18-rate.txt")).expect("a report");
        assert_eq!((rate.rate_per_s, rate.mean_ms), (207.007_929, Some(0.787)));
        let old = "latency average = 0.5 ms\ntps = 90.0 (including connections establishing)\n\
                   tps = 100.0 (excluding connections establishing)\n";
        assert_eq!(read(old).map(|reading| (reading.rate_per_s, reading.errors)), Ok((100.0, None)));
    }
}
