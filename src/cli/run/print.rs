//! The three lines of `tcptune run --summary`: what was tuned, what that saved, what could not be seen.

use std::time::Duration;

use tcptune_policy::counters::{Arm, Counter};

use crate::counters::{ArmCounts, Process, services};
use crate::output::words::{number, time};

/// The usual wait for a delayed acknowledgement.
const DELAYED_ACK: Duration = Duration::from_millis(40);

/// `unreachable` is why the program itself cannot be reached, if it cannot.
pub fn summary(processes: &[Process], problems: &[String], unreachable: Option<&str>) -> [String; 3] {
    let mut sum = ArmCounts::default();
    let mut untouched = 0;
    for service in services(processes) {
        sum.add(service.arm(Arm::Tuned));
        untouched += service.arm(Arm::Control).get(Counter::Connections);
    }
    [tuned(&sum, untouched, processes), saved(&sum), unseen(processes, problems, unreachable)]
}

fn tuned(sum: &ArmCounts, untouched: u64, processes: &[Process]) -> String {
    let reasons = [
        (Counter::SkippedProgramOn, "set by the program itself"),
        (Counter::SkippedProgramOff, "turned off by the program"),
        (Counter::SkippedRule, "left alone by a setting"),
        (Counter::SkippedObserving, "only observed"),
        (Counter::SkippedKernel, "refused by the kernel"),
    ];
    let mut parts = vec![format!("set on {}", number(sum.get(Counter::Tuned)))];
    for (counter, reason) in reasons {
        if sum.get(counter) > 0 {
            parts.push(format!("{reason} on {}", number(sum.get(counter))));
        }
    }
    if untouched > 0 {
        parts.push(format!("{} left untouched as a control group", number(untouched)));
    }
    let connections = sum.get(Counter::Connections) + untouched;
    let plural =
        |count: u64, one: &str, more: &str| format!("{} {}", number(count), if count == 1 { one } else { more });
    format!(
        "tuned: {} in {}, TCP_NODELAY {}",
        plural(connections, "connection", "connections"),
        plural(processes.len() as u64, "process", "processes"),
        parts.join(", ")
    )
}

fn saved(sum: &ArmCounts) -> String {
    let waits = if sum.get(Counter::Tuned) > 0 { sum.get(Counter::Exposed) } else { 0 };
    let all = DELAYED_ACK.saturating_mul(u32::try_from(waits).unwrap_or(u32::MAX));
    let segments = sum.segments_saved();
    let mut text = format!(
        "saved: up to {} waits for a delayed acknowledgement (at {} each: {}), {} segments net",
        number(waits),
        time(DELAYED_ACK),
        time(all),
        number(segments)
    );
    let (misses, stalls) = (sum.get(Counter::Misses), sum.get(Counter::Stalls) + sum.get(Counter::CorkStalls));
    if misses > 0 {
        let delay = Duration::from_nanos(sum.get(Counter::MissDelay));
        text.push_str(&format!("; held in vain {} times ({})", number(misses), time(delay)));
    }
    if sum.get(Counter::Held) > 0 {
        text.push_str(&format!("; {}", late(sum)));
    }
    if stalls > 0 {
        let delay = sum.get(Counter::StallDelay) + sum.get(Counter::CorkStallDelay);
        text.push_str(&format!("; {} stalls remained ({})", number(stalls), time(Duration::from_nanos(delay))));
    }
    text
}

/// What holding has cost: how often a byte waited for long, and how long at most.
fn late(sum: &ArmCounts) -> String {
    let longest = time(Duration::from_nanos(sum.get(Counter::HeldLongest)));
    match sum.get(Counter::HeldLate) {
        // Shorter than a tick.
        0 if sum.get(Counter::HeldLongest) == 0 => "no byte was held for more than 2 us".to_owned(),
        0 => format!("no byte was held for more than {longest}"),
        1 => format!("held for more than 1 ms once ({longest})"),
        late => format!("held for more than 1 ms {} times (at most {longest})", number(late)),
    }
}

fn unseen(processes: &[Process], problems: &[String], unreachable: Option<&str>) -> String {
    let mut parts: Vec<String> = problems.to_vec();
    if let Some(reason) = unreachable {
        parts.push(format!("the program itself: {reason}"));
    }
    if processes.is_empty() {
        parts.push(
            "no process opened a TCP connection that the library could see (`tcptune check PROGRAM` says whether it can), or the \
             rules of AppArmor or SELinux let none write its counters"
                .into(),
        );
    }
    let uncounted: u64 = processes.iter().map(|process| process.uncounted).sum();
    if uncounted > 0 {
        parts.push(format!("{} connections with descriptors above 65,535", number(uncounted)));
    }
    let restricted = processes.iter().filter(|process| process.restricted).count();
    if restricted > 0 {
        parts.push(format!(
            "what {restricted} processes did after they restricted their system calls or divided their descriptors"
        ));
    }
    let still = processes.iter().filter(|process| process.running).count();
    if still > 0 {
        parts.push(format!("what {still} processes that still run will do"));
    }
    if parts.is_empty() {
        parts.push(
            "nothing that is known; programs that are static, set-user-ID or written in Go leave no trace here"
                .to_owned(),
        );
    }
    format!("not seen: {}", parts.join("; "))
}
