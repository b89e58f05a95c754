//! The samples of the stack in a file (TCPTUNE=backtrace), and which object was loaded where. Not judged here: what the file says
//! is copied as far as it is whole.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use tcptune_policy::counters::samples::{self as layout, Kind, MODULE_PATH, STACK_AT, module_word_at, sample_word_at};
use tcptune_policy::counters::{Head, READY, head_at};

use super::file::word;
use super::histogram::nanos;
use super::service::{Direction, Service};

/// A call that waited, or sent a small segment.
#[derive(Clone, Debug)]
pub struct Sample {
    pub kind: Kind,
    /// What tells its service from others: direction, address and port.
    pub service: (Direction, Option<IpAddr>, u16),
    /// How long the wait was.
    pub delay: Duration,
    /// The process that made it, a child of the one that made the file or that itself; and the thread.
    pub process: u64,
    pub thread: u64,
    /// Program counter, stack pointer, frame pointer, link register.
    pub registers: [u64; 4],
    /// The stack from the stack pointer on.
    pub stack: Vec<u8>,
}

/// An object that was loaded.
#[derive(Clone, Debug)]
pub struct Module {
    /// The process that noted it.
    pub process: u64,
    /// What is added to the addresses in its file.
    pub base: u64,
    pub path: PathBuf,
}

/// Everything that a file has of these.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    pub samples: Vec<Sample>,
    pub modules: Vec<Module>,
}

/// Reads them; None where the places and counts do not fit into the file. `program`: the path of the program.
pub fn parse<'b>(
    bytes: &'b [u8],
    blocks: &impl Fn(Head, Head, Head) -> Option<Vec<&'b [u8]>>,
    services: &[Option<Service>],
    nanos_per_tick: f64,
    program: &[u8],
) -> Option<Samples> {
    if word(bytes, head_at(Head::Samples))? == 0 {
        return Some(Samples::default());
    }
    let samples = blocks(Head::SamplesAt, Head::SampleSize, Head::Samples)?;
    let modules = blocks(Head::ModulesAt, Head::ModuleSize, Head::Modules)?;
    Some(Samples {
        samples: samples.into_iter().filter_map(|block| sample(block, services, nanos_per_tick)).collect(),
        modules: modules.into_iter().filter_map(|block| module(block, program)).collect(),
    })
}

/// One sample, if it is whole.
fn sample(block: &[u8], services: &[Option<Service>], nanos_per_tick: f64) -> Option<Sample> {
    let at = |word_of| word(block, sample_word_at(word_of));
    let again = word(block, block.len().checked_sub(8)?)?;
    if at(layout::Sample::State)? != READY || at(layout::Sample::Number)? != again {
        return None;
    }
    let kind = at(layout::Sample::Kind)?;
    let service = services.get(usize::try_from(at(layout::Sample::Service)?).ok()?)?.as_ref()?;
    let length = usize::try_from(at(layout::Sample::Length)?).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    let delay = at(layout::Sample::Delay)? as f64 * nanos_per_tick;
    Some(Sample {
        kind: Kind::ALL.into_iter().find(|one| *one as u64 == kind)?,
        service: service.key(),
        delay: nanos(delay),
        process: at(layout::Sample::Process)?,
        thread: at(layout::Sample::Thread)?,
        registers: [
            at(layout::Sample::Pc)?,
            at(layout::Sample::Sp)?,
            at(layout::Sample::Fp)?,
            at(layout::Sample::Link)?,
        ],
        stack: block.get(STACK_AT..block.len() - 8)?.get(..length)?.to_vec(),
    })
}

fn module(block: &[u8], program: &[u8]) -> Option<Module> {
    let at = |word_of| word(block, module_word_at(word_of));
    if at(layout::Module::State)? != READY {
        return None;
    }
    let path = block.get(MODULE_PATH.at..)?.split(|&byte| byte == 0).next()?;
    let path = if path.is_empty() { program } else { path };
    Some(Module {
        process: at(layout::Module::Process)?,
        base: at(layout::Module::Base)?,
        path: OsStr::from_bytes(path).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcptune_policy::counters::samples::{NUMBER_AGAIN, SAMPLE_SIZE, STACK_ROOM};

    #[test]
    fn a_sample_that_is_not_whole_is_none() {
        let services = [Some(Service::of_port(80))];
        let with = |changes: &[(usize, u64)]| {
            let mut block = vec![7; SAMPLE_SIZE];
            let words = [
                (sample_word_at(layout::Sample::State), READY),
                (sample_word_at(layout::Sample::Number), 33),
                (sample_word_at(layout::Sample::Kind), Kind::Cork as u64),
                (sample_word_at(layout::Sample::Service), 0),
                (sample_word_at(layout::Sample::Length), 16),
                (NUMBER_AGAIN, 33),
            ];
            for (at, value) in words.iter().chain(changes) {
                block[*at..at + 8].copy_from_slice(&value.to_ne_bytes());
            }
            sample(&block, &services, 1.0)
        };
        let whole = with(&[]).expect("a sample");
        assert_eq!((whole.kind, whole.service.2, whole.stack), (Kind::Cork, 80, vec![7; 16]));
        for change in [
            (sample_word_at(layout::Sample::State), 1),
            // Another is being written over it.
            (NUMBER_AGAIN, 0),
            (sample_word_at(layout::Sample::Kind), 3),
            (sample_word_at(layout::Sample::Service), 1),
            (sample_word_at(layout::Sample::Length), STACK_ROOM as u64 + 1),
        ] {
            assert!(with(&[change]).is_none(), "{change:?}");
        }
    }
}
