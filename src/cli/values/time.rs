//! Times, with a unit: `250ms`, `1.5s`, `2m`, `1h`. The library's own reader (TCPTUNE_SET) takes no fractions, since it must not
//! round; here they are what people write.

use std::time::Duration;

use fundu::TimeUnit::{Hour, MicroSecond, MilliSecond, Minute, Second};
use fundu::{CustomDurationParser, CustomTimeUnit};

/// What a number without a unit means: what it meant before there were units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    Milliseconds,
    Seconds,
}

/// A reader of times within limits, which are written as times themselves.
pub fn time(bare: Bare, least: &'static str, most: &'static str) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let limit = |text| read(text, bare).unwrap_or_default();
        let time = read(text, bare).filter(|time| (limit(least)..=limit(most)).contains(time));
        time.ok_or_else(|| {
            let unit = match bare {
                Bare::Milliseconds => "ms",
                Bare::Seconds => "s",
            };
            format!("allowed is a time from {least} to {most} (ms, s, m or h; without a unit: {unit})")
        })
    }
}

fn read(text: &str, bare: Bare) -> Option<Duration> {
    let units = [
        CustomTimeUnit::with_default(MicroSecond, &["us"]),
        CustomTimeUnit::with_default(MilliSecond, &["ms"]),
        CustomTimeUnit::with_default(Second, &["s"]),
        CustomTimeUnit::with_default(Minute, &["m"]),
        CustomTimeUnit::with_default(Hour, &["h"]),
    ];
    let parser = CustomDurationParser::builder()
        .time_units(&units)
        .default_unit(match bare {
            Bare::Milliseconds => MilliSecond,
            Bare::Seconds => Second,
        })
        .disable_exponent()
        .disable_infinity()
        .build();
    Duration::try_from(parser.parse(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{Bare, time};
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn units_and_fractions() {
        let seconds = time(Bare::Seconds, "100ms", "24h");
        for (text, expected) in
            [("5s", 5_000), ("250ms", 250), ("2m", 120_000), ("1h", 3_600_000), ("1.5s", 1_500), ("0.5h", 1_800_000)]
        {
            assert_eq!(seconds(text), Ok(MS(expected)), "{text}");
        }
        assert_eq!(time(Bare::Milliseconds, "1us", "1s")("1500us"), Ok(Duration::from_micros(1_500)));
    }

    #[test]
    fn a_bare_number_is_in_the_options_own_unit() {
        assert_eq!(time(Bare::Seconds, "100ms", "1h")("0.5"), Ok(MS(500)));
        assert_eq!(time(Bare::Milliseconds, "1ms", "10ms")("2"), Ok(MS(2)));
    }

    #[test]
    fn what_is_no_time_or_beyond_the_limits_is_told_what_is() {
        for wrong in ["", "x", "-1", "nan", "inf", "5 s", "5S", "5sec", "1e3", "s", ".", "99ms", "61m", "1s1"] {
            let expected = "allowed is a time from 100ms to 1h (ms, s, m or h; without a unit: s)";
            assert_eq!(time(Bare::Seconds, "100ms", "1h")(wrong), Err(expected.to_owned()), "{wrong}");
        }
    }
}
