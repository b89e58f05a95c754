//! Each promise of an error rate, kept on made-up sessions: runs whose true ratio is known, with the noise of calm, busy and bad
//! machines. `scripts/check ab-rates` has it make a thousand of each, in the release build, and puts the tables into docs/ab.md; a few are
//! made with the other tests.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::verdict::{BELIEVED, BELIEVED_EQUAL, Comparison, Question, Verdict, compare, conclude, is_decided};

/// How runs of the same thing differ.
#[derive(Clone, Copy)]
struct Noise {
    name: &'static str,
    /// Of the logarithm.
    deviation: f64,
    /// Student's t with two degrees of freedom instead of a normal distribution: it has no variance.
    heavy: bool,
    /// The share of runs that something else disturbs, for half to twice the time.
    disturbed: f64,
    /// By how much a block is slower than the one before.
    drift: f64,
}

const CALM: Noise = Noise { name: "calm: 1 %", deviation: 0.01, heavy: false, disturbed: 0.0, drift: 0.0 };
const NOISES: [Noise; 5] = [
    CALM,
    Noise { name: "busy: 5 %", deviation: 0.05, ..CALM },
    Noise { name: "heavy tails", deviation: 0.02, heavy: true, ..CALM },
    Noise { name: "one run in ten disturbed", deviation: 0.02, disturbed: 0.1, ..CALM },
    Noise { name: "slowing down by 1 % a block", deviation: 0.02, drift: 0.01, ..CALM },
];

impl Noise {
    /// So many blocks of arms with these true times.
    fn session(&self, times: &[f64], blocks: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut arms = vec![Vec::with_capacity(blocks); times.len()];
        for block in 0..blocks {
            let machine = (self.drift * block as f64).exp();
            for (arm, time) in arms.iter_mut().zip(times) {
                let disturbed = random.random::<f64>() < self.disturbed;
                let more = if disturbed { 1.5 + 1.5 * random.random::<f64>() } else { 1.0 };
                arm.push(time * machine * more * (self.deviation * self.draw(&mut random)).exp());
            }
        }
        arms
    }

    fn draw(&self, random: &mut StdRng) -> f64 {
        let mut positive = || 1.0 - random.random::<f64>();
        // Box and Muller.
        let normal = (-2.0 * positive().ln()).sqrt() * (std::f64::consts::TAU * positive()).cos();
        if self.heavy { normal / (-positive().ln()).sqrt() } else { normal }
    }
}

const EQUAL_WITHIN: f64 = 0.02;
/// Of the promise; what the sessions are asked.
const FIXED: Question = Question { between_sessions: 0.0, equal_within: None, anytime: false, seed: 1 };
const RUNS: usize = 15;
/// A session that stops early has at most so many blocks.
const MOST: usize = 150;

/// How many of so many sessions are so, in per cent. Two threads share the work.
fn share(sessions: u64, is_so: impl Fn(u64) -> bool + Sync) -> f64 {
    let count = |from: u64| (from..sessions).step_by(2).filter(|&seed| is_so(seed)).count();
    let both = std::thread::scope(|scope| {
        let other = scope.spawn(|| count(1));
        count(0) + other.join().expect("it counts")
    });
    100.0 * both as f64 / sessions as f64
}

fn fixed(noise: &Noise, ratio: f64, runs: usize, question: &Question, seed: u64) -> Comparison {
    let arms = noise.session(&[1.0, ratio], runs, seed);
    compare(&arms[0], &arms[1], question).expect("times are positive")
}

/// A session that ends when it is decided, and after how many blocks it did.
fn early(noise: &Noise, ratio: f64, seed: u64) -> (Comparison, usize) {
    let question = Question { anytime: true, equal_within: Some(EQUAL_WITHIN), ..FIXED };
    let arms = noise.session(&[1.0, ratio], MOST, seed);
    let end = (1..MOST).find(|&end| is_decided(&arms[0][..end], &arms[1][..end], &question, 1)).unwrap_or(MOST);
    (compare(&arms[0][..end], &arms[1][..end], &question).expect("times are positive"), end)
}

fn differs(comparison: &Comparison) -> bool {
    matches!(comparison.verdict, Verdict::Less | Verdict::More)
}

/// A row of a table: its name, and figures, of which the first is a promise that must not be above the limit.
struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<f64>)>,
}

impl Table {
    fn print(&self) -> String {
        let dashes = "|--:".repeat(self.columns.len());
        let mut text = format!("{}\n\n| noise | {} |\n|---{dashes}|\n", self.title, self.columns.join(" | "));
        for (name, figures) in &self.rows {
            let figures: Vec<String> = figures.iter().map(|figure| format!("{figure:.1}")).collect();
            text.push_str(&format!("| {name} | {} |\n", figures.join(" | ")));
        }
        text
    }

    /// No figure of this column is above the limit, but for what chance does in so few sessions.
    fn at_most(&self, column: usize, limit: f64, sessions: u64) {
        let chance = 3.0 * (limit * (100.0 - limit) / sessions as f64).sqrt();
        for (name, figures) in &self.rows {
            assert!(figures[column] <= limit + chance, "{}: {name}: {}", self.title, self.print());
        }
    }

    fn of(title: String, columns: Vec<&'static str>, figures: impl Fn(&Noise) -> Vec<f64>) -> Self {
        Self { title, columns, rows: NOISES.iter().map(|noise| (noise.name, figures(noise))).collect() }
    }
}

fn differences(sessions: u64) -> Table {
    let title = format!(
        "**A settled number of runs ({RUNS} of each): how often a difference is found, per cent of {sessions} sessions.** Of equal arms \
         at most 1 is promised, and an interval that holds in 95. `--between-sessions 0`; the last column is with the usual 4 %."
    );
    let columns =
        vec!["equal", "interval misses", "1 % slower", "2 % slower", "5 % slower", "20 % slower", "20 %, usual"];
    let table = Table::of(title, columns, |noise| {
        let found =
            |ratio: f64| share(sessions, |seed| differs(&fixed(noise, ratio, RUNS, &Question { seed, ..FIXED }, seed)));
        let missed = share(sessions, |seed| {
            !fixed(noise, 1.05, RUNS, &Question { seed, ..FIXED }, seed).interval.contains(1.05)
        });
        let usual = Question { between_sessions: 0.04, ..FIXED };
        let with_usual = share(sessions, |seed| differs(&fixed(noise, 1.2, RUNS, &Question { seed, ..usual }, seed)));
        vec![found(1.0), missed, found(1.01), found(1.02), found(1.05), found(1.2), with_usual]
    });
    table.at_most(0, 100.0 * BELIEVED, sessions);
    table.at_most(1, 5.0, sessions);
    table
}

fn equality(sessions: u64) -> Table {
    let title = format!(
        "**`--equal-within 2`, {RUNS} runs of each: how often equality is found, per cent of {sessions} sessions.** Of arms that differ \
         by 2 % or more at most 5 is promised."
    );
    let columns = vec!["2 % slower", "2 % faster", "5 % slower", "equal", "1 % slower"];
    let question = Question { equal_within: Some(EQUAL_WITHIN), ..FIXED };
    let table = Table::of(title, columns, |noise| {
        let found =
            |ratio: f64| share(sessions, |seed| fixed(noise, ratio, RUNS, &question, seed).verdict == Verdict::Equal);
        vec![found(1.02), found(1.0 / 1.02), found(1.05), found(1.0), found(1.01)]
    });
    (0..3).for_each(|column| table.at_most(column, 100.0 * BELIEVED_EQUAL, sessions));
    table
}

fn early_stopping(sessions: u64) -> Table {
    let title = format!(
        "**`--until-decided --equal-within 2 --between-sessions 0`, at most {MOST} blocks, looked at after each: per cent of {sessions} \
         sessions.** A difference of equal arms in at most 1 is promised, equality of arms that differ by 2 % in at most 5, and an \
         interval that misses in at most 5. Then the blocks that it took, as a median ({MOST}: not decided)."
    );
    let columns = vec![
        "equal: difference",
        "2 % slower: equal",
        "interval misses",
        "blocks: equal",
        "1 % slower",
        "2 % slower",
        "5 % slower",
        "20 % slower",
    ];
    let table = Table::of(title, columns, |noise| {
        let blocks = |ratio: f64| {
            // A fifth of the sessions is enough for a median.
            let mut all: Vec<usize> = (0..sessions.div_ceil(5)).map(|seed| early(noise, ratio, seed).1).collect();
            all.sort_unstable();
            all[all.len() / 2] as f64
        };
        let wrong = share(sessions, |seed| differs(&early(noise, 1.0, seed).0));
        let equal = share(sessions, |seed| early(noise, 1.02, seed).0.verdict == Verdict::Equal);
        let missed = share(sessions, |seed| !early(noise, 1.05, seed).0.interval.contains(1.05));
        vec![wrong, equal, missed, blocks(1.0), blocks(1.01), blocks(1.02), blocks(1.05), blocks(1.2)]
    });
    for (column, limit) in [100.0 * BELIEVED, 100.0 * BELIEVED_EQUAL, 5.0].into_iter().enumerate() {
        table.at_most(column, limit, sessions);
    }
    table
}

fn several(sessions: u64) -> Table {
    let title = format!(
        "**Five equal arms, {RUNS} runs of each: per cent of {sessions} sessions in which any of the four candidates is said to differ.** At \
         most 1 is promised; without Holm's correction it would be as in the second column."
    );
    let table = Table::of(title, vec!["any differs", "uncorrected"], |noise| {
        let any = |corrected: bool| {
            share(sessions, |seed| {
                let arms = noise.session(&[1.0; 5], RUNS, seed);
                let question = Question { seed, ..FIXED };
                let all = arms.iter().skip(1).filter_map(|arm| compare(&arms[0], arm, &question));
                let mut all: Vec<Comparison> = all.collect();
                if corrected {
                    conclude(&mut all.iter_mut().collect::<Vec<_>>(), &question, RUNS);
                }
                all.iter().any(differs)
            })
        };
        vec![any(true), any(false)]
    });
    table.at_most(0, 100.0 * BELIEVED, sessions);
    table
}

#[test]
#[ignore = "a minute in the release build: scripts/check ab-rates"]
fn tables() {
    let sessions = 1000;
    for table in [differences(sessions), equality(sessions), early_stopping(sessions), several(sessions)] {
        println!("TABLE\n{}", table.print());
    }
}

/// The same with few sessions and the worst of the noises: it fails where a promise is far off.
#[test]
fn promises_are_kept() {
    let heavy = &NOISES[2];
    let wrong = share(60, |seed| differs(&early(heavy, 1.0, seed).0));
    assert!(wrong <= 3.4, "{wrong} % of equal arms differ");
    let equal = share(60, |seed| {
        fixed(&CALM, 1.02, RUNS, &Question { equal_within: Some(EQUAL_WITHIN), ..FIXED }, seed).verdict
            == Verdict::Equal
    });
    assert!(equal <= 12.0, "{equal} % of arms that differ by 2 % are equal");
    let found = share(40, |seed| early(&CALM, 1.2, seed).0.verdict == Verdict::More);
    assert!(found >= 97.0, "{found} % of arms that differ by a fifth are found");
}
