//! Whole numbers within limits.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A reader of decimal numbers from one limit to the other.
pub fn number<N>(limits: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, String> + Clone
where
    N: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        // A sign is no digit: what is `+5` is meant as something else.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && limits.contains(number));
        number.ok_or_else(|| format!("allowed is a whole number from {} to {}", limits.start(), limits.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn digits_within_limits() {
        let port = number(1..=u16::MAX);
        assert_eq!((port("1"), port("65535")), (Ok(1), Ok(65_535)));
        for wrong in ["", "0", "65536", "-1", "+1", " 1", "1.0", "0x1", "ten", "99999999999999999999"] {
            assert_eq!(port(wrong), Err("allowed is a whole number from 1 to 65535".to_owned()), "{wrong}");
        }
    }
}
