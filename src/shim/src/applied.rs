//! Applies TCPTUNE_SET, option by option, leaving alone what the application set itself on that socket.

use crate::sync::{AtomicU32, Relaxed};
use core::ffi::c_int;

use policy::{Direction, Tuning};

use crate::mode::{self, SETS_OPTIONS};
use crate::{kernel, split, table};

/// By descriptor: which of the options the application has set itself (a bit each, `SockOpt::id`). Zero pages until
/// TCPTUNE_SET is used. Descriptors beyond the table get the options whatever they did before. Relaxed: a hint, as the table.
static OWN: [AtomicU32; table::NEAR as usize] = [const { AtomicU32::new(0) }; table::NEAR as usize];

/// A new socket: the application has set nothing on it yet.
#[inline]
pub(crate) fn fresh(fd: c_int) {
    if mode::is(SETS_OPTIONS) {
        note(fd, 0);
    }
}

/// The application has set an option itself.
#[inline]
pub(crate) fn application_set(fd: c_int, level: c_int, name: c_int) {
    if mode::is(SETS_OPTIONS)
        && let Some(id) = policy::option_id(level, name)
    {
        note(fd, own(fd) | 1 << (id & 31));
    }
}

/// Before connect(2), before listen(2), or on a connection that came from elsewhere.
#[cold]
pub(crate) fn at_start(fd: c_int, tuning: &Tuning, direction: Direction, listener: bool) {
    let own = own(fd);
    for option in tuning.set.iter() {
        let wanted = match direction {
            Direction::Client => option.when.connect,
            // What the connections inherit could not be taken back from those that are left untouched.
            Direction::Server if listener => option.when.listen && !(option.when.connect && split::on()),
            Direction::Server => option.when.accept || option.when.connect && option.when.listen,
        };
        if wanted && own & 1 << (option.id & 31) == 0 {
            kernel::set_option(fd, option.level, option.name, option.bytes());
        }
    }
}

/// On an accepted connection: the options that it does not inherit.
#[cold]
pub(crate) fn at_accept(fd: c_int, tuning: &Tuning) {
    fresh(fd);
    for option in tuning.set.iter().filter(|option| option.when.accept) {
        kernel::set_option(fd, option.level, option.name, option.bytes());
    }
}

fn own(fd: c_int) -> u32 {
    OWN.get(fd as u32 as usize).map_or(0, |word| word.load(Relaxed))
}

fn note(fd: c_int, bits: u32) {
    if let Some(word) = OWN.get(fd as u32 as usize) {
        word.store(bits, Relaxed);
    }
}
