//! Start-up: reads the settings from the environment, once, and turns the table on. Runs before `main`, but other
//! libraries' constructors may have used sockets earlier; until it has run, every hook only forwards.
//!
//! No file is opened here unless TCPTUNE_ONLY or TCPTUNE_SKIP needs the program's name, or TCPTUNE_STATS names a directory; then,
//! and for the line about an invalid value, it is first looked whether the process may make such calls.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_ulong};
use core::mem::transmute;

use once_cell::race::OnceRef;
use policy::{Settings, Tuning};

use engine::{BACKTRACES, COUNTING, LOOKED, SETS_OPTIONS, SPECIAL};

use crate::arch::syscall6;
use crate::machine::{LIBRARY, Linux};
use crate::{bind, count, kernel};

/// The settings under construction. Only start-up writes to them, before it publishes the reference in `CURRENT`.
struct Draft(UnsafeCell<Settings>);
// SAFETY: only `start` accesses the cell, before the process has a second thread, and hooks read `CURRENT` instead.
unsafe impl Sync for Draft {}

/// Placed at the beginning of a page, so that what every process reads is in its first page.
#[unsafe(link_section = ".bss.draft")]
static DRAFT: Draft = Draft(UnsafeCell::new(Settings::DEFAULT));
/// The defaults. Never written, but in a cell all the same, which keeps 7 kB of zeros out of the file.
static DEFAULT: Draft = Draft(UnsafeCell::new(Settings::DEFAULT));
/// The settings in force; unset means the defaults. once_cell's race cells never block, unlike its others.
#[unsafe(link_section = ".data")]
static CURRENT: OnceRef<'static, Settings> = OnceRef::new();

/// The settings in force.
#[inline]
pub(crate) fn settings() -> &'static Settings {
    // SAFETY: nothing ever writes to DEFAULT, so shared references to it are always allowed.
    CURRENT.get().unwrap_or_else(|| unsafe { &*DEFAULT.0.get() })
}

/// The constructor. glibc passes it the arguments of main, musl passes nothing.
#[used]
#[unsafe(link_section = ".init_array")]
static START: unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char) = start;

/// The destructor: releases what is still held when the process ends by exit(3) or by returning from main.
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

#[unsafe(link_section = ".text.usual.start")]
extern "C" fn end() {
    LIBRARY.let_go_of_all();
    if count::on() {
        count::ended();
    }
}

#[unsafe(link_section = ".text.usual.start")]
unsafe extern "C" fn start(_count: c_int, _arguments: *const *const c_char, given: *const *const c_char) {
    let mut passed_by_systemd = 0;
    let environment = environment(given);
    let mut found = false;
    each_variable(environment, |variable| match variable {
        Variable::Ours(_) => found = true,
        // SAFETY: a string of the environment, which nothing changes before `main`.
        Variable::Listen(value) => passed_by_systemd = small_number(unsafe { bytes_of(value) }),
    });
    if found && !privileged(environment) && !read(environment) {
        return;
    }
    LIBRARY.enable();
    // Inherited sockets: an inetd-style server has one on 0 to 2, and systemd passes them from 3 on. Any others are
    // classified when a call is made on them that only sockets have.
    for fd in 0..3i32.saturating_add(passed_by_systemd) {
        LIBRARY.given(fd);
    }
}

/// Reads the TCPTUNE variables. Returns false if tuning stays off.
#[cold]
fn read(environment: *const *const c_char) -> bool {
    // SAFETY: only start-up accesses the cell (see `Draft`), once, so there is no other reference.
    let draft = unsafe { &mut *DRAFT.0.get() };
    let mut fault = None;
    each_variable(environment, |variable| {
        let Variable::Ours(text) = variable else { return };
        // SAFETY: a string of the environment, which nothing changes before `main`.
        let text = unsafe { bytes_of(text) };
        let Some(end) = text.iter().position(|&byte| byte == b'=') else { return };
        let (name, value) = text.split_at_checked(end).unwrap_or_default();
        let value = value.split_first().map_or(&[] as &[u8], |(_, value)| value);
        if let Err(wrong) = draft.apply(name, value)
            && fault.is_none()
        {
            fault = Some((wrong, value));
        }
    });
    draft.finish();
    if draft.any_call() {
        LIBRARY.raise(LOOKED);
    }
    if let Some((fault, value)) = fault {
        let mut line = Line::EMPTY;
        fault.line(value, &mut |piece| line.add(piece));
        line.complain();
        return false;
    }
    if !draft.enabled() || draft.names_wanted() && (LIBRARY.is_confined() || !wanted_program(draft)) {
        return false;
    }
    if draft.sets_options() {
        LIBRARY.raise(SETS_OPTIONS);
    }
    let counts = !draft.stats().is_empty() && !LIBRARY.is_confined();
    if draft.has_rules() || draft.base != Tuning::DEFAULT || draft.split() != 0 || counts {
        LIBRARY.raise(SPECIAL);
    }
    let _ = CURRENT.set(draft);
    if counts {
        count_from_now_on(environment);
    }
    true
}

/// Turns counting on, if the directory for the files can be used. If not, the program gets a line of text but is tuned
/// all the same.
#[cold]
fn count_from_now_on(environment: *const *const c_char) {
    if let Err(reason) = count::check_directory() {
        let mut line = Line::EMPTY;
        line.add(b"tcptune: TCPTUNE_STATS: `");
        line.add(settings().stats());
        line.add(b"` ");
        line.add(reason.as_bytes());
        line.add(b"; nothing is counted\n");
        return line.complain();
    }
    // SAFETY: only start-up accesses the cell before `COUNTING` is raised (see `Given`), and this is the only
    // reference.
    let given = unsafe { &mut *GIVEN.0.get() };
    each_variable(environment, |variable| {
        if let Variable::Ours(text) = variable {
            // SAFETY: a string of the environment, which nothing changes before `main`.
            given.add(unsafe { bytes_of(text) });
            given.add(b" ");
        }
    });
    LIBRARY.raise(if settings().backtraces() { COUNTING | BACKTRACES } else { COUNTING });
}

/// The settings as they were given, copied because a program may overwrite its environment.
struct Given(UnsafeCell<Line>);
// SAFETY: written only by start-up, before the process has a second thread; afterwards only read.
unsafe impl Sync for Given {}
static GIVEN: Given = Given(UnsafeCell::new(Line::EMPTY));

/// The variables that were set, separated by blanks.
pub(crate) fn given() -> &'static [u8] {
    // SAFETY: nothing writes to the cell after start-up.
    let line = unsafe { &*GIVEN.0.get() };
    line.text.get(..line.used).unwrap_or(&[]).trim_ascii_end()
}

/// A line of text, collected so that it takes a single write: lines of several processes do not mix.
struct Line {
    text: [u8; 512],
    used: usize,
}

impl Line {
    const EMPTY: Line = Line { text: [0; 512], used: 0 };

    /// Writes the line to standard error, unless that is a network connection: it must not get into a protocol stream. A
    /// confined process must not ask whether it is.
    #[cold]
    #[inline(never)]
    fn complain(&mut self) {
        if LIBRARY.is_confined() {
            return;
        }
        let domain = engine::get_int::<Linux>(2, libc::SOL_SOCKET, libc::SO_DOMAIN);
        if matches!(domain, Some(libc::AF_INET | libc::AF_INET6)) {
            return;
        }
        if let Some(last) = self.text.get_mut(self.used.wrapping_sub(1)) {
            *last = b'\n';
        }
        kernel::write(2, self.text.get(..self.used).unwrap_or(&[]));
    }

    /// Adds as much as there is space for.
    #[inline(never)]
    fn add(&mut self, piece: &[u8]) {
        for &byte in piece {
            if let Some(place) = self.text.get_mut(self.used) {
                *place = byte;
                self.used = self.used.wrapping_add(1);
            }
        }
    }
}

/// Do TCPTUNE_ONLY and TCPTUNE_SKIP allow this program to be tuned?
#[cold]
fn wanted_program(settings: &Settings) -> bool {
    let (mut exe, mut command) = ([0u8; 4096], [0u8; 4096]);
    let command = command_line(&mut command);
    let name = command.split(|&byte| byte == 0).next().unwrap_or(&[]);
    settings.wants_program(program(&mut exe), name)
}

/// The path of the program's file.
#[cold]
pub(crate) fn program(room: &mut [u8]) -> &[u8] {
    let (path, at) = (c"/proc/self/exe".as_ptr() as usize, room.as_mut_ptr() as usize);
    // SAFETY: readlinkat(2) reads the path, a C string, and writes at most `room.len()` bytes to `room`.
    let length = unsafe { syscall6(libc::SYS_readlinkat, libc::AT_FDCWD as usize, path, at, room.len(), 0, 0) };
    room.get(..length.max(0) as usize).unwrap_or(&[])
}

/// The program's arguments, each with a zero byte after it; the first is its name.
#[cold]
pub(crate) fn command_line(room: &mut [u8]) -> &[u8] {
    let length = kernel::read_file(c"/proc/self/cmdline", room);
    room.get(..length).unwrap_or(&[])
}

/// Does this program have more privileges than its caller (set-user-ID, file capabilities)? Then the environment is the
/// caller's and must have no effect. Only /etc/ld.so.preload can have loaded the library into such a program.
#[cold]
#[inline(never)]
fn privileged(environment: *const *const c_char) -> bool {
    if let Some(secure) = secure_by_stack(environment) {
        return secure;
    }
    const NAME: bind::Name<'_> = bind::Name::new(c"getauxval");
    let found = bind::next(NAME);
    if found.is_null() {
        return false;
    }
    // SAFETY: getauxval(3) is `unsigned long getauxval(unsigned long)` in glibc and musl.
    let getauxval: unsafe extern "C" fn(c_ulong) -> c_ulong = unsafe { transmute(found) };
    // SAFETY: getauxval(3) accepts any number.
    unsafe { getauxval(libc::AT_SECURE) != 0 }
}

/// AT_SECURE from the auxiliary vector, which the kernel puts after the environment on the stack (getauxval(3)). This
/// spares a search through libc and the pages that it would touch. None if the environment has moved, or if the loader
/// has removed variables, as it does for a privileged program: then leftover pointers follow the environment, and no
/// entry of the vector begins with one.
fn secure_by_stack(environment: *const *const c_char) -> Option<bool> {
    const MOST_ENTRIES: usize = 64;
    const HIGHEST_KEY: usize = 255;
    let here = 0u8;
    // Above this frame there is only the stack of the first thread, as the kernel has filled it.
    if (environment as usize) < &raw const here as usize {
        return None;
    }
    let mut at = environment;
    // SAFETY: the environment is a null-terminated array (environ(7)), and the loop stops at its end.
    while !unsafe { *at }.is_null() {
        at = at.wrapping_add(1);
    }
    let mut entry = at.wrapping_add(1).cast::<[usize; 2]>();
    let mut secure = None;
    for _ in 0..MOST_ENTRIES {
        // SAFETY: after the environment on the stack comes the auxiliary vector, which ends with a key of 0; the loader
        // needs it too. The loop stops there, or at anything that is not an entry.
        let [key, value] = unsafe { *entry };
        match key {
            0 => return secure,
            key if key == libc::AT_SECURE as usize => secure = Some(value != 0),
            1..=HIGHEST_KEY => {}
            _ => return None,
        }
        entry = entry.wrapping_add(1);
    }
    None
}

/// The environment: libc's own pointer if it is set, otherwise the one passed to the constructor. (glibc may initialise
/// itself after this library. musl passes nothing, but has set its pointer earlier.)
#[unsafe(link_section = ".text.usual.start")]
fn environment(given: *const *const c_char) -> *const *const c_char {
    let variable = bind::dlsym(core::ptr::null_mut(), ENVIRON).cast::<*const *const c_char>();
    if !variable.is_null() {
        // SAFETY: `environ` is a pointer variable of libc or of the program (environ(7)).
        let current = unsafe { *variable };
        if !current.is_null() {
            return current;
        }
    }
    given
}

/// The texts that every start compares with. As named statics they are placed on the page that every process reads
/// (layout.ld); unnamed literals, which serve messages and settings, are placed elsewhere.
static OURS: [u8; 7] = *b"TCPTUNE";
static LISTEN: [u8; 11] = *b"LISTEN_FDS=";
static ENVIRON_NAME: [u8; 8] = *b"environ\0";
const ENVIRON: &CStr = match CStr::from_bytes_with_nul(&ENVIRON_NAME) {
    Ok(name) => name,
    Err(_) => c"",
};

/// Calls `visit` with each variable that may be the library's or systemd's.
#[unsafe(link_section = ".text.usual.start")]
fn each_variable(environment: *const *const c_char, mut visit: impl FnMut(Variable)) {
    let mut at = environment;
    // SAFETY: null, or a null-terminated array of strings that lives as long as the process (environ(7)).
    while let Some(&text) = unsafe { at.as_ref() } {
        if text.is_null() {
            return;
        }
        at = at.wrapping_add(1);
        if bind::starts(text, &OURS) {
            visit(Variable::Ours(text));
        } else if bind::starts(text, &LISTEN) {
            visit(Variable::Listen(text.wrapping_add(LISTEN.len())));
        }
    }
}

/// An environment variable that start-up looks at.
enum Variable {
    /// A variable whose name begins with TCPTUNE; the whole text.
    Ours(*const c_char),
    /// LISTEN_FDS, the number of sockets that systemd passes; the value.
    Listen(*const c_char),
}

/// The bytes of a C string, without its terminator.
///
/// # Safety
/// `text` must be a C string that is never changed or freed.
unsafe fn bytes_of(text: *const c_char) -> &'static [u8] {
    // SAFETY: a C string that lives for ever, as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// A decimal number of at most three digits; 0 for anything else.
fn small_number(text: &[u8]) -> i32 {
    if text.len() > 3 || !text.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    text.iter().fold(0, |number: i32, &digit| number.wrapping_mul(10).wrapping_add(i32::from(digit & 15)))
}
