//! What is compared: a row for each measure, which tables, exports and the page all read.

use std::borrow::Cow;

use super::executor::Measured;
use super::session::Run;
use super::unit::Unit;

/// Who counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The clock, or the kernel's account of the process.
    Process,
    /// The kernel, for the whole network namespace.
    Namespace,
    /// The library, in the runs that it counts in.
    Library,
    /// The command itself, which printed it.
    Printed,
}

#[derive(Clone, Debug)]
pub struct Measure {
    /// In JSON and CSV, with its unit.
    pub key: Cow<'static, str>,
    /// For people.
    pub label: Cow<'static, str>,
    pub unit: Unit,
    pub source: Source,
    of: Of,
}

#[derive(Clone, Debug)]
enum Of {
    Field(fn(&Measured) -> Option<f64>),
    Metric(String),
}

impl Measure {
    /// Nothing where a run does not have it.
    pub fn of(&self, measured: &Measured) -> Option<f64> {
        match &self.of {
            Of::Field(of) => of(measured),
            Of::Metric(name) => measured.metrics.get(name).copied(),
        }
    }

    pub fn is_time(&self) -> bool {
        self.key == TIME
    }
}

/// The key of what the verdicts are about.
const TIME: &str = "time_s";

/// All that these runs can have: the time first, then the numbers that the command itself printed.
pub fn of_runs(runs: &[Run]) -> Vec<Measure> {
    let printed = runs.first().map(|run| run.measured.metrics.keys()).into_iter().flatten();
    let metric = |name: &String| Measure {
        key: name.clone().into(),
        label: name.clone().into(),
        unit: Unit::Number,
        source: Source::Printed,
        of: Of::Metric(name.clone()),
    };
    let mut all = fields();
    all.splice(1..1, printed.map(metric));
    all
}

/// The keys that are taken.
pub fn keys() -> Vec<String> {
    fields().into_iter().map(|measure| measure.key.into_owned()).collect()
}

fn fields() -> Vec<Measure> {
    let mut all = Vec::new();
    let mut add =
        |key: &'static str, label: &'static str, unit: Unit, source: Source, of: fn(&Measured) -> Option<f64>| {
            all.push(Measure { key: key.into(), label: label.into(), unit, source, of: Of::Field(of) });
        };
    let (process, namespace, library) = (Source::Process, Source::Namespace, Source::Library);
    add(TIME, "time", Unit::Seconds, process, |m| Some(m.time_s));
    add("user_cpu_s", "user CPU", Unit::Seconds, process, |m| Some(m.usage.user_cpu_s));
    add("system_cpu_s", "system CPU", Unit::Seconds, process, |m| Some(m.usage.system_cpu_s));
    add("server_user_cpu_s", "server's user CPU", Unit::Seconds, process, |m| m.server.map(|u| u.user_cpu_s));
    add("server_system_cpu_s", "server's system CPU", Unit::Seconds, process, |m| m.server.map(|u| u.system_cpu_s));
    add("peak_memory_bytes", "peak memory", Unit::Bytes, process, |m| count(Some(m.usage.peak_memory_bytes)));
    add("context_switches", "context switches", Unit::Count, process, |m| count(Some(m.usage.context_switches)));
    add("page_faults", "page faults", Unit::Count, process, |m| count(Some(m.usage.page_faults)));
    add("segments", "segments sent", Unit::Count, namespace, |m| count(m.network.segments));
    add("data_segments", "data segments", Unit::Count, namespace, |m| count(m.network.data_segments));
    add("delayed_acks", "delayed ACKs", Unit::Count, namespace, |m| count(m.network.delayed_acks));
    add("retransmissions", "retransmissions", Unit::Count, namespace, |m| count(m.network.retransmissions));
    add("bytes", "bytes sent", Unit::Bytes, namespace, |m| count(m.network.bytes));
    add("library_segments", "its segments", Unit::Count, library, |m| counted(m, |c| c.segments_sent as f64));
    add("library_exchanges", "its exchanges", Unit::Count, library, |m| counted(m, |c| c.exchanges as f64));
    add("library_stalls", "its stalls", Unit::Count, library, |m| counted(m, |c| c.stalls as f64));
    add("library_stall_delay_s", "lost in stalls", Unit::Seconds, library, |m| counted(m, |c| c.stall_delay_s));
    add("library_held_late", "held over 1 ms", Unit::Count, library, |m| counted(m, |c| c.held_late as f64));
    all
}

fn count(value: Option<u64>) -> Option<f64> {
    value.map(|n| n as f64)
}

fn counted(measured: &Measured, of: fn(&super::counted::Counted) -> f64) -> Option<f64> {
    measured.counted.as_ref().map(of)
}

#[cfg(test)]
mod tests {
    use super::{TIME, keys};
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_told_apart() {
        let all = keys();
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!((different.len(), all[0].as_str()), (all.len(), TIME));
    }
}
