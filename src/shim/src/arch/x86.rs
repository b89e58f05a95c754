//! 32-bit x86 (i686). System call convention: syscall(2), "Architecture calling conventions".

use core::arch::{asm, global_asm};
use core::ffi::c_long;

global_asm!(include_str!("x86_memory.s"));

/// One millisecond in [`ticks`], as on x86-64 (x86_64.rs says why that is close enough).
pub(crate) const MILLISECOND: u32 = 2_500_000 >> 4;

unsafe extern "C" {
    /// A system call. The result is the kernel's: -4095 to -1 mean `-errno`; errno itself is not touched.
    ///
    /// # Safety
    /// The arguments must be what the call `number` takes.
    #[link_name = "tcptune_syscall6"]
    pub(crate) fn syscall6(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize;
}

// The arguments take six registers, two of which inline assembly cannot name, so this is a function of its own. The
// kernel's own entry (vsyscall) would be faster, but is there only if libc has set it up; int 0x80 always works.
global_asm!(
    ".pushsection .text.memory,\"ax\",@progbits",
    ".globl tcptune_syscall6",
    ".hidden tcptune_syscall6",
    ".type tcptune_syscall6, @function",
    "tcptune_syscall6:",
    ".cfi_startproc",
    "push ebp",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebp, 0",
    "push edi",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset edi, 0",
    "push esi",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset esi, 0",
    "push ebx",
    ".cfi_adjust_cfa_offset 4",
    ".cfi_rel_offset ebx, 0",
    "mov eax, [esp + 20]",
    "mov ebx, [esp + 24]",
    "mov ecx, [esp + 28]",
    "mov edx, [esp + 32]",
    "mov esi, [esp + 36]",
    "mov edi, [esp + 40]",
    "mov ebp, [esp + 44]",
    "int 0x80",
    "pop ebx",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebx",
    "pop esi",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore esi",
    "pop edi",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore edi",
    "pop ebp",
    ".cfi_adjust_cfa_offset -4",
    ".cfi_restore ebp",
    "ret",
    ".cfi_endproc",
    ".size tcptune_syscall6, . - tcptune_syscall6",
    ".popsection",
);

/// The address of the thread control block, which no two live threads of a process share; the same in a vfork child.
#[inline(always)]
pub(crate) fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: only reads memory that is there: the ABI keeps the block's own address at %gs:0 (ELF TLS ABI, variant
    // II), in glibc and musl, before any code of a library runs. (A thread-local variable would give the library a TLS
    // segment.)
    unsafe { asm!("mov {}, gs:0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure)) };
    pointer
}

/// The registers for unwinding a copy of the stack. Not needed: 32-bit programs are not counted (count/file.rs).
#[inline(always)]
pub(crate) fn registers() -> [usize; 4] {
    [0; 4]
}

/// The cycle counter in units of 16 cycles, as on x86-64.
#[inline(always)]
pub(crate) fn ticks() -> u32 {
    let ticks: u32;
    // SAFETY: RDTSC is part of every i686. If a process forbids it (PR_SET_TSC, strict seccomp), its calls are only
    // forwarded and never come here (the engine's sandbox.rs).
    unsafe { asm!("rdtsc", "shrd eax, edx, 4", out("eax") ticks, out("edx") _, options(nostack, nomem)) };
    ticks
}

/// Cycles in one of [`coarse_ticks`].
pub(crate) const CYCLES_PER_TICK: u64 = 4096;

/// The cycle counter in units of 256 [`ticks`].
pub(crate) fn coarse_ticks() -> u32 {
    (cycles() >> 12) as u32
}

/// The cycle counter itself.
pub(crate) fn cycles() -> u64 {
    // SAFETY: RDTSC is part of every i686, and is not reached in a process that forbids it (see `ticks`).
    unsafe { core::arch::x86::_rdtsc() }
}

/// The address of a symbol of the host, 0 if there is none. It has to be a weak reference, because the library has no
/// NEEDED entry and nothing is certain to be there; and assembly, because Rust has no weak references and assumes that
/// the address of a function is not null.
macro_rules! weak_address {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: only reads the library's own global offset table, which the loader has filled. In AT&T syntax, the
        // only one in which the assembler knows the table's name.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name), "calll 2f", "2: popl {0}", "3: addl $_GLOBAL_OFFSET_TABLE_+(3b-2b), {0}",
                concat!("movl ", $name, "@GOT({0}), {0}"),
                out(reg) address, options(att_syntax),
            );
        }
        address
    }};
}

/// Returns the pointer as it is. This architecture has no registers to spare.
#[inline(always)]
pub(crate) fn in_one_register<T>(at: *const T) -> *const T {
    at
}

/// Makes `tcptune_first_NAME`, the initial target of a hook's pointer to the real function, followed by the record that
/// the binder reads (`bind::Hook`). The return address of the call to the binder is the record's address.
macro_rules! first_call {
    ($name:expr, $hash:expr, $real:path, $last_resort:path) => {
        core::arch::global_asm!(
            ".pushsection .text.first,\"ax\",@progbits",
            ".balign 4", ".skip 3", // so that the record behind the five bytes of the call is aligned
            concat!(".globl tcptune_first_", $name), concat!(".hidden tcptune_first_", $name),
            concat!(".type tcptune_first_", $name, ", @function"), concat!("tcptune_first_", $name, ":"),
            "call tcptune_bind",
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
            // The arguments stay where they are, on the stack. With the return address this aligns it for the call.
            "sub esp, 12", ".cfi_adjust_cfa_offset 12",
            "call {prepare}",
            "add esp, 12", ".cfi_adjust_cfa_offset -12",
            "jmp eax",
            ".cfi_endproc",
            prepare = sym $prepare,
        )
    };
}

// The common part of every hook's first call. The arguments stay where they are, on the stack.
global_asm!(
    ".pushsection .text.bind,\"ax\",@progbits",
    ".globl tcptune_bind", ".hidden tcptune_bind", ".type tcptune_bind, @function", "tcptune_bind:", ".cfi_startproc",
    ".cfi_def_cfa_offset 8",
    "pop eax", ".cfi_adjust_cfa_offset -4",
    // The stack must be aligned to 16 bytes at a call.
    "sub esp, 8", ".cfi_adjust_cfa_offset 8", "push eax", ".cfi_adjust_cfa_offset 4",
    "call {resolve}",
    "add esp, 12", ".cfi_adjust_cfa_offset -12",
    "jmp eax",
    ".cfi_endproc", ".size tcptune_bind, . - tcptune_bind", ".popsection",
    resolve = sym crate::bind::resolve,
);
