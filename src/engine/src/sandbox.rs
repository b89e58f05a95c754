//! In a process that has restricted its own system calls, or has given a thread a descriptor table of its own, the
//! library only forwards.
//!
//! A single setsockopt that the program would not have made itself kills sshd's pre-authentication child, and vsftpd.
//! So when the program is about to install a filter (prctl(2) PR_SET_SECCOMP, or seccomp(2) through syscall(2)), the
//! library first releases what is held, while it still may, and then disables the table: every descriptor is unmet from
//! then on, and calls on unmet descriptors are forwarded. What a filter means that was installed before the program started is
//! said in confined.rs.
//!
//! A process that has the kernel hand it its own system calls (PR_SET_SYSCALL_USER_DISPATCH) would be handed the library's,
//! too, and most end then: the same.
//!
//! With a second descriptor table (unshare(2) CLONE_FILES) a number may stand for two objects at once, and a hook cannot
//! tell which one its caller has.

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
    /// The program is about to install a filter, to forbid the cycle counter (PR_SET_TSC), to be handed its own system calls,
    /// or to divide its descriptors.
    #[cold]
    pub fn restricting(&self) -> Entering {
        self.let_go_of_all();
        // Another thread may have closed its burst and be about to push; once the filter is in place it could not.
        self.table.each(0, u32::MAX, |fd, socket| {
            if socket.is_held() {
                self.push(fd);
            }
        });
        let was_on = self.is_enabled();
        // Disabled before the call, because SECCOMP_FILTER_FLAG_TSYNC applies the filter to all threads at once.
        self.table.disable();
        self.threads.each(Burst::abandon);
        self.tell(|| Told::Restricting);
        Entering { was_on }
    }

    /// The program's call has returned. If it failed, nothing is restricted, and tuning goes on.
    pub fn restricted(&self, entering: Entering, succeeded: bool) {
        if !succeeded && entering.was_on {
            self.table.enable();
        }
        self.tell(|| Told::Restricted(succeeded));
    }
}
