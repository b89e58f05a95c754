//! What is compared: a row for each measure, which tables, exports and the page all read.

use super::executor::Measured;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
    Count,
}

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
    /// In JSON and CSV.
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
    measure("wall", "time", Unit::Seconds, Source::Process, |m| Some(m.wall)),
    measure("user", "user CPU", Unit::Seconds, Source::Process, |m| Some(m.cpu.user)),
    measure("system", "system CPU", Unit::Seconds, Source::Process, |m| Some(m.cpu.system)),
    measure("server_user", "server's user CPU", Unit::Seconds, Source::Process, |m| m.server.map(|cpu| cpu.user)),
    measure("server_system", "server's system CPU", Unit::Seconds, Source::Process, |m| m.server.map(|cpu| cpu.system)),
    measure("segments", "segments sent", Unit::Count, Source::Namespace, |m| count(m.network.segments)),
    measure("data_segments", "data segments", Unit::Count, Source::Namespace, |m| count(m.network.data_segments)),
    measure("delayed_acks", "delayed ACKs", Unit::Count, Source::Namespace, |m| count(m.network.delayed_acks)),
    measure("retransmitted", "retransmissions", Unit::Count, Source::Namespace, |m| count(m.network.retransmitted)),
    measure("bytes", "bytes sent", Unit::Bytes, Source::Namespace, |m| count(m.network.bytes)),
    measure("library_segments", "its segments", Unit::Count, Source::Library, |m| {
        counted(m, |c| c.segments_sent as f64)
    }),
    measure("library_exchanges", "its exchanges", Unit::Count, Source::Library, |m| counted(m, |c| c.exchanges as f64)),
    measure("library_stalls", "its stalls", Unit::Count, Source::Library, |m| counted(m, |c| c.stalls as f64)),
    measure("library_stall_delay", "lost in stalls", Unit::Seconds, Source::Library, |m| counted(m, |c| c.stall_delay)),
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

impl Unit {
    /// Short, with three figures.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => scaled(value, &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")]),
            Self::Bytes => scaled(value, &[(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")]),
            Self::Count if value >= 1e6 => scaled(value, &[(1e6, "M")]),
            Self::Count => {
                let text = format!("{:.*}", usize::from(value < 100.0 && value.fract() != 0.0), value);
                if value >= 1e4 { format!("{},{}", &text[..text.len() - 3], &text[text.len() - 3..]) } else { text }
            }
        }
    }
}

/// In the largest unit that it fills; the last if none.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // 999.6 ms would be shown as 1000 ms.
    let fills = |(size, _): &&(f64, &str)| value >= size * 0.9995;
    let (size, name) = units.iter().find(fills).or(units.last()).copied().unwrap_or((1.0, ""));
    let value = value / size;
    let places = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{value:.places$} {name}")
}

#[cfg(test)]
mod tests {
    use super::{MEASURES, Unit};
    use std::collections::BTreeSet;

    #[test]
    fn keys_are_told_apart() {
        let keys: BTreeSet<&str> = MEASURES.iter().map(|measure| measure.key).collect();
        assert_eq!((keys.len(), MEASURES[0].key), (MEASURES.len(), "wall"));
    }

    #[test]
    fn values_have_three_figures_and_a_unit() {
        let seconds = [4.4123, 0.0423, 0.9999, 123.4, 0.000_012, 0.0, 1e-7].map(|v| Unit::Seconds.show(v));
        assert_eq!(seconds, ["4.41 s", "42.3 ms", "1.00 s", "123 s", "12.0 µs", "0", "0.10 µs"]);
        assert_eq!([120.0, 1500.0, 2.5e6].map(|v| Unit::Bytes.show(v)), ["120 B", "1.50 kB", "2.50 MB"]);
        let counts = [0.0, 43.0, 43.5, 1234.0, 12345.0, 1.5e6].map(|v| Unit::Count.show(v));
        assert_eq!(counts, ["0", "43", "43.5", "1234", "12,345", "1.50 M"]);
    }
}
