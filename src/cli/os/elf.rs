//! What an ELF file says about itself: class, machine, linking, interpreter, needed libraries, dynamic symbols.
//!
//! Reads files that may be truncated or hostile: every offset is checked by the `object` crate, nothing is run, and only
//! the ranges that are asked for are read. It judges nothing; see `verdict`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use memchr::memmem;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::read::{ReadCache, ReadRef, SectionIndex};
use object::{Endianness, FileKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output;

/// How a file is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Linking {
    /// Names an interpreter, which loads its libraries and honours `LD_PRELOAD`.
    Dynamic,
    /// No interpreter, fixed address.
    Static,
    /// No interpreter, position independent.
    StaticPie,
    /// A shared object: a library, or the dynamic loader itself.
    SharedObject,
    /// Relocatable objects, core dumps and the like.
    NotAProgram,
}

/// Class and machine: two files can share a process only if they are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Platform {
    /// 32 or 64.
    pub bits: u8,
    /// Least significant byte first?
    pub little_endian: bool,
    /// The machine's name as `uname -m` and the compilers say it.
    pub machine: String,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-bit {}", self.bits, self.machine)
    }
}

/// What was read. Names are made printable; anything that cannot be read is left empty.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Elf {
    pub platform: Platform,
    pub linking: Linking,
    pub position_independent: bool,
    pub interpreter: Option<String>,
    /// DT_NEEDED, in order.
    pub needed: Vec<String>,
    /// DT_RUNPATH, or the older DT_RPATH.
    pub runpath: Option<String>,
    /// The newest GLIBC_x.y[.z] that it asks for.
    pub glibc_floor: Option<String>,
    pub go: bool,
    pub rust: bool,
    /// DF_1_NOOPEN.
    pub nodlopen: bool,
    /// False when the section headers are gone and the dynamic symbols cannot be listed.
    pub symbols_known: bool,
    /// Dynamic symbols it takes from others.
    #[serde(skip)]
    pub imports: BTreeSet<String>,
    /// Functions it offers to others: these stand before a preloaded library's.
    #[serde(skip)]
    pub exports: BTreeSet<String>,
}

/// Read the file, or say why it is no usable ELF file.
pub fn read(path: &Path) -> Result<Elf, String> {
    let file = File::open(path).map_err(|e| crate::errors::plain(&e))?;
    let cache = ReadCache::new(file);
    let data = &cache;
    if data.read_bytes_at(0, 4) != Ok(b"\x7fELF") {
        return Err("not an ELF file".to_owned());
    }
    let malformed = |e: object::Error| format!("a damaged ELF file ({e})");
    match FileKind::parse(data).map_err(malformed)? {
        FileKind::Elf32 => parse::<FileHeader32<Endianness>, _>(data).map_err(malformed),
        FileKind::Elf64 => parse::<FileHeader64<Endianness>, _>(data).map_err(malformed),
        _ => Err("not an ELF file".to_owned()),
    }
}

/// Does the file have one of these in it? Of a larger file than this only the beginning is searched.
pub fn contains(path: &Path, wanted: &[&[u8]]) -> bool {
    const MOST: u64 = 64 << 20;
    let mut bytes = Vec::new();
    let Ok(file) = File::open(path) else { return false };
    file.take(MOST).read_to_end(&mut bytes).is_ok() && wanted.iter().any(|piece| memmem::find(&bytes, piece).is_some())
}

fn parse<'d, H, R>(data: R) -> object::Result<Elf>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let mut dynamic: &[H::Dyn] = &[];
    let mut interpreter = None;
    let mut go = false;
    for segment in segments {
        if let Some(entries) = segment.dynamic(endian, data)? {
            dynamic = entries;
        }
        if let Some(path) = segment.interpreter(endian, data)? {
            interpreter = Some(printable(path));
        }
        // A note that cannot be read tells us nothing; it does not make the program unusable.
        if let Ok(Some(mut notes)) = segment.notes(endian, data) {
            while let Ok(Some(note)) = notes.next() {
                go |= note.name() == b"Go";
            }
        }
    }

    let value = |tag: elf::DynamicTag| {
        let mut entries = dynamic.iter().take_while(|d| d.tag(endian) != elf::DT_NULL);
        entries.find(|d| d.tag(endian) == tag).map(|d| d.val(endian))
    };
    let strings = value(elf::DT_STRTAB).and_then(|address| {
        let offset = file_offset::<H>(segments, endian, address)?;
        data.read_bytes_at(offset, value(elf::DT_STRSZ)?).ok()
    });
    let string = |at: u64| strings.and_then(|s| terminated(s, at)).map(printable);
    let needed = dynamic
        .iter()
        .take_while(|d| d.tag(endian) != elf::DT_NULL)
        .filter(|d| d.tag(endian) == elf::DT_NEEDED)
        .filter_map(|d| string(d.val(endian)))
        .collect();
    let flags_1 = value(elf::DT_FLAGS_1).unwrap_or(0);
    let pie = flags_1 & elf::DF_1_PIE.0 != 0;

    let linking = match header.e_type(endian) {
        elf::ET_EXEC | elf::ET_DYN if interpreter.is_some() => Linking::Dynamic,
        elf::ET_EXEC => Linking::Static,
        elf::ET_DYN if pie => Linking::StaticPie,
        elf::ET_DYN => Linking::SharedObject,
        _ => Linking::NotAProgram,
    };
    let mut found = Elf {
        platform: Platform {
            bits: if header.is_type_64() { 64 } else { 32 },
            little_endian: header.is_little_endian(),
            machine: machine_name(header.e_machine(endian)),
        },
        linking,
        position_independent: header.e_type(endian) == elf::ET_DYN,
        interpreter,
        needed,
        runpath: value(elf::DT_RUNPATH).or_else(|| value(elf::DT_RPATH)).and_then(string),
        glibc_floor: None,
        go,
        rust: false,
        nodlopen: flags_1 & elf::DF_1_NOOPEN.0 != 0,
        symbols_known: false,
        imports: BTreeSet::new(),
        exports: BTreeSet::new(),
    };
    // Section headers are optional at run time: without them only the symbol lists stay empty.
    if let Ok(sections) = header.sections(endian, data) {
        read_sections(header, &sections, data, &mut found);
    }
    Ok(found)
}

fn read_sections<'d, H, R>(header: &H, sections: &SectionTable<'d, H, R>, data: R, found: &mut Elf)
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let Ok(endian) = header.endian() else { return };
    let linked_strings = |section: &H::SectionHeader| {
        let strings = sections.section(section.link(endian)).ok()?;
        strings.data(endian, data).ok()
    };
    // All names at once: one by one they would be read from the file one by one.
    let names = header.shstrndx(endian, data).ok().and_then(|index| {
        let section = sections.section(SectionIndex(index as usize)).ok()?;
        section.data(endian, data).ok()
    });
    for section in sections.iter() {
        let name = names.and_then(|n| terminated(n, section.sh_name(endian).into())).unwrap_or_default();
        found.go |= matches!(name, b".go.buildinfo" | b".note.go.buildid" | b".gopclntab");
        // The compiler names itself here: "rustc version 1.95.0 (…)".
        if name == b".comment" {
            let text = section.data(endian, data).unwrap_or(b"");
            found.rust |= text.windows(b"rustc version".len()).any(|w| w == b"rustc version");
        }
        if section.sh_type(endian) == elf::SHT_DYNSYM
            && let (Ok(symbols), Some(strings)) =
                (section.data_as_array::<H::Sym, R>(endian, data), linked_strings(section))
        {
            found.symbols_known = true;
            for symbol in symbols {
                let Some(name) = terminated(strings, symbol.st_name(endian).into()) else { continue };
                if name.is_empty() || symbol.is_local() {
                    continue;
                }
                if symbol.is_undefined(endian) {
                    found.imports.insert(printable(name));
                } else if matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC) {
                    found.exports.insert(printable(name));
                }
            }
        }
        if let (Ok(Some((needs, _))), Some(strings)) = (section.gnu_verneed(endian, data), linked_strings(section)) {
            let names = needs.flatten().flat_map(|(_, aux)| aux.flatten());
            let versions = names.filter_map(|aux| terminated(strings, aux.vna_name.get(endian).into()));
            found.glibc_floor = newest_glibc(versions);
        }
    }
}

/// The newest of "GLIBC_2.36", "GLIBC_2.2.5" …; other names are passed over.
pub fn newest_glibc<'n>(versions: impl Iterator<Item = &'n [u8]>) -> Option<String> {
    let numbers = versions.filter_map(|name| {
        let digits = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?;
        digits.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()
    });
    let newest = numbers.max()?;
    Some(newest.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
}

/// Where in the file the byte at this address is.
fn file_offset<H: FileHeader<Endian = Endianness>>(
    segments: &[H::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    segments.iter().filter(|s| s.p_type(endian) == elf::PT_LOAD).find_map(|s| {
        let (start, size): (u64, u64) = (s.p_vaddr(endian).into(), s.p_filesz(endian).into());
        let within = address.checked_sub(start).filter(|&w| w < size)?;
        within.checked_add(s.p_offset(endian).into())
    })
}

fn terminated(strings: &[u8], at: u64) -> Option<&[u8]> {
    let tail = strings.get(usize::try_from(at).ok()?..)?;
    tail.split(|&b| b == 0).next()
}

fn printable(name: &[u8]) -> String {
    output::printable(&String::from_utf8_lossy(name))
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_X86_64 => "x86-64".to_owned(),
        elf::EM_386 => "x86".to_owned(),
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_ARM => "arm".to_owned(),
        elf::EM_RISCV => "riscv".to_owned(),
        elf::EM_PPC64 => "powerpc64".to_owned(),
        elf::EM_S390 => "s390x".to_owned(),
        elf::EM_MIPS => "mips".to_owned(),
        elf::EM_LOONGARCH => "loongarch".to_owned(),
        other => format!("machine {}", other.0),
    }
}

/// What this command was built for: the library beside it must be the same.
pub fn this_platform() -> Platform {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "riscv64" | "riscv32" => "riscv",
        "loongarch64" => "loongarch",
        other => other,
    };
    Platform { bits: usize::BITS as u8, little_endian: cfg!(target_endian = "little"), machine: machine.to_owned() }
}
