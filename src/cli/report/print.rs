//! The report for people: a table for each service.

use std::path::Path;
use std::time::Duration;

use tcptune_policy::counters::{Arm, Counter};

use super::compare::{self, Comparison, Verdict};
use crate::counters::{ArmCounts, Direction, Found, Process, Service, services};
use crate::output::table::{self, Column};
use crate::output::words::{milliseconds, number, per, share, time};
use crate::output::{BAD, BOLD, FAINT, GOOD, NOTE, Width, line, paragraph, styled};

pub fn report(directory: &Path, found: &Found) {
    if found.processes.is_empty() {
        say(&format!(
            "Nothing was counted in `{}` yet: a process makes its file when it opens its first TCP connection or listener.",
            directory.display()
        ));
        return;
    }
    for process in &found.processes {
        about(process);
    }
    if found.unsure {
        say(&styled(
            FAINT,
            "Some processes of other users could not be looked at: one that is \"gone\" may still run.",
        ));
    }
    for service in services(&found.processes) {
        if service.both().get(Counter::Connections) > 0 {
            table(&service);
        }
    }
}

/// Where what is said of a process begins in its second line.
const INDENT: usize = 5;

/// Sentences.
fn say(text: &str) {
    line(&paragraph("", text, 2, Width::of_stdout().sentence()));
}

fn about(process: &Process) {
    let width = Width::of_stdout().sentence();
    let state = if process.running { styled(GOOD, "running") } else { styled(FAINT, "gone") };
    let head = format!("{} {state}  ", styled(BOLD, process.pid));
    line(&paragraph(&head, &process.command, INDENT, width));
    let mut notes = Vec::new();
    if process.observing {
        notes.push("only observes".to_owned());
    }
    if process.forks > 0 {
        notes.push(format!("{} forked children count here too", number(process.forks)));
    }
    if process.uncounted > 0 {
        notes.push(format!("{} connections with too high descriptors not counted", number(process.uncounted)));
    }
    if process.restricted {
        notes
            .push("restricted its own system calls or divided its descriptors: nothing is tuned or counted since then, stalls neither".to_owned());
    }
    if process.detached {
        notes.push("was told to stop tuning (`tcptune detach`): connections since then count as untouched".to_owned());
    }
    if !notes.is_empty() {
        line(&paragraph(&" ".repeat(INDENT), &styled(NOTE, notes.join("; ")), INDENT, width));
    }
}

/// What labels and values are cut to on a narrow terminal; the room that values have where there is enough; and the widest table that
/// is easy to read.
const NARROW: usize = 24;
const NARROW_VALUE: usize = 10;
const VALUE: usize = 18;
const MOST: usize = 100;

/// The rows of the table: what, and how it is taken from an arm.
type Row = (&'static str, fn(&ArmCounts) -> String);

const ROWS: &[Row] = &[
    ("connections", |arm| number(arm.get(Counter::Connections))),
    ("  with TCP_NODELAY set by the library", |arm| number(arm.get(Counter::Tuned))),
    ("  set or turned off by the program", |arm| {
        number(arm.get(Counter::SkippedProgramOn) + arm.get(Counter::SkippedProgramOff))
    }),
    ("exchanges", |arm| number(arm.get(Counter::Exchanges))),
    ("time to an answer, median", |arm| quantile(arm, 0.5)),
    ("  one in a hundred is longer than", |arm| quantile(arm, 0.99)),
    ("exchanges that can stall", |arm| share(arm.get(Counter::Exposed), arm.get(Counter::Exchanges))),
    ("stalls by Nagle's algorithm", |arm| events(arm, Counter::Stalls, Counter::StallDelay)),
    ("stalls by the program's own cork", |arm| events(arm, Counter::CorkStalls, Counter::CorkStallDelay)),
    ("pauses like the other end's stalls", |arm| events(arm, Counter::PeerStalls, Counter::PeerStallDelay)),
    ("segments sent for each burst", |arm| per(arm.get(Counter::SegmentsSent), arm.get(Counter::SampledBursts))),
    ("  for each call", |arm| per(arm.get(Counter::SegmentsSent), arm.get(Counter::SampledCalls))),
    ("segments sent again", |arm| number(arm.get(Counter::Retransmissions))),
    ("calls held for the next", |arm| number(arm.get(Counter::Held))),
    ("  in vain", |arm| events(arm, Counter::Misses, Counter::MissDelay)),
    ("  segments saved, net", |arm| number(arm.segments_saved())),
    ("  the longest that a byte was held", longest),
    ("  held for more than a millisecond", late),
    ("small segments that left alone", |arm| number(arm.get(Counter::Runts))),
    ("floods of tiny segments", |arm| number(arm.get(Counter::Floods))),
];

fn quantile(arm: &ArmCounts, share: f64) -> String {
    arm.answers.quantile(share).map_or_else(|| "-".to_owned(), time)
}

/// How often, and how long in all.
fn events(arm: &ArmCounts, count: Counter, delay: Counter) -> String {
    match arm.get(count) {
        0 => "0".to_owned(),
        some => format!("{} ({})", number(some), time(Duration::from_nanos(arm.get(delay)))),
    }
}

fn longest(arm: &ArmCounts) -> String {
    match arm.get(Counter::HeldLongest) {
        0 if arm.holds.total() == 0 => "-".to_owned(),
        // Shorter than a tick.
        0 => "under 2 us".to_owned(),
        longest => time(Duration::from_nanos(longest)),
    }
}

/// How many holds were late, and what let them go at last.
fn late(arm: &ArmCounts) -> String {
    let causes = [(Counter::LateByWait, "wait"), (Counter::LateByCall, "call"), (Counter::LateByEnd, "end")];
    let causes = causes.map(|(counter, name)| (arm.get(counter), name));
    let parts: Vec<String> = causes
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{name} {}", number(*count)))
        .collect();
    match arm.get(Counter::HeldLate) {
        0 => "0".to_owned(),
        late => format!("{} ({})", number(late), parts.join(", ")),
    }
}

fn table(service: &Service) {
    let (tuned, untouched) = (service.arm(Arm::Tuned), service.arm(Arm::Control));
    let split = untouched.get(Counter::Connections) > 0;
    let side = match service.direction {
        Direction::Client => "connections to",
        Direction::Server => "served on",
    };
    line("");
    let first = if service.observed { "observed" } else { "tuned" };
    let mut rows = Vec::new();
    for (what, value) in ROWS {
        let (left, right) = (value(tuned), value(untouched));
        let empty = |text: &str| matches!(text, "0" | "-");
        if !(empty(&left) && (!split || empty(&right))) {
            rows.push([(*what).to_owned(), left, right]);
        }
    }
    let compared = compare::compare(tuned, untouched);
    rows.extend(compared.iter().flat_map(means));
    let title = format!("{side} {service}");
    let columns = [
        Column::left(&title, 0).wrap(NARROW),
        Column::right(first, 0).wrap(NARROW_VALUE).at_least(VALUE),
        Column::right("untouched", 0).wrap(NARROW_VALUE).at_least(VALUE),
    ];
    let shown = if split { 3 } else { 2 };
    let room = Width::of_stdout().page().min(MOST);
    let table = table::lines(&columns[..shown], rows.iter().map(|row| &row[..shown]), room);
    line(&styled(BOLD, table.head));
    table.rows.iter().for_each(|text| line(text));
    if !service.both().knows_stalls() {
        say(&styled(
            NOTE,
            "No call that sends was seen: whether there were stalls is not known (`tcptune doctor --pid N` looks from outside).",
        ));
    }
    pattern(&service.both());
    match compared {
        Some(found) => verdict(&found),
        None if split => say(&styled(
            NOTE,
            format_args!(
                "Too few connections were closed yet to compare: at least {} on either side are needed.",
                compare::FEWEST
            ),
        )),
        None => {}
    }
}

/// The calls before the last stall.
fn pattern(both: &ArmCounts) {
    let sizes: Vec<String> = both
        .pattern()
        .iter()
        .map(|&size| if size == u16::MAX { "65,535 or more".to_owned() } else { number(size.into()) })
        .collect();
    if !sizes.is_empty() {
        say(&styled(FAINT, format_args!("  the last stall came after calls of {} bytes", sizes.join(", "))));
    }
}

/// The rows of both means.
fn means(found: &Comparison) -> [[String; 3]; 2] {
    let mean = |mean: &compare::Mean| milliseconds(mean.mean_ms);
    let interval = |mean: &compare::Mean| format!("{} to {}", milliseconds(mean.low_ms), milliseconds(mean.high_ms));
    [
        ["mean time to an answer".to_owned(), mean(&found.tuned), mean(&found.untouched)],
        ["  with 95 % confidence".to_owned(), interval(&found.tuned), interval(&found.untouched)],
    ]
}

fn verdict(found: &Comparison) {
    let Comparison { ratio, verdict, .. } = found;
    let factor = |value: f64| if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let times =
        |mean: f64, low: f64, high: f64| format!("{} times ({} to {})", factor(mean), factor(low), factor(high));
    say(&match verdict {
        Verdict::TunedIsFaster => styled(
            GOOD,
            format_args!(
                "An untouched connection waits {} as long for an answer.",
                times(ratio.ratio, ratio.low, ratio.high)
            ),
        ),
        Verdict::TunedIsSlower => styled(
            BAD,
            format_args!(
                "A tuned connection waits {} as long for an answer.",
                times(1.0 / ratio.ratio, 1.0 / ratio.high, 1.0 / ratio.low)
            ),
        ),
        Verdict::NoDifference => {
            styled(BOLD, format_args!("No difference: the ratio is {}.", times(ratio.ratio, ratio.low, ratio.high)))
        }
    });
}
