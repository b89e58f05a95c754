//! AArch64. System call convention: syscall(2), "Architecture calling conventions".

use core::arch::{asm, global_asm};
use core::ffi::c_long;

global_asm!(include_str!("aarch64_memory.s"));

/// One millisecond in [`ticks`], for the usual counter of 24 to 50 MHz (then it is 0.6 to 1.3 ms). At 1 GHz, the rate
/// that Armv8.6 prescribes, it is 31 microseconds: then only calls that follow each other at once count as a burst,
/// which errs on the safe side.
pub(crate) const MILLISECOND: u32 = 31_250 << 3;

/// A system call. The result is the kernel's: -4095 to -1 mean `-errno`; errno itself is not touched.
///
/// # Safety
/// The arguments must be what the call `number` takes.
#[inline]
pub(crate) unsafe fn syscall6(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: there is no other way into the kernel without libc. The kernel preserves all registers but x0. That the
    // arguments fit the call is the caller's promise.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    result
}

/// The address of the thread control block, which no two live threads of a process share; the same in a vfork child.
#[inline(always)]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: only reads a register; the ABI makes TPIDR_EL0 readable at EL0. (A thread-local variable would give the
    // library a TLS segment.)
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem, pure)) };
    pointer
}

/// Program counter, stack pointer, frame pointer and link register at this point, for unwinding a copy of the stack.
#[inline(always)]
pub(crate) fn registers() -> [usize; 4] {
    let (pc, sp, fp, link): (usize, usize, usize, usize);
    // SAFETY: only reads registers into the four results; there is no other way to name them.
    unsafe {
        asm!(
            "adr {}, .", "mov {}, sp", "mov {}, x29", "mov {}, x30",
            out(reg) pc, out(reg) sp, out(reg) fp, out(reg) link, options(nostack, nomem, preserves_flags),
        );
    }
    [pc, sp, fp, link]
}

/// The virtual counter, in eighths of a count. Wraps after ten seconds or more; at 1 GHz after half a second.
#[inline(always)]
pub(crate) fn ticks() -> u32 {
    let count: u64;
    // SAFETY: only reads a register; the kernel allows CNTVCT_EL0 to user space (its own vDSO reads it).
    unsafe { asm!("mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem)) };
    (count << 3) as u32
}

/// Counts of the virtual counter in one of [`coarse_ticks`].
pub(crate) const CYCLES_PER_TICK: u64 = 32;

/// The virtual counter in units of 256 [`ticks`].
#[inline(always)]
pub(crate) fn coarse_ticks() -> u32 {
    (cycles() >> 5) as u32
}

/// The virtual counter itself.
pub(crate) fn cycles() -> u64 {
    let count: u64;
    // SAFETY: only reads a register; the kernel allows CNTVCT_EL0 to user space (its own vDSO reads it).
    unsafe { asm!("mrs {}, cntvct_el0", out(reg) count, options(nostack, nomem)) };
    count
}

/// The address of a symbol of the host, 0 if there is none. It has to be a weak reference, because the library has no
/// NEEDED entry and nothing is certain to be there; and assembly, because Rust has no weak references and assumes that
/// the address of a function is not null.
macro_rules! weak_address {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: only reads the library's own global offset table, which the loader has filled.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name), concat!("adrp {0}, :got:", $name), concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                out(reg) address, options(nostack, preserves_flags),
            );
        }
        address
    }};
}

/// Returns the pointer as it is. Registers are not scarce on this architecture.
#[inline(always)]
pub(crate) fn in_one_register<T>(at: *const T) -> *const T {
    at
}

/// Makes `tcptune_first_NAME`, the initial target of a hook's pointer to the real function, followed by
/// `tcptune_hook_NAME`, the record that the binder reads (`bind::Hook`). x16 belongs to the linker between a call and
/// its target (AAPCS64), so it carries no argument.
macro_rules! first_call {
    ($name:expr, $hash:expr, $real:path, $last_resort:path) => {
        core::arch::global_asm!(
            ".pushsection .text.first,\"ax\",%progbits", ".balign 4",
            concat!(".globl tcptune_first_", $name), concat!(".hidden tcptune_first_", $name),
            concat!(".type tcptune_first_", $name, ", %function"), concat!("tcptune_first_", $name, ":"),
            "adr x16, 2f", "b tcptune_bind",
            concat!(".globl tcptune_hook_", $name), concat!(".hidden tcptune_hook_", $name), concat!("tcptune_hook_", $name, ":"),
            "2: .long {hash}", ".long {real} - 2b", ".long {last_resort} - 2b", concat!(".asciz \"", $name, "\""),
            ".popsection",
            hash = const $hash, real = sym $real, last_resort = sym $last_resort,
        );
    };
}

/// The body of a naked function that calls `$prepare`, then jumps to the address that it returned, with all arguments
/// as they came.
macro_rules! jump_where {
    ($prepare:path) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "stp x29, x30, [sp, #-80]!", ".cfi_def_cfa_offset 80", ".cfi_offset x29, -80", ".cfi_offset x30, -72",
            "stp x0, x1, [sp, #16]", "stp x2, x3, [sp, #32]", "stp x4, x5, [sp, #48]", "stp x6, x7, [sp, #64]",
            "bl {prepare}", "mov x16, x0",
            "ldp x0, x1, [sp, #16]", "ldp x2, x3, [sp, #32]", "ldp x4, x5, [sp, #48]", "ldp x6, x7, [sp, #64]",
            "ldp x29, x30, [sp], #80", ".cfi_def_cfa_offset 0", ".cfi_restore x29", ".cfi_restore x30",
            "br x16",
            ".cfi_endproc",
            prepare = sym $prepare,
        )
    };
}

// The common part of every hook's first call: saves the arguments, finds the real function, restores them and jumps to
// it.
global_asm!(
    ".pushsection .text.bind,\"ax\",%progbits", ".balign 4",
    ".globl tcptune_bind", ".hidden tcptune_bind", ".type tcptune_bind, %function", "tcptune_bind:", ".cfi_startproc",
    "stp x29, x30, [sp, #-80]!", ".cfi_def_cfa_offset 80", ".cfi_offset x29, -80", ".cfi_offset x30, -72",
    "stp x0, x1, [sp, #16]", "stp x2, x3, [sp, #32]", "stp x4, x5, [sp, #48]", "stp x6, x7, [sp, #64]",
    "mov x0, x16", "bl {resolve}", "mov x16, x0",
    "ldp x0, x1, [sp, #16]", "ldp x2, x3, [sp, #32]", "ldp x4, x5, [sp, #48]", "ldp x6, x7, [sp, #64]",
    "ldp x29, x30, [sp], #80", ".cfi_def_cfa_offset 0", ".cfi_restore x29", ".cfi_restore x30",
    "br x16",
    ".cfi_endproc", ".size tcptune_bind, . - tcptune_bind", ".popsection",
    resolve = sym crate::bind::resolve,
);
