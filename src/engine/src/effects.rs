//! The engine as the machine that `policy::evidence` runs on: carries out its decisions, in the kernel and in the
//! descriptor table.

use core::ffi::c_int;

use policy::evidence::{self, Gone, PLACE_MASK, Usage};
use policy::socket::{CORKED, NODELAY_ON, Socket};

use crate::library::Library;
use crate::machine::{Machine, set_int, set_on, tcp_info};
use crate::mode::{COUNTING, GAVE_NAGLE};
use crate::sync::Relaxed;
use crate::told::Told;

impl<M: Machine> Library<M> {
    /// Sends what the kernel holds on `fd`, if that still is a connection. Setting TCP_NODELAY does it in one call,
    /// even if the option is already on and even under the program's own TCP_CORK (net/ipv4/tcp.c,
    /// `__tcp_sock_set_nodelay`). If the option was off, which happens only when data that the program holds is
    /// released, it is turned off again afterwards. If the library has corked the socket, clearing TCP_CORK sends
    /// instead.
    #[cold]
    #[unsafe(link_section = ".text.tcp")]
    pub(crate) fn push(&self, fd: c_int) {
        let socket = self.table.get(fd);
        if !socket.is_connection() {
            return;
        }
        // (If another thread has just cleared the cork, this one still has to push what it held by MSG_MORE.)
        if socket.is_corked() && self.uncork(fd) {
            return;
        }
        self.table.hold(fd, false);
        if set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY) != 0 {
            self.lost();
        }
        if !socket.has(NODELAY_ON) {
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
        }
    }

    /// What was held cannot be released: the descriptor was closed where no hook saw it. So the data was late, or is lost, and
    /// nobody would notice.
    pub(crate) fn lost(&self) {
        self.habits.strike(true);
    }

    /// Clears TCP_CORK if the library has set it; returns whether it had.
    #[cold]
    pub(crate) fn uncork(&self, fd: c_int) -> bool {
        let corked = self.table.get_rarely(fd).is_corked();
        if corked {
            self.table.unflag(fd, CORKED);
            self.table.hold(fd, false);
            if set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_CORK, 0) != 0 {
                self.lost();
            }
        }
        corked
    }

    /// Sets TCP_CORK, to hold a call that cannot carry MSG_MORE. Returns whether the kernel accepted it.
    #[cold]
    pub(crate) fn cork(&self, fd: c_int) -> bool {
        let done = set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_CORK) == 0;
        if done {
            self.table.flag(fd, CORKED);
            self.table.hold(fd, true);
            self.tell(|| Told::Corked(fd));
        }
        done
    }
}

impl<M: Machine> evidence::Machine for Library<M> {
    const MILLISECOND: u32 = M::MILLISECOND;

    #[inline(always)]
    fn now(&self) -> u32 {
        M::ticks()
    }

    #[unsafe(link_section = ".text.tcp")]
    fn usage(&self) -> Usage {
        M::usage()
    }

    #[unsafe(link_section = ".text.tcp")]
    fn received(&self, fd: c_int) -> Option<u32> {
        tcp_info::received::<M>(fd)
    }

    fn unread(&self, fd: c_int) -> u32 {
        M::unread(fd)
    }

    fn push(&self, fd: c_int) {
        Library::push(self, fd);
    }

    fn uncork(&self, fd: c_int) {
        // `push` rather than `uncork`: another thread may have cleared the cork meanwhile, and this burst may since
        // have held calls by MSG_MORE.
        Library::push(self, fd);
    }

    fn nagle(&self, fd: c_int, on: bool) {
        // Skipped if the program has turned TCP_NODELAY off meanwhile, or the descriptor now names another socket.
        let socket = self.table.get_rarely(fd);
        if socket.is_connection() && socket.has(NODELAY_ON) {
            if on {
                self.mode.raise(GAVE_NAGLE);
            }
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, c_int::from(!on));
            self.tell(|| Told::Nagle(fd, on));
        }
    }

    #[inline(always)]
    fn remember(&self, fd: c_int, place: u32) {
        if let Some(words) = self.table.near(fd) {
            let low = words.low.load(Relaxed);
            // Most bursts have the same lengths as those before: then nothing is written.
            if low & PLACE_MASK != place && Socket::of(low, 0).is_connection() {
                // If another thread has just changed the word, this history is dropped.
                let _ = words.low.compare_exchange(low, low & !PLACE_MASK | place, Relaxed, Relaxed);
            }
        }
    }

    #[inline(always)]
    fn counts(&self) -> bool {
        self.is(COUNTING)
    }

    fn gone(&self, fd: c_int, hold: Gone) {
        M::tell(Told::Gone(fd, hold));
    }
}
