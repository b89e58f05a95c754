//! The file libtcptune.so: what it asks of the process that loads it (nothing), what it gives it (the hooks), and that
//! programs of glibc and musl load it. Reads the shipped bytes.

use crate::support;
use crate::support::{Mode, text};
use object::elf;
use object::read::elf::{Dyn, ElfFile64, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, SymbolIndex};
use std::collections::BTreeSet;
use std::path::Path;

type Elf = ElfFile64<'static, Endianness>;

/// The library, parsed; the bytes live as long as the test binary.
fn library() -> (Elf, &'static [u8]) {
    let path = support::library();
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    println!("{}: {} bytes", path.display(), bytes.len());
    let bytes: &'static [u8] = bytes.leak();
    (Elf::parse(bytes).expect("the library is an ELF file of 64 bits"), bytes)
}

/// The dynamic section: (tag, value).
fn dynamic(file: &Elf, bytes: &'static [u8]) -> Vec<(elf::DynamicTag, u64)> {
    let endian = file.endian();
    let sections = file.elf_section_table();
    let (entries, _) = sections.dynamic(endian, bytes).expect("readable").expect("there is a dynamic section");
    entries.iter().map(|entry| (entry.tag(endian), entry.d_val(endian))).collect()
}

/// The dynamic symbols: name, entry.
fn symbols(file: &Elf) -> Vec<(String, &'static elf::Sym64<Endianness>)> {
    let table = file.elf_dynamic_symbol_table();
    let endian = file.endian();
    (1..table.len())
        .map(|index| {
            let symbol = table.symbol(SymbolIndex(index)).expect("readable");
            (text(table.symbol_name(endian, symbol).expect("a symbol has a name")), symbol)
        })
        .collect()
}

#[test]
fn it_needs_no_library_no_version_and_no_thread_storage() {
    let (file, bytes) = library();
    for (tag, value) in dynamic(&file, bytes) {
        let unwanted = [
            (elf::DT_NEEDED, "another library"),
            (elf::DT_VERNEED, "a version of another library"),
            (elf::DT_RPATH, "a search path"),
            (elf::DT_RUNPATH, "a search path"),
            (elf::DT_TEXTREL, "to write into its code"),
        ];
        for (unwanted, meaning) in unwanted {
            assert!(tag != unwanted, "the library needs {meaning} ({tag:?} = {value})");
        }
    }
    for segment in file.elf_program_headers() {
        let (kind, flags) = (segment.p_type(file.endian()), segment.p_flags(file.endian()));
        assert!(kind != elf::PT_TLS, "the library has thread-local storage");
        assert!(kind != elf::PT_INTERP, "the library names an interpreter");
        let (writable, executable) = (flags.0 & elf::PF_W.0 != 0, flags.0 & elf::PF_X.0 != 0);
        assert!(!(writable && executable), "a segment can be written and executed");
        assert!(!(kind == elf::PT_GNU_STACK && executable), "the library wants an executable stack");
    }
}

#[test]
fn it_takes_two_symbols_and_can_do_without() {
    let (file, _) = library();
    for (name, symbol) in symbols(&file) {
        if symbol.is_undefined(file.endian()) {
            assert!(["dlsym", "_r_debug"].contains(&name.as_str()), "the library needs {name}");
            assert!(symbol.st_bind() == elf::STB_WEAK, "{name} must be weak: a libc without it still starts");
        }
    }
}

#[test]
fn it_exports_the_hooks_and_nothing_else() {
    let (file, _) = library();
    let endian = file.endian();
    let list = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hooks.txt")).expect("the list");
    let listed: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    assert!(listed.iter().map(String::as_str).eq(list.lines()), "docs/hooks.txt is sorted, each name once");
    let mut exported = BTreeSet::new();
    for (name, symbol) in symbols(&file) {
        if !symbol.is_undefined(endian) {
            assert!(symbol.st_type() == elf::STT_FUNC, "{name} is not a function");
            assert!(exported.insert(name.clone()), "{name} is there twice");
        }
    }
    let missing: Vec<_> = listed.difference(&exported).collect();
    let unlisted: Vec<_> = exported.difference(&listed).collect();
    assert!(
        missing.is_empty() && unlisted.is_empty(),
        "not exported: {missing:?}; not in docs/hooks.txt: {unlisted:?}"
    );
}

/// A panic leaves its message and the place of its source in the file.
#[test]
fn it_cannot_panic() {
    let (file, bytes) = library();
    for trace in ["panic", "called `", "/rustc/", ".rs\0", "overflow", "out of range", "out of bounds", "unwrap"] {
        let found = bytes.windows(trace.len()).position(|window| window == trace.as_bytes());
        assert!(found.is_none(), "{trace:?} is in the file at {found:?}");
    }
    for section in file.elf_section_table().iter() {
        let name = file.elf_section_table().section_name(file.endian(), section).expect("a section has a name");
        let size = section.sh_size(file.endian());
        assert!(name != b".gcc_except_table", "the library has {size} bytes of tables for unwinding");
    }
}

/// Into which processes it is loaded, as `scripts/check overhead load` shows: each does a TCP exchange with itself.
#[test]
fn programs_of_glibc_and_musl_load_it() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check");
    let outcome = support::finish(Mode::Plain.command(script).args(["overhead", "load"]).arg(support::library()));
    let (table, errors) = (text(&outcome.stdout), text(&outcome.stderr));
    assert!(outcome.status.success(), "{table}{errors}");
    let cell = |process: &str| {
        let start = format!("|{process}|");
        let line = table.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no row {process:?}: {table}{errors}")).trim_end_matches('|').to_owned()
    };
    for process in ["glibc", "no_new_privs", "musl", "ld.so --preload"] {
        assert_eq!(cell(process), "yes", "{process}: {table}{errors}");
    }
    // The loader ignores it where it must, and says nothing.
    for process in ["static", "static-pie", "musl static"] {
        assert_eq!(cell(process), "no", "{process}: {table}{errors}");
    }
    for process in ["setuid, uid 65534", "file capability, uid 65534"] {
        assert!(["no", "n/a"].contains(&cell(process).as_str()), "{process}: {table}{errors}");
    }
}

/// The loader turns the shadow stack of a process off if one object does not say that it can do with it.
#[test]
#[cfg(target_arch = "x86_64")]
fn it_leaves_the_shadow_stack_on() {
    let (file, bytes) = library();
    let endian = file.endian();
    let segments = file.elf_program_headers().iter();
    assert!(segments.clone().any(|segment| segment.p_type(endian) == elf::PT_GNU_PROPERTY), "the loader finds it");
    let mut features = 0;
    for segment in segments {
        let Some(mut notes) = segment.notes(endian, bytes).expect("readable") else { continue };
        while let Some(note) = notes.next().expect("readable") {
            let mut properties = note.gnu_properties(endian).expect("a note of properties");
            while let Some(property) = properties.next().expect("readable") {
                if property.pr_type() == elf::GNU_PROPERTY_X86_FEATURE_1_AND {
                    features |= property.data_u32(endian).expect("a word");
                }
            }
        }
    }
    assert_eq!(features, elf::GNU_PROPERTY_X86_FEATURE_1_SHSTK, "as `readelf -n` says");
}
