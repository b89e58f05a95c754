//! Finds the next definition of a hooked name: the function that the program would have reached without this library.
//!
//! dlsym(3) takes the loader's lock, and in older glibc uses the heap, so it must not be called in a signal handler or
//! a vfork child. But the loader's list of objects and their symbol tables (elf(5), `<link.h>`) are plain memory that
//! does not move. This file reads them, without lock, heap or system call. dlsym is the fallback, and not always
//! present: before glibc 2.34 it is in a library of its own, which most programs do not load. A search only visits
//! objects that were there at start-up, because libc comes before everything that dlopen(3) adds.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::marker::PhantomData;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

unsafe extern "C" {
    /// The library's own dynamic section, by which it recognises its entry in the list. Defined by the linker.
    static _DYNAMIC: [Dynamic; 0];
}

/// `struct link_map` of `<link.h>`, the public part. musl's `struct dso` begins in the same way.
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const c_char,
    dynamic: *const Dynamic,
    next: *const LinkMap,
    previous: *const LinkMap,
}

/// `struct r_debug` of `<link.h>`, up to the list.
#[repr(C)]
struct Debug {
    version: c_int,
    map: *const LinkMap,
}

/// `ElfW(Dyn)`.
#[repr(C)]
struct Dynamic {
    tag: isize,
    value: usize,
}

/// `Elf64_Sym`.
#[cfg(target_pointer_width = "64")]
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: usize,
}

/// `Elf32_Sym`: the fields of `Elf64_Sym` in another order.
#[cfg(target_pointer_width = "32")]
#[repr(C)]
struct Symbol {
    name: u32,
    value: usize,
    size: usize,
    info: u8,
    other: u8,
    section: u16,
}

/// `Elf64_Verdef` and `Elf32_Verdef`, which are the same.
#[repr(C)]
struct Version {
    version: u16,
    flags: u16,
    index: u16,
    names: u16,
    hash: u32,
    /// The distance to the first name, of which the first word is its place among the strings.
    name: u32,
    /// The distance to the next version; 0 in the last one.
    next: u32,
}

/// The addresses of an object's tables; 0 if it does not have one.
#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    hash: usize,
    gnu_hash: usize,
    versions: usize,
    /// The names of the versions.
    defined: usize,
    /// Takes the values of all other tags.
    other: usize,
}

const DT_HASH: isize = 4;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_GNU_HASH: isize = 0x6fff_fef5;
const DT_VERSYM: isize = 0x6fff_fff0;
const DT_VERDEF: isize = 0x6fff_fffc;
const STT_FUNC: u8 = 2;
/// Marks a version kept for old programs only (`name@VERSION`, not `name@@VERSION`).
const VERSION_HIDDEN: u16 = 0x8000;
/// The highest index that stands for no version: such a definition serves a reference to any.
const NO_VERSION: u16 = 1;
/// How glibc's versions begin. (musl has none.)
static GLIBC: [u8; 6] = *b"GLIBC_";
const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;
/// Maximum number of objects to visit: a bound on a list that should be well-formed anyway.
const MOST_OBJECTS: usize = 4096;

/// The library's own entry in the loader's list; the objects after it are searched. Relaxed: the entry was complete
/// before any code of the library could run, and all threads store the same address.
#[unsafe(link_section = ".bss.usual")]
static SELF: AtomicPtr<LinkMap> = AtomicPtr::new(null_mut());

/// The hash of a name in a GNU hash table (binutils `bfd/elf.c`, `bfd_elf_gnu_hash`).
pub(crate) const fn hash(name: &[u8]) -> u32 {
    let mut hash: u32 = 5381;
    let mut rest = name;
    while let [byte, behind @ ..] = rest {
        hash = hash.wrapping_mul(33).wrapping_add(*byte as u32);
        rest = behind;
    }
    hash
}

/// A name to look up, with its hash, computed at compile time.
#[derive(Clone, Copy)]
pub(crate) struct Name<'n> {
    text: *const c_char,
    hash: u32,
    lives: PhantomData<&'n CStr>,
}

impl<'n> Name<'n> {
    pub(crate) const fn new(text: &'n CStr) -> Self {
        Name { text: text.as_ptr(), hash: hash(text.to_bytes()), lives: PhantomData }
    }
}

/// What the binder needs to know of a hook. `first_call!` (arch) makes these records. Addresses in them are relative to
/// the record, so they need no relocation and cost nothing until they are used.
#[repr(C)]
pub(crate) struct Hook {
    hash: u32,
    real: i32,
    last_resort: i32,
    // The name follows, with its terminating zero.
}

/// Finds the real function of a hook, stores its address and returns it. Called at the hook's first call.
///
/// # Safety
/// `hook` must be a record made by `first_call!`.
#[cold]
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) unsafe extern "C" fn resolve(hook: *const Hook) -> *mut () {
    // SAFETY: a record made by `first_call!`, as the caller promises; nothing ever writes to it.
    let record = unsafe { &*hook };
    let mut found = next(record.name());
    if found.is_null() {
        found = hook.wrapping_byte_offset(record.last_resort as isize).cast_mut().cast();
    }
    record.real().store(found, Relaxed);
    found
}

impl Hook {
    /// The hook's name.
    #[inline(always)]
    pub(crate) fn name(&self) -> Name<'_> {
        Name { text: (&raw const *self).wrapping_add(1).cast(), hash: self.hash, lives: PhantomData }
    }

    /// The hook's pointer to its real function.
    #[inline(always)]
    pub(crate) fn real(&self) -> &AtomicPtr<()> {
        // SAFETY: `first_call!` has stored the distance from the record to `REAL`, which is a static of this type.
        unsafe { &*(&raw const *self).wrapping_byte_offset(self.real as isize).cast() }
    }
}

/// dlsym(3); null if the host has none, or it does not know the name.
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) fn dlsym(handle: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: `name` is a C string.
    unsafe { look_up(handle, name.as_ptr()) }
}

/// # Safety
/// `name` must be a C string.
#[inline(never)]
#[unsafe(link_section = ".text.usual.bind")]
unsafe fn look_up(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let address = weak_address!("dlsym");
    if address == 0 {
        return null_mut();
    }
    // SAFETY: a nonzero address is that of the host's dlsym, whose signature POSIX fixes.
    let function: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void = unsafe { transmute(address) };
    // SAFETY: dlsym accepts RTLD_NEXT, null and handles, of which callers pass the first two, and the C string that the
    // caller promises.
    unsafe { function(handle, name) }
}

/// The next definition of a name after this library; null if there is none.
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) fn next(name: Name<'_>) -> *mut () {
    let here = own_entry();
    if !here.is_null() {
        // SAFETY: `own_entry` has found it in the loader's list. It is not freed while its object, this library, is
        // loaded.
        let mut entry = unsafe { (*here).next };
        let mut left = MOST_OBJECTS;
        while !entry.is_null() && left > 0 {
            // SAFETY: the loader links the entries, and those that were there at start-up are never freed.
            let object = unsafe { &*entry };
            if let Some(found) = object.find(name) {
                return found;
            }
            entry = object.next;
            left = left.wrapping_sub(1);
        }
    }
    // SAFETY: the text of a `Name` comes from a C string.
    unsafe { look_up(RTLD_NEXT, name.text) }.cast()
}

/// The library's own entry in the loader's list, laid out like `LinkMap`; null if it has not been looked for yet.
#[inline]
pub(crate) fn known_entry() -> *const () {
    SELF.load(Relaxed).cast()
}

/// The library's own entry in the loader's list; null if the list cannot be found (then dlsym is used).
#[unsafe(link_section = ".text.usual.bind")]
fn own_entry() -> *const LinkMap {
    let known = SELF.load(Relaxed);
    if !known.is_null() {
        return known;
    }
    let mut entry = list_head();
    let own = &raw const _DYNAMIC;
    let mut left = MOST_OBJECTS;
    while !entry.is_null() && left > 0 {
        // SAFETY: the loader links the entries, and those that were there at start-up are never freed.
        let object = unsafe { &*entry };
        if object.dynamic == own.cast() {
            SELF.store(entry.cast_mut(), Relaxed);
            return entry;
        }
        entry = object.next;
        left = left.wrapping_sub(1);
    }
    null_mut()
}

/// The head of the loader's list: `_r_debug` in glibc, `_dl_debug_addr` in musl. Both exist for debuggers.
#[unsafe(link_section = ".text.usual.bind")]
fn list_head() -> *const LinkMap {
    let mut debug = weak_address!("_r_debug") as *const Debug;
    if debug.is_null() {
        let pointer = dlsym(null_mut(), c"_dl_debug_addr").cast::<*const Debug>();
        if pointer.is_null() {
            return null_mut();
        }
        // SAFETY: musl's `_dl_debug_addr` is a pointer variable, set before any constructor runs.
        debug = unsafe { *pointer };
    }
    // SAFETY: the loader's `struct r_debug`, which it sets up before it runs any code of a library.
    unsafe { (*debug).map }
}

impl LinkMap {
    /// The tables named in the object's dynamic section, as addresses. glibc has relocated the entries in place, musl
    /// has not.
    #[unsafe(link_section = ".text.usual.bind")]
    fn tables(&self) -> Tables {
        let mut tables = Tables::default();
        let mut at = self.dynamic;
        // SAFETY: null, or an entry of an array that ends with DT_NULL (elf(5)), where the loop stops.
        while let Some(entry) = unsafe { at.as_ref() } {
            let place = match entry.tag {
                0 => break,
                DT_STRTAB => &mut tables.strings,
                DT_SYMTAB => &mut tables.symbols,
                DT_HASH => &mut tables.hash,
                DT_GNU_HASH => &mut tables.gnu_hash,
                DT_VERSYM => &mut tables.versions,
                DT_VERDEF => &mut tables.defined,
                _ => &mut tables.other,
            };
            *place = if entry.value < self.base { self.base.wrapping_add(entry.value) } else { entry.value };
            at = at.wrapping_add(1);
        }
        tables
    }

    /// Finds a function in this object's GNU hash table (layout: binutils `bfd/elflink.c`,
    /// `elf_gnu_hash_process_symidx`). An object with only the older table (elf(5)) is searched symbol by symbol; that
    /// table gives their number.
    #[unsafe(link_section = ".text.usual.bind")]
    fn find(&self, name: Name<'_>) -> Option<*mut ()> {
        let tables = self.tables();
        if tables.symbols == 0 || tables.strings == 0 {
            return None;
        }
        if tables.gnu_hash == 0 {
            let count = if tables.hash == 0 { 0 } else { word(tables.hash as *const u32, 1) };
            return (1..count).find_map(|symbol| self.defines(&tables, symbol, name));
        }
        let hash = tables.gnu_hash as *const u32;
        let (buckets, first, words, shift) = (word(hash, 0), word(hash, 1), word(hash, 2), word(hash, 3));
        if buckets == 0 || words == 0 {
            return None;
        }
        let bloom = hash.wrapping_add(4).cast::<usize>();
        let index = (name.hash / usize::BITS) & words.wrapping_sub(1);
        // SAFETY: the bloom filter has `words` words after the four words of the header, and `index` is masked to their
        // number, a power of two.
        let filter = unsafe { *bloom.wrapping_add(index as usize) };
        let bits = (1usize << (name.hash % usize::BITS)) | (1usize << ((name.hash >> (shift % 32)) % usize::BITS));
        if filter & bits != bits {
            return None;
        }
        let bucket = bloom.wrapping_add(words as usize).cast::<u32>();
        let chain = bucket.wrapping_add(buckets as usize);
        let mut symbol = word(bucket, name.hash.checked_rem(buckets)?);
        if symbol < first {
            return None;
        }
        loop {
            let entry = word(chain, symbol.wrapping_sub(first));
            if (entry ^ name.hash) >> 1 == 0
                && let Some(found) = self.defines(&tables, symbol, name)
            {
                return Some(found);
            }
            if entry & 1 != 0 {
                return None;
            }
            symbol = symbol.wrapping_add(1);
        }
    }

    /// The address of symbol `index`, if it is the function of this name that a program's reference would reach: without a
    /// version, or the default one of glibc's. A library may define the same name under a version of its own, and means
    /// something else by it.
    #[inline(never)]
    #[unsafe(link_section = ".text.usual.bind")]
    fn defines(&self, tables: &Tables, index: u32, name: Name<'_>) -> Option<*mut ()> {
        let symbol = (tables.symbols as *const Symbol).wrapping_add(index as usize);
        // SAFETY: `index` comes from the object's own hash table, which only refers to symbols of its symbol table.
        let symbol = unsafe { &*symbol };
        let text = (tables.strings as *const c_char).wrapping_add(symbol.name as usize);
        if symbol.section == 0 || symbol.info & 15 != STT_FUNC || !same(text, name.text) {
            return None;
        }
        if tables.versions != 0 {
            // SAFETY: the version table has an entry for each symbol, and `index` is one.
            let version = unsafe { *(tables.versions as *const u16).wrapping_add(index as usize) };
            if version & VERSION_HIDDEN != 0 || version > NO_VERSION && !is_glibcs(tables, version) {
                return None;
            }
        }
        Some(self.base.wrapping_add(symbol.value) as *mut ())
    }
}

/// Is the version of this index one of glibc's? (Layout: the Linux Standard Base, "Symbol Versioning".)
#[unsafe(link_section = ".text.usual.bind")]
fn is_glibcs(tables: &Tables, index: u16) -> bool {
    let mut at = tables.defined as *const Version;
    // SAFETY: null, or an entry of the object's table of versions, which are linked until one has no next.
    while let Some(version) = unsafe { at.as_ref() } {
        if version.index == index {
            let name = word(at.wrapping_byte_add(version.name as usize).cast(), 0);
            return starts((tables.strings as *const c_char).wrapping_add(name as usize), &GLIBC);
        }
        if version.next == 0 {
            break;
        }
        at = at.wrapping_byte_add(version.next as usize);
    }
    false
}

/// A 32-bit word of a hash table of a loaded object.
#[unsafe(link_section = ".text.usual.bind")]
fn word(table: *const u32, index: u32) -> u32 {
    // SAFETY: callers stay inside the table, as its own header describes it.
    unsafe { *table.wrapping_add(index as usize) }
}

/// strcmp(3) == 0, without libc.
#[unsafe(link_section = ".text.usual.bind")]
fn same(one: *const c_char, other: *const c_char) -> bool {
    let mut at = 0usize;
    loop {
        // SAFETY: inside the C string: every byte before this one was equal to the other string's, and not zero.
        let byte = unsafe { *one.wrapping_add(at) };
        // SAFETY: inside the other C string, for the same reason.
        if byte != unsafe { *other.wrapping_add(at) } {
            return false;
        }
        if byte == 0 {
            return true;
        }
        at = at.wrapping_add(1);
    }
}

/// Does the C string start with these bytes?
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) fn starts(text: *const c_char, with: &[u8]) -> bool {
    // SAFETY: a C string. A byte is read only if all bytes before it were equal to nonzero ones, so it
    // is not past the terminator.
    (0..).zip(with).all(|(n, byte)| unsafe { *text.wrapping_add(n) } as u8 == *byte)
}

/// The address of this thread's errno; null if libc has no `__errno_location`.
pub(crate) fn errno() -> *mut c_int {
    #[unsafe(link_section = ".bss.usual")]
    static LOCATION: AtomicPtr<()> = AtomicPtr::new(null_mut());
    const NAME: Name<'_> = Name::new(c"__errno_location");
    let mut location = LOCATION.load(Relaxed);
    if location.is_null() {
        location = next(NAME);
        if location.is_null() {
            return null_mut();
        }
        LOCATION.store(location, Relaxed);
    }
    // SAFETY: glibc and musl both define `int *__errno_location(void)` (LSB).
    let function: unsafe extern "C" fn() -> *mut c_int = unsafe { transmute(location) };
    // SAFETY: the function takes no arguments and returns an address; it may be called anywhere.
    unsafe { function() }
}

/// This thread's errno; 0 if it cannot be found.
pub(crate) fn last_error() -> c_int {
    // SAFETY: null, or the address of this thread's errno.
    unsafe { errno().as_ref() }.copied().unwrap_or(0)
}

/// Sets this thread's errno.
#[cold]
pub(crate) fn set_error(error: c_int) {
    // SAFETY: null, or the address of this thread's errno, which no other thread accesses.
    if let Some(errno) = unsafe { errno().as_mut() } {
        *errno = error;
    }
}

/// Turns a kernel result into a libc result: -1 and errno on failure.
#[inline(never)]
pub(crate) fn finish(result: isize) -> isize {
    if !(-4095..0).contains(&result) {
        return result;
    }
    set_error(result.wrapping_neg() as c_int);
    -1
}
