//! Numbers that the command itself prints: found by a regular expression, or those of a load tool's report.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};

use regex::bytes::{Regex, RegexBuilder};
use rustix::fs::{MemfdFlags, memfd_create};

use super::load::{PRESETS, Preset};
use super::measures;
use crate::errors::{Context, Failure};

/// What a command may print in a run; what stands behind is not searched.
const LONGEST: u64 = 64 << 20;

/// What to find.
#[derive(Clone, Debug)]
pub enum Metric {
    Number(Number),
    /// All that this tool reports. `asked`: by --metric, so that a report that cannot be read is a failure.
    Tool {
        preset: &'static Preset,
        asked: bool,
    },
}

/// One number.
#[derive(Clone, Debug)]
pub struct Number {
    name: String,
    /// As it was given.
    given: String,
    pattern: Regex,
}

impl Metric {
    /// From `NAME=REGEX`, or the name of a load tool.
    pub fn read(given: &str) -> Result<Self, Failure> {
        if given.contains('=') {
            return Number::read(given).map(Self::Number);
        }
        let preset = Preset::named(given).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            Failure::of_option("--metric", given, format!("allowed is NAME=REGEX, or one of {}", names.join(", ")))
        })?;
        Ok(Self::Tool { preset, asked: true })
    }

    /// That of the load tool which this command runs, if it is a known one.
    pub fn of_load(command: &[OsString]) -> Option<Self> {
        let words: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Preset::of(&words).map(|preset| Self::Tool { preset, asked: false })
    }

    fn find(&self, output: &[u8], arm: &str) -> Result<Vec<(String, f64)>, Failure> {
        match self {
            Self::Number(number) => Ok(vec![(number.name.clone(), number.find(output, arm)?)]),
            Self::Tool { preset, asked } => match preset.read(&String::from_utf8_lossy(output)) {
                Ok(reading) => Ok(reading.numbers()),
                Err(_) if !asked => Ok(Vec::new()),
                Err(unread) => {
                    let advice = preset.advice.map(|option| format!("; it needs {option}")).unwrap_or_default();
                    Err(Failure::of_option("--metric", preset.name, format!("in a run of `{arm}`, {unread}{advice}")))
                }
            },
        }
    }
}

impl Number {
    /// From `NAME=REGEX`.
    pub fn read(given: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::of_option("--metric", given, why);
        let (name, pattern) = given.split_once('=').unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) || pattern.is_empty() {
            return Err(wrong(
                "allowed is NAME=REGEX, as in rate='([0-9.]+) requests/s'; a name has letters, digits and _",
            ));
        }
        if measures::keys().iter().any(|key| key == name) {
            return Err(wrong("there is a measure of this name already: allowed is another"));
        }
        // Output need not be UTF-8.
        let pattern = RegexBuilder::new(pattern).unicode(false).multi_line(true).build();
        let pattern = pattern.map_err(|error| {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            wrong(&format!("no regular expression: {why}"))
        })?;
        if pattern.captures_len() != 2 {
            return Err(wrong("allowed is a regular expression with one group in parentheses, around the number"));
        }
        Ok(Self { name: name.to_owned(), given: given.to_owned(), pattern })
    }

    /// The number of the last place that fits: what is printed on the way comes before the result.
    fn find(&self, output: &[u8], arm: &str) -> Result<f64, Failure> {
        let wrong = |why: String| Failure::of_option("--metric", &self.given, why);
        let found = self.pattern.captures_iter(output).last().and_then(|groups| groups.get(1));
        let found = found.ok_or_else(|| {
            wrong(format!("nothing that a run of `{arm}` printed fits: --show-output shows what it says"))
        })?;
        let text = String::from_utf8_lossy(found.as_bytes());
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        number
            .ok_or_else(|| wrong(format!("`{}`, which a run of `{arm}` printed, is no number", text.escape_default())))
    }
}

/// A file in memory that the output of a run goes to: no pipe that somebody would have to read while time is taken.
pub struct Printed(File);

impl Printed {
    pub fn new() -> Result<Self, Failure> {
        let file = memfd_create("output", MemfdFlags::CLOEXEC).doing(|| "keep the output of the command in memory")?;
        Ok(Self(File::from(file)))
    }

    pub fn file(&self) -> &File {
        &self.0
    }

    /// `show`: for people too.
    pub fn find(mut self, metrics: &[Metric], arm: &str, show: bool) -> Result<BTreeMap<String, f64>, Failure> {
        let mut output = Vec::new();
        let doing = || "read the output of the command";
        self.0.rewind().doing(doing)?;
        (&self.0).take(LONGEST).read_to_end(&mut output).doing(doing)?;
        if show {
            // Nobody may want to see it any more.
            let _ = std::io::stdout().write_all(&output);
        }
        let mut found = BTreeMap::new();
        for metric in metrics {
            found.extend(metric.find(&output, arm)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::{Metric, Printed};
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::io::Write;

    fn found(given: &str, output: &[u8]) -> Result<f64, String> {
        let metric = Metric::read(given).map_err(|failure| failure.message)?;
        let printed = Printed::new().expect("memory");
        printed.file().write_all(output).expect("memory");
        printed.find(&[metric], "new", false).map(|all| all["rate"]).map_err(|failure| failure.message)
    }

    #[test]
    fn the_last_that_fits_counts() {
        let output = b"1 requests/s\n\xff 1.5e3 requests/s\nscore: -7\n";
        assert_eq!(found(r"rate=(\S+) requests/s", output), Ok(1500.0));
        assert_eq!(found(r"rate=^score: (.*)$", output), Ok(-7.0));
    }

    #[test]
    fn a_load_tool_says_all_by_itself() {
        let report =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/load/wrk-4.1.0.txt")).expect("recorded");
        let command = ["taskset", "-c", "1", "wrk", "--latency", "http://127.0.0.1/"].map(OsString::from);
        let metrics = [Metric::of_load(&command).expect("known")];
        let read = |output: &[u8]| {
            let printed = Printed::new().expect("memory");
            printed.file().write_all(output).expect("memory");
            printed.find(&metrics, "new", false).map_err(|failure| failure.message)
        };
        let found = read(&report).expect("a report");
        assert!(found["rate_per_s"] > 0.0 && found["p99_ms"] >= found["p50_ms"], "{found:?}");
        assert_eq!(read(b"unable to connect"), Ok(BTreeMap::new()), "nobody asked for it");
        assert!(Metric::of_load(&["./load".into()]).is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let said = |given: &str| found(given, b"rate: fast\n").expect_err("invalid");
        for wrong in ["=x", "a b=(x)", "rate="] {
            assert!(said(wrong).contains("allowed is NAME=REGEX"), "{}", said(wrong));
        }
        assert!(said("rate").contains("allowed is NAME=REGEX, or one of wrk, "), "{}", said("rate"));
        assert!(said("wrk").contains("--metric wrk: in a run of `new`, "), "{}", said("wrk"));
        assert!(said("time_s=(x)").contains("a measure of this name"));
        assert!(said("rate=x").contains("one group in parentheses") && said("rate=(x)(y)").contains("one group"));
        assert_eq!(said("rate=(x"), "--metric rate=(x: no regular expression: unclosed group");
        assert!(said("rate=x(.*)").contains("nothing that a run of `new` printed fits"), "{}", said("rate=x(.*)"));
        assert!(said("rate=: (.*)$").contains("`fast`, which a run of `new` printed, is no number"));
    }
}
