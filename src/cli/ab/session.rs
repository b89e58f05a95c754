//! The session: warm-up, how many runs there will be, and the runs in their order. It starts nothing itself and reads no clock.

use rand::{SeedableRng, rngs::StdRng};
use schemars::JsonSchema;
use serde::Serialize;

use super::counted::Counted;
use super::executor::{Executor, Measured, Purpose, TimeLine};
use super::schedule::{Side, blocks, round};
use crate::errors::Failure;

/// Without a number of runs there are so many that they take about this long, in seconds, …
const ABOUT: f64 = 20.0;
/// … but at least and at most so many of each arm.
const LEAST: usize = 10;
const MOST: usize = 60;

pub struct Plan {
    pub arms: usize,
    /// Runs of each arm before those that count.
    pub warmup: usize,
    pub count: Count,
    pub seed: u64,
    pub trace: bool,
}

/// How many runs of each arm there will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Count {
    Fixed(usize),
    /// As many as fit into some time.
    Fitting,
    /// As many as it takes to decide, but no new block after so many seconds.
    Deciding(f64),
}

/// One run that counts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Run {
    /// The how many-th it was, from 0.
    pub position: usize,
    /// The block that it belongs to, from 0.
    pub block: usize,
    pub arm: Side,
    #[serde(flatten)]
    pub measured: Measured,
}

/// All that was measured.
pub struct Session {
    pub runs: Vec<Run>,
    /// Of each arm: segments over time; empty where nothing was followed.
    pub time_lines: Vec<TimeLine>,
    /// Of each: what the library counted in the run that was followed, or in the first that has it.
    pub counted: Vec<Option<Counted>>,
    /// It ended because all was decided.
    pub decided: bool,
}

/// Who wants to know how far it is.
pub trait Watcher {
    fn warming_up(&mut self, runs: usize);
    fn measuring(&mut self, runs: usize);
    /// How long it will take at most.
    fn deciding(&mut self, seconds: f64);
    fn starting(&mut self, side: Side);
    fn done(&mut self, side: Side, measured: &Measured);
}

/// `decided`: asked after each block, where it is not settled how many there are.
pub fn measure(
    plan: &Plan,
    executor: &mut impl Executor,
    watcher: &mut impl Watcher,
    decided: impl Fn(&[Run]) -> bool,
) -> Result<Session, Failure> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut session = Session {
        runs: Vec::new(),
        time_lines: vec![TimeLine::new(); plan.arms],
        counted: vec![None; plan.arms],
        decided: false,
    };
    let mut took = 0.0;
    watcher.warming_up(plan.arms * plan.warmup);
    for round in 1..=plan.warmup {
        let purpose = if plan.trace && round == plan.warmup { Purpose::Trace } else { Purpose::Warmup };
        took = 0.0;
        for side in Side::all(plan.arms) {
            took += session.one(side, purpose, executor, watcher)?.time_s;
        }
    }
    let count = match plan.count {
        Count::Fixed(count) => count,
        Count::Fitting => fitting(took),
        Count::Deciding(seconds) => {
            watcher.deciding(seconds);
            while !session.decided && executor.elapsed_s() < seconds {
                for order in round(plan.arms, &mut random) {
                    session.block(&order, plan, executor, watcher)?;
                    session.decided = decided(&session.runs);
                    if session.decided || executor.elapsed_s() >= seconds {
                        break;
                    }
                }
            }
            return Ok(session);
        }
    };
    watcher.measuring(plan.arms * count);
    for order in blocks(count, plan.arms, &mut random) {
        session.block(&order, plan, executor, watcher)?;
    }
    Ok(session)
}

impl Session {
    fn block(
        &mut self,
        order: &[Side],
        plan: &Plan,
        executor: &mut impl Executor,
        watcher: &mut impl Watcher,
    ) -> Result<(), Failure> {
        let block = self.blocks();
        let traced = plan.trace && plan.warmup == 0 && block == 0;
        let purpose = if traced { Purpose::MeasureAndTrace } else { Purpose::Measure };
        for &arm in order {
            let measured = self.one(arm, purpose, executor, watcher)?;
            self.runs.push(Run { position: self.runs.len(), block, arm, measured });
        }
        Ok(())
    }

    fn one(
        &mut self,
        side: Side,
        purpose: Purpose,
        executor: &mut impl Executor,
        watcher: &mut impl Watcher,
    ) -> Result<Measured, Failure> {
        watcher.starting(side);
        let mut measured = executor.run(side, purpose)?;
        watcher.done(side, &measured);
        if purpose.traced() {
            self.time_lines[side.index()] = std::mem::take(&mut measured.time_line);
        }
        if self.counted[side.index()].is_none() {
            self.counted[side.index()].clone_from(&measured.counted);
        }
        Ok(measured)
    }
}

/// How many blocks fit, if one takes this long. It is settled before the first run that counts: stopping when the figures look
/// good would find differences that are not there.
fn fitting(block: f64) -> usize {
    if block <= 0.0 { LEAST } else { ((ABOUT / block) as usize).clamp(LEAST, MOST) }
}

impl Session {
    /// One measure of an arm's runs, by block; nothing where a run lacks it.
    pub fn values(&self, side: Side, of: impl Fn(&Measured) -> Option<f64>) -> Option<Vec<f64>> {
        values(&self.runs, side, of)
    }

    pub fn blocks(&self) -> usize {
        self.runs.last().map_or(0, |run| run.block + 1)
    }

    pub fn sides(&self) -> impl Iterator<Item = Side> + Clone + use<> {
        Side::all(self.counted.len())
    }
}

/// The same of any runs.
pub fn values(runs: &[Run], side: Side, of: impl Fn(&Measured) -> Option<f64>) -> Option<Vec<f64>> {
    runs.iter().filter(|run| run.arm == side).map(|run| of(&run.measured)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Count, Plan, Session, Watcher};
    use crate::ab::executor::{Measured, Purpose};
    use crate::ab::fake::{Fake, Silent};
    use crate::ab::schedule::Side;
    use crate::errors::Failure;

    fn plan(warmup: usize, runs: Option<usize>) -> Plan {
        Plan { arms: 2, warmup, count: runs.map_or(Count::Fitting, Count::Fixed), seed: 3, trace: true }
    }

    fn measure(plan: &Plan, fake: &mut Fake, watcher: &mut impl Watcher) -> Result<Session, Failure> {
        super::measure(plan, fake, watcher, |_| false)
    }

    #[test]
    fn it_goes_on_until_it_is_decided_or_time_is_up() {
        let plan = Plan { arms: 3, warmup: 1, count: Count::Deciding(60.0), seed: 3, trace: false };
        let run = |enough: usize| {
            let mut fake = Fake::of(vec![1.0; 3], 0.0, 1);
            super::measure(&plan, &mut fake, &mut Silent, |runs| runs.len() >= 3 * enough).expect("nothing fails")
        };
        let early = run(7);
        assert_eq!((early.blocks(), early.runs.len(), early.decided), (7, 21, true));
        // A warm-up of three seconds, and blocks of three until a minute is over.
        let late = run(100);
        assert_eq!((late.blocks(), late.decided), (19, false));
    }

    #[test]
    fn warms_up_first_and_then_runs_blocks() {
        let mut fake = Fake::new(1.0, 0.5, 0.0, 1);
        let session = measure(&plan(2, Some(6)), &mut fake, &mut Silent).expect("nothing fails");
        assert_eq!(fake.calls.len(), 4 + 12);
        let purposes: Vec<Purpose> = fake.calls.iter().map(|(_, purpose)| *purpose).collect();
        assert_eq!(purposes[..4], [Purpose::Warmup, Purpose::Warmup, Purpose::Trace, Purpose::Trace]);
        assert!(purposes[4..].iter().all(|p| *p == Purpose::Measure));
        assert_eq!(session.blocks(), 6);
        for (n, pair) in session.runs.chunks(2).enumerate() {
            assert!(pair[0].arm != pair[1].arm && pair[0].block == n && pair[1].block == n);
            assert_eq!((pair[0].position, pair[1].position), (2 * n, 2 * n + 1));
        }
        // What each arm took went to that arm.
        assert_eq!(session.values(Side::BASELINE, |m| Some(m.time_s)), Some(vec![1.0; 6]));
        assert_eq!(session.values(Side::CANDIDATE, |m| Some(m.time_s)), Some(vec![0.5; 6]));
        assert_eq!(session.values(Side::CANDIDATE, |m| m.network.segments.map(|n| n as f64)), None);
        assert!(session.time_lines.iter().all(|line| !line.is_empty()));
    }

    #[test]
    fn without_a_warm_up_the_first_block_is_followed() {
        let mut fake = Fake::new(1.0, 1.0, 0.0, 1);
        let session = measure(&plan(0, Some(3)), &mut fake, &mut Silent).expect("nothing fails");
        let traced: Vec<bool> = fake.calls.iter().map(|(_, p)| p.traced()).collect();
        assert_eq!(traced, [true, true, false, false, false, false]);
        assert!(session.time_lines.iter().all(|line| !line.is_empty()));
    }

    #[test]
    fn the_number_of_runs_comes_from_the_warm_up() {
        let blocks = |seconds, warmup| {
            let mut fake = Fake::new(seconds, seconds, 0.0, 1);
            measure(&plan(warmup, None), &mut fake, &mut Silent).expect("nothing fails").blocks()
        };
        assert_eq!(blocks(0.5, 1), 20);
        assert_eq!(blocks(0.01, 1), 60);
        assert_eq!(blocks(30.0, 1), 10);
        assert_eq!(blocks(0.5, 0), 10);
    }

    #[test]
    fn a_failure_ends_it() {
        let mut fake = Fake::new(1.0, 1.0, 0.0, 1);
        fake.fails_at = Some(3);
        let failure = measure(&plan(1, Some(5)), &mut fake, &mut Silent).err().expect("it failed");
        assert_eq!((failure.message.as_str(), fake.calls.len()), ("made up", 4));
    }

    #[derive(Default)]
    struct Counting(Vec<usize>, usize, usize);

    impl Watcher for Counting {
        fn warming_up(&mut self, runs: usize) {
            self.0.push(runs);
        }
        fn measuring(&mut self, runs: usize) {
            self.0.push(runs);
        }
        fn deciding(&mut self, _: f64) {}
        fn starting(&mut self, _: Side) {
            self.1 += 1;
        }
        fn done(&mut self, _: Side, _: &Measured) {
            self.2 += 1;
        }
    }

    #[test]
    fn the_watcher_hears_of_every_run() {
        let mut count = Counting::default();
        measure(&plan(1, Some(4)), &mut Fake::new(1.0, 1.0, 0.0, 1), &mut count).expect("nothing fails");
        assert_eq!((count.0, count.1, count.2), (vec![2, 8], 10, 10));
    }
}
