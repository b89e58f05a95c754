//! The two programs: one that sets options when a socket connects, listens or is accepted, and one that keeps TCP_NODELAY on
//! where it is forced. They are a list of settings written as instructions: nothing is computed in them.

use tcptune_policy::{Nodelay, SockOpt, TCP_DELACK_MAX_US, TCP_RTO_MIN_US, Tuning};

use super::kernel::Instruction;

/// When a program of sockets is called, and what for (linux/bpf.h).
const CONNECTS: i32 = 3;
const ACCEPTED: i32 = 5;
const LISTENS: i32 = 11;
const SET_SOCKET_OPTION: i32 = 49;

/// Where struct bpf_sockopt has what is read of it.
const VALUE: i16 = 8;
const VALUE_END: i16 = 16;
const LEVEL: i16 = 24;
const NAME: i16 = 28;

/// The register that holds the frame's end, and one that calls leave alone.
const FRAME: u8 = 10;
const CONTEXT: u8 = 6;

/// Sets what the tuning wants. Failures are skipped in silence, as in the library.
pub fn options(tuning: &Tuning) -> Vec<Instruction> {
    let mut program = vec![Instruction::copy(CONTEXT, 1)];
    for moment in [CONNECTS, LISTENS, ACCEPTED] {
        let wanted = |option: &SockOpt| match moment {
            CONNECTS => option.when.connect,
            LISTENS => option.when.listen,
            _ => option.when.accept,
        };
        let mut branch = Vec::new();
        // Accepted connections inherit it.
        if tuning.nodelay != Nodelay::Off && moment != ACCEPTED {
            set(&mut branch, libc::IPPROTO_TCP, libc::TCP_NODELAY, &1_i32.to_ne_bytes());
        }
        for option in tuning.set.iter().filter(wanted) {
            set(&mut branch, option.level, known(&option), option.bytes());
        }
        branch.extend([Instruction::set(0, 1), Instruction::exit()]);
        program.push(Instruction::load_word(2, CONTEXT, 0));
        program.push(Instruction::skip_unless_equal(2, moment, branch.len() as i16));
        program.append(&mut branch);
    }
    program.extend([Instruction::set(0, 1), Instruction::exit()]);
    program
}

/// BPF programs know two of the options by numbers of their own (linux/bpf.h), and did so before sockets had them at all.
fn known(option: &SockOpt) -> i32 {
    const TCP_BPF_DELACK_MAX: i32 = 1003;
    const TCP_BPF_RTO_MIN: i32 = 1004;
    match (option.level, option.name) {
        (libc::IPPROTO_TCP, TCP_DELACK_MAX_US) => TCP_BPF_DELACK_MAX,
        (libc::IPPROTO_TCP, TCP_RTO_MIN_US) => TCP_BPF_RTO_MIN,
        (_, name) => name,
    }
}

fn set(program: &mut Vec<Instruction>, level: i32, name: i32, value: &[u8]) {
    let room = value.len().next_multiple_of(4);
    for (n, chunk) in value.chunks(4).enumerate() {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        program.push(Instruction::store_word(FRAME, (4 * n) as i16 - room as i16, i32::from_ne_bytes(word)));
    }
    program.extend([
        Instruction::copy(1, CONTEXT),
        Instruction::set(2, level),
        Instruction::set(3, name),
        Instruction::copy(4, FRAME),
        Instruction::add(4, -(room as i32)),
        Instruction::set(5, value.len() as i32),
        Instruction::call(SET_SOCKET_OPTION),
    ]);
}

/// Makes every `setsockopt(TCP_NODELAY)` one that turns it on.
pub fn force() -> Vec<Instruction> {
    let checks = [
        Instruction::load_word(2, 1, LEVEL),
        Instruction::skip_unless_equal(2, libc::IPPROTO_TCP, 8),
        Instruction::load_word(2, 1, NAME),
        Instruction::skip_unless_equal(2, libc::TCP_NODELAY, 6),
        Instruction::load_long(2, 1, VALUE),
        Instruction::load_long(3, 1, VALUE_END),
        Instruction::copy(4, 2),
        Instruction::add(4, 4),
        Instruction::skip_if_greater(4, 3, 1),
        Instruction::store_word(2, 0, 1),
    ];
    checks.into_iter().chain([Instruction::set(0, 1), Instruction::exit()]).collect()
}
