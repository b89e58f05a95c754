//! The seccomp filter: which system calls ask the supervisor before they are made. It must let every other call through as it
//! is, for it runs at each of them and stays for the life of the program and of all that it starts.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JUMP, BPF_K, BPF_LD, BPF_RET, BPF_STMT, BPF_W, SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, SECCOMP_SET_MODE_FILTER,
    c_ulong, sock_filter, sock_fprog,
};
use rustix::thread::set_no_new_privs;

use crate::errors::{Context, Failure, plain};

/// The kernel's name of this machine's system call table (linux/audit.h). A call of another one (32-bit programs) is let
/// through: its numbers mean other calls. So is one of x32, whose numbers have a bit that no number here has.
#[cfg(target_arch = "x86_64")]
const MACHINE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const MACHINE: u32 = 0xc000_00b7;

/// Where struct seccomp_data has the number, the machine, and (on a little-endian machine) the half of an argument that
/// the kernel reads of an `int`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(index: u32) -> u32 {
    16 + 8 * index
}

/// The filter's end of the supervision, and what installing it took.
pub struct Installed {
    pub listener: OwnedFd,
    /// Was no_new_privs set, for want of CAP_SYS_ADMIN?
    pub no_new_privs: bool,
}

/// Install the filter in this thread, for good. `setsockopt(TCP_NODELAY)` asks too if `with_option`.
pub fn install(with_option: bool) -> Result<Installed, Failure> {
    let program = program(with_option);
    let mut no_new_privs = false;
    loop {
        let error = match load(&program) {
            Ok(listener) => return Ok(Installed { listener, no_new_privs }),
            Err(error) => error,
        };
        if error.raw_os_error() != Some(libc::EACCES) || no_new_privs {
            return Err(refusal(&error));
        }
        set_no_new_privs(true).doing(|| "set no_new_privs for the supervisor (--supervise)")?;
        no_new_privs = true;
    }
}

fn load(program: &[sock_filter]) -> io::Result<OwnedFd> {
    // Once the supervisor has taken a call up, only a fatal signal interrupts it (Linux 5.19); others come after the call.
    let best = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match seccomp(best, program) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER, program),
        result => result,
    }
}

fn seccomp(flags: c_ulong, program: &[sock_filter]) -> io::Result<OwnedFd> {
    // The kernel takes a pointer to mut and only reads.
    let program = sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: needed because neither libc nor rustix has a function for seccomp(2). Sound because the kernel copies the
    // program, whose length is given, and keeps no pointer.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: needed to own what the call returns. Sound because it is a new descriptor that nobody else knows of.
    Ok(unsafe { OwnedFd::from_raw_fd(result as i32) })
}

fn refusal(error: &io::Error) -> Failure {
    Failure::own(match error.raw_os_error() {
        Some(libc::EBUSY) => "cannot supervise: this process has a supervisor already (seccomp allows one listener): start \
                              it outside of the other `tcptune run`, sandbox or container engine, or with --no-supervise"
            .to_owned(),
        Some(libc::EINVAL | libc::ENOSYS) => {
            "cannot supervise: the kernel has no seccomp user notification (Linux 5.9 or newer)".to_owned()
        }
        _ => format!("cannot supervise: seccomp: {} (a container's profile may forbid it)", plain(error)),
    })
}

fn program(with_option: bool) -> Vec<sock_filter> {
    // Each comparison goes on with the next instruction where it holds or not; `ask` and `pass` are the last two.
    let calls = [libc::SYS_connect, libc::SYS_listen].map(|number| number as u32);
    let mut steps = vec![
        Step::Load(ARCH),
        Step::Unless(MACHINE, Target::Pass),
        Step::Load(NUMBER),
        Step::If(calls[0], Target::Ask),
        Step::If(calls[1], Target::Ask),
    ];
    if with_option {
        steps.extend([
            Step::Unless(libc::SYS_setsockopt as u32, Target::Pass),
            Step::Load(argument(1)),
            Step::Unless(libc::IPPROTO_TCP as u32, Target::Pass),
            Step::Load(argument(2)),
            Step::If(libc::TCP_NODELAY as u32, Target::Ask),
        ]);
    }
    let (pass, ask) = (steps.len(), steps.len() + 1);
    let instruction = |(at, step): (usize, &Step)| {
        let to = |target: &Target| (if *target == Target::Pass { pass } else { ask } - at - 1) as u8;
        let compare = |value: &u32, holds, fails| jump((BPF_JMP | BPF_JEQ | BPF_K) as u16, *value, holds, fails);
        match step {
            Step::Load(offset) => statement((BPF_LD | BPF_W | BPF_ABS) as u16, *offset),
            Step::If(value, target) => compare(value, to(target), 0),
            Step::Unless(value, target) => compare(value, 0, to(target)),
        }
    };
    let mut program: Vec<sock_filter> = steps.iter().enumerate().map(instruction).collect();
    let answer = (BPF_RET | BPF_K) as u16;
    program.extend([statement(answer, SECCOMP_RET_ALLOW), statement(answer, SECCOMP_RET_USER_NOTIF)]);
    program
}

/// A step of the filter, before its jumps are counted.
enum Step {
    Load(u32),
    If(u32, Target),
    Unless(u32, Target),
}

#[derive(PartialEq)]
enum Target {
    Pass,
    Ask,
}

fn statement(code: u16, value: u32) -> sock_filter {
    // SAFETY: needed because the libc crate marks its macros so. Sound because it only fills in a structure.
    unsafe { BPF_STMT(code, value) }
}

fn jump(code: u16, value: u32, holds: u8, fails: u8) -> sock_filter {
    // SAFETY: needed because the libc crate marks its macros so. Sound because it only fills in a structure.
    unsafe { BPF_JUMP(code, value, holds, fails) }
}

#[cfg(test)]
mod tests {
    use super::{MACHINE, program};
    use libc::{BPF_ABS, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF};

    /// What the kernel would do with a call, by the rules of bpf(4).
    fn asks(with_option: bool, machine: u32, number: i64, arguments: [u64; 3]) -> bool {
        let mut data = [0_u32; 16];
        (data[0], data[1]) = (number as u32, machine);
        for (n, value) in arguments.iter().enumerate() {
            (data[4 + 2 * n], data[5 + 2 * n]) = (*value as u32, (*value >> 32) as u32);
        }
        let (program, mut at, mut word) = (program(with_option), 0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == BPF_LD | BPF_W | BPF_ABS => word = data[step.k as usize / 4],
                code if code & 7 == BPF_RET => {
                    assert!([SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF].contains(&step.k));
                    return step.k == SECCOMP_RET_USER_NOTIF;
                }
                _ => at += usize::from(if word == step.k { step.jt } else { step.jf }),
            }
        }
    }

    #[test]
    fn asks_for_these_calls_and_no_other() {
        for with_option in [false, true] {
            for number in 0..500 {
                let expected = [libc::SYS_connect, libc::SYS_listen].contains(&number);
                assert_eq!(asks(with_option, MACHINE, number, [3, 0, 0]), expected, "{number}");
                assert!(!asks(with_option, 0x4000_0003, number, [3, 6, 1]), "32-bit {number}");
                assert!(!asks(with_option, MACHINE, number | 0x4000_0000, [3, 6, 1]), "x32 {number}");
            }
            let option = |level, name| asks(with_option, MACHINE, libc::SYS_setsockopt, [3, level, name]);
            assert_eq!(option(6, 1), with_option);
            // The kernel reads an int: what is above it does not matter.
            assert_eq!(option(0xffff_ffff_0000_0006, 1), with_option);
            assert!(!option(6, 2) && !option(1, 1) && !option(0, 6));
        }
    }
}
