//! Axes of the plots: where a value lies, and which values get a line and a number.

use crate::ab::unit::Unit;

/// Maps values to places along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Axis {
    /// Linear, from 0.
    pub fn from_zero(high: f64, from: f64, to: f64) -> Self {
        Self { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, from, to, log: false }
    }

    /// Around these values: logarithmic where they lie far apart, so that both arms' spread can be seen.
    pub fn around(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        if !low.is_finite() || low <= 0.0 {
            return Self::from_zero(high, from, to);
        }
        if high / low > 4.0 {
            return Self::log(low / 1.25, high * 1.25, from, to);
        }
        let margin = (high - low).max(high / 100.0) * 0.12;
        Self { low: low - margin, high: high + margin, from, to, log: false }
    }

    pub fn log(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self { low, high, from, to, log: true }
    }

    pub fn is_log(&self) -> bool {
        self.log
    }

    pub fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values along the axis, at most about so many.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        if self.log { self.log_ticks(most) } else { self.linear_ticks(most) }
    }

    fn linear_ticks(&self, most: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / most.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= rough * 0.999).unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= self.high * (1.0 + 1e-9)).take(50).collect()
    }

    fn log_ticks(&self, most: usize) -> Vec<f64> {
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let within = |steps: &[f64]| -> Vec<f64> {
            let all = powers.clone().flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
            all.filter(|tick| (self.low..=self.high).contains(tick)).collect()
        };
        for steps in [&[1.0, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]] {
            let ticks = within(steps);
            if ticks.len() <= most || steps.len() == 1 {
                return ticks;
            }
        }
        Vec::new()
    }
}

/// A tick's number, without figures that say nothing: `0.2 s`, `50 ms`.
pub fn tick_label(unit: Unit, value: f64) -> String {
    let plain = |value: f64| {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match unit {
        Unit::Seconds if value == 0.0 => "0".to_owned(),
        Unit::Seconds if value >= 0.9995 => format!("{} s", plain(value)),
        Unit::Seconds if value >= 0.000_999_5 => format!("{} ms", plain(value * 1e3)),
        Unit::Seconds => format!("{} µs", plain(value * 1e6)),
        _ => Unit::Count.show(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, tick_label};
    use crate::ab::unit::Unit;

    #[test]
    fn places_and_ticks() {
        let axis = Axis::from_zero(10.0, 100.0, 200.0);
        assert_eq!([0.0, 5.0, 10.0, 20.0].map(|v| axis.place(v)), [100.0, 150.0, 200.0, 200.0]);
        assert_eq!(axis.ticks(5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let log = Axis::around([0.2, 4.0].into_iter(), 0.0, 1.0);
        assert!(log.log && log.place(0.2) > 0.0 && log.place(4.0) < 1.0);
        assert!((log.place((0.2_f64 * 4.0).sqrt()) - 0.5).abs() < 1e-9);
        assert_eq!(log.ticks(6), [0.2, 0.5, 1.0, 2.0, 5.0]);
        assert!(Axis::around([1.0, 1.0].into_iter(), 0.0, 1.0).ticks(4).len() >= 2);
        assert!(!Axis::around(std::iter::empty(), 0.0, 1.0).place(3.0).is_nan());
    }

    #[test]
    fn labels() {
        let shown = [0.0, 0.2, 0.05, 2.0, 2.5, 0.000_1].map(|v| tick_label(Unit::Seconds, v));
        assert_eq!(shown, ["0", "200 ms", "50 ms", "2 s", "2.5 s", "100 µs"]);
    }
}
