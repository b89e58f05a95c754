//! The pace of watching: one look after the other.

use std::thread;
use std::time::Instant;

use super::args::DoctorArgs;
use crate::errors::Failure;
use crate::stalls::watch::Watch;

/// One look, then a pause; longer than asked for where looking itself takes long.
pub fn tick(watch: &mut Watch, pids: &[u32], args: &DoctorArgs) -> Result<(), Failure> {
    let begin = Instant::now();
    watch.look(pids)?;
    let took = begin.elapsed();
    thread::sleep(args.interval.saturating_sub(took).max(took));
    Ok(())
}
