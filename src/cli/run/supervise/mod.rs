//! `tcptune run --supervise`: reaches programs that load no library (static ones, Go). A seccomp filter makes their `connect`
//! and `listen` ask a supervisor, which sets the options on a borrowed copy of the socket and lets the call go on.
//!
//! This process becomes the program; the supervisor is two helpers that it leaves behind (decision 8 says why).

mod answers;
mod caller;
mod channel;
mod filter;
mod helper;
mod listener;
mod shared;
mod tuning;

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::process::{PTracer, Pid, getpid, set_ptracer};
use rustix::thread::{CapabilitySet, capabilities};
use tcptune_policy::Settings;

use crate::errors::{Context, Failure};
use crate::os::refusal;
use answers::Answers;
use channel::Channel;
pub use tuning::forces;

/// The filter is installed: from here on calls fail unless [`Ready::hand_over`] succeeds.
pub struct Ready {
    channel: Channel,
    first: i32,
    installed: filter::Installed,
}

/// Prepare the supervision of this process, which becomes `program`, and of all that this starts. Must be called with one thread.
/// Where it fails nothing is changed.
pub fn prepare(settings: &Settings, program: &OsStr) -> Result<Ready, Failure> {
    let (channel, theirs) = Channel::pair().doing(|| "make a channel to the supervisor (--supervise)")?;
    helper::launch(theirs, Answers::new(*settings)).doing(|| "start the supervisor (--supervise)")?;
    let first = channel.receive().ok_or_else(ended)?;
    // Where Yama restricts who may borrow, this names who may. Elsewhere it is refused, and not needed.
    let _ = set_ptracer(Pid::from_raw(first).map_or(PTracer::None, PTracer::ProcessID));
    channel.send(channel.as_fd().as_raw_fd()).doing(|| "talk to the supervisor (--supervise)")?;
    match channel.receive().ok_or_else(ended)? {
        0 => (),
        error => {
            let own = getpid().as_raw_nonzero().get().unsigned_abs();
            let why = refusal::of_call(own, "pidfd_getfd", Errno::from_raw_os_error(error)).message;
            return Err(Failure::own(format!("cannot supervise: {why}")));
        }
    }
    tuning::inherited(settings, program);
    let installed = filter::install(forces(settings))?;
    Ok(Ready { channel, first, installed })
}

impl Ready {
    /// Was no_new_privs set?
    pub fn no_new_privs(&self) -> bool {
        self.installed.no_new_privs
    }

    /// Put the helpers to work, and give their numbers.
    pub fn hand_over(self) -> Result<[i32; 2], Failure> {
        self.channel
            .send_descriptor(self.installed.listener.as_fd())
            .doing(|| "hand the listener to the supervisor (--supervise)")?;
        Ok([self.first, self.channel.receive().ok_or_else(ended)?])
    }
}

/// Can this process supervise without taking privileges from set-id programs?
pub fn keeps_privileges() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

fn ended() -> Failure {
    Failure::own("cannot supervise: the supervisor has ended at once (it takes Linux 5.9 or newer)")
}
