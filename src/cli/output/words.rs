//! Numbers, times and shares as people write them.

use std::time::Duration;

/// 1234567 as "1,234,567".
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 file", "2 files".
pub fn files(count: u64) -> String {
    format!("{} file{}", number(count), if count == 1 { "" } else { "s" })
}

/// Three digits and the unit that fits: "41.2 ms".
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 120.0 => (s / 60.0, "min"),
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "us"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// Milliseconds as a time.
pub fn milliseconds(value: f64) -> String {
    time(Duration::from_secs_f64(value.max(0.0) / 1e3))
}

/// A share in per cent; nothing of nothing is no share.
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// One number for each of another: "1.00".
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
pub fn per(number: u64, of: u64) -> String {
    if of == 0 { "-".to_owned() } else { format!("{:.2}", number as f64 / of as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_people_do() {
        assert_eq!((number(7), number(1000), number(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!(time(Duration::from_micros(41_234)), "41.2 ms");
        assert_eq!(time(Duration::from_nanos(5_230)), "5.23 us");
        assert_eq!(time(Duration::from_secs(180)), "3.00 min");
        assert_eq!((share(1, 3), share(0, 0)), ("33.3 %".into(), "-".into()));
        assert_eq!((per(3, 2), per(1, 0)), ("1.50".into(), "-".into()));
        assert_eq!((files(1), files(0)), ("1 file".into(), "0 files".into()));
    }
}
