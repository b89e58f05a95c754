//! What is counted for each arm of each service: one row for each counter, in the order of the file. Rows may be added
//! at the end, because a file says how many it has. To change or remove a row takes a new version of the layout.

/// The unit of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Connections.
    Connections,
    /// Calls of the program.
    Calls,
    /// Bytes of the program's data.
    Bytes,
    /// Segments with data.
    Segments,
    /// Events, such as bursts, exchanges or stalls.
    Events,
    /// Time, in ticks of the process's clock (`Head::CyclesPerTick`).
    Ticks,
    /// Squares of times in ticks, of which only sums make sense.
    TicksSquared,
    /// Time in microseconds.
    Micros,
    /// The value seen last; not a sum.
    Last,
    /// The longest time in ticks; not a sum.
    Longest,
}

impl Unit {
    /// Do the counts of several processes add up?
    pub const fn is_sum(self) -> bool {
        !matches!(self, Unit::Last | Unit::Longest)
    }
}

/// A counter, as it is shown to users and other programs.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name in JSON and for Prometheus.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// What it counts, as a sentence.
    pub meaning: &'static str,
}

macro_rules! counters {
    ($($variant:ident, $name:literal, $unit:ident, $meaning:literal;)*) => {
        /// A counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Counter { $( #[doc = $meaning] $variant ),* }

        impl Counter {
            /// All counters, in the order of the file.
            pub const ALL: &'static [Counter] = &[$( Counter::$variant ),*];

            /// The row of the counter.
            pub const fn row(self) -> Row {
                match self { $( Counter::$variant => Row { name: $name, unit: Unit::$unit, meaning: $meaning } ),* }
            }
        }
    };
}

counters! {
    // One cache line: what a call that sends adds to.
    CallsSent, "calls_sent", Calls, "Calls that sent data.";
    BytesSent, "bytes_sent", Bytes, "Bytes that these calls sent.";
    Bursts, "bursts", Events, "Bursts: runs of sending calls with nothing received and no longer pause between them.";
    Held, "held", Calls, "Calls that the library held, because it expected another to follow at once.";
    Runts, "runts", Events, "Small segments that left alone though another call followed at once.";
    Tiny, "tiny_calls", Calls, "Calls of fewer than 128 bytes that left alone, as segments of their own.";
    FloodCalls, "flood_calls", Calls, "Calls in floods: the eighth and later tiny segment that left alone in one burst.";
    AppHeld, "app_held", Calls, "Calls that the program itself held, by MSG_MORE or TCP_CORK.";
    // The next cache line: what a call that receives adds to.
    CallsReceived, "calls_received", Calls, "Calls that received data.";
    BytesReceived, "bytes_received", Bytes, "Bytes that these calls received.";
    Exchanges, "exchanges", Events, "Exchanges: data was received after a burst was sent.";
    ExchangeDelay, "exchange_delay", Ticks, "Time from the last call of a burst to the first byte of the answer, in all exchanges.";
    Exposed, "exposed", Events, "Exchanges that Nagle's algorithm can delay: several calls, the last of them small and not held back for more.";
    Asked, "asked", Calls, "Times the kernel was asked whether unsent data was left when the thread was about to wait.";
    Floods, "floods", Events, "Bursts with eight or more tiny segments that left alone.";
    Several, "several", Events, "Bursts of more than one call.";
    // Connections.
    Connections, "connections", Connections, "Connections that were opened or accepted, or came from elsewhere.";
    Closed, "closed", Connections, "Connections that were closed.";
    Tuned, "tuned", Connections, "Connections on which TCP_NODELAY is on because the library set it.";
    SkippedControl, "skipped_control", Connections, "Left untouched as the control group (TCPTUNE_SPLIT).";
    SkippedObserving, "skipped_observing", Connections, "Left untouched because the library only observes (TCPTUNE=observe).";
    SkippedRule, "skipped_rule", Connections, "Left untouched because a rule or setting says so.";
    SkippedProgramOn, "skipped_program_on", Connections, "TCP_NODELAY was on already: the program, or who passed the connection, had set it.";
    SkippedProgramOff, "skipped_program_off", Connections, "TCP_NODELAY stays off because the program turned it off.";
    SkippedKernel, "skipped_kernel", Connections, "The kernel refused the option.";
    NeverHeld, "never_held", Connections, "Of all: nothing can be held on them (settings, Multipath TCP, the program corks itself).";
    // How held data left.
    ReleasedNext, "released_next", Events, "Held data that the next call took along, as expected.";
    ReleasedWait, "released_wait", Events, "Held data that was sent off because the thread was about to wait.";
    ReleasedEnd, "released_end", Events, "Held data that was sent off before a close, dup, fork, exec or exit.";
    Misses, "misses", Events, "Held in vain: the next call did not follow.";
    MissDelay, "miss_delay", Ticks, "How long what was held in vain had to wait.";
    Corks, "corks", Events, "Long bursts for which the library set TCP_CORK.";
    // Stalls.
    Stalls, "stalls", Events, "Waits with a small rest of a burst still unsent under Nagle's algorithm.";
    StallDelay, "stall_delay", Ticks, "How long these waits took.";
    CorkStalls, "cork_stalls", Events, "Waits with data unsent that the program itself held, by MSG_MORE or TCP_CORK.";
    CorkStallDelay, "cork_stall_delay", Ticks, "How long these waits took.";
    PeerStalls, "peer_stalls", Events, "Pauses between two receives that are as long as a delayed acknowledgement: the other end waits for ours.";
    PeerStallDelay, "peer_stall_delay", Ticks, "How long these pauses took.";
    StallSizes, "stall_sizes", Last, "Sizes of the last four calls before the last stall: 16 bits each, the latest lowest, 65535 for that or more.";
    StallCalls, "stall_calls", Last, "How many calls the burst before the last stall had.";
    // The kernel's own counts, read when a connection is closed.
    Sampled, "sampled", Connections, "Connections whose kernel counts are in the following.";
    SegmentsSent, "segments_sent", Segments, "Segments with data that the kernel sent, retransmissions among them.";
    SegmentsReceived, "segments_received", Segments, "Segments with data that the kernel received.";
    Retransmissions, "retransmissions", Segments, "Segments that the kernel sent again.";
    RoundTrip, "round_trip", Micros, "The kernel's smoothed round-trip times, added up.";
    SampledCalls, "sampled_calls", Calls, "Calls that sent data on these connections.";
    SampledBursts, "sampled_bursts", Events, "Bursts on these connections.";
    Compared, "compared", Connections, "Connections that were closed after one exchange or more.";
    MeanDelay, "mean_delay", Ticks, "Their mean times to an answer, added up: connections are what chance divides, exchanges are not.";
    MeanDelaySquare, "mean_delay_square", TicksSquared, "The squares of these means, added up.";
    ConnectionTime, "connection_time", Ticks, "Time from open to close, of all connections that were closed.";
    // What holding has cost (`policy::evidence::Gone`).
    HeldTime, "held_time", Ticks, "How long the oldest byte of each hold waited before it went out, in all holds.";
    HeldLongest, "held_longest", Longest, "The longest that a byte was held by the library.";
    HeldLate, "held_late", Events, "Holds whose oldest byte waited for more than a millisecond.";
    LateByWait, "late_by_wait", Events, "Of these: let go when the thread at last came to wait.";
    LateByCall, "late_by_call", Events, "Of these: let go when the next call came, late.";
    LateByEnd, "late_by_end", Events, "Of these: let go when the descriptor or the process came to its end, or was shared.";
    LateElsewhere, "late_elsewhere", Events, "Of the late ones: the thread slept or computed where no hook sees it.";
    LatePreempted, "late_preempted", Events, "Of the late ones: the thread could have gone on, but the machine ran something else.";
}

/// Number of counters.
pub const COUNTERS: usize = Counter::ALL.len();

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_told_apart_and_sentences_are_sentences() {
        let names: BTreeSet<_> = Counter::ALL.iter().map(|counter| counter.row().name).collect();
        assert_eq!(names.len(), COUNTERS);
        for counter in Counter::ALL {
            let row = counter.row();
            assert!(row.meaning.ends_with('.') && row.meaning.starts_with(char::is_uppercase), "{}", row.name);
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.name);
        }
    }

    #[test]
    fn what_a_call_adds_to_is_one_cache_line() {
        assert_eq!(Counter::CallsSent as u8, 0);
        assert_eq!(Counter::CallsReceived as u8, 8);
        assert_eq!(Counter::Connections as u8, 16);
    }
}
