//! Where calls come from that wait, or that send small segments (TCPTUNE=backtrace): copies of the stack, which the
//! command unwinds, and the list of objects loaded at which address. Both follow the services, in a file that is longer
//! for them.
//!
//! ```text
//! SIZE            samples: SAMPLES_EACH for each kind, of SAMPLE_SIZE: words (Sample), then a copy of the stack
//! MODULES_AT      objects: MODULES of MODULE_SIZE: words (Module), then the path
//! ```

use super::layout::{Head, SIZE, Text};

/// What kind of call a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The last call before a wait by Nagle's algorithm.
    Nagle,
    /// The last call before a wait for data that the program itself holds.
    Cork,
    /// A call, not the first of its burst, that sent a small segment on its own.
    Small,
}

impl Kind {
    /// All kinds, in the order of the file.
    pub const ALL: [Kind; 3] = [Kind::Nagle, Kind::Cork, Kind::Small];

    /// The word of the header that counts such calls.
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
    /// The number of the call among its kind, from 1. Repeated at [`NUMBER_AGAIN`]: if the two differ, a new sample was
    /// being written over this one while it was read.
    Number,
    /// [`Kind`].
    Kind,
    /// The number of the call's service.
    Service,
    /// How long the wait took, in ticks; 0 for [`Kind::Small`].
    Delay,
    /// The process, as seen in its own PID namespace.
    Process,
    /// The thread that made the call.
    Thread,
    /// The program counter, which is in the library itself.
    Pc,
    /// The stack pointer: the copy begins there.
    Sp,
    /// The frame pointer.
    Fp,
    /// The link register, on architectures that have one.
    Link,
    /// Length of the copy of the stack.
    Length,
}

/// The words of a loaded object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Module {
    /// `FREE`, `TAKEN` or `READY`.
    State,
    /// The process that noted it: a forked child may load objects that its parent has not.
    Process,
    /// The load bias: what is added to the addresses in its file.
    Base,
    /// The address of its dynamic section.
    Dynamic,
}

/// Number of samples of each kind: first the earliest calls, then a uniform choice of all calls (reservoir sampling).
pub const SAMPLES_EACH: usize = 32;
/// Number of samples of all kinds.
pub const SAMPLES: usize = Kind::ALL.len() * SAMPLES_EACH;
/// Length of a sample.
pub const SAMPLE_SIZE: usize = 16384;
/// Offset of the copy of the stack in a sample.
pub const STACK_AT: usize = 128;
/// Offset of the second copy of the number in a sample.
pub const NUMBER_AGAIN: usize = SAMPLE_SIZE - 8;
/// Space for the copy of the stack.
pub const STACK_ROOM: usize = NUMBER_AGAIN - STACK_AT;
/// Offset of the samples.
pub const SAMPLES_AT: usize = SIZE;
/// Offset of the objects.
pub const MODULES_AT: usize = SAMPLES_AT + SAMPLES * SAMPLE_SIZE;
/// Number of objects.
pub const MODULES: usize = 256;
/// Length of an object.
pub const MODULE_SIZE: usize = 256;
/// The path of an object; empty for the program itself, whose path is in the header.
pub const MODULE_PATH: Text = Text { at: 32, room: MODULE_SIZE - 32 };
/// Length of a file with samples.
pub const SIZE_WITH_SAMPLES: usize = MODULES_AT + MODULES * MODULE_SIZE;

/// Offset of a sample.
pub const fn sample_at(kind: Kind, number: usize) -> usize {
    (kind as usize).wrapping_mul(SAMPLES_EACH).wrapping_add(number).wrapping_mul(SAMPLE_SIZE).wrapping_add(SAMPLES_AT)
}

/// Offset of a word in its sample.
pub const fn sample_word_at(word: Sample) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Offset of an object.
pub const fn module_at(number: usize) -> usize {
    number.wrapping_mul(MODULE_SIZE).wrapping_add(MODULES_AT)
}

/// Offset of a word in its object.
pub const fn module_word_at(word: Module) -> usize {
    (word as usize).wrapping_mul(8)
}

/// Chooses where to store the sample of a call that follows `seen` others of its kind, if it is stored at all; `chance`
/// is a random number. Every call is equally likely to be among those that remain (reservoir sampling).
pub const fn place(seen: u64, chance: u64) -> Option<usize> {
    let place = if seen < SAMPLES_EACH as u64 {
        seen
    } else {
        // The upper half of the product is evenly distributed over 0 to `seen`.
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
