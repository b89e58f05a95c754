//! A socket's error queue brings back what the program has sent itself: in the statistics that is no answer.

use crate::support::counters::{count, report, service};
use crate::support::{Mode, ScratchDir, compile, finish};

#[test]
fn a_time_stamp_is_no_answer() {
    let scratch = ScratchDir::new("error-queue");
    let mut command = Mode::Preloaded.command(compile("stamped"));
    finish(command.arg("40").env("TCPTUNE_STATS", scratch.path())).expect();
    let client = service(&report(scratch.path()), "client");
    for (name, expected) in [("calls_sent", 40), ("exchanges", 40), ("calls_received", 40), ("bytes_received", 40)] {
        assert_eq!(count(&client, "tuned", name), expected, "{name}: {client:#}");
    }
}
