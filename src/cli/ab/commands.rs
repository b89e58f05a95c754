//! The real executor: prepares, starts the server if there is one, runs the command, takes its time, and looks at the kernel's
//! and the library's counters before and after.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::args::{Count, End};
use super::arm::Arm;
use super::counted::Counting;
use super::executor::{Executor, Measured, Purpose, TimeLine};
use super::metric::{Metric, Printed};
use super::network::{Network, segments_sent};
use super::process::{self, Output, Process};
use super::schedule::Side;
use super::server::Server;
use crate::errors::Failure;
use crate::settings::Pair;

/// What is run, with words that are ready to be executed.
pub struct Commands {
    /// The server that the command talks to, its port, and which of the two has the arm's settings.
    pub server: Option<(Vec<OsString>, u16, End)>,
    pub ignore_failure: bool,
    pub show_output: bool,
    pub metrics: Vec<Metric>,
    pub count: Count,
    /// The library, if it can count and only observe.
    pub counter: Option<PathBuf>,
    pub arms: Vec<Arm>,
    /// For what is not measured, and for the end that has no settings.
    pub untouched: Vec<Pair>,
    /// The beginning.
    pub begin: Instant,
}

impl Executor for Commands {
    fn elapsed_s(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    fn run(&mut self, side: Side, purpose: Purpose) -> Result<Measured, Failure> {
        process::interrupted()?;
        let arm = &self.arms[side.index()];
        if let Some(script) = &arm.prepare {
            shell("--prepare", script, &self.untouched, self.show_output)?;
        }
        let counting = match self.count {
            Count::Every => true,
            Count::Once => purpose == Purpose::Trace,
            Count::Off => false,
        };
        let counter = self.counter.as_ref().filter(|_| counting);
        let counting = counter.map(|_| Counting::start()).transpose()?;
        let tuned = match counting.as_ref().zip(counter) {
            Some((counting, library)) => counting.environment(&arm.environment, library),
            None => arm.environment.clone(),
        };
        let show = self.show_output;
        let (server, environment) = match &self.server {
            Some((words, port, End::Server)) => (Some(Server::start(words, &tuned, *port, show)?), &self.untouched),
            Some((words, port, End::Load)) => (Some(Server::start(words, &self.untouched, *port, show)?), &tuned),
            None => (None, &tuned),
        };
        let printed = (!self.metrics.is_empty()).then(Printed::new).transpose()?;
        let before = Network::read();
        let mut sampler = Sampler::new(purpose.traced());
        let begin = Instant::now();
        let output = printed.as_ref().map_or(Output::shown(show), |printed| Output::Kept(printed.file()));
        let (ended, end) = Process::start(&arm.command, environment, output)?.wait(|| sampler.tick())?;
        let wall = ended.duration_since(begin).as_secs_f64();
        let network = Network::read().since(&before);
        let server = server.map(Server::stop).transpose()?;
        if end.status != 0 && !self.ignore_failure {
            return Err(failed(arm, end.status));
        }
        let metrics =
            printed.map(|printed| printed.find(&self.metrics, &arm.name, show)).transpose()?.unwrap_or_default();
        let counted = counting.map(|counting| counting.read()).transpose()?;
        Ok(Measured {
            time_s: wall,
            usage: end.usage,
            server,
            status: end.status,
            network,
            metrics,
            counted,
            time_line: sampler.line,
        })
    }
}

fn failed(arm: &Arm, status: i32) -> Failure {
    let name = arm.command.first().map(|word| word.display().to_string()).unwrap_or_default();
    let how =
        if status > 128 { format!("was ended by signal {}", status - 128) } else { format!("exited with {status}") };
    Failure::own(format!(
        "`{name}` {how} in a run of `{}`: --show-output shows what it says, --ignore-failure counts such runs too",
        arm.name
    ))
}

/// A command around the runs.
pub fn shell(option: &str, script: &str, environment: &[Pair], show: bool) -> Result<(), Failure> {
    let words = ["/bin/sh", "-c", script].map(OsString::from);
    let (_, end) = Process::start(&words, environment, Output::shown(show))?.wait(|| Duration::from_secs(1))?;
    if end.status != 0 {
        return Err(Failure::of_option(option, script, format!("the command exited with {}", end.status)));
    }
    Ok(())
}

/// Follows the kernel's count of segments over time, closely at first and then less: the beginning is what shows a stall.
struct Sampler {
    wanted: bool,
    begin: Instant,
    first: u64,
    line: TimeLine,
}

impl Sampler {
    fn new(wanted: bool) -> Self {
        let first = if wanted { segments_sent().unwrap_or(0) } else { 0 };
        Self { wanted, begin: Instant::now(), first, line: if wanted { vec![(0.0, 0)] } else { Vec::new() } }
    }

    fn tick(&mut self) -> Duration {
        if !self.wanted {
            return Duration::from_secs(1);
        }
        let time = self.begin.elapsed().as_secs_f64();
        if let Some(now) = segments_sent() {
            self.line.push((time, now.saturating_sub(self.first)));
        }
        Duration::from_millis(match time {
            ..1.0 => 1,
            ..10.0 => 10,
            _ => 50,
        })
    }
}
