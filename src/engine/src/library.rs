//! All state of the library in one struct: a static in the preloaded library, a plain value in a test.

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
use crate::watch::Rate;

/// The library's state and the operations on it. All zeros is the initial state.
#[derive(Debug)]
#[repr(C)]
pub struct Library<M> {
    pub(crate) mode: Mode,
    /// The service number of the next listener.
    next: AtomicU8,
    pub(crate) table: Table<M>,
    pub(crate) threads: Threads,
    pub(crate) habits: Habits,
    /// How fast [`Machine::ticks`] really runs, for TCPTUNE_QUICKACK=auto.
    pub(crate) rate: Rate,
    /// The state of TCPTUNE_QUICKACK=auto for each descriptor (policy::stall).
    pub(crate) stalls: Notes,
    /// The options of TCPTUNE_SET that the program has set itself, one bit each (`SockOpt::id`). Not kept for
    /// descriptors beyond the first table: there the library sets its options whatever the program did before.
    pub(crate) own: Notes,
    machine: PhantomData<fn() -> M>,
}

/// The first service number for remote ends; listeners use the numbers below.
const REMOTE: u8 = 32;

impl<M: Machine> Library<M> {
    /// The initial state: tuning off, no descriptor known.
    #[expect(clippy::new_without_default, reason = "made once, for a static")]
    pub const fn new() -> Library<M> {
        Library {
            mode: Mode::new(),
            next: AtomicU8::new(0),
            table: Table::new(),
            threads: Threads::new(),
            habits: Habits::new(),
            rate: Rate::new(),
            stalls: Notes::new(),
            own: Notes::new(),
            machine: PhantomData,
        }
    }

    /// Turns tuning on, at start-up.
    pub fn enable(&self) {
        self.table.enable();
    }

    /// Is tuning on in this process?
    #[inline(always)]
    pub fn is_enabled(&self) -> bool {
        self.table.is_enabled()
    }

    /// Sets mode flags; they are never cleared.
    pub fn raise(&self, flags: u32) {
        self.mode.raise(flags);
    }

    /// Is any of these mode flags set?
    #[inline(always)]
    pub fn is(&self, flags: u32) -> bool {
        self.mode.is(flags)
    }

    /// Do the default settings hold for every socket of this process?
    #[inline(always)]
    pub fn is_plain(&self) -> bool {
        !self.mode.is(SPECIAL)
    }

    /// The state of a descriptor.
    #[inline(always)]
    pub fn get(&self, fd: c_int) -> Socket {
        self.table.get(fd)
    }

    /// Records a descriptor that a call has just created.
    #[inline]
    pub fn add(&self, fd: c_int, socket: Socket) {
        self.table.add(fd, socket);
    }

    /// Calls `visit` for each known descriptor from `first` to `last`, inclusive.
    pub fn each(&self, first: u32, last: u32, visit: impl FnMut(c_int, Socket)) {
        self.table.each(first, last, visit);
    }

    pub(crate) fn settings(&self) -> &'static Settings {
        M::settings()
    }

    /// The tuning that the settings want for this socket.
    pub(crate) fn tuning(&self, socket: Socket) -> &'static Tuning {
        self.settings().tuning(socket.tuning())
    }

    /// Reports an event to the statistics, if they are on.
    #[inline]
    pub(crate) fn tell(&self, told: impl FnOnce() -> Told) {
        if self.mode.is(COUNTING) {
            M::tell(told());
        }
    }

    /// The service number for a new listener. The numbers wrap, and listeners with the same number share what they
    /// learn. Relaxed: any number will do.
    pub(crate) fn listener_service(&self) -> u8 {
        self.next.fetch_add(1, Relaxed) % Library::<M>::INHERITED
    }

    /// The service number for connections that another process accepted and passed on. They have no listener here, and
    /// such a process mostly serves one service. (The 32nd listener gets this number too.)
    pub(crate) const INHERITED: u8 = REMOTE - 1;

    /// The service number of a remote end, from a hash of its address and port. It depends on nothing else, so a new
    /// connection to a known service starts with what was learned there.
    #[inline]
    pub const fn remote_service(mixed: u64) -> u8 {
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as u8 | REMOTE
    }
}
