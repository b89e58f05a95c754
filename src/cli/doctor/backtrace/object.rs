//! A program or library that was loaded: what unwinding needs of it, its functions by name, and its source lines where it has
//! DWARF or a separate file has. Each file is read once.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::Loader;
use object::read::elf::ElfFile64;
use object::read::{ReadCache, ReadRef};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, ObjectSymbol as _, SymbolKind};

use super::chain::Frame;
use crate::output;

/// Where distributions put what they have taken out of their programs.
const DEBUG: &str = "/usr/lib/debug";
/// The sections that framehop asks for.
const SECTIONS: [&str; 6] = [".text", ".got", ".eh_frame", ".eh_frame_hdr", ".debug_frame", ".plt"];

/// An object file.
pub struct Object {
    path: PathBuf,
    /// Its addresses.
    pub range: Range<u64>,
    pub sections: HashMap<&'static str, (Range<u64>, Arc<[u8]>)>,
    /// Read when the first frame in it is named.
    names: OnceCell<Names>,
}

/// What names a place in it.
#[derive(Default)]
struct Names {
    functions: Vec<(Range<u64>, String)>,
    lines: Option<Loader>,
}

/// All that were asked for; None: cannot be read.
#[derive(Default)]
pub struct Objects(HashMap<PathBuf, Option<Object>>);

impl Objects {
    /// Reads one if that was not done yet.
    pub fn load(&mut self, path: &Path) -> Option<&Object> {
        self.0.entry(path.to_owned()).or_insert_with(|| Object::read(path)).as_ref()
    }

    /// One that was loaded.
    pub fn get(&self, path: &Path) -> Option<&Object> {
        self.0.get(path)?.as_ref()
    }
}

impl Object {
    fn read(path: &Path) -> Option<Self> {
        // Anything may stand in a file of counters: no pipe and no device is opened.
        let cache = open(path)?;
        let elf = ElfFile64::<object::Endianness, _>::parse(&cache).ok()?;
        let starts = elf.segments().map(|segment| segment.address()).min()?;
        let ends = elf.segments().map(|segment| segment.address().saturating_add(segment.size())).max()?;
        let mut sections = HashMap::new();
        for name in SECTIONS {
            let Some(section) = elf.section_by_name(name) else { continue };
            let range = section.address()..section.address().saturating_add(section.size());
            // What instructions there are is of no use to unwinding; where they are is.
            let data = if matches!(name, ".text" | ".plt") { Ok(&[][..]) } else { section.data() };
            let Ok(data) = data else { continue };
            sections.insert(name, (range, Arc::from(data)));
        }
        Some(Self { path: path.to_owned(), range: starts..ends, sections, names: OnceCell::new() })
    }

    /// The functions at an address of this file: the one that is there, and behind it those into which it was inlined.
    pub fn frames(&self, address: u64) -> Vec<Frame> {
        let object = shown(&self.path);
        let names = self.names.get_or_init(|| Names::read(&self.path).unwrap_or_default());
        let mut frames = Vec::new();
        let found = names.lines.as_ref().and_then(|lines| lines.find_frames(address).ok());
        if let Some(mut found) = found {
            while let Ok(Some(frame)) = found.next() {
                let function = frame.function.as_ref().and_then(|f| f.demangle().ok()).map(|name| shown(name.as_ref()));
                let location = frame.location;
                frames.push(Frame {
                    object: object.clone(),
                    offset: address,
                    // A unit without functions (assembly) has lines all the same.
                    function: function.or_else(|| names.function(address)),
                    file: location.as_ref().and_then(|l| l.file).map(shown),
                    line: location.and_then(|l| l.line),
                });
            }
        }
        if frames.is_empty() {
            frames.push(Frame { object, offset: address, function: names.function(address), file: None, line: None });
        }
        frames
    }
}

impl Names {
    fn read(path: &Path) -> Option<Self> {
        let cache = open(path)?;
        let elf = ElfFile64::<object::Endianness, _>::parse(&cache).ok()?;
        let separate = separate_file(path, &elf);
        let with_lines = if elf.section_by_name(".debug_info").is_some() { Some(path) } else { separate.as_deref() };
        let of_separate = separate.as_deref().and_then(open).and_then(|cache| {
            let elf = ElfFile64::<object::Endianness, _>::parse(&cache).ok()?;
            Some(functions(&elf))
        });
        let functions = of_separate.filter(|all| !all.is_empty()).unwrap_or_else(|| functions(&elf));
        Some(Self { functions, lines: with_lines.and_then(lines) })
    }

    /// By the symbols.
    fn function(&self, address: u64) -> Option<String> {
        let behind = self.functions.partition_point(|(range, _)| range.start <= address);
        // Aliases begin at one address, and may end at different ones.
        let near = self.functions[..behind].iter().rev().take(8);
        let (_, name) = near.into_iter().find(|(range, _)| range.contains(&address))?;
        Some(shown(addr2line::demangle_auto(name.into(), None).as_ref()))
    }
}

fn open(path: &Path) -> Option<ReadCache<File>> {
    let is_file = std::fs::metadata(path).is_ok_and(|about| about.is_file());
    is_file.then(|| File::open(path).ok()).flatten().map(ReadCache::new)
}

/// The functions that have a length, by address.
fn functions<'d, R: ReadRef<'d>>(elf: &ElfFile64<'d, object::Endianness, R>) -> Vec<(Range<u64>, String)> {
    let mut all: Vec<(Range<u64>, String)> = elf
        .symbols()
        .chain(elf.dynamic_symbols())
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0 && symbol.is_definition())
        .filter_map(|symbol| {
            let range = symbol.address()..symbol.address().saturating_add(symbol.size());
            Some((range, String::from_utf8_lossy(symbol.name_bytes().ok()?).into_owned()))
        })
        .collect();
    all.sort_by(|(a, one), (b, other)| (a.start, b.end, one).cmp(&(b.start, a.end, other)));
    all
}

/// The file with what was taken out of this one: by its build-id, else by the name that it gives.
fn separate_file<'d, R: ReadRef<'d>>(path: &Path, elf: &ElfFile64<'d, object::Endianness, R>) -> Option<PathBuf> {
    let by_id = || by_build_id(elf.build_id().ok()??);
    let by_name = || {
        let (name, _) = elf.gnu_debuglink().ok()??;
        let name = Path::new(OsStr::from_bytes(name)).file_name()?;
        let directory = path.canonicalize().ok()?.parent()?.to_owned();
        let below = Path::new(DEBUG).join(directory.strip_prefix("/").ok()?).join(name);
        [directory.join(name), directory.join(".debug").join(name), below]
            .into_iter()
            .find(|file| file.is_file() && file.canonicalize().ok() != path.canonicalize().ok())
    };
    by_id().or_else(by_name)
}

fn by_build_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = PathBuf::from(format!("{DEBUG}/.build-id/{first:02x}/{rest}.debug"));
    file.is_file().then_some(file)
}

/// The source lines of a file with DWARF, parts of which it may share with others (dwz).
fn lines(path: &Path) -> Option<Loader> {
    let cache = open(path)?;
    let elf = ElfFile64::<object::Endianness, _>::parse(&cache).ok()?;
    let shared = elf.gnu_debugaltlink().ok().flatten().and_then(|(name, id)| {
        let named = path.canonicalize().ok()?.parent()?.join(Path::new(OsStr::from_bytes(name)));
        if named.is_file() { Some(named) } else { by_build_id(id) }
    });
    Loader::new_with_sup(path, shared).ok()
}

/// A name from a file, safe to be shown on a terminal.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    output::printable(&name.as_ref().to_string_lossy())
}
