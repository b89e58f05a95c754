//! The library finds the next definition of a name in whatever object it is: one with the table of names of today's linkers,
//! or one that only has the older table (DT_HASH), as some vendors still build theirs.

use crate::support;
use crate::support::{Mode, build_dir, finish, library};
use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, ElfFile64};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles tests/programs/answers.c.
fn build(name: &str, options: &[&str]) -> PathBuf {
    let result = build_dir().join(format!("{name}-{}", std::process::id()));
    let source = support::program("answers.c");
    let built =
        Command::new("gcc").args(["-O1", "-Wall", "-Werror", "-o"]).arg(&result).args(options).arg(source).status();
    assert!(built.expect("gcc starts (scripts/setup installs it)").success());
    result
}

/// Has this object a dynamic entry of this tag?
fn has(object: &Path, tag: elf::DynamicTag) -> bool {
    let bytes = std::fs::read(object).expect("just built");
    let file = ElfFile64::<Endianness>::parse(&*bytes).expect("an ELF file of 64 bits");
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let (entries, _) = sections.dynamic(endian, &*bytes).expect("readable").expect("there is a dynamic section");
    entries.iter().any(|entry| entry.tag(endian) == tag)
}

#[test]
fn an_object_with_either_table_of_names_is_reached() {
    let program = build("asks", &["-DPROGRAM"]);
    for (style, tag, other) in [("gnu", elf::DT_GNU_HASH, elf::DT_HASH), ("sysv", elf::DT_HASH, elf::DT_GNU_HASH)] {
        let behind = build(&format!("answers-{style}.so"), &["-shared", "-fPIC", &format!("-Wl,--hash-style={style}")]);
        assert!(has(&behind, tag) && !has(&behind, other), "{style}");
        let chain = format!("{}:{}", library().display(), behind.display());
        let mut command = Mode::Plain.command(&program);
        command.env("LD_PRELOAD", chain);
        assert_eq!(finish(&mut command).expect(), "listen 77, pause 78, getpid 1\n", "{style}");
        std::fs::remove_file(behind).expect("it was there");
    }
    std::fs::remove_file(program).expect("it was there");
}
