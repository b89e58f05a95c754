//! In a process that has restricted its own system calls the library only forwards.
//!
//! One setsockopt that the program would not have made kills sshd's pre-authentication child and vsftpd. So when a filter is
//! about to be installed (prctl(2) PR_SET_SECCOMP, seccomp(2) through syscall(2)) the table is turned off: every descriptor
//! is unmet from then on, and an unmet descriptor is forwarded. What is held is released first, while that is still allowed.
//! A filter that was installed before this program was started (a container's, a service manager's) was made for programs
//! that use sockets, and does not turn the library off.

use crate::{count, hold, table};

/// What to undo if the program's call fails.
pub(crate) struct Entering {
    was_on: bool,
}

/// A filter is about to be installed, or the cycle counter forbidden.
#[cold]
pub(crate) fn enter() -> Entering {
    hold::release_all();
    let was_on = table::enabled();
    // Before the call, because with SECCOMP_FILTER_FLAG_TSYNC the filter binds all threads at once.
    table::disable();
    if count::on() {
        count::stop();
    }
    Entering { was_on }
}

impl Entering {
    /// The call has returned: where it failed nothing is restricted.
    pub(crate) fn done(self, succeeded: bool) {
        if !succeeded && self.was_on {
            table::enable();
        }
        if count::on() {
            count::stopped(succeeded);
        }
    }
}
