//! How long a tick of a process's clock is. The file says what its cycle counter and the kernel's clock showed at two times;
//! where they are too close, what both show now, if the machine was not restarted since.

use rustix::time::{ClockId, clock_gettime};

/// Two readings of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Readings {
    pub cycles: [u64; 2],
    pub nanos: [u64; 2],
    /// When the first was taken, in nanoseconds since 1970.
    pub since_epoch: u64,
}

/// Too short to tell how fast a counter runs.
const SHORT: u64 = 1_000_000;
/// Where nothing tells: 2.5 GHz.
const USUAL_CYCLE: f64 = 0.4;

/// Length of a cycle in nanoseconds.
pub fn cycle(readings: &Readings) -> f64 {
    let [first, last] = readings.cycles;
    let [from, to] = readings.nanos;
    let known = between(first, last, from, to);
    let now = || {
        let same_boot = readings.since_epoch >= booted();
        same_boot.then(|| between(first, cycles_now(), from, now_of(ClockId::Monotonic))).flatten()
    };
    known.or_else(now).unwrap_or(USUAL_CYCLE)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn between(first: u64, last: u64, from: u64, to: u64) -> Option<f64> {
    let (cycles, nanos) = (last.checked_sub(first)?, to.checked_sub(from)?);
    let length = nanos as f64 / cycles as f64;
    // 10 MHz to 100 GHz: anything else is no counter.
    (nanos >= SHORT && cycles > 0 && (0.01..100.0).contains(&length)).then_some(length)
}

/// When the machine was started, in nanoseconds since 1970; the clock may have been set since, so a little less.
fn booted() -> u64 {
    const MINUTE: u64 = 60_000_000_000;
    now_of(ClockId::Realtime).saturating_sub(now_of(ClockId::Boottime)).saturating_sub(MINUTE)
}

pub fn now_of(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(target_arch = "x86_64")]
fn cycles_now() -> u64 {
    // SAFETY: needed to read the counter that the library reads; RDTSC needs no feature and has no effect.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(target_arch = "aarch64")]
fn cycles_now() -> u64 {
    let count: u64;
    // SAFETY: needed to read the counter that the library reads; CNTVCT_EL0 is readable from user space on Linux.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem)) };
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readings_tell_and_nonsense_does_not() {
        let readings = |cycles, nanos| Readings { cycles, nanos, since_epoch: 0 };
        let length = cycle(&readings([1000, 3_001_000], [5, 1_000_005]));
        assert!((length - 1.0 / 3.0).abs() < 1e-6, "{length}");
        for bad in [([5, 5], [0, 9_000_000]), ([9, 5], [0, 9_000_000]), ([0, 1 << 60], [0, 2_000_000])] {
            assert!((cycle(&readings(bad.0, bad.1)) - USUAL_CYCLE).abs() < 1e-9);
        }
    }
}
