//! How far the session is: a bar on stderr with the time left, if stderr is a terminal, and nothing else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use super::executor::Measured;
use super::schedule::Side;
use super::session::Watcher;

pub struct Bar {
    bar: ProgressBar,
    names: Vec<String>,
    phase: &'static str,
    /// Seconds and number of the runs of each arm so far.
    took: Vec<(f64, u32)>,
    /// Runs of each arm still to come.
    left: Vec<usize>,
    /// When it ends at the latest, where the number of runs is not settled.
    until: Option<Instant>,
}

impl Bar {
    /// `shown`: there is no other output that it would break into.
    pub fn new(names: Vec<String>, shown: bool) -> Self {
        let shown = shown && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {pos}/{len}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        let arms = names.len();
        Self { bar, names, phase: "", took: vec![(0.0, 0); arms], left: vec![0; arms], until: None }
    }

    fn begin(&mut self, phase: &'static str, runs: usize) {
        self.phase = phase;
        self.left = vec![runs / self.names.len(); self.names.len()];
        self.bar.set_length(runs as u64);
        self.bar.set_position(0);
        self.bar.set_prefix(phase);
    }

    /// Seconds, if every arm has been seen.
    fn time_left(&self) -> Option<f64> {
        let arms = self.took.iter().zip(&self.left);
        arms.map(|((seconds, runs), left)| (*runs > 0).then(|| seconds / f64::from(*runs) * *left as f64)).sum()
    }
}

impl Watcher for Bar {
    fn warming_up(&mut self, runs: usize) {
        self.begin("warm-up", runs);
    }

    fn measuring(&mut self, runs: usize) {
        self.begin("measuring", runs);
    }

    fn deciding(&mut self, seconds: f64) {
        self.begin("deciding", 0);
        self.until = Some(Instant::now() + Duration::from_secs_f64(seconds));
        self.bar.set_length(seconds.ceil() as u64);
    }

    fn starting(&mut self, side: Side) {
        let to_go = self.until.map(|until| until.saturating_duration_since(Instant::now()).as_secs_f64());
        let most = if to_go.is_some() { "at most" } else { "about" };
        let left = to_go.or_else(|| self.time_left()).map(|seconds| {
            let time = Duration::from_secs(seconds.ceil() as u64);
            format!("{most} {} left, ", indicatif::HumanDuration(time))
        });
        self.bar.set_message(format!("{}now `{}`", left.unwrap_or_default(), self.names[side.index()]));
    }

    fn done(&mut self, side: Side, measured: &Measured) {
        let (seconds, runs) = &mut self.took[side.index()];
        *seconds += measured.time_s;
        *runs += 1;
        self.left[side.index()] = self.left[side.index()].saturating_sub(1);
        match self.until {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now()).as_secs();
                self.bar.set_position(self.bar.length().unwrap_or_default().saturating_sub(left));
            }
            None => self.bar.inc(1),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Bar;
    use crate::ab::fake::{Fake, Silent};
    use crate::ab::schedule::Side;
    use crate::ab::session::{Count, Plan, Watcher, measure};

    #[test]
    fn the_time_left_counts_each_arm_by_its_own_runs() {
        let plan = Plan { arms: 2, warmup: 0, count: Count::Fixed(1), seed: 1, trace: false };
        let session = measure(&plan, &mut Fake::new(4.0, 0.5, 0.0, 1), &mut Silent, |_| false).expect("nothing fails");
        let mut bar = Bar::new(vec!["a".into(), "b".into()], false);
        bar.measuring(20);
        assert_eq!(bar.time_left(), None);
        for run in &session.runs {
            bar.done(run.arm, &run.measured);
        }
        assert_eq!(bar.time_left(), Some(9.0 * 4.0 + 9.0 * 0.5));
        bar.starting(Side::BASELINE);
    }
}
