//! x86-64. System call convention: syscall(2), "Architecture calling conventions".

use core::arch::{asm, global_asm};
use core::ffi::c_long;

global_asm!(include_str!("x86_64_memory.s"));

/// One millisecond in [`ticks`] at 2.5 GHz. Cycle counters run at 1 to 5 GHz, so this is 0.5 to 2.5 ms: enough to
/// distinguish "at once" (microseconds) from "later" (5 ms and more).
pub(crate) const MILLISECOND: u32 = 2_500_000 >> 4;

/// A system call. The result is the kernel's: -4095 to -1 mean `-errno`; errno itself is not touched.
///
/// # Safety
/// The arguments must be what the call `number` takes.
#[inline]
pub(crate) unsafe fn syscall6(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
    let result: isize;
    // SAFETY: there is no other way into the kernel without libc. The clobbers are those of the x86-64 convention. That
    // the arguments fit the call is the caller's promise.
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

/// The address of the thread control block, which no two live threads of a process share; the same in a vfork child.
#[inline(always)]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: only reads memory that is there: the ABI keeps the block's own address at %fs:0 (ELF TLS ABI, variant
    // II), in glibc and musl, before any code of a library runs. (A thread-local variable would give the library a TLS
    // segment.)
    unsafe { asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
    pointer
}

/// Program counter, stack pointer and frame pointer at this point, for unwinding a copy of the stack. (The fourth, a
/// link register, does not exist here.)
#[inline(always)]
pub(crate) fn registers() -> [usize; 4] {
    let (pc, sp, fp): (usize, usize, usize);
    // SAFETY: only reads registers into the three results; there is no other way to name them.
    unsafe {
        asm!(
            "lea {}, [rip]", "mov {}, rsp", "mov {}, rbp",
            out(reg) pc, out(reg) sp, out(reg) fp, options(nostack, nomem, preserves_flags),
        );
    }
    [pc, sp, fp, 0]
}

/// The cycle counter in units of 16 cycles. Wraps after a quarter of a minute or more.
#[inline(always)]
pub(crate) fn ticks() -> u32 {
    let ticks: u32;
    // SAFETY: RDTSC is part of every x86-64. If a process forbids it (PR_SET_TSC, strict seccomp), its calls are only
    // forwarded and never come here (the engine's sandbox.rs). Not the intrinsic, which joins the two halves of the
    // result; that costs more than it is worth.
    unsafe { asm!("rdtsc", "shrd eax, edx, 4", out("eax") ticks, out("edx") _, options(nostack, nomem)) };
    ticks
}

/// Cycles in one of [`coarse_ticks`].
pub(crate) const CYCLES_PER_TICK: u64 = 4096;

/// The cycle counter in units of 256 [`ticks`] (about 1.6 microseconds). Wraps after an hour or more.
#[inline(always)]
pub(crate) fn coarse_ticks() -> u32 {
    let ticks: u32;
    // SAFETY: RDTSC is part of every x86-64, and is not reached in a process that forbids it (see `ticks`).
    unsafe { asm!("rdtsc", "shrd eax, edx, 12", out("eax") ticks, out("edx") _, options(nostack, nomem)) };
    ticks
}

/// The cycle counter itself.
pub(crate) fn cycles() -> u64 {
    // SAFETY: RDTSC is part of every x86-64, and is not reached in a process that forbids it (see `ticks`).
    unsafe { core::arch::x86_64::_rdtsc() }
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
                concat!(".weak ", $name), concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address, options(nostack, preserves_flags),
            );
        }
        address
    }};
}

/// Returns the pointer, computed into one register. Otherwise the compiler keeps base and index apart; the hot paths
/// then run out of registers and spill to the stack, which costs more than the one instruction here.
#[inline(always)]
#[expect(clippy::pointers_in_nomem_asm_block, reason = "the pointer is only moved")]
pub(crate) fn in_one_register<T>(at: *const T) -> *const T {
    let mut at = at;
    // SAFETY: there is no instruction, so nothing is accessed; the operand only has to be in a register.
    unsafe { asm!("/* {} */", inout(reg) at, options(pure, nomem, nostack, preserves_flags)) };
    at
}

/// Makes `tcptune_first_NAME`, the initial target of a hook's pointer to the real function, followed by
/// `tcptune_hook_NAME`, the record that the binder reads (`bind::Hook`). rax is free: only hooks come here, and they
/// make no variadic calls, whose number of vector registers it would carry.
macro_rules! first_call {
    ($name:expr, $hash:expr, $real:path, $last_resort:path) => {
        core::arch::global_asm!(
            ".pushsection .text.first,\"ax\",@progbits",
            concat!(".globl tcptune_first_", $name), concat!(".hidden tcptune_first_", $name),
            concat!(".type tcptune_first_", $name, ", @function"), concat!("tcptune_first_", $name, ":"),
            "lea rax, [rip + 2f]", "jmp tcptune_bind", ".balign 4",
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
            // Seven words and the return address align the stack for the call. rax is among them, because it tells a
            // variadic function the number of vector registers.
            "push rax", "push rdi", "push rsi", "push rdx", "push rcx", "push r8", "push r9",
            ".cfi_adjust_cfa_offset 56",
            "call {prepare}",
            "mov r11, rax",
            "pop r9", "pop r8", "pop rcx", "pop rdx", "pop rsi", "pop rdi", "pop rax",
            ".cfi_adjust_cfa_offset -56",
            "jmp r11",
            ".cfi_endproc",
            prepare = sym $prepare,
        )
    };
}

// The common part of every hook's first call: saves the arguments, finds the real function, restores them and jumps to
// it.
global_asm!(
    ".pushsection .text.bind,\"ax\",@progbits",
    ".globl tcptune_bind", ".hidden tcptune_bind", ".type tcptune_bind, @function", "tcptune_bind:", ".cfi_startproc",
    "push rdi", ".cfi_adjust_cfa_offset 8", "push rsi", ".cfi_adjust_cfa_offset 8", "push rdx", ".cfi_adjust_cfa_offset 8",
    "push rcx", ".cfi_adjust_cfa_offset 8", "push r8", ".cfi_adjust_cfa_offset 8", "push r9", ".cfi_adjust_cfa_offset 8",
    // The stack must be aligned to 16 bytes at a call.
    "push rax", ".cfi_adjust_cfa_offset 8",
    "mov rdi, rax", "call {resolve}",
    "pop rcx", ".cfi_adjust_cfa_offset -8",
    "pop r9", ".cfi_adjust_cfa_offset -8", "pop r8", ".cfi_adjust_cfa_offset -8", "pop rcx", ".cfi_adjust_cfa_offset -8",
    "pop rdx", ".cfi_adjust_cfa_offset -8", "pop rsi", ".cfi_adjust_cfa_offset -8", "pop rdi", ".cfi_adjust_cfa_offset -8",
    "jmp rax",
    ".cfi_endproc", ".size tcptune_bind, . - tcptune_bind", ".popsection",
    resolve = sym crate::bind::resolve,
);
