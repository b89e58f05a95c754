//! What the figures say about one measure: faster, slower, no difference, or not enough to tell. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::many::holm;
use super::ranks::mann_whitney;
use super::stats::{Interval, ratio};

/// Below this probability of chance a difference is believed. With one in twenty, every twentieth comparison of equal things
/// would find a difference; with this, fewer than one in a hundred.
pub const BELIEVED: f64 = 0.01;

/// How much the ratio of times differs from one session to the next, however steady each is: where pages lie, how timers and
/// ticks meet, what the neighbours do. A session cannot see it in itself; `scripts/check ab` shows it.
pub const BETWEEN_SESSIONS: f64 = 0.04;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The candidate needs less than the baseline.
    Less,
    /// It needs more.
    More,
    /// The runs do not tell them apart.
    NoDifference,
    /// Not even a perfect separation of so few runs would count.
    TooFewRuns,
}

/// One measure of both arms, compared.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    #[serde(flatten)]
    pub interval: Interval,
    /// The rank test's probability of chance.
    pub p: f64,
    /// The same, corrected for the comparisons that are made beside this one: what the verdict is from.
    pub p_holm: f64,
    pub verdict: Verdict,
}

/// None where the baseline has nothing to divide by. `between_sessions`: what the interval must allow for beside chance.
pub fn compare(baseline: &[f64], candidate: &[f64], between_sessions: f64, seed: u64) -> Option<Comparison> {
    let interval = ratio(baseline, candidate, seed)?.widened(between_sessions);
    let p = mann_whitney(baseline, candidate);
    let mut comparison = Comparison { interval, p, p_holm: p, verdict: Verdict::NoDifference };
    comparison.conclude(p, 1, baseline.len());
    Some(comparison)
}

/// Comparisons that are made together, each of so many runs: the more there are, the clearer each must be.
pub fn conclude(family: &mut [&mut Comparison], runs: usize) {
    let given: Vec<f64> = family.iter().map(|comparison| comparison.p).collect();
    let size = family.len();
    for (comparison, p) in family.iter_mut().zip(holm(&given)) {
        comparison.conclude(p, size, runs);
    }
}

/// The fewest runs of each arm that can show anything in so many comparisons at once.
pub fn least(comparisons: usize) -> usize {
    (1..).find(|&runs| clearest(runs) * (comparisons.max(1) as f64) < BELIEVED).unwrap_or(usize::MAX)
}

/// The probability of chance where all runs of one arm are slower than all of the other.
fn clearest(runs: usize) -> f64 {
    let apart = |start: usize| (start..start + runs).map(|n| n as f64).collect::<Vec<f64>>();
    mann_whitney(&apart(0), &apart(runs))
}

impl Comparison {
    fn conclude(&mut self, p_holm: f64, family: usize, runs: usize) {
        self.p_holm = p_holm;
        self.verdict = if runs < least(family) {
            Verdict::TooFewRuns
        } else if p_holm >= BELIEVED || self.interval.contains(1.0) {
            Verdict::NoDifference
        } else if self.interval.ratio < 1.0 {
            Verdict::Less
        } else {
            Verdict::More
        };
    }

    /// Surely slower by more than this many per cent: what `--fail-if-slower` asks.
    pub fn slower_by(&self, percent: f64) -> bool {
        self.verdict == Verdict::More && self.interval.low > 1.0 + percent / 100.0
    }

    /// The line for people about the time that `candidate` takes.
    pub fn sentence(&self, candidate: &str, baseline: &str, runs: usize, comparisons: usize) -> String {
        let Interval { ratio, low, high } = self.interval;
        let found = match self.verdict {
            Verdict::Less if ratio < 0.5 => {
                let (most, least) = (figure(1.0 / low), figure(1.0 / high));
                format!(
                    "{candidate} is {} times as fast as {baseline} (95 % interval {least} to {most}",
                    figure(1.0 / ratio)
                )
            }
            Verdict::Less => {
                let [share, least, most] = [ratio, high, low].map(|r| figure(100.0 * (1.0 - r)));
                format!("{candidate} takes {share} % less time than {baseline} (95 % interval {least} to {most} %")
            }
            Verdict::More if ratio < 2.0 => {
                let [share, least, most] = [ratio, low, high].map(|r| figure(100.0 * (r - 1.0)));
                format!("{candidate} takes {share} % more time than {baseline} (95 % interval {least} to {most} %")
            }
            Verdict::More => {
                let [ratio, low, high] = [ratio, low, high].map(figure);
                format!("{candidate} takes {ratio} times the time of {baseline} (95 % interval {low} to {high}")
            }
            Verdict::NoDifference => {
                let [ratio, low, high] = [ratio, low, high].map(|r| format!("{r:.3}"));
                format!(
                    "no difference found: {candidate} takes {ratio} times the time of {baseline} (95 % interval {low} to {high}"
                )
            }
            Verdict::TooFewRuns => {
                return format!(
                    "too few runs to tell {candidate} from {baseline}: {runs} of each, {} are the least that can show anything",
                    least(comparisons)
                );
            }
        };
        format!("{found}; {}; {runs} runs of each)", chance(self.p_holm))
    }
}

pub fn chance(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {}", figure(p)) }
}

/// Three figures, without zeros that say nothing.
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "∞".to_owned();
    }
    let size = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let places = (2 - size).clamp(0, 6) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Verdict, compare, figure};

    fn near(value: f64, count: usize) -> Vec<f64> {
        (0..count).map(|n| value * (1.0 + 0.01 * ((n * 7 % 5) as f64 - 2.0))).collect()
    }

    fn compared(a: f64, b: f64, count: usize) -> Comparison {
        compare(&near(a, count), &near(b, count), 0.0, 7).expect("positive")
    }

    #[test]
    fn clear_cases() {
        assert_eq!(compared(4.0, 0.2, 10).verdict, Verdict::Less);
        assert_eq!(compared(0.2, 4.0, 10).verdict, Verdict::More);
        assert_eq!(compared(1.0, 1.0, 10).verdict, Verdict::NoDifference);
        // However clear: five runs are needed.
        assert_eq!(compared(4.0, 0.2, 4).verdict, Verdict::TooFewRuns);
        assert_eq!(compared(4.0, 0.2, 5).verdict, Verdict::Less);
    }

    #[test]
    fn what_sessions_differ_by_is_no_difference() {
        let (a, b) = (near(1.0, 40), near(1.02, 40));
        assert_eq!(compare(&a, &b, 0.0, 7).map(|c| c.verdict), Some(Verdict::More));
        assert_eq!(compare(&a, &b, super::BETWEEN_SESSIONS, 7).map(|c| c.verdict), Some(Verdict::NoDifference));
    }

    #[test]
    fn sentences() {
        let said = |a, b, n| compared(a, b, n).sentence("new", "old", n, 1);
        assert!(
            said(4.0, 0.2, 10).starts_with("new is 20 times as fast as old (95 % interval 2"),
            "{}",
            said(4.0, 0.2, 10)
        );
        assert!(said(4.0, 3.2, 10).starts_with("new takes 20 % less time than old (95 % interval "));
        assert!(said(4.0, 4.8, 10).starts_with("new takes 20 % more time than old (95 % interval "));
        assert!(said(4.0, 12.0, 10).starts_with("new takes 3 times the time of old (95 % interval "));
        assert!(said(4.0, 4.0, 10).starts_with("no difference found: new takes 1.000 times the time of old"));
        assert!(said(4.0, 0.2, 10).ends_with("; p < 0.0001; 10 runs of each)"));
        assert!(said(4.0, 0.2, 3).starts_with("too few runs to tell new from old: 3 of each"));
    }

    #[test]
    fn many_comparisons_must_be_clearer_each() {
        let mut clear = compared(1.0, 1.2, 5);
        assert_eq!((clear.verdict, super::least(1), super::least(7)), (Verdict::More, 5, 7));
        let mut others: Vec<Comparison> = (0..6).map(|_| compared(1.0, 1.0, 5)).collect();
        let mut family: Vec<&mut Comparison> = std::iter::once(&mut clear).chain(&mut others).collect();
        super::conclude(&mut family, 5);
        assert_eq!(clear.verdict, Verdict::TooFewRuns);
        assert!((clear.p_holm / clear.p - 7.0).abs() < 1e-9, "{clear:?}");
        assert!(clear.sentence("new", "old", 5, 7).contains("7 are the least"));
    }

    #[test]
    fn slower_by_a_limit_means_surely_beyond_it() {
        let slower = compared(1.0, 1.2, 20);
        assert!(slower.slower_by(0.0) && slower.slower_by(15.0));
        assert!(!slower.slower_by(20.0) && !slower.slower_by(30.0));
        assert!(!compared(1.0, 1.0, 20).slower_by(0.0));
        assert!(!compared(1.0, 0.5, 20).slower_by(0.0));
    }

    #[test]
    fn figures() {
        let shown = [19.26, 0.052_34, 1.0, 120.0, 1234.5, 0.0, f64::INFINITY, 9.999].map(figure);
        assert_eq!(shown, ["19.3", "0.0523", "1", "120", "1234", "0", "∞", "10"]);
    }
}
