//! The layout of the statistics file, as offsets in bytes from its beginning. All numbers are aligned 64-bit words in
//! native byte order; a text ends with a zero byte or with its space.
//!
//! ```text
//! 0         header: words (Head), then texts
//! 4096      services (SERVICES x SERVICE_SIZE): its words (Service), then two arms, tuned and control;
//!           an arm: counters (Counter), buckets of answers, buckets of stalls, buckets of holds
//! SIZE      the end; with TCPTUNE=backtrace samples of the stack follow (samples.rs)
//! ```
//!
//! A reader takes offsets and counts from the header. So rows, and further kinds of buckets after the others, can be
//! added without a new version: the header of an older file says 0 for them. The last service stands for all
//! connections that found no free one.

use super::{ANSWERS, COUNTERS, Counter, HOLDS, STALLS};

/// The first word of a file: "tcptune" and a zero byte.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"tcptune\0");
/// The version of this layout. A reader refuses a newer one.
pub const VERSION: u64 = 1;
/// The suffix of the files' names.
pub const SUFFIX: &str = ".tcptune";

/// The words of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Head {
    /// [`MAGIC`]. Written last: a file without it is not complete yet.
    Magic,
    /// [`VERSION`].
    Version,
    /// Length of the file.
    Size,
    /// Offset of the services.
    ServicesAt,
    /// Length of a service.
    ServiceSize,
    /// Number of services.
    Services,
    /// Offset of the arms in a service.
    ArmsAt,
    /// Length of an arm.
    ArmSize,
    /// Number of counters in an arm.
    Counters,
    /// Number of buckets of answers, after the counters.
    Answers,
    /// Number of buckets of stalls, after those of answers.
    Stalls,
    /// Offset of the stack samples; 0 if the file has none.
    SamplesAt,
    /// Length of a stack sample.
    SampleSize,
    /// Number of stack samples.
    Samples,
    /// The process that made the file, as seen in its own PID namespace. Its forked children count into this file too.
    Pid,
    /// The effective user of that process.
    User,
    /// When the file was made, in nanoseconds since 1970.
    Created,
    /// When the file was made, in nanoseconds since the machine booted.
    CreatedBoot,
    /// The cycle counter when the file was made.
    FirstCycles,
    /// CLOCK_MONOTONIC when the file was made, in nanoseconds.
    FirstClock,
    /// The cycle counter at a later time. Together with the other three it gives the counter's rate.
    LastCycles,
    /// CLOCK_MONOTONIC at that later time, in nanoseconds.
    LastClock,
    /// Cycles of the counter in a tick, the unit of all times here.
    CyclesPerTick,
    /// The longest pause inside a burst, in ticks.
    Gap,
    /// 1 if the library only observes.
    Observing,
    /// TCPTUNE_SPLIT: the percentage of connections that are left untouched.
    Split,
    /// Number of forks seen.
    Forks,
    /// Number of connections that could not be counted, because their descriptors were too high.
    Uncounted,
    /// 1 once the process has restricted its own system calls or given a thread descriptors of its own: nothing is counted from then on.
    Restricted,
    /// 1 once the process has ended by exit(3) or by returning from main.
    Ended,
    /// Offset of the loaded objects; 0 if the file has none.
    ModulesAt,
    /// Length of an object's entry.
    ModuleSize,
    /// Number of entries for objects.
    Modules,
    /// Number of entries for objects that were taken, or wanted when there were none left.
    ModulesTaken,
    /// Number of calls of [`Nagle`](super::samples::Kind::Nagle) that could have been sampled.
    SeenNagle,
    /// Number of calls of [`Cork`](super::samples::Kind::Cork) that could have been sampled.
    SeenCork,
    /// Number of calls of [`Small`](super::samples::Kind::Small) that could have been sampled.
    SeenSmall,
    /// Number of buckets of holds, after those of stalls.
    Holds,
    /// The one word that the library reads and others write: [`STOP`] asks the process to stop tuning. [`STOPPED`] once the
    /// library, in it or in one of its children, has seen that.
    Detach,
}

/// In [`Head::Detach`]: the process is to stop tuning.
pub const STOP: u64 = 1;
/// In [`Head::Detach`]: it has stopped.
pub const STOPPED: u64 = 2;

/// The position of a text: in the header, unless stated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its offset.
    pub at: usize,
    /// Its space, in bytes.
    pub room: usize,
}

impl Head {
    /// The library's version.
    pub const LIBRARY: Text = Text { at: 1024, room: 64 };
    /// The path of the program's file.
    pub const PROGRAM: Text = Text { at: 1088, room: 448 };
    /// The program's command line, with zero bytes between the arguments.
    pub const COMMAND: Text = Text { at: 1536, room: 512 };
    /// The variables that were set, as they were given.
    pub const SETTINGS: Text = Text { at: 2048, room: 1024 };
}

/// Length of the header.
pub const HEADER_SIZE: usize = 4096;
/// Offset of the services.
pub const SERVICES_AT: usize = HEADER_SIZE;
/// Number of services.
pub const SERVICES: usize = 24;
/// Offset of the arms in a service.
pub const ARMS_AT: usize = 64;
/// Length of an arm, in whole cache lines.
pub const ARM_SIZE: usize = ((COUNTERS + ANSWERS + STALLS + HOLDS) * 8).next_multiple_of(64);
/// Length of a service.
pub const SERVICE_SIZE: usize = ARMS_AT + 2 * ARM_SIZE;
/// Length of a file without samples.
pub const SIZE: usize = (SERVICES_AT + SERVICES * SERVICE_SIZE).next_multiple_of(4096);

/// The words of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Service {
    /// [`FREE`], [`TAKEN`] or [`READY`].
    State,
    /// [`CLIENT`] or [`SERVER`].
    Direction,
    /// The remote port of a client's service, or the local port of a server's. 0 for the service of all that found no
    /// free one.
    Port,
    /// The first eight bytes of the address as IPv6, in network order. Zero for a server: its own addresses are not
    /// distinguished.
    AddressFirst,
    /// The last eight bytes of the address, in network order.
    AddressLast,
}

/// The entry is free.
pub const FREE: u64 = 0;
/// The entry is being written.
pub const TAKEN: u64 = 1;
/// The entry can be read.
pub const READY: u64 = 2;

/// Connections that the program opened.
pub const CLIENT: u64 = 0;
/// Connections that the program accepted, or that came from elsewhere.
pub const SERVER: u64 = 1;

/// The group of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Arm {
    /// The settings apply.
    Tuned,
    /// Left untouched, for comparison (TCPTUNE_SPLIT).
    Control,
}

impl Arm {
    /// Both groups, in the order of the file.
    pub const BOTH: [Arm; 2] = [Arm::Tuned, Arm::Control];
}

/// The layout of a service's arms, as given by a file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmPlaces {
    /// Offset of the first arm in its service.
    pub at: usize,
    /// Length of an arm.
    pub size: usize,
    /// Number of counters.
    pub counters: usize,
    /// Number of buckets of answers, after the counters.
    pub answers: usize,
    /// Number of buckets of stalls, after those of answers.
    pub stalls: usize,
    /// Number of buckets of holds, after those of stalls.
    pub holds: usize,
}

/// Offset of a word of the header.
pub const fn head_at(word: Head) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Offset of a service.
pub const fn service_at(number: usize) -> usize {
    number.wrapping_mul(SERVICE_SIZE).wrapping_add(SERVICES_AT)
}

/// Offset of a word in its service.
pub const fn service_word_at(word: Service) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Offset of an arm in its service.
pub const fn arm_at(arm: Arm) -> usize {
    (arm as usize).wrapping_mul(ARM_SIZE).wrapping_add(ARMS_AT)
}

/// Offset of a counter in its arm.
pub const fn counter_at(counter: Counter) -> usize {
    (counter as usize).wrapping_mul(8)
}

/// Offset of a bucket of answers in its arm.
pub const fn answers_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS).wrapping_mul(8)
}

/// Offset of a bucket of stalls in its arm.
pub const fn stalls_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS + ANSWERS).wrapping_mul(8)
}

/// Offset of a bucket of holds in its arm.
pub const fn holds_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS + ANSWERS + STALLS).wrapping_mul(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        assert!(head_at(Head::Detach) + 8 <= Head::LIBRARY.at);
        let mut end = 0;
        for text in [Head::LIBRARY, Head::PROGRAM, Head::COMMAND, Head::SETTINGS] {
            assert!(text.at >= end);
            end = text.at + text.room;
        }
        assert!(end <= HEADER_SIZE);
        assert!(service_word_at(Service::AddressLast) + 8 <= ARMS_AT);
        assert_eq!(arm_at(Arm::Control), arm_at(Arm::Tuned) + ARM_SIZE);
        assert!(holds_at(HOLDS - 1) + 8 <= ARM_SIZE);
        assert!(service_at(SERVICES - 1) + SERVICE_SIZE <= SIZE);
        assert_eq!(service_at(0) % 64 + arm_at(Arm::Tuned) % 64 + ARM_SIZE % 64, 0, "cache lines");
    }
}
