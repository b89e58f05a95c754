//! Any file of counters: what the library could have written, with words of it changed as the input says. It is refused, or
//! read as no more than a file may hold, with texts that a terminal can be shown.

#[path = "../../../../src/cli/counters/arm.rs"]
#[allow(dead_code)]
mod arm;
#[path = "../../../../src/cli/counters/clock.rs"]
#[allow(dead_code)]
mod clock;
#[path = "../../../../src/cli/counters/file.rs"]
#[allow(dead_code)]
mod file;
#[path = "../../../../src/cli/counters/histogram.rs"]
#[allow(dead_code)]
mod histogram;
#[path = "../../../../src/cli/counters/process.rs"]
#[allow(dead_code)]
mod process;
#[path = "../../../../src/cli/counters/samples.rs"]
#[allow(dead_code)]
mod samples;
#[path = "../../../../src/cli/counters/service.rs"]
#[allow(dead_code)]
mod service;

use tcptune_policy::counters::samples as sampled;
use tcptune_policy::counters::{
    ANSWERS, ARM_SIZE, ARMS_AT, Arm, COUNTERS, Counter, HEADER_SIZE, HOLDS, Head, MAGIC, SERVICE_SIZE, SERVICES,
    SERVICES_AT, SIZE, STALLS, VERSION, head_at,
};

const OWNER: u32 = 33;
/// Nobody writes more by hand than is found out by this.
const LONGEST: usize = SIZE + 64 * 1024;

/// What a process that counts nothing yet has in its file.
fn written() -> Vec<u8> {
    let mut bytes = vec![0; LONGEST];
    for (head, value) in [
        (Head::Magic, MAGIC as usize),
        (Head::Version, VERSION as usize),
        (Head::Size, LONGEST),
        (Head::User, OWNER as usize),
        (Head::CyclesPerTick, 16),
        (Head::ServicesAt, SERVICES_AT),
        (Head::Services, SERVICES),
        (Head::ServiceSize, SERVICE_SIZE),
        (Head::ArmsAt, ARMS_AT),
        (Head::ArmSize, ARM_SIZE),
        (Head::Counters, COUNTERS),
        (Head::Answers, ANSWERS),
        (Head::Stalls, STALLS),
        (Head::Holds, HOLDS),
        (Head::SamplesAt, SIZE),
        (Head::SampleSize, sampled::SAMPLE_SIZE),
        (Head::ModulesAt, SIZE + 2 * sampled::SAMPLE_SIZE),
        (Head::ModuleSize, sampled::MODULE_SIZE),
    ] {
        bytes[head_at(head)..][..8].copy_from_slice(&(value as u64).to_ne_bytes());
    }
    bytes
}

/// The input is a list of changes, of eleven bytes each: the number of a word and what it is to be.
pub fn check(input: &[u8]) {
    let mut bytes = written();
    for change in input.chunks_exact(11) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % (bytes.len() / 8) * 8;
        bytes[at..at + 8].copy_from_slice(&change[3..]);
    }
    let length = file::word(&bytes, head_at(Head::Size)).unwrap_or(0).clamp(0, LONGEST as u64) as usize;
    bytes.truncate(length);
    for bytes in [&bytes[..], &bytes[..bytes.len().min(HEADER_SIZE)], input] {
        read(bytes);
    }
}

fn read(bytes: &[u8]) {
    if file::check(bytes, OWNER).is_err() || process::too_many(bytes).is_some() {
        return;
    }
    let Some(process) = process::parse("x.tcptune", bytes, 1, OWNER) else { return };
    assert!(process.services.len() as u64 <= process::SERVICES);
    for text in [&process.program, &process.command, &process.settings, &process.library] {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    for sample in &process.samples.samples {
        assert!(sample.stack.len() <= bytes.len());
    }
    // What is added up is all that was counted.
    let sums = process::services([&process, &process]);
    let connections = |services: &[service::Service]| -> u128 {
        services.iter().map(|one| u128::from(one.both().get(Counter::Connections))).sum()
    };
    let most = u128::from(u64::MAX);
    let (once, twice) = (connections(&process.services), connections(&sums));
    assert!(twice == 2 * once || once >= most / 2, "{once} twice is {twice}");
    for service in &sums {
        for arm in Arm::BOTH {
            let _ = (service.arm(arm).answers.quantile(0.5), service.arm(arm).pattern(), service.to_string());
        }
    }
}
