//! The library's whole state, in one piece: one static in the preloaded library, one value in a test.

use core::ffi::c_int;
use core::marker::PhantomData;

use policy::evidence::Habits;
use policy::socket::Socket;
use policy::{Settings, Tuning};

use crate::machine::Machine;
use crate::mode::{COUNTING, Mode, SPECIAL};
use crate::sync::{AtomicU8, Relaxed};
use crate::table::{Notes, Table};
use crate::threads::Threads;
use crate::told::Told;

/// State and effects of the library. Zeros are the state at the beginning.
#[derive(Debug)]
#[repr(C)]
pub struct Library<M> {
    pub(crate) mode: Mode,
    /// The next listener's number among services.
    next: AtomicU8,
    pub(crate) table: Table<M>,
    pub(crate) threads: Threads,
    pub(crate) habits: Habits,
    /// For TCPTUNE_QUICKACK=auto (policy::stall).
    pub(crate) stalls: Notes,
    /// Which of the options of TCPTUNE_SET the program has set itself: a bit each (`SockOpt::id`). Beyond the first table they are
    /// set whatever the program did before.
    pub(crate) own: Notes,
    machine: PhantomData<fn() -> M>,
}

/// Listeners use the lower half of the services' numbers, remote ends the upper one.
const REMOTE: u8 = 32;

impl<M: Machine> Library<M> {
    /// Tuning off, nothing known.
    #[expect(clippy::new_without_default, reason = "made once, for a static")]
    pub const fn new() -> Library<M> {
        Library {
            mode: Mode::new(),
            next: AtomicU8::new(0),
            table: Table::new(),
            threads: Threads::new(),
            habits: Habits::new(),
            stalls: Notes::new(),
            own: Notes::new(),
            machine: PhantomData,
        }
    }

    /// Turns tuning on (start-up).
    pub fn enable(&self) {
        self.table.enable();
    }

    /// Is tuning on in this process?
    #[inline(always)]
    pub fn is_enabled(&self) -> bool {
        self.table.is_enabled()
    }

    /// From now on this is so.
    pub fn raise(&self, flags: u8) {
        self.mode.raise(flags);
    }

    /// Is any of these so?
    #[inline(always)]
    pub fn is(&self, flags: u8) -> bool {
        self.mode.is(flags)
    }

    /// Do the defaults hold for every socket of this process?
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        !self.mode.is(SPECIAL)
    }

    /// What is known of a descriptor.
    #[inline(always)]
    pub fn get(&self, fd: c_int) -> Socket {
        self.table.get(fd)
    }

    /// Notes a descriptor that was just made.
    #[inline]
    pub fn add(&self, fd: c_int, socket: Socket) {
        self.table.add(fd, socket);
    }

    /// Calls `visit` for the descriptors from `first` to `last` (inclusive) that have a state.
    pub fn each(&self, first: u32, last: u32, visit: impl FnMut(c_int, Socket)) {
        self.table.each(first, last, visit);
    }

    pub(crate) fn settings(&self) -> &'static Settings {
        M::settings()
    }

    /// What the settings want of this socket.
    pub(crate) fn tuning(&self, socket: Socket) -> &'static Tuning {
        self.settings().tuning(socket.tuning())
    }

    /// Something happened that is counted.
    #[inline]
    pub(crate) fn tell(&self, told: impl FnOnce() -> Told) {
        if self.mode.is(COUNTING) {
            M::tell(told());
        }
    }

    /// A number for a new listener: the next. It wraps, and listeners then share what they learn. Relaxed: any serves.
    pub(crate) fn listener_service(&self) -> u8 {
        self.next.fetch_add(1, Relaxed) & REMOTE.wrapping_sub(1)
    }

    /// The number for connections that were accepted elsewhere and passed to this process: they have no listener here, and
    /// all that a process serves this way is most often one service.
    pub(crate) const INHERITED: u8 = REMOTE - 1;

    /// The number of a remote end, from what its address and port were mixed to: a fresh connection to a known service
    /// starts with what was learned there.
    #[inline]
    pub const fn remote_service(mixed: u64) -> u8 {
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as u8 | REMOTE
    }
}
