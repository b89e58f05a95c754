//! Applies TCPTUNE_SET, option by option, leaving alone what the program set itself on that socket.

use core::ffi::c_int;

use policy::{Direction, Tuning};

use crate::library::Library;
use crate::machine::Machine;
use crate::mode::SETS_OPTIONS;

impl<M: Machine> Library<M> {
    /// A new socket: the program has set nothing on it yet.
    #[inline]
    pub(crate) fn has_set_nothing(&self, fd: c_int) {
        if self.mode.is(SETS_OPTIONS) {
            self.own.set(fd, 0);
        }
    }

    /// The program has set an option itself.
    #[inline]
    pub fn program_set(&self, fd: c_int, level: c_int, name: c_int) {
        if self.mode.is(SETS_OPTIONS)
            && let Some(id) = policy::option_id(level, name)
        {
            self.own.set(fd, self.own.get(fd) | 1 << (id & 31));
        }
    }

    /// Before connect(2), before listen(2), or on a connection that came from elsewhere.
    #[cold]
    pub(crate) fn set_at_start(&self, fd: c_int, tuning: &Tuning, direction: Direction, listener: bool) {
        let own = self.own.get(fd);
        for option in tuning.set.iter() {
            let wanted = match direction {
                Direction::Client => option.when.connect,
                // What the connections inherit could not be taken back from those that are left untouched.
                Direction::Server if listener => option.when.listen && !(option.when.connect && self.divides()),
                Direction::Server => option.when.accept || option.when.connect && option.when.listen,
            };
            if wanted && own & 1 << (option.id & 31) == 0 {
                M::set_option(fd, option.level, option.name, option.bytes());
            }
        }
    }

    /// On an accepted connection: the options that it does not inherit.
    #[cold]
    pub(crate) fn set_at_accept(&self, fd: c_int, tuning: &Tuning) {
        self.has_set_nothing(fd);
        for option in tuning.set.iter().filter(|option| option.when.accept) {
            M::set_option(fd, option.level, option.name, option.bytes());
        }
    }
}
