//! The mapped file. It is made when the first TCP socket appears; afterwards no system call writes to it, and no
//! descriptor of it stays open. Its blocks are reserved before it is mapped, so that a full disk cannot kill the
//! program (SIGBUS).

use core::ffi::{CStr, c_int};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed, Ordering::Release};

use policy::counters::samples::{
    MODULE_SIZE, MODULES, MODULES_AT, SAMPLE_SIZE, SAMPLES, SAMPLES_AT, SIZE_WITH_SAMPLES,
};
use policy::counters::{
    ANSWERS, ARM_SIZE, ARMS_AT, COUNTERS, HOLDS, Head, MAGIC, READY, SERVICE_SIZE, SERVICES, SERVICES_AT, SIZE, STALLS,
    STOP, STOPPED, SUFFIX, Service, Text, VERSION, head_at, service_at, service_word_at,
};

use super::{record, trace};
use crate::arch::{CYCLES_PER_TICK, cycles, syscall6};
use crate::kernel::{self, close, open_at};
use crate::machine::LIBRARY;
use crate::start::{self, settings};

/// The address of the mapping; null before it is made.
static FILE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// Stored in FILE if the mapping failed, so that not every socket tries again.
const FAILED: *mut u8 = core::ptr::dangling_mut();

/// A word of the mapping.
pub(super) type Word = AtomicU64;

/// The address of the mapping, made now if that was not tried before.
#[cold]
pub(super) fn mapped() -> Option<*mut u8> {
    let mut file = FILE.load(Relaxed);
    if file.is_null() {
        let made = make();
        // If two threads do so at once, the later one removes its own.
        let at = made.as_ref().map_or(FAILED, |new| new.at);
        if FILE.compare_exchange(null_mut(), at, Relaxed, Relaxed).is_err()
            && let Some(new) = made
        {
            new.discard();
        }
        file = FILE.load(Relaxed);
    }
    if file == FAILED || file.is_null() { None } else { Some(file) }
}

/// The address of the mapping, if it has been made.
pub(super) fn known() -> Option<*mut u8> {
    let file = FILE.load(Relaxed);
    if file == FAILED || file.is_null() { None } else { Some(file) }
}

/// Has somebody told this process to stop tuning (`tcptune detach`)? Answers in the file that it has seen that.
#[cold]
pub(crate) fn is_told_to_stop() -> bool {
    let Some(file) = known() else { return false };
    let word = head(file, Head::Detach);
    if word.load(Relaxed) == STOP {
        word.store(STOPPED, Relaxed);
    }
    word.load(Relaxed) == STOPPED
}

/// The word at an offset of the mapping.
pub(super) fn word(file: *mut u8, at: usize) -> &'static Word {
    // SAFETY: all offsets come from the layout, so the word is aligned and inside the file (those of samples are used
    // only if the file has them). The mapping is never removed.
    unsafe { &*file.wrapping_add(at).cast::<Word>() }
}

/// A word of the header.
pub(super) fn head(file: *mut u8, at: Head) -> &'static Word {
    word(file, head_at(at))
}

/// The length of this process's file.
fn length() -> usize {
    if trace::on() { SIZE_WITH_SAMPLES } else { SIZE }
}

/// Maps private memory and stores its address, once; if two threads do so at once, the later one unmaps its own.
/// Returns false if there is no memory.
#[cold]
pub(super) fn map_memory<T>(at: &AtomicPtr<T>, length: usize) -> bool {
    let (protection, flags) = (
        (libc::PROT_READ | libc::PROT_WRITE) as usize,
        (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize,
    );
    // SAFETY: maps fresh anonymous memory where the kernel chooses, so no existing memory changes.
    let new = unsafe { syscall6(libc::SYS_mmap, 0, length, protection, flags, usize::MAX, 0) };
    if (-4095..0).contains(&new) {
        return false;
    }
    if at.compare_exchange(null_mut(), new as *mut T, Relaxed, Relaxed).is_err() {
        // SAFETY: the mapping made above with the same length. The exchange failed, so its address was never published.
        unsafe { syscall6(libc::SYS_munmap, new as usize, length, 0, 0, 0, 0) };
    }
    true
}

/// A file that was just made.
struct New {
    at: *mut u8,
    name: Name,
}

impl New {
    /// Removes the file, because another thread has made one first.
    #[cold]
    fn discard(self) {
        // SAFETY: the mapping that `make` has made with this length; its address was never published.
        unsafe { syscall6(libc::SYS_munmap, self.at as usize, length(), 0, 0, 0, 0) };
        if let Ok(directory) = open_directory() {
            self.name.unlink(directory);
            close(directory);
        }
    }
}

/// Checks the directory. The error is worded to follow its path.
pub(crate) fn check_directory() -> Result<(), &'static str> {
    if cfg!(target_pointer_width = "32") {
        // Because 32-bit system calls use other structures.
        return Err("is not used by programs of 32 bits");
    }
    let directory = open_directory()?;
    const AT_EACCESS: usize = 0x200;
    let (dot, wanted) = (c".".as_ptr() as usize, (libc::W_OK | libc::X_OK) as usize);
    // SAFETY: faccessat2(2) reads the path, a C string; the descriptor is the one just opened.
    let allowed = unsafe { syscall6(libc::SYS_faccessat2, directory as usize, dot, wanted, AT_EACCESS, 0, 0) };
    close(directory);
    match allowed.wrapping_neg() as c_int {
        libc::EACCES => Err("may not be written by this user"),
        libc::EROFS => Err("is on a file system that is mounted read-only"),
        // Writable, or unknown: kernels before 5.8 do not have this system call.
        _ => Ok(()),
    }
}

/// Opens the directory that TCPTUNE_STATS names, if it can be trusted: its owner can replace the library's file by
/// another.
fn open_directory() -> Result<c_int, &'static str> {
    let mut path = [0u8; 256];
    for (to, from) in path.iter_mut().zip(settings().stats()) {
        *to = *from;
    }
    let path = CStr::from_bytes_until_nul(&path).unwrap_or(c"");
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let directory = open_at(libc::AT_FDCWD, path, flags, 0);
    if directory < 0 {
        return Err(match directory.wrapping_neg() {
            libc::ENOENT => "is not there",
            libc::ENOTDIR | libc::ELOOP => "is no directory (a symbolic link to one is not followed)",
            libc::EACCES => "may not be entered by this user",
            _ => "cannot be opened",
        });
    }
    let mut about = [0u64; 18];
    const { assert!(size_of::<libc::stat>() <= size_of::<[u64; 18]>()) };
    // SAFETY: fstat(2) writes one `struct stat`, for which `about` has space (asserted above).
    let known = unsafe { syscall6(libc::SYS_fstat, directory as usize, about.as_mut_ptr() as usize, 0, 0, 0, 0) };
    // SAFETY: a `struct stat` is plain numbers, so any bytes are valid; `about` is large enough and aligned for it.
    let owner = unsafe { (*about.as_ptr().cast::<libc::stat>()).st_uid };
    if known != 0 || owner != 0 && owner != user() {
        close(directory);
        return Err("belongs to another user");
    }
    Ok(directory)
}

fn user() -> u32 {
    // SAFETY: geteuid(2) takes no arguments.
    unsafe { syscall6(libc::SYS_geteuid, 0, 0, 0, 0, 0, 0) as u32 }
}

pub(super) fn process() -> u64 {
    // SAFETY: getpid(2) takes no arguments.
    unsafe { syscall6(libc::SYS_getpid, 0, 0, 0, 0, 0, 0) as u64 }
}

/// Makes and maps a file. Returns None on failure, having removed the file.
#[cold]
fn make() -> Option<New> {
    if !may_write_files() {
        return None;
    }
    let directory = open_directory().ok()?;
    let name = Name::new();
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // Nobody is to write to it by its name, and least of all to cut it short: that would kill the program (SIGBUS).
    let fd = open_at(directory, name.text(), flags, 0o400);
    let mut at = None;
    if fd >= 0 {
        at = if reserve(fd) { map(fd) } else { None };
        close(fd);
        if at.is_none() {
            name.unlink(directory);
        }
    }
    close(directory);
    let at = at?;
    begin(at);
    Some(New { at, name })
}

/// Checks RLIMIT_FSIZE: for a longer file the program would not just get an error, but SIGXFSZ.
fn may_write_files() -> bool {
    let mut limits = [0u64; 2];
    let at = limits.as_mut_ptr() as usize;
    // SAFETY: prlimit64(2) writes two words, for which `limits` has space.
    let known = unsafe { syscall6(libc::SYS_prlimit64, 0, libc::RLIMIT_FSIZE as usize, 0, at, 0, 0) };
    known == 0 && limits.first().is_some_and(|most| *most >= length() as u64)
}

/// Reserves blocks for the whole file. If the file system cannot do that, writes zeros instead.
fn reserve(fd: c_int) -> bool {
    // SAFETY: fallocate(2) takes only numbers; the descriptor is the file's.
    let result = unsafe { syscall6(libc::SYS_fallocate, fd as usize, 0, 0, length(), 0, 0) };
    if result.wrapping_neg() as c_int != libc::EOPNOTSUPP {
        return result == 0;
    }
    // Atomics, so that the zeros are not stored in the library's file but are zero pages.
    static ZEROS: [Word; 64] = [const { Word::new(0) }; 64];
    const LENGTH: usize = size_of_val(&ZEROS);
    let mut at = 0usize;
    while at < length() {
        let from = ZEROS.as_ptr() as usize;
        // SAFETY: pwrite64(2) reads LENGTH bytes of ZEROS, which is as long; the descriptor is the file's.
        let written = unsafe { syscall6(libc::SYS_pwrite64, fd as usize, from, LENGTH, at, 0, 0) };
        if written <= 0 {
            return false;
        }
        at = at.wrapping_add(written as usize);
    }
    true
}

fn map(fd: c_int) -> Option<*mut u8> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: maps the file where the kernel chooses, so no existing memory changes.
    let at = unsafe { syscall6(libc::SYS_mmap, 0, length(), protection, libc::MAP_SHARED as usize, fd as usize, 0) };
    if (-4095..0).contains(&at) { None } else { Some(at as *mut u8) }
}

/// The words of the header that are the same in every file. (In a section of their own, apart from what every process
/// reads: layout.ld.)
#[unsafe(link_section = ".rodata.header")]
static ALWAYS: [(Head, u32); 12] = [
    (Head::Version, VERSION as u32),
    (Head::ServicesAt, SERVICES_AT as u32),
    (Head::ServiceSize, SERVICE_SIZE as u32),
    (Head::Services, SERVICES as u32),
    (Head::ArmsAt, ARMS_AT as u32),
    (Head::ArmSize, ARM_SIZE as u32),
    (Head::Counters, COUNTERS as u32),
    (Head::Answers, ANSWERS as u32),
    (Head::Stalls, STALLS as u32),
    (Head::Holds, HOLDS as u32),
    (Head::CyclesPerTick, CYCLES_PER_TICK as u32),
    (Head::Gap, super::GAP),
];
/// Further words that are the same in every file with samples.
#[unsafe(link_section = ".rodata.header")]
static WITH_SAMPLES: [(Head, u32); 6] = [
    (Head::SamplesAt, SAMPLES_AT as u32),
    (Head::SampleSize, SAMPLE_SIZE as u32),
    (Head::Samples, SAMPLES as u32),
    (Head::ModulesAt, MODULES_AT as u32),
    (Head::ModuleSize, MODULE_SIZE as u32),
    (Head::Modules, MODULES as u32),
];

/// Writes the header.
fn begin(file: *mut u8) {
    let set = |at, value: u64| head(file, at).store(value, Relaxed);
    let settings = settings();
    let with_samples: &[(Head, u32)] = if trace::on() { &WITH_SAMPLES } else { &[] };
    for &(at, value) in ALWAYS.iter().chain(with_samples) {
        set(at, u64::from(value));
    }
    set(Head::Size, length() as u64);
    set(Head::Pid, process());
    set(Head::User, u64::from(user()));
    set(Head::Created, kernel::clock(libc::CLOCK_REALTIME));
    set(Head::CreatedBoot, kernel::clock(libc::CLOCK_BOOTTIME));
    set(Head::Observing, u64::from(settings.observing()));
    set(Head::Split, u64::from(settings.split()));
    set(Head::FirstCycles, cycles());
    set(Head::FirstClock, kernel::clock(libc::CLOCK_MONOTONIC));
    refresh_clock(file);
    let mut text = [0u8; 4096];
    let put_text = |place: Text, text: &[u8]| put(file, place.at, text.get(..place.room).unwrap_or(text));
    put_text(Head::LIBRARY, env!("CARGO_PKG_VERSION").as_bytes());
    put_text(Head::PROGRAM, start::program(&mut text));
    put_text(Head::COMMAND, start::command_line(&mut text));
    put_text(Head::SETTINGS, start::given());
    // The last service stands for all connections that find no free one.
    let others = service_at(SERVICES.wrapping_sub(1)).wrapping_add(service_word_at(Service::State));
    word(file, others).store(READY, Relaxed);
    // Now the file is complete. Release ordering: the reader is another process.
    head(file, Head::Magic).store(MAGIC, Release);
}

/// Writes a text at an offset of the layout, which has space for it.
#[inline(never)]
pub(super) fn put(file: *mut u8, place: usize, text: &[u8]) {
    for (at, &byte) in text.iter().enumerate() {
        // SAFETY: the layout has space for the text inside the file. Readers look at it only once a word says that it
        // is there.
        unsafe { file.wrapping_add(place.wrapping_add(at)).write(byte) };
    }
}

/// Notes what both clocks show now, from which readers compute the rate of the cycle counter.
#[cold]
pub(super) fn refresh_clock(file: *mut u8) {
    head(file, Head::LastClock).store(kernel::clock(libc::CLOCK_MONOTONIC), Relaxed);
    head(file, Head::LastCycles).store(cycles(), Relaxed);
}

/// The process is ending by itself: counts what can still be counted. A forked child that ends does not end the file.
#[cold]
pub(crate) fn ended() {
    // A process that has restricted its system calls must make none that it does not expect.
    let Some(file) = known().filter(|_| LIBRARY.is_enabled()) else { return };
    record::close_all();
    refresh_clock(file);
    if head(file, Head::Pid).load(Relaxed) == process() {
        head(file, Head::Ended).store(1, Relaxed);
    }
}

/// The name of a file, ".PID-NUMBER.tcptune"; the number is the cycle counter. It begins with a dot so that `DIRECTORY/*`,
/// in a shell or in a rule of logrotate, does not match it.
struct Name {
    text: [u8; 48],
}

impl Name {
    fn new() -> Name {
        let mut name = Name { text: [0; 48] };
        let mut used = 0usize;
        let mut add = |piece: &[u8]| {
            for &byte in piece {
                if let Some(place) = name.text.get_mut(used) {
                    *place = byte;
                    used = used.wrapping_add(1);
                }
            }
        };
        add(b".");
        policy::decimal(process(), &mut add);
        add(b"-");
        policy::hexadecimal(cycles(), &mut add);
        add(SUFFIX.as_bytes());
        name
    }

    fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or(c"")
    }

    fn unlink(&self, directory: c_int) {
        // SAFETY: unlinkat(2) reads the path, a C string.
        unsafe { syscall6(libc::SYS_unlinkat, directory as usize, self.text().as_ptr() as usize, 0, 0, 0, 0) };
    }
}
