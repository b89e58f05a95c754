//! In a process that has restricted its own system calls the library only forwards.
//!
//! One setsockopt that the program would not have made kills sshd's pre-authentication child and vsftpd. So when a filter is
//! about to be installed (prctl(2) PR_SET_SECCOMP, seccomp(2) through syscall(2)) the table is turned off: every descriptor
//! is unmet from then on, and an unmet descriptor is forwarded. What is held is released first, while that is still allowed.
//! A filter that was installed before this program was started (a container's, a service manager's) was made for programs
//! that use sockets, and does not turn the library off.

use policy::evidence::Burst;

use crate::library::Library;
use crate::machine::Machine;
use crate::told::Told;

/// What to undo if the program's call fails.
#[derive(Debug)]
pub struct Entering {
    was_on: bool,
}

impl<M: Machine> Library<M> {
    /// A filter is about to be installed, or the cycle counter forbidden.
    #[cold]
    pub fn restricting(&self) -> Entering {
        self.let_go_of_all();
        // And what a thread is about to let go of just now: it could not any more.
        self.table.each(0, u32::MAX, |fd, socket| {
            if socket.is_held() {
                self.push(fd);
            }
        });
        let was_on = self.is_enabled();
        // Before the call, because with SECCOMP_FILTER_FLAG_TSYNC the filter binds all threads at once.
        self.table.disable();
        self.threads.each(Burst::abandon);
        self.tell(|| Told::Restricting);
        Entering { was_on }
    }

    /// The call has returned: where it failed nothing is restricted.
    pub fn restricted(&self, entering: Entering, succeeded: bool) {
        if !succeeded && entering.was_on {
            self.table.enable();
        }
        self.tell(|| Told::Restricted(succeeded));
    }
}
