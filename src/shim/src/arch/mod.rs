//! What differs between machines: the system call instruction, the thread pointer and the cycle counter.
//! Nothing here knows what tcptune does.

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
    CYCLES_PER_TICK, GAP, coarse_ticks, cycles, in_one_register, registers, syscall6, thread_pointer, ticks,
    with_lowest_byte,
};
