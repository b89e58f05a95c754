//! x86-64. System call convention: syscall(2), "Architecture calling conventions".

use core::arch::{asm, global_asm};

global_asm!(include_str!("x86_64_memory.s"));

/// One millisecond in [`ticks`], taken at 2.5 GHz. Processors run their counter at 1 to 5 GHz, so the bound lies between
/// 0.5 and 2.5 ms: it only has to tell "at once" (microseconds) from "later" (5 ms and more).
pub(crate) const GAP: u32 = 610;

/// A system call. The result is the kernel's: a negative number from -4095 to -1 is `-errno`; errno itself is not touched.
///
/// # Safety
/// The arguments must be what the call `number` takes.
#[inline]
pub(crate) unsafe fn syscall6(number: i64, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: there is no other way into the kernel without libc; the clobbers are those of the x86-64 convention and the
    // caller vouches for the arguments.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// An address that differs between the live threads of a process (the thread control block), the same in a vfork child.
#[inline(always)]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: a thread-local variable would give the library a TLS segment; the ABI keeps the block's own address at %fs:0
    // (ELF TLS ABI, variant II), in glibc and musl, from before any library code runs.
    unsafe { asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
    pointer
}

/// The cycle counter in units of 4,096 cycles (about 1.6 microseconds); wraps after an hour or more.
#[inline(always)]
pub(crate) fn ticks() -> u32 {
    let ticks: u32;
    // SAFETY: the intrinsic gives the 64 bits in two halves, whose joining costs more than their use; RDTSC needs no feature,
    // and a process that forbids it (PR_SET_TSC, strict seccomp) is only forwarded for and never comes here (sandbox.rs).
    unsafe { asm!("rdtsc", "shrd eax, edx, 12", out("eax") ticks, out("edx") _, options(nostack, nomem)) };
    ticks
}

/// The address of the host's dlsym(3), 0 where there is none. A weak reference: the library has no NEEDED, so libc is not
/// promised; written in assembly because Rust takes a function's address for never null.
pub(crate) fn weak_dlsym() -> usize {
    let address: usize;
    // SAFETY: stable Rust has no weak references; this reads our own global offset table, which the loader has filled.
    unsafe {
        asm!(".weak dlsym", "mov {}, qword ptr [rip + dlsym@GOTPCREL]", out(reg) address, options(nostack, preserves_flags));
    }
    address
}

/// The same pointer, in one register. Where the compiler keeps base and index apart the hot paths run out of registers and
/// save some on the stack, which costs more than the one instruction here.
#[inline(always)]
pub(crate) fn in_one_register<T>(at: *const T) -> *const T {
    let mut at = at;
    // SAFETY: no instruction at all; only the operand's place is prescribed.
    unsafe { asm!("/* {} */", inout(reg) at, options(pure, nomem, nostack, preserves_flags)) };
    at
}
