//! Applies TCPTUNE_SET option by option. Options that the program has set itself on a socket are left alone.

use core::ffi::c_int;

use policy::{Direction, Tuning};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::SETS_OPTIONS;

impl<M: Machine> Library<M> {
    /// Notes that a descriptor names a new socket, on which the program has set no option yet.
    #[inline]
    pub(crate) fn has_set_nothing(&self, fd: c_int) {
        if self.mode.is(SETS_OPTIONS) {
            self.own.set(fd, 0);
        }
    }

    /// Notes that the program has set an option of TCPTUNE_SET itself: from now on the library leaves that option
    /// alone.
    #[inline]
    pub fn program_set(&self, fd: c_int, level: c_int, name: c_int) {
        if self.mode.is(SETS_OPTIONS)
            && let Some(id) = policy::option_id(level, name)
        {
            self.own.set(fd, self.own.get(fd) | 1 << (id & 31));
        }
    }

    /// Sets the options that belong on the socket before connect(2) or listen(2), or on a connection that another
    /// process has passed to this one.
    #[cold]
    pub(crate) fn set_at_start(&self, fd: c_int, tuning: &Tuning, direction: Direction, listener: bool) {
        let own = self.own.get(fd);
        for option in tuning.set.iter() {
            let wanted = match direction {
                Direction::Client => option.when.connect,
                // Accepted sockets inherit these. With TCPTUNE_SPLIT they must not: the control group could not be rid
                // of them.
                Direction::Server if listener => option.when.listen && !(option.when.connect && self.divides()),
                Direction::Server => option.when.accept || option.when.connect && option.when.listen,
            };
            if wanted && own & 1 << (option.id & 31) == 0 {
                M::set_option(fd, option.level, option.name, option.bytes());
            }
        }
    }

    /// Sets the options that an accepted connection does not inherit from its listener.
    #[cold]
    pub(crate) fn set_at_accept(&self, fd: c_int, tuning: &Tuning) {
        self.has_set_nothing(fd);
        for option in tuning.set.iter().filter(|option| option.when.accept) {
            M::set_option(fd, option.level, option.name, option.bytes());
        }
    }
}
