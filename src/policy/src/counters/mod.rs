//! The statistics of a process: one mapped file that the library writes and the command reads. Everything about its
//! format is defined here, once: what is counted (fields.rs), where it is (layout.rs), how times map to buckets
//! (scale.rs), and where the stack samples are (samples.rs). Must not touch a file or memory: offsets and numbers come
//! and go as arguments.

mod fields;
mod layout;
pub mod samples;
mod scale;
pub mod tally;

pub use fields::{COUNTERS, Counter, Row, Unit};
pub use layout::{
    ARM_SIZE, ARMS_AT, Arm, ArmPlaces, CLIENT, FREE, HEADER_SIZE, Head, MAGIC, READY, SERVER, SERVICE_SIZE, SERVICES,
    SERVICES_AT, SIZE, STOP, STOPPED, SUFFIX, Service, TAKEN, Text, VERSION, answers_at, arm_at, counter_at, head_at, holds_at,
    service_at, service_word_at, stalls_at,
};
pub use scale::{
    ANSWERS, HOLDS, STALLS, answer_bucket, answer_ticks, hold_bucket, hold_ticks, stall_bucket, stall_ticks,
};
