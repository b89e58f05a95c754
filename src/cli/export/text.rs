//! Sums in Prometheus' text format: the names, units and sentences of the metrics. Every counter of the layout is one metric.

use std::collections::BTreeMap;

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter as Count, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use tcptune_policy::counters::{Counter, Unit};

use super::lost::{Lost, Place, Sum, Waited};
use super::totals::{Program, Sums};
use super::values::{BOUNDS, HOLD_BOUNDS, Labels, Values, exported};
use crate::errors::{Context, Failure};

pub fn text(sums: &Sums, left_out: usize, lost: Option<&Lost>) -> Result<String, Failure> {
    let mut families: Vec<MetricFamily> = exported().map(|counter| of_counter(counter, sums)).collect();
    families.push(of_times(
        "tcptune_answer_seconds",
        "Time from the last call of a burst to the first byte of the answer.",
        (sums, &BOUNDS),
        |values| (&values.answers, values.get(Counter::ExchangeDelay)),
    ));
    families.push(of_times(
        "tcptune_stall_seconds",
        "How long waits took that were stalls of any kind.",
        (sums, &BOUNDS),
        |values| {
            let delays = [Counter::StallDelay, Counter::CorkStallDelay, Counter::PeerStallDelay];
            (&values.stalls, delays.iter().map(|&counter| values.get(counter)).sum())
        },
    ));
    families.push(of_times(
        "tcptune_held_age_seconds",
        "How long the oldest byte of each hold of the library waited before it went out.",
        (sums, &HOLD_BOUNDS),
        |values| (&values.holds, values.get(Counter::HeldTime)),
    ));
    let programs = |name, help, kind, value: fn(&Program) -> u64| {
        let metrics = sums
            .programs
            .iter()
            .map(|(program, counts)| number(vec![label("program", program)], kind, float(value(counts))));
        family(name, help, kind, metrics.collect())
    };
    families.push(programs("tcptune_processes", "Processes that count now.", MetricType::GAUGE, |p| p.running));
    families.push(programs(
        "tcptune_processes_started_total",
        "Processes that have counted, those that have ended too.",
        MetricType::COUNTER,
        |p| p.started,
    ));
    families.push(programs(
        "tcptune_connections_not_counted_total",
        "Connections that were not counted: too high descriptors.",
        MetricType::COUNTER,
        |p| p.uncounted,
    ));
    let gauge = |name, help, labels, value| {
        family(name, help, MetricType::GAUGE, vec![number(labels, MetricType::GAUGE, value)])
    };
    families.push(gauge(
        "tcptune_export_left_out_files",
        "Files of counters that could not be read.",
        vec![],
        float(left_out as u64),
    ));
    let version = vec![label("version", env!("CARGO_PKG_VERSION"))];
    families.push(gauge("tcptune_export_info", "The version of the exporter.", version, 1.0));
    families.extend(lost.into_iter().flat_map(of_host));
    families.retain(|family| !family.get_metric().is_empty());
    TextEncoder::new().encode_to_string(&families).doing(|| "write the counts in Prometheus' format")
}

/// What the services of this host lose.
fn of_host(lost: &Lost) -> Vec<MetricFamily> {
    let counter = MetricType::COUNTER;
    let pairs = |labels: &Place, end: Option<&str>| {
        let all: BTreeMap<&str, &str> = [
            ("program", labels.program.as_str()),
            ("unit", &labels.unit),
            ("service", &labels.service),
            ("direction", labels.direction),
        ]
        .into_iter()
        .chain(end.map(|end| ("end", end)))
        .collect();
        all.into_iter().map(|(name, value)| label(name, value)).collect::<Vec<_>>()
    };
    // Where a stall could not have been seen there is no series, for 0 would be a claim.
    let told = || lost.services.iter().filter(|(_, sum)| sum.told);
    let by_end = |name, help, value: fn(&Waited) -> f64| {
        let both = told().flat_map(|(labels, sum)| [("process", labels, &sum.process), ("peer", labels, &sum.peer)]);
        let metrics = both.map(|(end, labels, waited)| number(pairs(labels, Some(end)), counter, value(waited)));
        family(name, help, counter, metrics.collect())
    };
    let by_service = |name, help, value: fn(&Sum) -> f64| {
        let metrics = lost.services.iter().map(|(labels, sum)| number(pairs(labels, None), counter, value(sum)));
        family(name, help, counter, metrics.collect())
    };
    let single = |name, help, kind, value| family(name, help, kind, vec![number(vec![], kind, value)]);
    vec![
        by_end(
            "tcptune_host_lost_seconds_total",
            "Time that exchanges of a service waited for nothing, by the end that holds, as `tcptune doctor` sees it from outside.",
            |waited| waited.seconds,
        ),
        by_end("tcptune_host_waits_total", "How often they waited.", |waited| float(waited.count)),
        by_service("tcptune_host_exchanges_total", "Exchanges of a service that were seen.", |sum| {
            float(sum.exchanges)
        }),
        by_service(
            "tcptune_host_untold_seconds_total",
            "Time in which it could not be told whether the service waits: too little of it was seen.",
            |sum| sum.untold,
        ),
        single("tcptune_host_watched_seconds_total", "Time for which the host was watched.", counter, lost.watched),
        single("tcptune_host_watch_cpu_seconds_total", "Processor time that watching took.", counter, lost.cost),
        single(
            "tcptune_host_connections_left_out",
            "Connections that were too many to be followed, at once.",
            MetricType::GAUGE,
            float(lost.left_out as u64),
        ),
    ]
}

/// Its name for Prometheus, and what its unit is divided by.
pub fn name(counter: Counter) -> (String, f64) {
    let row = counter.row();
    let (suffix, divisor) = match row.unit {
        Unit::Ticks => ("_seconds", 1e9),
        // No sum, so no total.
        Unit::Longest => return (format!("tcptune_{}_seconds", row.name), 1e9),
        Unit::Micros => ("_seconds", 1e6),
        Unit::TicksSquared => ("_seconds_squared", 1e12),
        _ => ("", 1.0),
    };
    (format!("tcptune_{}{suffix}_total", row.name), divisor)
}

fn of_counter(counter: Counter, sums: &Sums) -> MetricFamily {
    let (name, divisor) = name(counter);
    let kind = if counter.row().unit == Unit::Longest { MetricType::GAUGE } else { MetricType::COUNTER };
    let metric =
        |(labels, values): (&Labels, &Values)| number(pairs(labels), kind, float(values.get(counter)) / divisor);
    let stalls = matches!(
        counter,
        Counter::Stalls
            | Counter::StallDelay
            | Counter::CorkStalls
            | Counter::CorkStallDelay
            | Counter::PeerStalls
            | Counter::PeerStallDelay
    );
    // Where none could be seen there is no series, for 0 would be a claim.
    let told = sums.series.iter().filter(|(_, values)| !stalls || values.knows_stalls());
    family(&name, counter.row().meaning, kind, told.map(metric).collect())
}

/// A histogram: the buckets and the sum of times in nanoseconds come from `of`.
fn of_times(name: &str, help: &str, (sums, bounds): (&Sums, &[f64]), of: fn(&Values) -> (&[u64], u64)) -> MetricFamily {
    let metric = |(labels, values): (&Labels, &Values)| {
        let (counts, sum) = of(values);
        let mut below = 0;
        let bucket = |(bound, count): (&f64, &u64)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            bucket
        };
        let mut histogram = Histogram::default();
        // What an earlier version has kept may have none of these.
        histogram.set_bucket(bounds.iter().zip(counts.iter().chain(std::iter::repeat(&0))).map(bucket).collect());
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(float(sum) / 1e9);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(histogram);
        metric
    };
    family(name, help, MetricType::HISTOGRAM, sums.series.iter().map(metric).collect())
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn number(labels: Vec<LabelPair>, kind: MetricType, value: f64) -> Metric {
    let mut metric = Metric::from_label(labels);
    if kind == MetricType::COUNTER {
        let mut count = Count::default();
        count.set_value(value);
        metric.set_counter(count);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

fn pairs(labels: &Labels) -> Vec<LabelPair> {
    let all: BTreeMap<&str, &str> = [
        ("program", labels.program.as_str()),
        ("service", &labels.service),
        ("direction", &labels.direction),
        ("arm", &labels.arm),
    ]
    .into();
    all.into_iter().map(|(name, value)| label(name, value)).collect()
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has nothing else")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_buckets_add_up() {
        let labels = Labels {
            program: "a\"b\\c\nd".to_owned(),
            service: "port 80".to_owned(),
            direction: "server".to_owned(),
            arm: "tuned".to_owned(),
        };
        let mut values =
            Values { counters: [("exchange_delay".to_owned(), 1_500_000_000)].into(), ..Values::default() };
        (values.answers[0], values.answers[11], values.answers[BOUNDS.len()]) = (2, 3, 4);
        let sums = Sums { series: [(labels, values)].into(), ..Sums::default() };
        let text = text(&sums, 0, None).expect("text");
        let of = r#"{arm="tuned",direction="server",program="a\"b\\c\nd",service="port 80""#;
        for line in [
            format!("tcptune_exchange_delay_seconds_total{of}}} 1.5"),
            format!("tcptune_answer_seconds_bucket{of},le=\"0.00005\"}} 2"),
            format!("tcptune_answer_seconds_bucket{of},le=\"0.05\"}} 5"),
            format!("tcptune_answer_seconds_bucket{of},le=\"10\"}} 5"),
            format!("tcptune_answer_seconds_bucket{of},le=\"+Inf\"}} 9"),
            format!("tcptune_answer_seconds_sum{of}}} 1.5"),
            format!("tcptune_answer_seconds_count{of}}} 9"),
            "# TYPE tcptune_answer_seconds histogram".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn stalls_that_could_not_be_seen_are_not_told_to_be_none() {
        let of = |sent: u64| {
            let values = Values {
                counters: [("calls_sent".to_owned(), sent), ("connections".to_owned(), 1)].into(),
                ..Values::default()
            };
            let labels = ["program", "port 80", "server", "tuned"].map(str::to_owned);
            let [program, service, direction, arm] = labels;
            let sums =
                Sums { series: [(Labels { program, service, direction, arm }, values)].into(), ..Sums::default() };
            text(&sums, 0, None).expect("text")
        };
        for (sent, told) in [(0, false), (1, true)] {
            for name in ["stalls", "cork_stalls", "peer_stalls", "stall_delay_seconds"] {
                assert_eq!(of(sent).contains(&format!("\ntcptune_{name}_total{{")), told, "{name}: {}", of(sent));
            }
            assert!(of(sent).contains("\ntcptune_connections_total{"));
        }
    }
}
