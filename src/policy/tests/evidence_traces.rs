//! Real programs, as recorded (tests/data/traces), under the rule: never more segments than with TCP_NODELAY alone, nothing late, and
//! hardly an option set. scripts/check traces prints the numbers.

mod evidence_machine;
mod evidence_replay;
mod evidence_trace;

use evidence_replay::{Replayed, replay};

/// Segments with NODELAY and under the rule, calls held, and options set to let go, at the most.
const EXPECTED: [(&str, u64, u64, u64, u64); 19] = [
    ("apache", 3335, 3335, 0, 0),
    ("haproxy-stream", 20, 20, 0, 0),
    ("http-client-keepalive", 525, 393, 132, 0),
    ("imaplib-append", 1203, 912, 291, 0),
    ("lighttpd", 3130, 3130, 0, 0),
    ("mosquitto", 802, 412, 390, 0),
    // Some requests have no body, in random order: the price of guessing is bounded.
    ("nginx-mixed", 14171, 14064, 156, 49),
    ("nginx", 1000, 561, 439, 0),
    ("perl-http-daemon", 1800, 420, 1380, 0),
    ("python-http-mixed", 2541, 2502, 56, 17),
    ("python-http-server", 600, 317, 283, 0),
    ("redis", 441, 441, 0, 0),
    ("sendfile-chunks", 3720, 2620, 1100, 0),
    ("sendfile-keepalive", 800, 410, 390, 0),
    ("sendfile-one-request", 1500, 1208, 292, 0),
    ("sendfile-some-bodies", 5234, 5049, 261, 76),
    // By Nagle's algorithm.
    ("tiny-writes", 4000, 1190, 0, 0),
    ("token-stream", 439, 439, 0, 0),
    ("urllib-client", 333, 333, 0, 0),
];

fn each(check: impl Fn(&str, &Replayed)) {
    let traces = evidence_trace::all();
    let names: Vec<&str> = traces.iter().map(|trace| trace.name.as_str()).collect();
    assert_eq!(names, EXPECTED.map(|row| row.0), "each trace has its row");
    for trace in &traces {
        check(&trace.name, &replay(trace, 1));
    }
}

#[test]
fn what_the_rule_saves_stays() {
    each(|name, replayed| {
        let row = EXPECTED.iter().find(|row| row.0 == name).expect("a row");
        let had = (replayed.plain, replayed.segments, replayed.counts.holds, replayed.counts.pushes);
        assert_eq!(had, (row.1, row.2, row.3, row.4), "{name}");
    });
}

#[test]
fn segments_are_never_more_than_with_nodelay() {
    each(|name, replayed| assert!(replayed.segments <= replayed.plain, "{name}"));
}

#[test]
fn nothing_is_late() {
    // One server was interrupted for 1.2 ms between header and body while it was recorded.
    each(|name, replayed| {
        let allowed = usize::from(name == "python-http-server");
        assert!(replayed.counts.late() <= allowed, "{name}: {} us", replayed.counts.oldest());
    });
}

#[test]
fn a_process_that_serves_on_is_late_three_times_at_most() {
    for trace in evidence_trace::all() {
        let calls = replay(&trace, 1).calls.max(1);
        let rounds = 20_000u64.div_ceil(calls).min(200) as u32;
        let late = replay(&trace, rounds).counts.late();
        assert!(late <= 3, "{}: {late}", trace.name);
    }
}
