//! An executor that makes its figures up, with a seed: for tests of the session and of what is concluded. It also keeps the
//! two promises of the statistics, on many made-up sessions: no difference where there is none, and an interval that holds.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::arm::Arm;
use super::executor::{Executor, Measured, Purpose, Usage};
use super::network::Network;
use super::report::{Method, Report, Subject};
use super::schedule::Side;
use super::session::{Count, Plan, Session, Watcher, measure};
use super::verdict::{BETWEEN_SESSIONS_PERCENT, Question};
use crate::errors::Failure;

pub struct Fake {
    medians: Vec<f64>,
    noise: f64,
    random: StdRng,
    /// The machine slows down by this share with each run.
    pub drift: f64,
    pub fails_at: Option<usize>,
    pub calls: Vec<(Side, Purpose)>,
    elapsed_s: f64,
    pub metric: Option<&'static str>,
}

impl Fake {
    pub fn new(baseline: f64, candidate: f64, noise: f64, seed: u64) -> Self {
        Self::of(vec![baseline, candidate], noise, seed)
    }

    pub fn of(medians: Vec<f64>, noise: f64, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { medians, noise, random, drift: 0.0, fails_at: None, calls: Vec::new(), elapsed_s: 0.0, metric: None }
    }

    /// A number that is printed: how much was done in a second.
    fn metrics(&self, wall: f64) -> BTreeMap<String, f64> {
        self.metric.iter().map(|name| ((*name).to_owned(), 100.0 / wall)).collect()
    }

    /// A factor as times have it: most near 1, some well above.
    fn disturbance(&mut self) -> f64 {
        let uniform = |random: &mut StdRng| random.random::<f64>();
        let bell = (0..6).map(|_| uniform(&mut self.random)).sum::<f64>() - 3.0;
        let hiccup = if uniform(&mut self.random) < 0.05 { 5.0 * self.noise } else { 0.0 };
        (self.noise * bell * std::f64::consts::SQRT_2).exp() + hiccup
    }
}

impl Executor for Fake {
    fn elapsed_s(&self) -> f64 {
        self.elapsed_s
    }

    fn run(&mut self, side: Side, purpose: Purpose) -> Result<Measured, Failure> {
        self.calls.push((side, purpose));
        if self.fails_at == Some(self.calls.len() - 1) {
            return Err(Failure::own("made up"));
        }
        let slower = 1.0 + self.drift * self.calls.len() as f64;
        let wall = self.medians[side.index()] * self.disturbance() * slower;
        self.elapsed_s += wall;
        let time_line = if purpose.traced() { vec![(0.0, 0), (wall, 10)] } else { Vec::new() };
        let network = Network::default();
        Ok(Measured {
            time_s: wall,
            usage: Usage::default(),
            server: None,
            status: 0,
            network,
            metrics: self.metrics(wall),
            counted: None,
            time_line,
        })
    }
}

pub struct Silent;

impl Watcher for Silent {
    fn warming_up(&mut self, _: usize) {}
    fn measuring(&mut self, _: usize) {}
    fn deciding(&mut self, _: f64) {}
    fn starting(&mut self, _: Side) {}
    fn done(&mut self, _: Side, _: &Measured) {}
}

pub const METHOD: Method = Method {
    warmup: 0,
    question: Question {
        between_sessions: BETWEEN_SESSIONS_PERCENT / 100.0,
        equal_within: None,
        anytime: false,
        seed: 5,
    },
    noise: None,
    at_most: None,
    library: None,
};

/// A made-up session of ten runs of each, as a report.
pub fn report(change: impl FnOnce(&mut Session)) -> Report {
    of_arms(&[("plain", 4.0), ("tcptune", 0.2)], change)
}

/// The same of arms with these times.
pub fn of_arms(arms: &[(&str, f64)], change: impl FnOnce(&mut Session)) -> Report {
    of_arms_by(arms, &METHOD, change)
}

pub fn of_arms_by(arms: &[(&str, f64)], method: &Method, change: impl FnOnce(&mut Session)) -> Report {
    let plan = Plan { arms: arms.len(), warmup: 0, count: Count::Fixed(10), seed: 5, trace: true };
    let medians = arms.iter().map(|(_, median)| *median).collect();
    let mut fake = Fake::of(medians, 0.01, 5);
    fake.metric = Some("throughput");
    let mut session = measure(&plan, &mut fake, &mut Silent, |_| false).expect("nothing fails");
    change(&mut session);
    let arm = |name: &str| Arm {
        name: name.into(),
        description: format!("{name}, in full"),
        environment: vec![],
        command: vec![name.into()],
        prepare: None,
        tuned: name == "tcptune",
    };
    let arms: Vec<Arm> = arms.iter().map(|(name, _)| arm(name)).collect();
    let subject = Subject { command: "made <up>".into(), server: None, tuned: None };
    Report::new(subject, &arms, session, method)
}

mod tests {
    use super::{Fake, Silent};
    use crate::ab::schedule::Side;
    use crate::ab::session::{Count, Plan, measure};
    use crate::ab::verdict::{Comparison, Question, Verdict, compare};

    fn session(ratio: f64, noise: f64, drift: f64, runs: usize, seed: u64) -> Comparison {
        let mut fake = Fake::new(1.0, ratio, noise, seed);
        fake.drift = drift;
        let plan = Plan { arms: 2, warmup: 1, count: Count::Fixed(runs), seed, trace: false };
        let session = measure(&plan, &mut fake, &mut Silent, |_| false).expect("nothing fails");
        let question = Question { between_sessions: 0.0, equal_within: None, anytime: false, seed };
        let wall = |side| session.values(side, |m| Some(m.time_s)).expect("every run has it");
        compare(&wall(Side::BASELINE), &wall(Side::CANDIDATE), &question).expect("positive")
    }

    const SESSIONS: usize = 40;

    #[test]
    fn equal_arms_do_not_differ() {
        for (noise, drift, runs) in [(0.02, 0.0, 10), (0.2, 0.0, 10), (0.05, 0.02, 10), (0.05, 0.0, 25)] {
            let verdicts = (0..SESSIONS).map(|seed| session(1.0, noise, drift, runs, seed as u64).verdict);
            let wrong = verdicts.filter(|verdict| *verdict != Verdict::NoDifference).count();
            assert!(wrong <= 2, "noise {noise}, drift {drift}, {runs} runs: {wrong} of {SESSIONS}");
        }
    }

    #[test]
    fn the_interval_holds_the_ratio() {
        for (ratio, noise, drift, runs) in
            [(0.05, 0.05, 0.0, 10), (0.9, 0.1, 0.0, 10), (0.9, 0.05, 0.02, 20), (0.5, 0.1, 0.0, 6)]
        {
            let comparisons = (0..SESSIONS).map(|seed| session(ratio, noise, drift, runs, 1000 + seed as u64));
            let held = comparisons.filter(|comparison| comparison.interval.contains(ratio)).count();
            assert!(
                held >= SESSIONS * 9 / 10,
                "ratio {ratio}, noise {noise}, drift {drift}, {runs} runs: {held} of {SESSIONS}"
            );
        }
    }

    #[test]
    fn a_difference_is_found_through_a_drift_that_is_larger() {
        // Over the session the machine slows down by 80 %; the arms differ by 15 %.
        let found = (0..20).filter(|seed| session(0.85, 0.02, 0.01, 40, 2000 + seed).verdict == Verdict::Less).count();
        assert!(found >= 18, "{found} of 20");
    }
}
