//! Stacks that go through the library can be unwound: a cancelled thread runs its destructors, and debuggers and profilers
//! see who called. Needs, in the file, a description of each hook's frame and an index of the descriptions.

use crate::support;
use crate::support::{Mode, build_dir};
use object::elf;
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol};
use std::process::Command;

#[test]
fn a_cancelled_thread_releases_what_it_owns() {
    let program = build_dir().join("program-unwound");
    let built = Command::new("gcc")
        .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fexceptions", "-pthread", "-o"])
        .arg(&program)
        .arg(support::program("unwound.c"))
        .status()
        .expect("gcc starts (scripts/setup installs it)");
    assert!(built.success());
    let [plain, preloaded] = Mode::BOTH.map(|mode| support::run::<&str>(mode, &program, &[]).expect());
    assert!(plain.lines().count() > 10 && plain.lines().all(|line| line.ends_with("cancelled, released 1")), "{plain}");
    assert_eq!(preloaded, plain);
}

/// The index that unwinders use (`.eh_frame_hdr`, Linux Standard Base 5, part "Exception Frames"): for each description
/// the address where its function starts, sorted, relative to the index itself.
fn described(file: &ElfFile64<'_, Endianness>, bytes: &[u8]) -> Vec<u64> {
    let endian = file.endian();
    let segments = file.elf_program_headers().iter();
    let index = segments.clone().find(|segment| segment.p_type(endian) == elf::PT_GNU_EH_FRAME);
    let index = index.expect("the library has an index of its frames (no --no-eh-frame-hdr)");
    let (at, address) = (index.p_offset(endian) as usize, index.p_vaddr(endian));
    // Version 1; pc-relative signed 4 bytes; 4 bytes; index-relative signed 4 bytes: what linkers make.
    assert_eq!(bytes[at..at + 4], [1, 0x1b, 0x03, 0x3b], "the form of the index");
    let word = |place: usize| i32::from_le_bytes(bytes[place..place + 4].try_into().expect("four bytes"));
    let count = word(at + 8) as usize;
    (0..count).map(|entry| address.wrapping_add_signed(i64::from(word(at + 12 + 8 * entry)))).collect()
}

#[test]
fn every_hook_is_described() {
    let path = support::library();
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file = ElfFile64::<Endianness>::parse(&*bytes).expect("the library is an ELF file of 64 bits");
    let described = described(&file, &bytes);
    let hooks: Vec<_> = file.dynamic_symbols().filter(|symbol| symbol.is_definition()).collect();
    assert!(!hooks.is_empty());
    for hook in hooks {
        let name = hook.name().expect("a symbol has a name");
        assert!(described.binary_search(&hook.address()).is_ok(), "the frame of {name} is not described");
    }
}
