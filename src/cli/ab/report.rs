//! Everything that was found, once: what tables, exports and the page are made of. Concludes; prints nothing.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::arm::Arm;
use super::counted::Counted;
use super::executor::TimeLine;
use super::measures::{Measure, of_runs};
use super::schedule::Side;
use super::session::{Run, Session};
use super::stats::{Summary, neighbours_alike, outliers, places, summary};
use super::unit::Unit;
use super::verdict::{Comparison, Question, Verdict, compare, conclude};
use crate::os::{kernel, proc};
use crate::output::json::Document;

/// The spread from which on it is worth a word.
const NOISY: f64 = 0.1;
/// Runs shorter than this mostly start and end the program.
const SHORT: f64 = 0.005;

#[derive(Serialize, JsonSchema)]
pub struct Report {
    /// Version of tcptune.
    pub tcptune: &'static str,
    pub verdict: String,
    /// What is compared.
    pub subject: Subject,
    /// The baseline first.
    pub arms: Vec<ArmReport>,
    /// A row for each measure and candidate.
    pub measures: Vec<Compared>,
    pub warnings: Vec<String>,
    pub machine: Machine,
    /// Null: no arm has it.
    pub library: Option<LibraryReport>,
    pub method: MethodReport,
    pub warmup: usize,
    pub seed: u64,
    pub runs: Vec<Run>,
    /// What the library counted, for each arm: in one run of it.
    pub counted: Vec<Option<Counted>>,
    /// Segments sent so far at seconds since the start of one run, for each arm.
    #[serde(serialize_with = "points")]
    #[schemars(with = "Vec<Vec<Point>>")]
    pub time_lines: Vec<TimeLine>,
}

#[derive(Serialize, JsonSchema)]
pub struct Subject {
    /// The command, or the load.
    pub command: String,
    pub server: Option<String>,
    /// Which of the two has the settings, where there are two.
    pub tuned: Option<&'static str>,
}

/// How it was measured and is judged.
pub struct Method {
    pub warmup: usize,
    pub question: Question,
    /// The arm that is the baseline again.
    pub noise: Option<Side>,
    /// Seconds after which a session ends that is not decided.
    pub at_most: Option<f64>,
    pub library: Option<LibraryReport>,
}

/// The library that an arm has.
#[derive(Clone, Serialize, JsonSchema)]
pub struct LibraryReport {
    pub file: String,
    /// The checksum of the file, which tells builds apart, in hexadecimal digits.
    pub crc32: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct MethodReport {
    /// What the intervals of times allow for beside chance.
    pub between_sessions_percent: f64,
    /// What is called equal; null where that was not asked.
    pub equal_within_percent: Option<f64>,
    /// The arm that is the baseline again.
    pub noise: Option<Side>,
    /// Where it was stopped when all was decided: after so many seconds at the latest. Null: the number of runs was settled before.
    pub at_most_s: Option<f64>,
    /// Whether it was.
    pub decided: bool,
}

impl Method {
    fn report(&self, decided: bool) -> MethodReport {
        // Without what the conversion to shares has left behind.
        let percent = |share: f64| (share * 1e8).round() / 1e6;
        MethodReport {
            between_sessions_percent: percent(self.question.between_sessions),
            equal_within_percent: self.question.equal_within.map(percent),
            noise: self.noise,
            at_most_s: self.at_most,
            decided,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ArmReport {
    pub role: Side,
    pub name: String,
    pub description: String,
    /// As it was executed, quoted for a shell.
    pub command: String,
    /// What its time is, compared with the baseline's; null of the baseline itself.
    pub verdict: Option<String>,
}

/// One measure of the baseline and of a candidate.
#[derive(Serialize, JsonSchema)]
pub struct Compared {
    #[serde(rename = "measure", serialize_with = "key")]
    #[schemars(with = "String")]
    pub of: Measure,
    /// Which candidate.
    pub arm: Side,
    pub baseline: Summary,
    pub candidate: Summary,
    /// Nothing where the baseline's median is 0.
    pub comparison: Option<Comparison>,
}

fn key<S: Serializer>(measure: &Measure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&measure.key)
}

/// A place on a time line.
#[derive(Serialize, JsonSchema)]
struct Point {
    /// Since the start of the run.
    at_s: f64,
    /// Sent so far.
    segments: u64,
}

fn points<S: Serializer>(lines: &[TimeLine], serializer: S) -> Result<S::Ok, S::Error> {
    let line = |line: &TimeLine| line.iter().map(|&(at_s, segments)| Point { at_s, segments }).collect::<Vec<Point>>();
    lines.iter().map(line).collect::<Vec<_>>().serialize(serializer)
}

/// Where it was measured.
#[derive(Serialize, JsonSchema)]
pub struct Machine {
    pub host: String,
    pub kernel: String,
    pub processors: usize,
    /// Runnable processes on average over the last minute, at the end.
    pub load: Option<f64>,
    pub congestion_control: String,
}

impl Machine {
    pub fn this() -> Self {
        Self {
            host: kernel::host(),
            kernel: kernel::name(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load: proc::load(),
            congestion_control: proc::congestion_control(),
        }
    }
}

impl Document for Report {
    const NAME: &'static str = "ab";
    const SCHEMA: u32 = 1;
}

impl Report {
    pub fn new(subject: Subject, arms: &[Arm], session: Session, method: &Method) -> Self {
        let measures = compared(&session, method);
        let runs = session.blocks();
        let sentence = |side: Side| {
            let time = measures.iter().find(|row| row.arm == side)?;
            let (candidate, baseline) = (&arms[side.index()].name, &arms[0].name);
            let comparisons = arms.len() - 1 - usize::from(method.noise.is_some());
            Some(match method.noise {
                Some(noise) if noise == side => time.comparison?.noise(baseline, runs),
                _ => time.comparison?.sentence([candidate, baseline], runs, comparisons, &method.question),
            })
        };
        let none = "the runs took no time that could be measured";
        let arm = |(side, arm): (Side, &Arm)| ArmReport {
            role: side,
            name: arm.name.clone(),
            description: arm.description.clone(),
            command: shell_words::join(arm.command.iter().map(|word| word.to_string_lossy())),
            verdict: (side != Side::BASELINE).then(|| sentence(side).unwrap_or_else(|| none.to_owned())),
        };
        let arms_found: Vec<ArmReport> = session.sides().zip(arms).map(arm).collect();
        let said = arms_found.iter().filter(|arm| Some(arm.role) != method.noise);
        let verdicts: Vec<&str> = said.filter_map(|arm| arm.verdict.as_deref()).collect();
        Self {
            tcptune: env!("CARGO_PKG_VERSION"),
            verdict: verdicts.join("; "),
            subject,
            warnings: warnings(arms, &session, method, &measures),
            arms: arms_found,
            measures,
            machine: Machine::this(),
            library: method.library.clone(),
            method: method.report(session.decided),
            warmup: method.warmup,
            seed: method.question.seed,
            runs: session.runs,
            counted: session.counted,
            time_lines: session.time_lines,
        }
    }

    pub fn sides(&self) -> impl Iterator<Item = Side> + Clone + use<> {
        Side::all(self.arms.len())
    }

    pub fn name(&self, side: Side) -> &str {
        &self.arms[side.index()].name
    }

    /// The rows that the verdicts are about: of each candidate its time.
    pub fn verdicts(&self) -> impl Iterator<Item = (&Compared, Comparison)> {
        let candidates = self.times().filter(|row| Some(row.arm) != self.method.noise);
        candidates.filter_map(|row| Some((row, row.comparison?)))
    }

    /// The rows of time.
    pub fn times(&self) -> impl Iterator<Item = &Compared> {
        self.measures.iter().filter(|row| row.of.is_time())
    }

    /// The time of an arm's runs.
    pub fn time_of(&self, side: Side) -> Option<Summary> {
        if side == Side::BASELINE {
            return self.time().map(|row| row.baseline);
        }
        self.times().find(|row| row.arm == side).map(|row| row.candidate)
    }

    /// The first of them: there is only one where two arms are compared.
    pub fn time(&self) -> Option<&Compared> {
        self.measures.first()
    }

    pub fn blocks(&self) -> usize {
        self.runs.last().map_or(0, |run| run.block + 1)
    }

    /// What the library counted in each arm, if it did and there was anything.
    pub fn counted(&self) -> Option<Vec<&Counted>> {
        let all: Vec<&Counted> = self.counted.iter().map(Option::as_ref).collect::<Option<_>>()?;
        (all.iter().map(|counted| counted.connections).sum::<u64>() > 0).then_some(all)
    }

    /// Seconds of each run of an arm, in the order they were made, with its position among all.
    pub fn walls(&self, side: Side) -> Vec<(usize, f64)> {
        self.runs.iter().filter(|run| run.arm == side).map(|run| (run.position, run.measured.time_s)).collect()
    }
}

/// The rows of all measures. Verdicts on time are one family of comparisons, those on everything else another.
fn compared(session: &Session, method: &Method) -> Vec<Compared> {
    let mut rows: Vec<Compared> = Vec::new();
    for of in of_runs(&session.runs) {
        let values: Option<Vec<Vec<f64>>> =
            session.sides().map(|side| session.values(side, |measured| of.of(measured))).collect();
        let Some(values) = values else { continue };
        // What is counted is counted; times depend on more than chance. Noise is that of this session.
        let question = |arm: Side| match of.unit {
            Unit::Seconds | Unit::Number if Some(arm) != method.noise => method.question,
            _ => method.question.of_this_session(),
        };
        rows.extend(session.sides().zip(&values).skip(1).map(|(arm, candidate)| Compared {
            of: of.clone(),
            arm,
            baseline: summary(&values[0]),
            candidate: summary(candidate),
            comparison: compare(&values[0], candidate, &question(arm)),
        }));
    }
    let runs = session.blocks();
    for time in [true, false] {
        let family = rows.iter_mut().filter(|row| row.of.is_time() == time && Some(row.arm) != method.noise);
        let mut family: Vec<&mut Comparison> = family.filter_map(|row| row.comparison.as_mut()).collect();
        conclude(&mut family, &method.question, runs);
    }
    rows
}

fn warnings(arms: &[Arm], session: &Session, method: &Method, measures: &[Compared]) -> Vec<String> {
    let mut lines = Vec::new();
    let noise = measures.iter().find(|row| Some(row.arm) == method.noise && row.of.is_time());
    let noise = noise.and_then(|row| row.comparison);
    if noise.is_some_and(|noise| matches!(noise.verdict, Verdict::Less | Verdict::More)) {
        lines.push(format!(
            "`{}` differs from itself: in this session a difference of that size means nothing",
            arms[0].name
        ));
    }
    for (side, arm) in session.sides().zip(arms) {
        let Some(walls) = session.values(side, |m| Some(m.time_s)) else { continue };
        let (of, name) = (summary(&walls), &arm.name);
        let far = outliers(&walls);
        let count = far.iter().filter(|far| **far).count();
        let slowest = walls.iter().copied().fold(0.0, f64::max);
        if far.first() == Some(&true) && walls.first() == Some(&slowest) {
            let hint =
                if method.warmup == 0 { "--warmup 1 would keep it out" } else { "more --warmup may keep it out" };
            lines.push(format!("the first run of `{name}` was the slowest by far: {hint}"));
        } else if count > 0 {
            let (run, are) = if count == 1 { ("run", "is") } else { ("runs", "are") };
            lines.push(format!(
                "{count} {run} of `{name}` {are} far from the others: something else was going on; medians bear some of that"
            ));
        }
        if of.spread() > NOISY {
            lines.push(format!(
                "the runs of `{name}` vary by {:.0} %: a quiet machine or more runs (-n) would show smaller differences",
                100.0 * of.spread()
            ));
        }
        if of.median < SHORT {
            lines.push(format!("a run of `{name}` takes {:.1} ms, most of it to start and end", 1e3 * of.median));
        }
        let failed = session.runs.iter().filter(|run| run.arm == side && run.measured.status != 0).count();
        if failed > 0 {
            lines.push(format!("{failed} of {} runs of `{name}` failed", walls.len()));
        }
    }
    // Where the library is only to count, it need not see any.
    let unseen = |side: &Side| session.counted[side.index()].as_ref().is_some_and(|counted| counted.connections == 0);
    let tuned = session.sides().filter(|side| arms[side.index()].tuned);
    let unseen: Vec<String> = tuned.filter(unseen).map(|side| format!("`{}`", arms[side.index()].name)).collect();
    if !unseen.is_empty() {
        lines.push(format!(
            "the library saw no TCP connection in {}: there was none, or the library cannot reach the program (`tcptune check` says)",
            unseen.join(" and ")
        ));
    }
    if neighbours_alike(&in_order(session)) {
        lines.push(
            "the machine was faster at some times than at others: all arms met that alike, but at another time the ratio may be \
             another"
                .to_owned(),
        );
    }
    lines
}

/// Each run's place among its arm's, in the order they were made.
fn in_order(session: &Session) -> Vec<f64> {
    let mut all: Vec<(usize, f64)> = Vec::new();
    for side in session.sides() {
        let runs = || session.runs.iter().filter(move |run| run.arm == side);
        let walls: Vec<f64> = runs().map(|run| run.measured.time_s).collect();
        all.extend(runs().map(|run| run.position).zip(places(&walls)));
    }
    all.sort_by_key(|(position, _)| *position);
    all.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::Method;
    use crate::ab::counted::Counted;
    use crate::ab::fake::{METHOD, of_arms, of_arms_by, report};
    use crate::ab::schedule::Side;
    use crate::ab::session::Session;
    use crate::ab::verdict::Verdict;

    #[test]
    fn each_candidate_is_compared_with_the_baseline() {
        let report = of_arms(&[("a", 1.0), ("b", 0.7), ("c", 1.0), ("d", 3.0)], |_| ());
        let verdicts: Vec<Verdict> = report.times().map(|row| row.comparison.expect("it took time").verdict).collect();
        assert_eq!(verdicts, [Verdict::Less, Verdict::NoDifference, Verdict::More]);
        assert_eq!(report.times().map(|row| row.arm).collect::<Vec<_>>(), Side::all(4).skip(1).collect::<Vec<_>>());
        assert_eq!((report.blocks(), report.runs.len()), (10, 40));
        let said: Vec<&str> = report.arms.iter().filter_map(|arm| arm.verdict.as_deref()).collect();
        assert!(said.len() == 3 && said[0].starts_with("b takes ") && said[2].starts_with("d takes "), "{said:?}");
        assert_eq!(report.verdict, said.join("; "));
    }

    #[test]
    fn a_baseline_that_differs_from_itself_is_noise() {
        let arms = [("a", 1.0), ("b", 0.7), ("a again", 1.3)];
        let noise = |method: Method| {
            let report = of_arms_by(&arms, &method, |_| ());
            (report.verdict.clone(), report.arms[2].verdict.clone().expect("said"), report.warnings.join("\n"), report)
        };
        let (verdict, said, warnings, report) =
            noise(Method { noise: Some(Side::all(3).nth(2).expect("three")), ..METHOD });
        assert!(verdict.starts_with("b takes ") && !verdict.contains("; a again"), "{verdict}");
        assert!(said.starts_with("noise: a against itself takes 1."), "{said}");
        assert!(warnings.contains("`a` differs from itself"), "{warnings}");
        assert_eq!(report.verdicts().count(), 1);
        // It is not one of the comparisons that a verdict must be clear among.
        let p = |report: &super::Report| report.verdicts().next().map(|(_, found)| found.p_holm / found.p);
        assert_eq!((p(&report), p(&noise(METHOD).3)), (Some(1.0), Some(2.0)));
    }

    #[test]
    fn what_the_library_does_not_see_is_said_of_the_arms_that_have_it() {
        let unseen = |session: &mut Session| session.counted.fill(Some(Counted::default()));
        let with = |arms: &[(&str, f64)]| of_arms(arms, unseen).warnings.join("\n");
        assert!(with(&[("plain", 1.0), ("tcptune", 1.0)]).contains("saw no TCP connection in `tcptune`: "));
        assert!(!with(&[("a", 1.0), ("b", 1.0)]).contains("saw no TCP"));
    }

    #[test]
    fn says_what_was_found() {
        let report = report(|_| ());
        assert!(report.verdict.starts_with("tcptune is ") && report.verdict.contains("times as fast as plain"));
        assert_eq!(report.measures[0].of.key, "time_s");
        // What no run has is left out.
        assert!(report.measures.iter().all(|m| m.of.key != "segments" && m.of.key != "library_stalls"));
        assert!(report.measures[0].comparison.is_some());
        // What is printed is compared as the time is.
        let printed = &report.measures[1];
        let found = printed.comparison.expect("it was printed");
        assert_eq!((&*printed.of.key, found.verdict), ("throughput", Verdict::More));
        assert!(found.interval.ratio > 15.0 && report.verdict.starts_with("tcptune is "), "{found:?}");
        // No processor time: nothing to divide by.
        assert!(report.measures[2].of.key == "user_cpu_s" && report.measures[2].comparison.is_none());
        assert_eq!(report.blocks(), 10);
    }

    #[test]
    fn warns_of_what_makes_figures_worth_less() {
        let warnings = |change: fn(&mut Session)| report(change).warnings.join("\n");
        assert_eq!(warnings(|session| session.runs.iter_mut().for_each(|run| run.measured.time_s = 1.0)), "");
        let first = warnings(|session| session.runs.iter_mut().take(2).for_each(|run| run.measured.time_s *= 3.0));
        assert!(first.contains("the first run of `plain` was the slowest by far: --warmup 1"), "{first}");
        let late = warnings(|session| session.runs.iter_mut().skip(18).for_each(|run| run.measured.time_s *= 3.0));
        assert!(late.contains("1 run of `tcptune` is far from the others"), "{late}");
        let noisy = warnings(|session| {
            session.runs.iter_mut().for_each(|run| run.measured.time_s *= 1.0 + 0.3 * (run.block % 4) as f64)
        });
        assert!(noisy.contains("the runs of `plain` vary by "), "{noisy}");
        let short = warnings(|session| session.runs.iter_mut().for_each(|run| run.measured.time_s = 0.002));
        assert!(short.contains("a run of `plain` takes 2.0 ms"), "{short}");
        let waves = warnings(|session| {
            let load = |position: usize| 1.0 + 0.2 * (position / 10) as f64;
            session.runs.iter_mut().for_each(|run| run.measured.time_s *= load(run.position))
        });
        assert!(waves.contains("faster at some times than at others"), "{waves}");
        let failed = warnings(|session| session.runs.iter_mut().take(6).for_each(|run| run.measured.status = 1));
        assert!(failed.contains("3 of 10 runs of `plain` failed"), "{failed}");
    }
}
