//! Where calls come from that wait (TCPTUNE=backtrace): the registers and a copy of the stack, taken when a call is
//! made that can lead to a stall, and stored in the file if it did. Unwinding is left to the command; nothing here
//! follows a stack frame.
//!
//! The kernel makes the copies (process_vm_readv(2) on this process), because the end of a stack is not known: that of
//! a coroutine may be shorter than the copy. If the kernel refuses the call there are no samples.

use core::ptr::{copy_nonoverlapping, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed, Ordering::Release, fence};

use policy::counters::samples::{
    Kind, NUMBER_AGAIN, SAMPLE_SIZE, STACK_AT, STACK_ROOM, Sample, place, sample_at, sample_word_at,
};
use policy::counters::{FREE, READY, TAKEN};

use super::file::{self, Word, process};
use super::modules;
use super::record::Record;
use crate::arch::chance;
use crate::arch::{self, syscall6};
use crate::machine::LIBRARY;
use engine::BACKTRACES;

/// Are stacks sampled?
#[inline(always)]
pub(super) fn on() -> bool {
    LIBRARY.is(BACKTRACES)
}

/// Copies memory of this process as far as it can be read; returns how many bytes that was.
#[cold]
#[inline(never)]
pub(super) fn copy(from: usize, to: *mut u8, length: usize) -> usize {
    const PAGE: usize = 4096;
    // One piece for each page: the copy ends before the first piece that cannot be read.
    let mut pieces = [[0usize; 2]; STACK_ROOM.div_ceil(PAGE) + 1];
    let (mut at, mut left, mut used) = (from, length, 0usize);
    for piece in &mut pieces {
        let here = left.min(PAGE.wrapping_sub(at & PAGE.wrapping_sub(1)));
        if here == 0 {
            break;
        }
        *piece = [at, here];
        (at, left, used) = (at.wrapping_add(here), left.wrapping_sub(here), used.wrapping_add(1));
    }
    let room = [to as usize, length];
    let (room, pieces) = (room.as_ptr() as usize, pieces.as_ptr() as usize);
    // SAFETY: process_vm_readv(2) writes at most `length` bytes at `to`, for which callers have space. What it reads it
    // checks.
    unsafe { syscall6(libc::SYS_process_vm_readv, process() as usize, room, 1, pieces, used, 0).max(0) as usize }
}

/// A sample, in the file or pending.
#[derive(Clone, Copy)]
struct Block(*mut u8);

impl Block {
    fn word(self, word: Sample) -> &'static Word {
        file::word(self.0, sample_word_at(word))
    }

    fn stack(self) -> *mut u8 {
        self.0.wrapping_add(STACK_AT)
    }

    /// Takes the sample, unless another thread has it; returns its former state.
    fn take(self) -> Option<u64> {
        let state = self.word(Sample::State);
        let was = state.load(Relaxed);
        (was != TAKEN && state.compare_exchange(was, TAKEN, Relaxed, Relaxed).is_ok()).then_some(was)
    }

    fn give_back(self, state: u64) {
        self.word(Sample::State).store(state, Release);
    }

    /// Stores the registers and the thread, and copies the stack. Returns false if that failed.
    fn fill(self, registers: [usize; 4]) -> bool {
        let [pc, sp, fp, link] = registers;
        // SAFETY: gettid(2) takes no arguments.
        let thread = unsafe { syscall6(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) } as usize;
        let words =
            [(Sample::Pc, pc), (Sample::Sp, sp), (Sample::Fp, fp), (Sample::Link, link), (Sample::Thread, thread)];
        for (word, value) in words {
            self.word(word).store(value as u64, Relaxed);
        }
        let length = copy(sp, self.stack(), STACK_ROOM);
        self.word(Sample::Length).store(length as u64, Relaxed);
        length != 0
    }

    /// Makes this a sample of the file, under this number.
    fn publish(self, file: *mut u8, number: u64, kind: Kind, service: usize, delay: u32) {
        modules::note(file);
        for (word, value) in [
            (Sample::Number, number),
            (Sample::Kind, kind as u64),
            (Sample::Service, service as u64),
            (Sample::Delay, u64::from(delay)),
            (Sample::Process, process()),
        ] {
            self.word(word).store(value, Relaxed);
        }
        file::word(self.0, NUMBER_AGAIN).store(number, Release);
        self.give_back(READY);
    }
}

/// Takes an entry of the file for the sample of a call, if it is to be kept. Also returns the number of the call.
fn in_file(file: *mut u8, kind: Kind) -> Option<(Block, u64)> {
    let seen = file::head(file, kind.seen()).fetch_add(1, Relaxed);
    let number = place(seen, chance())?;
    let block = Block(file.wrapping_add(sample_at(kind, number)));
    block.take()?;
    // From here on the old sample is invalid. Release fence: a reader sees that before it sees any of the new one.
    file::word(block.0, NUMBER_AGAIN).store(0, Relaxed);
    fence(Release);
    Some((block, seen.wrapping_add(1)))
}

/// How many sockets can have a pending sample. Those whose numbers are equal modulo this share an entry; the later one
/// stays.
const PLACES: usize = 256;
const LENGTH: usize = PLACES * SAMPLE_SIZE;
/// The latest call on a socket that can lead to a stall, until it is known whether it did.
static PENDING: AtomicPtr<u8> = AtomicPtr::new(null_mut());

fn pending(record: &'static Record) -> Option<Block> {
    if PENDING.load(Relaxed).is_null() {
        file::map_memory(&PENDING, LENGTH);
    }
    let all = PENDING.load(Relaxed);
    let number = record.fd() as usize & PLACES.wrapping_sub(1);
    (!all.is_null()).then(|| Block(all.wrapping_add(number.wrapping_mul(SAMPLE_SIZE))))
}

/// A call was made that can lead to a stall: takes a sample.
#[cold]
#[inline(never)]
pub(super) fn suspect(record: &'static Record) {
    let registers = arch::registers();
    if let Some(block) = pending(record)
        && block.take().is_some()
    {
        let filled = block.fill(registers);
        block.word(Sample::Number).store(record.fd() as u64, Relaxed);
        block.give_back(if filled { READY } else { FREE });
    }
}

/// The call did lead to a stall: moves its sample into the file.
#[cold]
#[inline(never)]
pub(super) fn stalled(record: &'static Record, file: *mut u8, kind: Kind, delay: u32) {
    let Some(from) = pending(record) else { return };
    let Some(state) = from.take() else { return };
    let is_its = state == READY && from.word(Sample::Number).load(Relaxed) == record.fd() as u64;
    if is_its && let Some((to, number)) = in_file(file, kind) {
        for word in [Sample::Pc, Sample::Sp, Sample::Fp, Sample::Link, Sample::Thread, Sample::Length] {
            to.word(word).store(from.word(word).load(Relaxed), Relaxed);
        }
        let length = (from.word(Sample::Length).load(Relaxed) as usize).min(STACK_ROOM);
        // SAFETY: both blocks have space for a stack and do not overlap; both were taken, so no other thread writes to
        // them.
        unsafe { copy_nonoverlapping(from.stack(), to.stack(), length) };
        to.publish(file, number, kind, record.service(), delay);
    }
    from.give_back(FREE);
}

/// A call has sent a small segment that left on its own: samples it.
#[cold]
#[inline(never)]
pub(super) fn sent_small(record: &'static Record) {
    let registers = arch::registers();
    let Some(file) = file::known() else { return };
    let Some((block, number)) = in_file(file, Kind::Small) else { return };
    if block.fill(registers) {
        block.publish(file, number, Kind::Small, record.service(), 0);
    } else {
        block.give_back(FREE);
    }
}
