//! Compares the two arms of a service: how long an exchange takes, with a 95 % interval. What chance has divided are
//! connections, so each counts once, by its mean: exchanges on one connection are like each other and would make intervals look
//! narrower than they are.

use schemars::JsonSchema;
use serde::Serialize;
use tcptune_policy::counters::Counter;

use crate::counters::ArmCounts;

/// A mean time with the bounds between which the true one lies, with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mean {
    pub mean_ms: f64,
    pub low_ms: f64,
    pub high_ms: f64,
}

/// A ratio with such bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Ratio {
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
}

/// Both arms beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    pub tuned: Mean,
    pub untouched: Mean,
    /// How many times as long an exchange takes that is left untouched.
    #[serde(flatten)]
    pub ratio: Ratio,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    TunedIsFaster,
    TunedIsSlower,
    NoDifference,
}

/// Fewer connections in an arm say nothing.
pub const FEWEST: u64 = 10;
/// 97.5 % of the normal distribution.
const Z: f64 = 1.96;

/// None where one of the arms has too few connections that were closed.
pub fn compare(tuned: &ArmCounts, untouched: &ArmCounts) -> Option<Comparison> {
    let (t, u) = (Sample::of(tuned)?, Sample::of(untouched)?);
    let ratio = u.mean / t.mean;
    // The logarithm of a ratio of means is nearly normal, and its interval never crosses zero.
    let error = ((t.error / t.mean).powi(2) + (u.error / u.mean).powi(2)).sqrt();
    let ratio = Ratio { ratio, low: ratio * (-Z * error).exp(), high: ratio * (Z * error).exp() };
    let verdict = if ratio.low > 1.0 {
        Verdict::TunedIsFaster
    } else if ratio.high < 1.0 {
        Verdict::TunedIsSlower
    } else {
        Verdict::NoDifference
    };
    Some(Comparison { tuned: t.interval(), untouched: u.interval(), ratio, verdict })
}

/// Means of connections, in milliseconds.
struct Sample {
    mean: f64,
    /// The standard error of the mean.
    error: f64,
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "sums of times")]
    fn of(arm: &ArmCounts) -> Option<Sample> {
        let count = arm.get(Counter::Compared);
        if count < FEWEST {
            return None;
        }
        let n = count as f64;
        let mean = arm.get(Counter::MeanDelay) as f64 / 1e6 / n;
        let square = arm.get(Counter::MeanDelaySquare) as f64 / 1e6 / n;
        let variance = (square - mean * mean).max(0.0) * n / (n - 1.0);
        // A mean is known to a tick, not better.
        (mean > 0.0).then(|| Sample { mean, error: (variance / n).sqrt() })
    }

    fn interval(&self) -> Mean {
        Mean { mean_ms: self.mean, low_ms: (self.mean - Z * self.error).max(0.0), high_ms: self.mean + Z * self.error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcptune_policy::counters::COUNTERS;

    /// An arm with connections of these means, in milliseconds; a tick is a microsecond here.
    fn arm(means: &[u64]) -> ArmCounts {
        let mut counts = [0; COUNTERS];
        counts[Counter::Compared as usize] = means.len() as u64;
        counts[Counter::MeanDelay as usize] = means.iter().map(|ms| ms * 1000).sum();
        counts[Counter::MeanDelaySquare as usize] = means.iter().map(|ms| (ms * 1000).pow(2)).sum();
        ArmCounts::parse(&counts, [&[], &[], &[]], 1000.0)
    }

    #[test]
    fn a_stall_is_told_and_noise_is_not() {
        let fast = arm(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
        let slow = arm(&[40, 42, 41, 40, 42, 41, 40, 42, 41, 40, 42, 41]);
        let found = compare(&fast, &slow).expect("enough");
        assert_eq!(found.verdict, Verdict::TunedIsFaster);
        assert!((found.ratio.ratio - 41.0 / 1.5).abs() < 0.1, "{found:?}");
        assert!(found.ratio.low < 27.0 && found.ratio.high > 27.5 && found.untouched.low_ms > 40.0, "{found:?}");
        assert_eq!(compare(&slow, &fast).expect("enough").verdict, Verdict::TunedIsSlower);
        let same = arm(&[2, 1, 2, 1, 2, 2, 1, 1, 2, 1]);
        assert_eq!(compare(&fast, &same).expect("enough").verdict, Verdict::NoDifference);
        assert_eq!(compare(&fast, &arm(&[1; 9])), None);
    }
}
