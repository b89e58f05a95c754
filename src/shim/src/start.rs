//! Start-up: reads the settings from the environment, once, and turns the table on. Runs before `main`, perhaps after other
//! libraries' constructors have used sockets; until it has run, every hook only forwards.
//!
//! No file is opened unless TCPTUNE_ONLY or TCPTUNE_SKIP asks for the program's name.

use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int, c_ulong};
use core::mem::transmute;

use once_cell::race::OnceRef;
use policy::{Settings, Tuning};
use policy::socket::{Kind, Socket};

use crate::arch::syscall6;
use crate::bind::{self, Name};
use crate::mode::{self, SETS_OPTIONS, SPECIAL};
use crate::{hold, kernel, table};

/// Settings under construction; only start-up writes here, before it publishes the reference below.
struct Draft(UnsafeCell<Settings>);
// SAFETY: `start` alone touches the cell, before the process has a second thread or any hook looks (they look at CURRENT).
unsafe impl Sync for Draft {}

static DRAFT: Draft = Draft(UnsafeCell::new(Settings::DEFAULT));
/// The defaults; never written, but in a cell all the same, which keeps 7 kB of zeros out of the file.
static DEFAULT: Draft = Draft(UnsafeCell::new(Settings::DEFAULT));
/// What is in force; unset means the defaults. A race cell: it never blocks (once_cell's others may).
#[unsafe(link_section = ".data")]
static CURRENT: OnceRef<'static, Settings> = OnceRef::new();

/// Do the defaults hold for every socket of this process?
#[inline(always)]
pub(crate) fn plain() -> bool {
    !mode::is(SPECIAL)
}

/// The settings in force.
#[inline]
pub(crate) fn settings() -> &'static Settings {
    // SAFETY: DEFAULT is never written, so a shared reference to it is always allowed.
    CURRENT.get().unwrap_or_else(|| unsafe { &*DEFAULT.0.get() })
}

/// glibc calls constructors with main's arguments, musl with none.
#[used]
#[unsafe(link_section = ".init_array")]
static START: unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char) = start;

/// What is still held when the process ends by exit(3) or by returning from main.
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

extern "C" fn end() {
    hold::release_all();
}

unsafe extern "C" fn start(_count: c_int, _arguments: *const *const c_char, given: *const *const c_char) {
    let mut passed_by_systemd = 0;
    let environment = environment(given);
    let mut found = false;
    each_variable(environment, |name, value| {
        found |= name.starts_with(b"TCPTUNE");
        if name == b"LISTEN_FDS" {
            passed_by_systemd = small_number(value);
        }
    });
    if found && !privileged() && !read(environment) {
        return;
    }
    table::enable();
    // Sockets that were inherited: an inetd-style server has one on 0 to 2, systemd passes them from 3 on. Others are met
    // when a call that only sockets have is made on them.
    for fd in 0..3i32.saturating_add(passed_by_systemd) {
        table::add(fd, Socket::new(Kind::Unknown));
    }
}

/// Reads the TCPTUNE variables; false where tuning stays off.
#[cold]
fn read(environment: *const *const c_char) -> bool {
    // SAFETY: see `Draft`: nobody else can have a reference yet.
    let draft = unsafe { &mut *DRAFT.0.get() };
    let mut valid = true;
    each_variable(environment, |name, value| {
        if let Err(fault) = draft.apply(name, value)
            && valid
        {
            valid = false;
            complain(|put| fault.line(value, put));
        }
    });
    draft.finish();
    if !valid || !draft.enabled() {
        return false;
    }
    if draft.names_wanted() && !wanted_program(draft) {
        return false;
    }
    if draft.sets_options() {
        mode::raise(SETS_OPTIONS);
    }
    if draft.has_rules() || draft.base != Tuning::DEFAULT {
        mode::raise(SPECIAL);
    }
    let _ = CURRENT.set(draft);
    true
}

/// One line on standard error, unless that is a network connection: our text must not enter a protocol stream.
fn complain(line: impl FnOnce(&mut dyn FnMut(&[u8]))) {
    let domain = kernel::get_int(2, libc::SOL_SOCKET, libc::SO_DOMAIN);
    if matches!(domain, Some(libc::AF_INET | libc::AF_INET6)) {
        return;
    }
    // Collected first, so that it is one write: lines of several processes do not mix.
    let mut text = [0u8; 512];
    let mut used = 0usize;
    line(&mut |piece| {
        for &byte in piece {
            if let Some(place) = text.get_mut(used) {
                *place = byte;
                used = used.wrapping_add(1);
            }
        }
    });
    if let Some(last) = text.get_mut(used.wrapping_sub(1)) {
        *last = b'\n';
    }
    kernel::write(2, text.get(..used).unwrap_or(&[]));
}

/// Is this program among those that TCPTUNE_ONLY and TCPTUNE_SKIP leave to us?
#[cold]
fn wanted_program(settings: &Settings) -> bool {
    let (mut exe, mut command) = ([0u8; 4096], [0u8; 4096]);
    let (path, at) = (c"/proc/self/exe".as_ptr() as usize, exe.as_mut_ptr() as usize);
    // SAFETY: readlinkat(2) reads the path and writes at most `exe.len()` bytes.
    let length = unsafe { syscall6(libc::SYS_readlinkat, libc::AT_FDCWD as usize, path, at, exe.len(), 0, 0) };
    let exe = exe.get(..length.max(0) as usize).unwrap_or(&[]);
    let path = c"/proc/self/cmdline".as_ptr() as usize;
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    // SAFETY: openat(2) reads the path.
    let fd = unsafe { syscall6(libc::SYS_openat, libc::AT_FDCWD as usize, path, flags, 0, 0, 0) };
    if fd >= 0 {
        // SAFETY: read(2) writes at most `command.len()` bytes; the descriptor is the one just opened.
        unsafe { syscall6(libc::SYS_read, fd as usize, command.as_mut_ptr() as usize, command.len(), 0, 0, 0) };
        // SAFETY: closes the descriptor opened above, which nobody else knows.
        unsafe { syscall6(libc::SYS_close, fd as usize, 0, 0, 0, 0, 0) };
    }
    let end = command.iter().position(|&byte| byte == 0).unwrap_or(command.len());
    settings.wants_program(exe, command.get(..end).unwrap_or(&[]))
}

/// Does this program run with more rights than its caller (set-user-ID, file capabilities)? Then the environment is the
/// caller's, and must not steer us; only /etc/ld.so.preload can have loaded the library there.
#[cold]
fn privileged() -> bool {
    const NAME: Name<'_> = Name::new(c"getauxval");
    let found = bind::next(NAME);
    if found.is_null() {
        return false;
    }
    // SAFETY: getauxval(3) is `unsigned long getauxval(unsigned long)` in glibc and musl.
    let getauxval: unsafe extern "C" fn(c_ulong) -> c_ulong = unsafe { transmute(found) };
    // SAFETY: it takes any number.
    unsafe { getauxval(libc::AT_SECURE) != 0 }
}

/// The environment: libc's own pointer where it is set already, else what the constructor was given (glibc may initialise
/// itself after us; musl passes nothing, but has set its own before).
fn environment(given: *const *const c_char) -> *const *const c_char {
    let variable = bind::dlsym(core::ptr::null_mut(), c"environ").cast::<*const *const c_char>();
    if !variable.is_null() {
        // SAFETY: `environ` is a pointer variable of libc or of the program (environ(7)).
        let current = unsafe { *variable };
        if !current.is_null() {
            return current;
        }
    }
    given
}

/// Calls `visit` with the name and the value of each variable that can be ours or systemd's.
fn each_variable(environment: *const *const c_char, mut visit: impl FnMut(&'static [u8], &'static [u8])) {
    let mut at = environment;
    // SAFETY: null, or a null-terminated array of strings that lives as long as the process (environ(7)).
    while let Some(&text) = unsafe { at.as_ref() } {
        if text.is_null() {
            return;
        }
        at = at.wrapping_add(1);
        // SAFETY: an element of the environment, a C string of at least one byte (its terminator).
        let first = unsafe { *text } as u8;
        if first == b'T' || first == b'L' {
            // SAFETY: as above.
            let bytes = unsafe { bytes_of(text) };
            let end = bytes.iter().position(|&byte| byte == b'=').unwrap_or(bytes.len());
            let (name, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            if name.starts_with(b"TCPTUNE") || name == b"LISTEN_FDS" {
                visit(name, rest.split_first().map_or(&[], |(_, value)| value));
            }
        }
    }
}

/// The bytes of a C string, without its terminator.
///
/// # Safety
/// `text` must be a C string that is neither changed nor freed.
unsafe fn bytes_of(text: *const c_char) -> &'static [u8] {
    let mut length = 0usize;
    // SAFETY: every byte up to the terminator is readable.
    while unsafe { *text.wrapping_add(length) } != 0 {
        length = length.wrapping_add(1);
    }
    // SAFETY: `length` readable bytes that the caller promises to leave alone.
    unsafe { core::slice::from_raw_parts(text.cast(), length) }
}

/// A decimal number of at most three digits, 0 for anything else.
fn small_number(text: &[u8]) -> i32 {
    if text.len() > 3 || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0, |number: i32, &digit| number.wrapping_mul(10).wrapping_add(i32::from(digit & 15)))
}
