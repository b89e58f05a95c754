//! Medians, spreads, outliers, and the interval of a ratio by bootstrap. Pure; nothing here assumes a normal distribution.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use schemars::JsonSchema;
use serde::Serialize;
use statrs::statistics::{Data, OrderStatistics};

/// How often the blocks are drawn anew; less often in tests, which do it for hundreds of sessions without optimisation.
const RESAMPLES: usize = if cfg!(test) { 1_000 } else { 10_000 };
/// How sure an interval is, in per cent.
pub const CONFIDENCE: f64 = 95.0;
/// A value further from the median than this many standard deviations (judged by the median of the distances) is an outlier.
const OUTLIER: f64 = 5.0;
/// The factor between the median distance from the median and a normal distribution's standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// What one arm's runs come to in one measure.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Summary {
    pub median: f64,
    /// The middle half of the runs lies between these.
    pub lower_quartile: f64,
    pub upper_quartile: f64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Standard deviation as the median of distances gives it: outliers do not count.
    pub deviation: f64,
}

impl Summary {
    /// The deviation as a share of the median.
    pub fn spread(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { self.deviation / self.median }
    }
}

pub fn median(values: &[f64]) -> f64 {
    Data::new(values.to_vec()).median()
}

pub fn summary(values: &[f64]) -> Summary {
    let mut data = Data::new(values.to_vec());
    let median = data.median();
    let distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
    Summary {
        median,
        lower_quartile: data.quantile(0.25),
        upper_quartile: data.quantile(0.75),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean: values.iter().sum::<f64>() / values.len() as f64,
        deviation: self::median(&distances) * MAD_TO_DEVIATION,
    }
}

/// Which values lie far from the others.
pub fn outliers(values: &[f64]) -> Vec<bool> {
    let summary = summary(values);
    // Values that hardly differ at all have no outliers: a thousandth is no disturbance.
    let unit = summary.deviation.max(summary.median.abs() / 1000.0);
    values.iter().map(|v| (v - summary.median).abs() > OUTLIER * unit).collect()
}

/// Do neighbours in time resemble each other more than chance would have it? Both arms' values come in the order they were
/// made, each as its place among its own arm's, from 0 to 1.
pub fn neighbours_alike(places: &[f64]) -> bool {
    let mean = places.iter().sum::<f64>() / places.len() as f64;
    let from_mean = || places.iter().map(|place| place - mean);
    let together: f64 = from_mean().zip(from_mean().skip(1)).map(|(a, b)| a * b).sum();
    let all: f64 = from_mean().map(|d| d * d).sum();
    // Without any order, the correlation of neighbours has about this deviation; 2.6 of them in one of two hundred sessions.
    together > 2.6 * all / (places.len() as f64).sqrt()
}

/// The place of each value among all, from 0 to 1.
pub fn places(values: &[f64]) -> Vec<f64> {
    let below = |value: &f64| values.iter().filter(|other| *other < value).count() as f64;
    values.iter().map(|value| below(value) / values.len() as f64).collect()
}

/// A ratio and where it probably lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Interval {
    pub ratio: f64,
    pub low: f64,
    /// Null: without bound, where some of the baseline's runs took nothing.
    #[schemars(with = "Option<f64>")]
    pub high: f64,
}

impl Interval {
    /// Wider by an uncertainty of its own, which is given as a share: both add up as independent ones do.
    pub fn widened(self, share: f64) -> Self {
        let far = |end: f64| ((end / self.ratio).ln().powi(2) + (1.0 + share).ln().powi(2)).sqrt();
        let (down, up) = (far(self.low), far(self.high));
        // Nothing is proportionally uncertain about a ratio of 0.
        if self.low > 0.0 && self.high.is_finite() {
            return Self { low: self.ratio * (-down).exp(), high: self.ratio * up.exp(), ..self };
        }
        self
    }

    pub fn contains(&self, ratio: f64) -> bool {
        self.low <= ratio && ratio <= self.high
    }
}

/// The ratio of the medians, `b` to `a`, with its interval. The values of one index are one block's and are drawn together:
/// what disturbed a block disturbed both. None where there is nothing to divide by.
pub fn ratio(a: &[f64], b: &[f64], seed: u64) -> Option<Interval> {
    let blocks = a.len().min(b.len());
    let (a, b) = (a.get(..blocks)?, b.get(..blocks)?);
    let below = median(a);
    if blocks == 0 || below <= 0.0 {
        return None;
    }
    let ratio = median(b) / below;
    let mut random = StdRng::seed_from_u64(seed);
    let (mut drawn_a, mut drawn_b) = (vec![0.0; blocks], vec![0.0; blocks]);
    let mut ratios: Vec<f64> = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for (to_a, to_b) in drawn_a.iter_mut().zip(&mut drawn_b) {
            let block = random.random_range(0..blocks);
            (*to_a, *to_b) = (a[block], b[block]);
        }
        // Zero below: as far from any finite ratio as it can be.
        let drawn = middle(&mut drawn_b) / middle(&mut drawn_a);
        ratios.push(if drawn.is_nan() { ratio } else { drawn });
    }
    ratios.sort_by(f64::total_cmp);
    // Few blocks make a sample look tighter than what it was drawn from; the tails are cut less for that.
    let tail = (1.0 - CONFIDENCE / 100.0) / 2.0;
    let tail = tail * (1.0 - 1.0 / blocks as f64).powi(2);
    let at = |share: f64| ratios[((share * RESAMPLES as f64) as usize).min(RESAMPLES - 1)];
    Some(Interval { ratio, low: at(tail).min(ratio), high: at(1.0 - tail).max(ratio) })
}

/// The median without a copy: this is what bootstrapping spends its time on.
fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, at, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *at;
    if odd { upper } else { (upper + below.iter().copied().fold(f64::NEG_INFINITY, f64::max)) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::{Interval, median, middle, neighbours_alike, outliers, places, ratio, summary};

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(middle(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(middle(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_summary_is_not_moved_by_an_outlier() {
        let calm = summary(&[1.0, 1.1, 0.9, 1.0, 1.05]);
        let disturbed = summary(&[1.0, 1.1, 0.9, 1.0, 50.0]);
        assert_eq!((calm.median, disturbed.median), (1.0, 1.0));
        assert!((calm.deviation - 0.0741).abs() < 1e-4 && disturbed.deviation < 0.15, "{disturbed:?}");
        assert_eq!((disturbed.min, disturbed.max), (0.9, 50.0));
        assert!(calm.lower_quartile >= 0.9 && calm.upper_quartile <= 1.1 && calm.lower_quartile < calm.upper_quartile);
    }

    #[test]
    fn outliers_are_found_and_ordinary_values_are_not() {
        assert_eq!(outliers(&[1.0, 1.01, 0.99, 1.02, 2.0]), [false, false, false, false, true]);
        assert_eq!(outliers(&[1.0, 1.0, 1.0, 1.0, 1.001]), [false; 5]);
        assert_eq!(outliers(&[1.0, 1.1, 0.9, 1.2, 0.8]), [false; 5]);
    }

    #[test]
    fn a_load_that_comes_and_goes_is_noticed() {
        let calm: Vec<f64> = (0..20).map(|n| f64::from(n * 7 % 20)).collect();
        assert!(!neighbours_alike(&places(&calm)));
        let waves: Vec<f64> = (0..20).map(|n| f64::from(n / 5 % 2) + 0.01 * f64::from(n)).collect();
        assert!(neighbours_alike(&places(&waves)));
        assert!(!neighbours_alike(&places(&[1.0; 20])));
        assert_eq!(places(&[3.0, 1.0, 2.0, 9.0]), [0.5, 0.0, 0.25, 0.75]);
    }

    #[test]
    fn a_ratio_has_an_interval_around_it() {
        let a = [10.0, 10.2, 9.9, 10.1, 10.0, 9.8, 10.3, 10.0];
        let b = a.map(|x| x / 2.0);
        let exact = ratio(&a, &b, 1).expect("positive");
        // Blocks are drawn together: where every block has the same ratio, there is no doubt about it.
        assert_eq!((exact.ratio, exact.low, exact.high), (0.5, 0.5, 0.5));
        let mut turned = b;
        turned.reverse();
        let wide = ratio(&a, &turned, 1).expect("positive");
        assert!(wide.low < 0.5 && wide.high > 0.5 && wide.contains(0.5) && !wide.contains(0.6), "{wide:?}");
        assert_eq!(ratio(&a, &turned, 1), ratio(&a, &turned, 1));
    }

    #[test]
    fn widening_adds_as_independent_uncertainties_do() {
        let exact = Interval { ratio: 0.5, low: 0.5, high: 0.5 }.widened(0.03);
        assert!((exact.high - 0.515).abs() < 1e-9 && (exact.low - 0.5 / 1.03).abs() < 1e-9, "{exact:?}");
        let wide = Interval { ratio: 1.0, low: 0.8, high: 1.25 };
        let wider = wide.widened(0.03);
        assert!(wider.low < 0.8 && wider.low > 0.797 && wider.high > 1.25 && wider.high < 1.255, "{wider:?}");
        let none = Interval { ratio: 0.0, low: 0.0, high: 0.0 };
        assert_eq!(none.widened(0.03), none);
    }

    #[test]
    fn nothing_to_divide_by() {
        assert_eq!(ratio(&[], &[], 1), None);
        assert_eq!(ratio(&[0.0, 0.0], &[1.0, 1.0], 1), None);
        let gone = ratio(&[43.0, 44.0], &[0.0, 0.0], 1).expect("positive");
        assert_eq!((gone.ratio, gone.low, gone.high), (0.0, 0.0, 0.0));
        // A median that is zero in some of the drawings only.
        assert!(ratio(&[0.0, 1.0, 1.0], &[1.0, 1.0, 1.0], 1).expect("positive").high.is_infinite());
    }
}
