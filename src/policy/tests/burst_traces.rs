//! Real programs, as recorded (tests/traces), under the predictor: never more segments than with TCP_NODELAY alone, hardly a
//! miss, and no wait for what is held. scripts/traces prints the numbers.

mod burst_replay;
mod burst_trace;

use burst_replay as replay;
use burst_replay::Counts;
use burst_trace as trace;
use tcptune_policy::burst::Table;

/// Traces whose bursts follow no pattern in history: some requests have no body, in random order.
const MIXED: [&str; 3] = ["nginx-mixed", "python-http-mixed", "sendfile-some-bodies"];
/// Traces in which there is nothing to hold, or the application does so itself.
const ALONE: [&str; 6] = ["apache", "haproxy-stream", "lighttpd", "redis", "token-stream", "urllib-client"];

fn each(check: impl Fn(&str, &Counts)) {
    let traces = trace::all();
    assert!(traces.len() >= 15, "the traces are there");
    for trace in &traces {
        let counts = replay::replay(trace, 1, &Table::new());
        assert!(counts.connections > 0 && counts.plain > 0, "{}: {counts:?}", trace.name);
        check(&trace.name, &counts);
    }
}

#[test]
fn segments_are_never_more_than_with_nodelay() {
    each(|name, counts| assert!(counts.segments <= counts.plain, "{name}: {counts:?}"));
}

#[test]
fn misses_are_below_one_in_ten_thousand_calls_once_warm() {
    each(|name, counts| {
        if !MIXED.contains(&name) {
            assert_eq!(counts.late_misses, 0, "{name}: {counts:?}");
            assert!(counts.misses + counts.pauses <= 2, "{name}: {counts:?}");
        }
    });
}

#[test]
fn what_has_no_pattern_costs_a_bounded_number_of_misses() {
    each(|name, counts| {
        if MIXED.contains(&name) {
            assert!(counts.misses <= 8, "{name}: {counts:?}");
            assert_eq!(counts.options, counts.misses, "{name}: {counts:?}");
        }
    });
}

#[test]
fn a_steady_habit_saves_its_segments() {
    // Segments per exchange with NODELAY, and with what is held; exchanges. The first five are not held.
    let habits = [
        ("imaplib-append", 4, 3, 300),
        ("mosquitto", 2, 1, 400),
        ("nginx", 2, 1, 500),
        ("perl-http-daemon", 6, 1, 300),
        ("python-http-server", 2, 1, 300),
        ("sendfile-keepalive", 2, 1, 400),
        ("sendfile-one-request", 5, 4, 300),
        ("sendfile-chunks", 31, 21, 120),
    ];
    each(|name, counts| {
        if let Some(&(_, plain, held, exchanges)) = habits.iter().find(|habit| habit.0 == name) {
            assert!(counts.plain <= plain * exchanges + 10, "{name}: {counts:?}");
            let learning = 20 * (plain - held);
            assert!(counts.segments <= held * exchanges + 10 + learning, "{name}: {counts:?}");
        }
    });
}

#[test]
fn tiny_writes_are_gathered() {
    each(|name, counts| {
        if name == "tiny-writes" {
            let fewest = 4 * 50_000u64.div_ceil(1_448);
            assert!(counts.segments <= fewest + 80 && counts.options <= 12, "{name}: {counts:?}");
        }
    });
}

#[test]
fn what_is_not_the_predictors_business_is_left_alone() {
    each(|name, counts| {
        if ALONE.contains(&name) {
            assert_eq!((counts.holds, counts.options), (0, 0), "{name}: {counts:?}");
            assert_eq!(counts.segments, counts.plain, "{name}: {counts:?}");
        }
    });
}

#[test]
fn nothing_waits_longer_than_its_program_takes_to_go_on() {
    each(|name, counts| {
        // A pause is one that the machine or the program itself made, between two calls of a burst.
        assert!(counts.longest < u64::from(replay::GAP) || counts.pauses != 0, "{name}: {counts:?}");
        assert!(counts.longest < 5_000, "{name}: {counts:?}");
    });
}

#[test]
fn a_process_that_serves_on_has_less_than_one_miss_in_ten_thousand_calls() {
    for trace in trace::all() {
        let calls = replay::replay(&trace, 1, &Table::new()).calls;
        // Calls on connections that are left alone are not the predictor's.
        if calls >= 100 {
            let counts = replay::replay(&trace, 100_000u64.div_ceil(calls) as u32, &Table::new());
            assert!(counts.rate() < 1.0, "{}: {:.2}, {counts:?}", trace.name, counts.rate());
        }
    }
}
