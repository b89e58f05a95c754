//! Prints what the predictor does with each recorded trace (tests/traces) as a Markdown table: scripts/traces.
//! It judges nothing; tests/burst_traces.rs does.

#[path = "../tests/burst_replay/mod.rs"]
mod replay;
#[path = "../tests/burst_trace/mod.rs"]
mod trace;

use tcptune_policy::burst::Table;

/// Data calls that the rate of misses is taken over.
const MANY: u64 = 100_000;

fn main() {
    println!(
        "| trace | connections | data calls | held | corked | released | misses | pauses | of {} k calls, per 10,000 | option calls \
         | segments, NODELAY | segments, held | added delay, mean us | longest us |",
        MANY / 1000
    );
    println!("|---|{}", "---:|".repeat(13));
    for trace in trace::all() {
        let once = replay::replay(&trace, 1, &Table::new());
        let rounds = MANY.div_ceil(once.calls.max(1)).min(1_000);
        let many = replay::replay(&trace, rounds as u32, &Table::new());
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.2} | {} | {} | {} | {:.1} | {} |",
            trace.name,
            once.connections,
            once.calls,
            once.holds,
            once.corks,
            once.releases,
            once.misses,
            once.pauses,
            many.rate(),
            once.options,
            once.plain,
            once.segments,
            once.delay as f64 / once.waits.max(1) as f64,
            once.longest,
        );
    }
    println!(
        "\nEach trace is replayed once; the rate of misses is that of as many rounds as make {MANY} calls, with what was \
         learned kept, after the first {}. Segments of 1,448 bytes. A pause is a call that was held for \
         1 ms or more before the next one: the program was interrupted. Delay is that of the first held byte of a segment.",
        replay::Counts::WARM
    );
}
