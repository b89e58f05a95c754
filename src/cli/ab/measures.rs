//! What is compared: a row for each measure, which tables, exports and the page all read.

use super::executor::Measured;
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
}

pub struct Measure {
    /// In JSON and CSV, with its unit.
    pub key: &'static str,
    /// For people.
    pub label: &'static str,
    pub unit: Unit,
    pub source: Source,
    /// Nothing where a run does not have it.
    pub of: fn(&Measured) -> Option<f64>,
}

const fn measure(
    key: &'static str,
    label: &'static str,
    unit: Unit,
    source: Source,
    of: fn(&Measured) -> Option<f64>,
) -> Measure {
    Measure { key, label, unit, source, of }
}

/// The first is what the verdict is about.
pub static MEASURES: [Measure; 15] = [
    measure("time_s", "time", Unit::Seconds, Source::Process, |m| Some(m.time_s)),
    measure("user_cpu_s", "user CPU", Unit::Seconds, Source::Process, |m| Some(m.cpu.user_cpu_s)),
    measure("system_cpu_s", "system CPU", Unit::Seconds, Source::Process, |m| Some(m.cpu.system_cpu_s)),
    measure("server_user_cpu_s", "server's user CPU", Unit::Seconds, Source::Process, |m| {
        m.server.map(|cpu| cpu.user_cpu_s)
    }),
    measure("server_system_cpu_s", "server's system CPU", Unit::Seconds, Source::Process, |m| {
        m.server.map(|cpu| cpu.system_cpu_s)
    }),
    measure("segments", "segments sent", Unit::Count, Source::Namespace, |m| count(m.network.segments)),
    measure("data_segments", "data segments", Unit::Count, Source::Namespace, |m| count(m.network.data_segments)),
    measure("delayed_acks", "delayed ACKs", Unit::Count, Source::Namespace, |m| count(m.network.delayed_acks)),
    measure("retransmissions", "retransmissions", Unit::Count, Source::Namespace, |m| count(m.network.retransmissions)),
    measure("bytes", "bytes sent", Unit::Bytes, Source::Namespace, |m| count(m.network.bytes)),
    measure("library_segments", "its segments", Unit::Count, Source::Library, |m| {
        counted(m, |c| c.segments_sent as f64)
    }),
    measure("library_exchanges", "its exchanges", Unit::Count, Source::Library, |m| counted(m, |c| c.exchanges as f64)),
    measure("library_stalls", "its stalls", Unit::Count, Source::Library, |m| counted(m, |c| c.stalls as f64)),
    measure("library_stall_delay_s", "lost in stalls", Unit::Seconds, Source::Library, |m| {
        counted(m, |c| c.stall_delay_s)
    }),
    measure("library_held_late", "held over 1 ms", Unit::Count, Source::Library, |m| {
        counted(m, |c| c.held_late as f64)
    }),
];

fn count(value: Option<u64>) -> Option<f64> {
    value.map(|n| n as f64)
}

fn counted(measured: &Measured, of: fn(&super::counted::Counted) -> f64) -> Option<f64> {
    measured.counted.as_ref().map(of)
}

#[cfg(test)]
mod tests {
    use super::MEASURES;
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_told_apart() {
        let keys: BTreeSet<&str> = MEASURES.iter().map(|measure| measure.key).collect();
        assert_eq!((keys.len(), MEASURES[0].key), (MEASURES.len(), "time_s"));
    }
}
