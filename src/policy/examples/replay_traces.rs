//! Prints what the rule does with each recorded trace (tests/data/traces) as a Markdown table: scripts/check traces.
//! It judges nothing; tests/evidence_traces.rs does.

#[path = "../tests/evidence_machine/mod.rs"]
mod evidence_machine;
#[path = "../tests/evidence_replay/mod.rs"]
mod evidence_replay;
#[path = "../tests/evidence_trace/mod.rs"]
mod evidence_trace;

use evidence_replay::replay;

/// Data calls of a process that serves on.
const MANY: u64 = 100_000;

fn main() {
    println!(
        "| trace | connections | data calls | held | options set | late | oldest, us | segments, NODELAY | segments, held | \
         of {} k calls: options per 10,000 | late |",
        MANY / 1000
    );
    println!("|---|{}", "--:|".repeat(10));
    for trace in evidence_trace::all() {
        let once = replay(&trace, 1);
        let rounds = MANY.div_ceil(once.calls.max(1)).min(1_000) as u32;
        let many = replay(&trace, rounds);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2} | {} |",
            trace.name,
            once.connections,
            once.calls,
            once.counts.holds,
            once.counts.pushes,
            once.counts.late(),
            once.counts.oldest(),
            once.plain,
            once.segments,
            10_000.0 * many.counts.pushes as f64 / many.calls.max(1) as f64,
            many.counts.late(),
        );
    }
    println!(
        "\nSegments of 1,448 bytes. Late: held for 1 ms or more, in a pause that counts as sleep. Nagle's algorithm is not reckoned."
    );
}
