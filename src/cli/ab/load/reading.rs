//! What is read from a load tool's report.

use std::fmt;

use super::text::number;

/// Of what the rate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Request,
    Transaction,
    Operation,
}

impl Thing {
    /// Several of them.
    #[cfg(test)]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Transaction => "transactions",
            Self::Operation => "operations",
        }
    }
}

/// When the tool sends the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// When the last one was answered: a slow answer keeps others from being sent, and their wait is not measured.
    Closed,
    /// At its time, whether others were answered or not; times count from then.
    Open,
    /// Open with this option, else closed.
    OpenWith(&'static str),
}

/// A report in numbers. What a tool does not print is not there: nothing is computed from a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Requests, transactions or operations that were done in a second.
    pub rate_per_s: f64,
    /// How many failed, where the tool counts that.
    pub errors: Option<u64>,
    pub mean_ms: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p90_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub p999_ms: Option<f64>,
}

impl Reading {
    /// Its numbers, by the names of measures.
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let all = [
            ("rate_per_s", Some(self.rate_per_s)),
            ("errors", self.errors.map(|count| count as f64)),
            ("mean_ms", self.mean_ms),
            ("p50_ms", self.p50_ms),
            ("p90_ms", self.p90_ms),
            ("p99_ms", self.p99_ms),
            ("p999_ms", self.p999_ms),
        ];
        all.into_iter().filter_map(|(name, number)| Some((name.to_owned(), number?))).collect()
    }

    /// Notes the percentiles that stand one a line below a title: the number, `mark`, and the time that `ms` reads.
    pub fn note_below(
        &mut self,
        text: &str,
        is_title: impl Fn(&str) -> bool,
        mark: &str,
        ms: impl Fn(&str) -> Option<f64>,
    ) {
        for line in text.lines().skip_while(|line| !is_title(line)).skip(1) {
            let Some((percent, time)) = line.split_once(mark) else { break };
            if let (Some(percent), Some(ms)) = (number(percent), ms(time)) {
                self.note(percent, ms);
            }
        }
    }

    /// Notes a percentile, if it is one of those that are kept.
    pub fn note(&mut self, percent: f64, ms: f64) {
        let places =
            [(50.0, &mut self.p50_ms), (90.0, &mut self.p90_ms), (99.0, &mut self.p99_ms), (99.9, &mut self.p999_ms)];
        for (of, place) in places {
            // The first counts: a second distribution is of something else.
            if (percent - of).abs() < 1e-9 && place.is_none() {
                *place = Some(ms);
            }
        }
    }
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It does not have this line.
    Missing(&'static str),
    /// There are several results, and one is to be compared.
    Several(&'static str),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(line) => write!(f, "what it printed has no `{line}`"),
            Self::Several(advice) => write!(f, "it printed several results: {advice}"),
        }
    }
}
