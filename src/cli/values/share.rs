//! Numbers of per cent, with or without the sign.

/// A number of per cent from 0 on.
pub fn percent(text: &str) -> Result<f64, String> {
    read(text)
        .filter(|percent| *percent >= 0.0)
        .ok_or_else(|| "allowed is a percentage from 0 on, as in 5 or 2.5%".into())
}

/// A part of one core: from a tenth of a per cent to all of it.
pub fn share(text: &str) -> Result<f64, String> {
    let percent = read(text).filter(|percent| (0.1..=100.0).contains(percent));
    percent
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "allowed is a percentage from 0.1 to 100, as in 2 or 2.5%".into())
}

fn read(text: &str) -> Option<f64> {
    text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{percent, share};

    #[test]
    fn with_and_without_the_sign() {
        assert_eq!((percent("0"), percent("2.5%"), share("2%"), share("100")), (Ok(0.0), Ok(2.5), Ok(0.02), Ok(1.0)));
        for wrong in ["", "%", "-1", "nan", "inf", "5%%", "x"] {
            assert!(percent(wrong).is_err() && share(wrong).is_err(), "{wrong}");
        }
        assert!(share("0").is_err() && share("101").is_err());
    }
}
