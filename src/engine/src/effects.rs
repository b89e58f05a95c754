//! The library as the machine of `policy::evidence`: what the rule has done goes to the kernel, and into the descriptor's word.

use core::ffi::c_int;

use policy::evidence::{self, Gone, PLACE_MASK, Usage};
use policy::socket::{CORKED, NODELAY_ON, Socket};

use crate::library::Library;
use crate::machine::{Machine, set_int, set_on, tcp_info};
use crate::mode::{COUNTING, GAVE_NAGLE};
use crate::sync::Relaxed;
use crate::told::Told;

impl<M: Machine> Library<M> {
    /// Sends what the kernel holds on `fd`, if that is a connection still. TCP_NODELAY does it in one call even where it is on
    /// already, and under the program's TCP_CORK too (net/ipv4/tcp.c, `__tcp_sock_set_nodelay`). Where it is off (only what
    /// the program itself holds is then released) it is turned off again. Our own cork is taken off, which sends as well.
    #[cold]
    #[unsafe(link_section = ".text.tcp")]
    pub(crate) fn push(&self, fd: c_int) {
        let socket = self.table.get(fd);
        if !socket.is_connection() {
            return;
        }
        // (Where another thread takes the cork off just now, this one still has to send what it has held itself.)
        if socket.is_corked() && self.uncork(fd) {
            return;
        }
        self.table.hold(fd, false);
        set_on::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY);
        if !socket.has(NODELAY_ON) {
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0);
        }
    }

    /// Takes our cork off, if it is on: then true.
    #[cold]
    pub(crate) fn uncork(&self, fd: c_int) -> bool {
        let corked = self.table.get_rarely(fd).is_corked();
        if corked {
            self.table.unflag(fd, CORKED);
            self.table.hold(fd, false);
            set_int::<M>(fd, libc::IPPROTO_TCP, libc::TCP_CORK, 0);
        }
        corked
    }

    /// Sets TCP_CORK, to hold what cannot be held by itself. True if the kernel did.
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
        // Another thread may have taken the cork off meanwhile, and the burst have gone on with calls that are held.
        Library::push(self, fd);
    }

    fn nagle(&self, fd: c_int, on: bool) {
        // Not where the program has turned the option off meanwhile, or the number is another socket's by now.
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
            // Most bursts are like those before.
            if low & PLACE_MASK != place && Socket::of(low, 0).is_connection() {
                // Where another thread has just changed something else this is not noted.
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
