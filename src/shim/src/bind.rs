//! Finds the next definition of a hooked name: the one that the program would have reached without us.
//!
//! dlsym(3) takes the loader's lock, and in older glibc the heap, so it is not for a signal handler or a vfork child. The
//! loader's list of objects and their symbol tables (elf(5), ld.so's `<link.h>`) are plain memory that does not move: this
//! file reads them, with no lock, no heap and no system call. dlsym is the fallback, and not always there: before glibc 2.34
//! it lives in a library of its own, which most programs do not load.
//! It only ever walks objects that were there at start-up: libc stands before everything that dlopen adds.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::marker::PhantomData;
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

unsafe extern "C" {
    /// Our own dynamic section, by which our entry in the list is known. Defined by the linker.
    static _DYNAMIC: [Dynamic; 0];
}

/// `struct link_map` of `<link.h>`, the public part; musl's `struct dso` begins the same way.
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

/// `Elf32_Sym`: the same in another order.
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

/// Where the tables of an object are; 0 where it has none.
#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    hash: usize,
    gnu_hash: usize,
    versions: usize,
    /// Everything else.
    other: usize,
}

const DT_HASH: isize = 4;
const DT_STRTAB: isize = 5;
const DT_SYMTAB: isize = 6;
const DT_GNU_HASH: isize = 0x6fff_fef5;
const DT_VERSYM: isize = 0x6fff_fff0;
const STT_FUNC: u8 = 2;
/// A version that is kept for old programs only (`name@VERSION`, not `name@@VERSION`).
const VERSION_HIDDEN: u16 = 0x8000;
const RTLD_NEXT: *mut c_void = usize::MAX as *mut c_void;
/// Objects looked at before giving up: a bound for a list that should be well-formed anyway.
const MOST_OBJECTS: usize = 4096;

/// Our own entry in the loader's list; the objects behind it are searched. Relaxed: the entry was complete before any code
/// of ours could run, and every thread that stores here stores the same address.
#[unsafe(link_section = ".bss.usual")]
static SELF: AtomicPtr<LinkMap> = AtomicPtr::new(null_mut());

/// The hash of a name in the GNU hash table (the one of binutils `bfd/elf.c`, `bfd_elf_gnu_hash`).
pub(crate) const fn hash(name: &[u8]) -> u32 {
    let mut hash: u32 = 5381;
    let mut rest = name;
    while let [byte, behind @ ..] = rest {
        hash = hash.wrapping_mul(33).wrapping_add(*byte as u32);
        rest = behind;
    }
    hash
}

/// A name to look up, with its hash computed when the library is compiled.
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

/// What the binder needs to know of a hook. Made by `first_call!` (arch), which keeps addresses as distances from the record
/// itself: they need no relocation, so that the records cost nothing before they are used.
#[repr(C)]
pub(crate) struct Hook {
    hash: u32,
    real: i32,
    last_resort: i32,
    // Behind it: the name, with a zero byte at its end.
}

/// Finds a hook's real function, keeps it, and says where it is: called at the hook's first call.
///
/// # Safety
/// `hook` must be a record made by `first_call!`.
#[cold]
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) unsafe extern "C" fn resolve(hook: *const Hook) -> *mut () {
    // SAFETY: the caller's record, which is never written.
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

    /// Its pointer to the real function.
    #[inline(always)]
    pub(crate) fn real(&self) -> &AtomicPtr<()> {
        // SAFETY: the record's distance to that pointer, which is a static.
        unsafe { &*(&raw const *self).wrapping_byte_offset(self.real as isize).cast() }
    }
}

/// dlsym(3); null where the host has none or does not know the name.
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) fn dlsym(handle: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: a C string.
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
    // SAFETY: the host's dlsym, whose signature POSIX fixes.
    let function: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void = unsafe { transmute(address) };
    // SAFETY: dlsym takes any handle constant and a C string.
    unsafe { function(handle, name) }
}

/// The next definition after this library; null where there is none.
#[unsafe(link_section = ".text.usual.bind")]
pub(crate) fn next(name: Name<'_>) -> *mut () {
    let here = own_entry();
    if !here.is_null() {
        // SAFETY: an entry of the loader's list, found by own_entry, is never freed while its object (we) is loaded.
        let mut entry = unsafe { (*here).next };
        let mut left = MOST_OBJECTS;
        while !entry.is_null() && left > 0 {
            // SAFETY: entries are linked by the loader; those that were there at start-up stay.
            let object = unsafe { &*entry };
            if let Some(found) = object.find(name) {
                return found;
            }
            entry = object.next;
            left = left.wrapping_sub(1);
        }
    }
    // SAFETY: a `Name` is made of a C string.
    unsafe { look_up(RTLD_NEXT, name.text) }.cast()
}

/// Our entry in the loader's list, if it was looked for; for reading it as `LinkMap` says.
#[inline]
pub(crate) fn known_entry() -> *const () {
    SELF.load(Relaxed).cast()
}

/// Our entry in the loader's list; null where the list cannot be had (then dlsym serves).
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
        // SAFETY: as in `next`.
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

/// The head of the loader's list: `_r_debug` in glibc, `_dl_debug_addr` in musl; both exist for debuggers.
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
    // SAFETY: the loader's `struct r_debug`, set up before it runs any code of a library.
    unsafe { (*debug).map }
}

impl LinkMap {
    /// The tables of the object's dynamic section, as addresses: glibc has relocated them in place, musl has not.
    #[unsafe(link_section = ".text.usual.bind")]
    fn tables(&self) -> Tables {
        let mut tables = Tables::default();
        let mut at = self.dynamic;
        // SAFETY: null, or an array that ends with a DT_NULL entry (elf(5)).
        while let Some(entry) = unsafe { at.as_ref() } {
            let place = match entry.tag {
                0 => break,
                DT_STRTAB => &mut tables.strings,
                DT_SYMTAB => &mut tables.symbols,
                DT_HASH => &mut tables.hash,
                DT_GNU_HASH => &mut tables.gnu_hash,
                DT_VERSYM => &mut tables.versions,
                _ => &mut tables.other,
            };
            *place = if entry.value < self.base { self.base.wrapping_add(entry.value) } else { entry.value };
            at = at.wrapping_add(1);
        }
        tables
    }

    /// Looks a function up in this object's GNU hash table (layout: binutils `bfd/elflink.c`, `elf_gnu_hash_process_symidx`),
    /// or, where the object only has the older table (elf(5)), among all its symbols, whose number that table tells.
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
        // SAFETY: the filter has `words` (a power of two) words behind the four of the header.
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

    /// The address of symbol `index` if it is the default version of a function of that name.
    #[inline(never)]
    #[unsafe(link_section = ".text.usual.bind")]
    fn defines(&self, tables: &Tables, index: u32, name: Name<'_>) -> Option<*mut ()> {
        let symbol = (tables.symbols as *const Symbol).wrapping_add(index as usize);
        // SAFETY: `index` comes from the object's own hash table, which only names symbols of its symbol table.
        let symbol = unsafe { &*symbol };
        let text = (tables.strings as *const c_char).wrapping_add(symbol.name as usize);
        if symbol.section == 0 || symbol.info & 15 != STT_FUNC || !same(text, name.text) {
            return None;
        }
        if tables.versions != 0 {
            // SAFETY: the version table has one entry for each symbol.
            let version = unsafe { *(tables.versions as *const u16).wrapping_add(index as usize) };
            if version & VERSION_HIDDEN != 0 {
                return None;
            }
        }
        Some(self.base.wrapping_add(symbol.value) as *mut ())
    }
}

/// A 32-bit word of a hash table that the loader has mapped.
#[unsafe(link_section = ".text.usual.bind")]
fn word(table: *const u32, index: u32) -> u32 {
    // SAFETY: callers index within the table that its own header describes.
    unsafe { *table.wrapping_add(index as usize) }
}

/// strcmp(3) == 0, without libc.
#[unsafe(link_section = ".text.usual.bind")]
fn same(one: *const c_char, other: *const c_char) -> bool {
    let mut at = 0usize;
    loop {
        // SAFETY: a C string, of which every byte before this one was like the other's and not the last.
        let byte = unsafe { *one.wrapping_add(at) };
        // SAFETY: as above.
        if byte != unsafe { *other.wrapping_add(at) } {
            return false;
        }
        if byte == 0 {
            return true;
        }
        at = at.wrapping_add(1);
    }
}

/// Where errno of this thread is; null where libc does not say.
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
    // SAFETY: it takes nothing and only returns an address.
    unsafe { function() }
}

/// The current errno; 0 where it cannot be had.
pub(crate) fn last_error() -> c_int {
    // SAFETY: null, or the address of this thread's errno.
    unsafe { errno().as_ref() }.copied().unwrap_or(0)
}

/// Sets errno.
#[cold]
pub(crate) fn set_error(error: c_int) {
    // SAFETY: null, or the address of this thread's errno, which only this thread uses.
    if let Some(errno) = unsafe { errno().as_mut() } {
        *errno = error;
    }
}

/// Turns a kernel result into libc's: -1 and errno on failure.
#[inline(never)]
pub(crate) fn finish(result: isize) -> isize {
    if !(-4095..0).contains(&result) {
        return result;
    }
    set_error(result.wrapping_neg() as c_int);
    -1
}
