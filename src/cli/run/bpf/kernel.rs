//! bpf(2): instructions, loading a program, attaching it to a control group. Knows nothing of sockets.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// An instruction as the kernel takes it (struct bpf_insn).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    /// Destination in the low half, source in the high one.
    registers: u8,
    offset: i16,
    value: i32,
}

/// What is needed of the instruction set, by the names of its documentation (Documentation/bpf/instruction-set.rst).
impl Instruction {
    const fn new(code: u8, to: u8, from: u8, offset: i16, value: i32) -> Self {
        Self { code, registers: from << 4 | to, offset, value }
    }

    pub const fn copy(to: u8, from: u8) -> Self {
        Self::new(0xbf, to, from, 0, 0)
    }

    pub const fn set(to: u8, value: i32) -> Self {
        Self::new(0xb7, to, 0, 0, value)
    }

    pub const fn add(to: u8, value: i32) -> Self {
        Self::new(0x07, to, 0, 0, value)
    }

    pub const fn load_word(to: u8, from: u8, offset: i16) -> Self {
        Self::new(0x61, to, from, offset, 0)
    }

    pub const fn load_long(to: u8, from: u8, offset: i16) -> Self {
        Self::new(0x79, to, from, offset, 0)
    }

    pub const fn store_word(to: u8, offset: i16, value: i32) -> Self {
        Self::new(0x62, to, 0, offset, value)
    }

    /// Skip so many instructions unless they are equal.
    pub const fn skip_unless_equal(register: u8, value: i32, count: i16) -> Self {
        Self::new(0x55, register, 0, count, value)
    }

    /// Skip so many instructions if the first is greater than the second, as numbers without a sign.
    pub const fn skip_if_greater(register: u8, other: u8, count: i16) -> Self {
        Self::new(0x2d, register, other, count, 0)
    }

    pub const fn call(function: i32) -> Self {
        Self::new(0x85, 0, 0, 0, function)
    }

    pub const fn exit() -> Self {
        Self::new(0x95, 0, 0, 0, 0)
    }
}

/// A kind of program and the place it is attached to (linux/bpf.h).
#[derive(Clone, Copy)]
pub struct Kind {
    program: u32,
    place: u32,
}

impl Kind {
    pub const SOCK_OPS: Kind = Kind { program: 13, place: 3 };
    pub const SETSOCKOPT: Kind = Kind { program: 25, place: 22 };
}

const PROG_LOAD: i32 = 5;
const PROG_ATTACH: i32 = 8;
const ALLOW_MULTI: u32 = 2;

/// The part of union bpf_attr for loading that is used; the kernel takes the rest as zeros.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    place: u32,
}

/// The same for attaching.
#[repr(C)]
struct Attach {
    group: u32,
    program: u32,
    place: u32,
    flags: u32,
}

/// Load a program.
pub fn load(kind: Kind, name: &CStr, instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let mut load = Load {
        kind: kind.program,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        version: 0,
        flags: 0,
        name: [0; 16],
        interface: 0,
        place: kind.place,
    };
    let name = name.to_bytes();
    load.name[..name.len()].copy_from_slice(name);
    let size = size_of::<Load>();
    // SAFETY: needed because neither libc nor rustix has a function for bpf(2). Sound because the kernel only reads, what
    // `load` points to lives until the call returns, and its counts are right.
    let result = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const load, size) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: needed to own what the call returns. Sound because it is a new descriptor that nobody else knows of.
    Ok(unsafe { OwnedFd::from_raw_fd(result as i32) })
}

/// Attach it to a control group, beside others, for as long as the group exists.
pub fn attach(kind: Kind, program: &OwnedFd, group: BorrowedFd<'_>) -> io::Result<()> {
    let attach = Attach {
        group: group.as_raw_fd().unsigned_abs(),
        program: program.as_raw_fd().unsigned_abs(),
        place: kind.place,
        flags: ALLOW_MULTI,
    };
    // SAFETY: needed because neither libc nor rustix has a function for bpf(2). Sound because the kernel only reads `attach`.
    let result = unsafe { libc::syscall(libc::SYS_bpf, PROG_ATTACH, &raw const attach, size_of::<Attach>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
