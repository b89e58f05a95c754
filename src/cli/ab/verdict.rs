//! What the figures say about one measure: faster, slower, equal, no difference, or not enough to tell. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::betting::{self, Bets};
use super::many::holm;
use super::ranks::{higher, mann_whitney};
use super::stats::{CONFIDENCE, Interval, ratio};

/// Below this probability of chance a difference is believed. With one in twenty, every twentieth comparison of equal things
/// would find a difference; with this, fewer than one in a hundred.
pub const BELIEVED: f64 = 0.01;

/// Below this probability of chance equality is believed: to call what differs by more equal is the smaller mistake, and the
/// usual limit is kept for it.
pub const BELIEVED_EQUAL: f64 = 0.05;

/// How much the ratio of times differs from one session to the next, however steady each is: where pages lie, how timers and
/// ticks meet, what the neighbours do. A session cannot see it in itself; `scripts/check ab` shows it.
pub const BETWEEN_SESSIONS_PERCENT: f64 = 4.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The candidate needs less than the baseline.
    Less,
    /// It needs more.
    More,
    /// They differ by less than what was asked, one way and the other.
    Equal,
    /// The runs do not tell them apart.
    NoDifference,
    /// Neither a difference nor equality has been shown yet.
    Undecided,
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
    /// The probability of chance if they differ by more than what was to be called equal, corrected in the same way.
    pub p_equal: Option<f64>,
    pub verdict: Verdict,
}

/// How runs are judged.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// What the interval must allow for beside chance, as a share.
    pub between_sessions: f64,
    /// What is called equal, as a share.
    pub equal_within: Option<f64>,
    /// The number of runs came from what they showed.
    pub anytime: bool,
    pub seed: u64,
}

impl Question {
    /// The same without what differs from one session to the next: what is counted is counted.
    pub fn of_this_session(self) -> Self {
        Self { between_sessions: 0.0, ..self }
    }
}

/// None where there is nothing to divide by.
pub fn compare(baseline: &[f64], candidate: &[f64], question: &Question) -> Option<Comparison> {
    let (interval, p, p_equal) = match question.anytime {
        true => at_any_time(baseline, candidate, question)?,
        false => {
            let interval = ratio(baseline, candidate, question.seed)?;
            let equal = question.equal_within.map(|within| differing_by_more(baseline, candidate, within));
            (interval, mann_whitney(baseline, candidate), equal)
        }
    };
    let interval = interval.widened(question.between_sessions);
    let mut comparison = Comparison { interval, p, p_holm: p, p_equal, verdict: Verdict::Undecided };
    conclude(&mut [&mut comparison], question, baseline.len());
    Some(comparison)
}

/// Two one-sided rank tests: is the candidate faster than a baseline that is slower by the share, and slower than one that is
/// faster by it? The larger of both probabilities.
fn differing_by_more(baseline: &[f64], candidate: &[f64], within: f64) -> f64 {
    let scaled = |by: f64| baseline.iter().map(|value| value * by).collect::<Vec<f64>>();
    higher(&scaled(1.0 + within), candidate).max(higher(candidate, &scaled(1.0 / (1.0 + within))))
}

/// By bets on the blocks' logarithms.
fn at_any_time(baseline: &[f64], candidate: &[f64], question: &Question) -> Option<(Interval, f64, Option<f64>)> {
    let logarithms: Vec<f64> = baseline.iter().zip(candidate).map(|(a, b)| (b / a).ln()).collect();
    if logarithms.is_empty() || logarithms.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let p = Bets::of(&logarithms, 0.0).either();
    let equal = question.equal_within.map(|within| {
        let far = within.ln_1p();
        Bets::of(&logarithms, far).below().max(Bets::of(&logarithms, -far).above())
    });
    let (low, high) = betting::bounds(&logarithms, 1.0 - CONFIDENCE / 100.0);
    let ratio = betting::centre(&logarithms).exp();
    Some((Interval { ratio, low: low.exp().min(ratio), high: high.exp().max(ratio) }, p, equal))
}

/// Has the time of a candidate been decided? As `compare` says it, with as little work as possible: it is asked after every block.
/// `comparisons`: how many there are.
pub fn is_decided(baseline: &[f64], candidate: &[f64], question: &Question, comparisons: usize) -> bool {
    let logarithms: Vec<f64> = baseline.iter().zip(candidate).map(|(a, b)| (b / a).ln()).collect();
    let clear = |p: f64, limit: f64| p * (comparisons as f64) < limit;
    let equal = question.equal_within.map(f64::ln_1p).is_some_and(|far| {
        clear(Bets::of(&logarithms, far).below(), BELIEVED_EQUAL)
            && clear(Bets::of(&logarithms, -far).above(), BELIEVED_EQUAL)
    });
    equal
        || clear(Bets::of(&logarithms, 0.0).either(), BELIEVED)
            && compare(baseline, candidate, question).is_some_and(|found| !found.interval.contains(1.0))
}

/// Comparisons that are made together, each of so many runs: the more there are, the clearer each must be.
pub fn conclude(family: &mut [&mut Comparison], question: &Question, runs: usize) {
    let size = family.len();
    let different = holm(&family.iter().map(|comparison| comparison.p).collect::<Vec<f64>>());
    let equal = holm(&family.iter().map(|comparison| comparison.p_equal.unwrap_or(1.0)).collect::<Vec<f64>>());
    for ((comparison, different), equal) in family.iter_mut().zip(different).zip(equal) {
        comparison.p_holm = different;
        comparison.p_equal = comparison.p_equal.map(|_| equal);
        comparison.conclude(question, size, runs);
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
    fn conclude(&mut self, question: &Question, family: usize, runs: usize) {
        let different = self.p_holm < BELIEVED && !self.interval.contains(1.0);
        self.verdict = if self.p_equal.is_some_and(|p| p < BELIEVED_EQUAL) {
            Verdict::Equal
        } else if different && self.interval.ratio < 1.0 {
            Verdict::Less
        } else if different {
            Verdict::More
        } else if question.anytime {
            Verdict::Undecided
        } else if runs < least(family) {
            Verdict::TooFewRuns
        } else if question.equal_within.is_some() {
            Verdict::Undecided
        } else {
            Verdict::NoDifference
        };
    }

    /// Surely slower by more than this many per cent: what `--fail-if-slower` asks.
    pub fn slower_by(&self, percent: f64) -> bool {
        self.verdict == Verdict::More && self.interval.low > 1.0 + percent / 100.0
    }

    /// The line for people about the time that `candidate` takes. `comparisons`: how many there are.
    pub fn sentence(
        &self,
        [candidate, baseline]: [&str; 2],
        runs: usize,
        comparisons: usize,
        question: &Question,
    ) -> String {
        let Interval { ratio, low, high } = self.interval;
        let all = [ratio, low, high];
        let [exactly, from, to] = all.map(|r| if r.is_finite() { format!("{r:.3}") } else { figure(r) });
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
                let [share, least, most] = all.map(|r| figure(100.0 * (r - 1.0)));
                format!("{candidate} takes {share} % more time than {baseline} (95 % interval {least} to {most} %")
            }
            Verdict::More => {
                let [ratio, low, high] = all.map(figure);
                format!("{candidate} takes {ratio} times the time of {baseline} (95 % interval {low} to {high}")
            }
            Verdict::Equal => {
                let within = figure(100.0 * question.equal_within.unwrap_or_default());
                let p = chance(self.p_equal.unwrap_or(1.0));
                return format!(
                    "equal within {within} % in this session: {candidate} takes {exactly} times the time of {baseline} ({p} that \
                     they differ by more; {runs} runs of each)"
                );
            }
            Verdict::NoDifference | Verdict::Undecided => {
                let found = if self.verdict == Verdict::Undecided { "not decided" } else { "no difference found" };
                format!(
                    "{found}: {candidate} takes {exactly} times the time of {baseline} (95 % interval {from} to {to}"
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

    /// The line about an arm that is run against itself.
    pub fn noise(&self, baseline: &str, runs: usize) -> String {
        let [ratio, low, high] =
            [self.interval.ratio, self.interval.low, self.interval.high].map(|r| format!("{r:.3}"));
        format!(
            "noise: {baseline} against itself takes {ratio} times the time (95 % interval {low} to {high}; {}; {runs} runs of each)",
            chance(self.p_holm)
        )
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
    use super::{Comparison, Question, Verdict, compare, figure, is_decided};

    const PLAIN: Question = Question { between_sessions: 0.0, equal_within: None, anytime: false, seed: 7 };

    fn near(value: f64, count: usize) -> Vec<f64> {
        (0..count).map(|n| value * (1.0 + 0.01 * ((n * 7 % 5) as f64 - 2.0))).collect()
    }

    fn compared(a: f64, b: f64, count: usize) -> Comparison {
        compare(&near(a, count), &near(b, count), &PLAIN).expect("positive")
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
        assert_eq!(compare(&a, &b, &PLAIN).map(|c| c.verdict), Some(Verdict::More));
        assert_eq!(
            compare(&a, &b, &Question { between_sessions: super::BETWEEN_SESSIONS_PERCENT / 100.0, ..PLAIN })
                .map(|c| c.verdict),
            Some(Verdict::NoDifference)
        );
    }

    #[test]
    fn equality_must_be_shown() {
        let within = |share: f64| Question { equal_within: Some(share), ..PLAIN };
        let judged = |b: f64, count: usize, question: &Question| {
            compare(&near(1.0, count), &near(b, count), question).expect("positive")
        };
        assert_eq!(judged(1.0, 20, &within(0.02)).verdict, Verdict::Equal);
        assert_eq!(judged(1.0, 20, &within(0.001)).verdict, Verdict::Undecided);
        // A difference that is real and too small to matter.
        assert_eq!(judged(1.02, 40, &within(0.05)).verdict, Verdict::Equal);
        assert_eq!(judged(1.2, 20, &within(0.05)).verdict, Verdict::More);
        let anytime = judged(1.0, 40, &Question { anytime: true, ..within(0.03) });
        assert_eq!(anytime.verdict, Verdict::Equal, "{anytime:?}");
        let said = judged(1.0, 20, &within(0.02)).sentence(["new", "old"], 20, 1, &within(0.02));
        assert!(said.starts_with("equal within 2 % in this session: new takes 1.000 times"), "{said}");
    }

    #[test]
    fn what_is_stopped_early_is_judged_as_it_was_decided() {
        let question = Question { anytime: true, equal_within: Some(0.04), ..PLAIN };
        for (ratio, expected) in [(0.5, Verdict::Less), (1.3, Verdict::More), (1.0, Verdict::Equal)] {
            let (a, b) = (near(1.0, 60), near(ratio, 60));
            let first = (1..60).find(|&n| is_decided(&a[..n], &b[..n], &question, 1)).expect("it is clear");
            let found = compare(&a[..first], &b[..first], &question).expect("positive");
            assert_eq!(found.verdict, expected, "{ratio} after {first}: {found:?}");
            assert!(first >= 5, "{first}");
            assert!(found.interval.low <= ratio * 1.001 && ratio * 0.999 <= found.interval.high, "{found:?}");
        }
        assert_eq!(compare(&near(1.0, 4), &near(0.5, 4), &question).map(|c| c.verdict), Some(Verdict::Undecided));
    }

    #[test]
    fn sentences() {
        let said = |a, b, n| compared(a, b, n).sentence(["new", "old"], n, 1, &PLAIN);
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
        super::conclude(&mut family, &PLAIN, 5);
        assert_eq!(clear.verdict, Verdict::TooFewRuns);
        assert!((clear.p_holm / clear.p - 7.0).abs() < 1e-9, "{clear:?}");
        assert!(clear.sentence(["new", "old"], 5, 7, &PLAIN).contains("7 are the least"));
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
