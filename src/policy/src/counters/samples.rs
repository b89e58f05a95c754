//! Where calls come from that wait, or that send small segments (TCPTUNE=backtrace): samples of the stack as they were, which the
//! command unwinds, and which object was loaded where. Both stand behind the services, in a file that is longer for them.
//!
//! ```text
//! SIZE            samples: SAMPLES_EACH for each kind, of SAMPLE_SIZE: words (Sample), then a copy of the stack
//! MODULES_AT      objects: MODULES of MODULE_SIZE: words (Module), then the path
//! ```

use super::layout::{Head, SIZE, Text};

/// What a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The last call before a wait for Nagle's rule.
    Nagle,
    /// The last call before a wait for what the program itself holds.
    Cork,
    /// A call that sent a small segment that left alone, though it was not the first of its burst.
    Small,
}

impl Kind {
    /// All of them, in the order of the file.
    pub const ALL: [Kind; 3] = [Kind::Nagle, Kind::Cork, Kind::Small];

    /// The header's word that says how many such calls there were.
    pub const fn seen(self) -> Head {
        match self {
            Kind::Nagle => Head::SeenNagle,
            Kind::Cork => Head::SeenCork,
            Kind::Small => Head::SeenSmall,
        }
    }
}

/// The words of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sample {
    /// `FREE`, `TAKEN` or `READY`.
    State,
    /// Which call of its kind this was, counted from 1. The same number stands at [`NUMBER_AGAIN`]: where they differ, a new
    /// sample was being written over this one while it was read.
    Number,
    /// [`Kind`].
    Kind,
    /// Number of its service.
    Service,
    /// How long the wait was, in ticks; 0 for [`Kind::Small`].
    Delay,
    /// The process, as it knows itself.
    Process,
    /// The thread that made the call.
    Thread,
    /// The program counter, in the library itself …
    Pc,
    /// … the stack pointer: the copy begins there …
    Sp,
    /// … the frame pointer …
    Fp,
    /// … and the link register, where the machine has one.
    Link,
    /// Length of the copy.
    Length,
}

/// The words of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Module {
    /// `FREE`, `TAKEN` or `READY`.
    State,
    /// The process that noted it: a forked child may load others than its parent.
    Process,
    /// What is added to the addresses in its file.
    Base,
    /// Where its dynamic section is.
    Dynamic,
}

/// How many samples there are of each kind: the first ones, then such that each call was as likely to be kept.
pub const SAMPLES_EACH: usize = 32;
/// How many there are.
pub const SAMPLES: usize = Kind::ALL.len() * SAMPLES_EACH;
/// Length of a sample.
pub const SAMPLE_SIZE: usize = 16384;
/// Where the copy of the stack begins in a sample.
pub const STACK_AT: usize = 128;
/// Where the number stands again.
pub const NUMBER_AGAIN: usize = SAMPLE_SIZE - 8;
/// How much of the stack there is room for.
pub const STACK_ROOM: usize = NUMBER_AGAIN - STACK_AT;
/// Where the samples begin.
pub const SAMPLES_AT: usize = SIZE;
/// Where the objects begin.
pub const MODULES_AT: usize = SAMPLES_AT + SAMPLES * SAMPLE_SIZE;
/// How many there are.
pub const MODULES: usize = 256;
/// Length of one.
pub const MODULE_SIZE: usize = 256;
/// Its path; empty for the program itself, whose path is in the header.
pub const MODULE_PATH: Text = Text { at: 32, room: MODULE_SIZE - 32 };
/// Length of a file with samples.
pub const SIZE_WITH_SAMPLES: usize = MODULES_AT + MODULES * MODULE_SIZE;

/// Where a sample begins.
pub const fn sample_at(kind: Kind, number: usize) -> usize {
    (kind as usize).wrapping_mul(SAMPLES_EACH).wrapping_add(number).wrapping_mul(SAMPLE_SIZE).wrapping_add(SAMPLES_AT)
}

/// Where a word of a sample stands, from its beginning.
pub const fn sample_word_at(word: Sample) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Where an object begins.
pub const fn module_at(number: usize) -> usize {
    number.wrapping_mul(MODULE_SIZE).wrapping_add(MODULES_AT)
}

/// Where a word of an object stands, from its beginning.
pub const fn module_word_at(word: Module) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Which of its kind's places the sample of a call takes that `seen` others came before, if any, for a number of chance: each
/// call is as likely as any other to be among those that are kept (reservoir sampling).
pub const fn place(seen: u64, chance: u64) -> Option<usize> {
    let place = if seen < SAMPLES_EACH as u64 {
        seen
    } else {
        // The upper half of the product is evenly spread over 0 to `seen`.
        (chance >> 32).wrapping_mul(seen.wrapping_add(1)) >> 32
    };
    if place < SAMPLES_EACH as u64 { Some(place as usize) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        assert!(sample_word_at(Sample::Length) + 8 <= STACK_AT);
        assert!(module_word_at(Module::Dynamic) + 8 <= MODULE_PATH.at);
        const { assert!(SAMPLES_AT.is_multiple_of(4096) && SIZE_WITH_SAMPLES.is_multiple_of(4096)) };
        assert_eq!(sample_at(Kind::Small, SAMPLES_EACH - 1) + SAMPLE_SIZE, module_at(0));
        assert_eq!(module_at(MODULES - 1) + MODULE_SIZE, SIZE_WITH_SAMPLES);
    }

    #[test]
    fn each_call_is_as_likely_to_be_kept() {
        assert_eq!((place(0, u64::MAX), place(31, 0)), (Some(0), Some(31)));
        // Of numbers spread over all there are, one in (seen + 1) / 32 finds a place, and each place gets as many.
        let mut found = [0u32; SAMPLES_EACH];
        for part in 0..6400u64 {
            if let Some(place) = place(63, part * (u64::MAX / 6400)) {
                found[place] += 1;
            }
        }
        assert!(found.iter().all(|&times| (99..=101).contains(&times)), "{found:?}");
    }
}
