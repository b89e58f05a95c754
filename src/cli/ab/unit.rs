//! Units of what is measured, as tables show them.

use super::verdict::figure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
    Count,
    /// Of any kind.
    Number,
}

impl Unit {
    /// Short, with three figures.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => scaled(value, &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")]),
            Self::Bytes => scaled(value, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")]),
            Self::Number if (1e-3..1e6).contains(&value.abs()) => figure(value),
            Self::Number if value == 0.0 => "0".to_owned(),
            Self::Number => format!("{value:.3e}"),
            Self::Count if value >= 1e6 => scaled(value, &[(1e6, "M")]),
            Self::Count => {
                let text = format!("{:.*}", usize::from(value < 100.0 && value.fract() != 0.0), value);
                if value >= 1e4 { format!("{},{}", &text[..text.len() - 3], &text[text.len() - 3..]) } else { text }
            }
        }
    }
}

/// In the largest unit that it fills; the last if none.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // 999.6 ms would be shown as 1000 ms.
    let fills = |(size, _): &&(f64, &str)| value >= size * 0.9995;
    let (size, name) = units.iter().find(fills).or(units.last()).copied().unwrap_or((1.0, ""));
    let value = value / size;
    let places = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.places$} {name}")
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn values_have_three_figures_and_a_unit() {
        let seconds = [4.4123, 0.0423, 0.9999, 123.4, 0.000_012, 0.0, 1e-7].map(|v| Unit::Seconds.show(v));
        assert_eq!(seconds, ["4.41 s", "42.3 ms", "1.00 s", "123 s", "12.0 µs", "0", "0.10 µs"]);
        assert_eq!([120.0, 1500.0, 2.5e6].map(|v| Unit::Bytes.show(v)), ["120 B", "1.50 kB", "2.50 MB"]);
        let counts = [0.0, 43.0, 43.5, 1234.0, 12345.0, 1.5e6].map(|v| Unit::Count.show(v));
        assert_eq!(counts, ["0", "43", "43.5", "1234", "12,345", "1.50 M"]);
    }
}
