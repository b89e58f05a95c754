//! What differs between architectures: the system call instruction, the thread pointer and the cycle counter. Nothing
//! here knows what tcptune does.

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
#[macro_use]
mod machine;
#[cfg(target_arch = "x86")]
#[path = "x86.rs"]
#[macro_use]
mod machine;
#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
#[macro_use]
mod machine;

pub(crate) use machine::{
    CYCLES_PER_TICK, MILLISECOND, coarse_ticks, cycles, in_one_register, registers, syscall6, thread_pointer, ticks,
};

/// An unpredictable number: splitmix64 (Steele, Lea and Flood, 2014) of a count of calls and the cycle counter.
/// Relaxed: threads that race draw different numbers all the same.
pub(crate) fn chance() -> u64 {
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let call = CALLS.fetch_add(1, Relaxed) as u64;
    let mut mixed = call.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(cycles());
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
