//! Where everything stands in the file, in bytes from its beginning. All numbers are 64 bits, in the machine's own order,
//! aligned; texts end with a zero byte or with their room.
//!
//! ```text
//! 0         header: words (Head), then texts
//! 4096      services (SERVICES x SERVICE_SIZE): its words (Service), then two arms, tuned and control;
//!           an arm: counters (Counter), buckets of answers, buckets of stalls, buckets of holds
//! SIZE      the end; with TCPTUNE=backtrace samples of the stack follow (samples.rs)
//! ```
//!
//! A reader takes places and counts from the header, so that rows, and buckets behind the others, can be added without another
//! version: a file from before them says 0. The last service stands for all that found no free place.

use super::{ANSWERS, COUNTERS, Counter, HOLDS, STALLS};

/// The first word of a file: "tcptune" and a zero byte.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"tcptune\0");
/// The version of this layout. A reader refuses a newer one.
pub const VERSION: u64 = 1;
/// How the names of the files end.
pub const SUFFIX: &str = ".tcptune";

/// The words of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Head {
    /// [`MAGIC`]; written last, so that a file without it is not finished.
    Magic,
    /// [`VERSION`].
    Version,
    /// Length of the file.
    Size,
    /// Where the services begin, how long one is, and how many there are.
    ServicesAt,
    /// See there.
    ServiceSize,
    /// See there.
    Services,
    /// Where the arms begin in a service, and how long one is.
    ArmsAt,
    /// See there.
    ArmSize,
    /// How many counters an arm has, and how many buckets behind them.
    Counters,
    /// Buckets of answers.
    Answers,
    /// Buckets of stalls.
    Stalls,
    /// Where the samples of the stack begin, how long one is, and how many there are: none unless they were asked for.
    SamplesAt,
    /// See there.
    SampleSize,
    /// See there.
    Samples,
    /// The process that made the file, as it knows itself. Its forked children count here too.
    Pid,
    /// Its effective user.
    User,
    /// When the file was made: nanoseconds since 1970.
    Created,
    /// The same in nanoseconds since the machine was started.
    CreatedBoot,
    /// The cycle counter and CLOCK_MONOTONIC (nanoseconds) at that time …
    FirstCycles,
    /// See there.
    FirstClock,
    /// … and a later time: together they tell how fast the counter runs.
    LastCycles,
    /// See there.
    LastClock,
    /// Cycles of the counter in a tick, the unit of all times here.
    CyclesPerTick,
    /// The longest pause inside a burst, in ticks.
    Gap,
    /// 1 if the library only observes.
    Observing,
    /// TCPTUNE_SPLIT: connections of a hundred that are left untouched.
    Split,
    /// Forked children that were seen.
    Forks,
    /// Connections that could not be counted: too many descriptors.
    Uncounted,
    /// 1 since the process has restricted its own system calls: nothing is counted from then on.
    Restricted,
    /// 1 when the process has ended by itself (exit, return from main).
    Ended,
    /// Where the loaded objects begin, how long one is, and how many there is room for.
    ModulesAt,
    /// See there.
    ModuleSize,
    /// See there.
    Modules,
    /// How many places for objects were taken, or wanted.
    ModulesTaken,
    /// How many calls of each kind could be sampled (samples.rs).
    SeenNagle,
    /// See there.
    SeenCork,
    /// See there.
    SeenSmall,
    /// Buckets of holds.
    Holds,
}

/// A text: of the header, where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where it begins.
    pub at: usize,
    /// How many bytes there are for it.
    pub room: usize,
}

impl Head {
    /// The library's version.
    pub const LIBRARY: Text = Text { at: 1024, room: 64 };
    /// The program's file.
    pub const PROGRAM: Text = Text { at: 1088, room: 448 };
    /// Its command line, with zero bytes between the arguments.
    pub const COMMAND: Text = Text { at: 1536, room: 512 };
    /// The settings, as the actions of a rule.
    pub const SETTINGS: Text = Text { at: 2048, room: 1024 };
}

/// Length of the header.
pub const HEADER_SIZE: usize = 4096;
/// Where the services begin.
pub const SERVICES_AT: usize = HEADER_SIZE;
/// How many services there are.
pub const SERVICES: usize = 24;
/// Where the arms begin in a service.
pub const ARMS_AT: usize = 64;
/// Length of an arm: whole cache lines.
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
    /// The remote port of a client's service, the local port of a server's. 0 for those that found no place of their own.
    Port,
    /// The address in the form of IPv6, the first eight bytes as they are on the wire. Zero for a server: its own addresses
    /// are not told apart.
    AddressFirst,
    /// The last eight.
    AddressLast,
}

/// Nothing is here.
pub const FREE: u64 = 0;
/// Somebody is writing here.
pub const TAKEN: u64 = 1;
/// What is here can be read.
pub const READY: u64 = 2;

/// Connections that the program opened.
pub const CLIENT: u64 = 0;
/// Connections that it accepted or was given.
pub const SERVER: u64 = 1;

/// Which group a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Arm {
    /// The settings hold.
    Tuned,
    /// Left untouched, to compare with (TCPTUNE_SPLIT).
    Control,
}

impl Arm {
    /// Both, in the order of the file.
    pub const BOTH: [Arm; 2] = [Arm::Tuned, Arm::Control];
}

/// Where the arms of a service are and what they hold, as a file's header says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmPlaces {
    /// Where they begin in their service.
    pub at: usize,
    /// How long one is.
    pub size: usize,
    /// How many counters it has …
    pub counters: usize,
    /// … then buckets of answers …
    pub answers: usize,
    /// … then buckets of stalls …
    pub stalls: usize,
    /// … then buckets of holds.
    pub holds: usize,
}

/// Where a word of the header stands.
pub const fn head_at(word: Head) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Where a service begins.
pub const fn service_at(number: usize) -> usize {
    number.wrapping_mul(SERVICE_SIZE).wrapping_add(SERVICES_AT)
}

/// Where a word of a service stands, from its beginning.
pub const fn service_word_at(word: Service) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Where an arm begins, from the beginning of its service.
pub const fn arm_at(arm: Arm) -> usize {
    (arm as usize).wrapping_mul(ARM_SIZE).wrapping_add(ARMS_AT)
}

/// Where a counter stands, from the beginning of its arm.
pub const fn counter_at(counter: Counter) -> usize {
    (counter as usize).wrapping_mul(8)
}

/// Where a bucket of answers stands, from the beginning of its arm.
pub const fn answers_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS).wrapping_mul(8)
}

/// Where a bucket of stalls stands, from the beginning of its arm.
pub const fn stalls_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS + ANSWERS).wrapping_mul(8)
}

/// Where a bucket of holds stands, from the beginning of its arm.
pub const fn holds_at(bucket: usize) -> usize {
    bucket.wrapping_add(COUNTERS + ANSWERS + STALLS).wrapping_mul(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        assert!(head_at(Head::Holds) + 8 <= Head::LIBRARY.at);
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
