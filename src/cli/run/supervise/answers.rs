//! What is done about one call that waits: its socket is borrowed, and gets the options that the settings want for it, before
//! the call goes on. The call itself is neither changed nor refused, so it does not matter that the program could change its
//! arguments meanwhile: at worst another of its own sockets gets the options.

use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use libc::seccomp_notif;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use tcptune_policy::{Direction, Nodelay, Settings};

use super::caller;
use super::listener::{Answer, Listener};
use super::shared::Shared;
use super::tuning::{Moment, apply, tuning};
use crate::os::proc;
use crate::os::socket::Socket;

/// A handle on a thread instead of a process (Linux 6.9).
const PIDFD_THREAD: PidfdFlags = PidfdFlags::from_bits_retain(libc::PIDFD_THREAD);

#[derive(Clone, Copy)]
pub struct Answers {
    settings: Settings,
}

impl Answers {
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Do what is to be done about it. Whatever goes wrong, the call goes on.
    pub fn to(&self, call: &seccomp_notif, listener: &Listener, shared: &Shared) -> Answer {
        self.attempt(call, listener, shared).unwrap_or(Answer::Proceed)
    }

    fn attempt(&self, call: &seccomp_notif, listener: &Listener, shared: &Shared) -> Option<Answer> {
        let caller = Pid::from_raw(i32::try_from(call.pid).ok()?)?;
        let number = i64::from(call.data.nr);
        let [descriptor, second, _, value, length, _] = call.data.args;
        // Turning it on, and what the kernel refuses, is the kernel's to answer.
        if number == libc::SYS_setsockopt && (length as i32) < 4 {
            return None;
        }
        if self.settings.names_wanted() && !self.wants(call.pid) {
            return None;
        }
        let socket = Socket::new(borrow(caller, descriptor as RawFd)?).ok()?;
        let port = socket.local().map_or(0, |address| address.port());
        let (direction, moment, peer) = match number {
            libc::SYS_connect if socket.state() == "closed" => {
                let peer = self.settings.has_rules().then(|| caller::address(caller, second)).flatten();
                (Direction::Client, Moment::Connect, peer)
            }
            libc::SYS_listen if !socket.listening => {
                shared.note_port(port);
                (Direction::Server, Moment::Listen, None)
            }
            libc::SYS_setsockopt if caller::integer(caller, value)? == 0 => {
                let server = socket.listening || shared.listened_on(port);
                let direction = if server { Direction::Server } else { Direction::Client };
                (direction, Moment::Option, socket.peer())
            }
            _ => return None,
        };
        // A caller that is gone may have left its number to another process; one that waits has not.
        if !listener.waits(call.id) {
            return None;
        }
        let tuning = tuning(&self.settings, &socket, direction, peer);
        if moment != Moment::Option {
            apply(&socket, tuning, moment);
            return Some(Answer::Proceed);
        }
        let kept = tuning.enabled() && tuning.nodelay == Nodelay::Force && socket.set_nodelay(true).is_ok();
        Some(if kept { Answer::Done } else { Answer::Proceed })
    }

    /// By the same rules as in the library: by the program's file and by the name it was called by.
    fn wants(&self, pid: u32) -> bool {
        let file = proc::executable(pid).unwrap_or_default();
        let name = proc::arguments(pid).into_iter().next().unwrap_or_default();
        self.settings.wants_program(file.as_os_str().as_bytes(), &name)
    }
}

/// A copy of a descriptor of this thread's.
fn borrow(caller: Pid, descriptor: RawFd) -> Option<OwnedFd> {
    let handle = match pidfd_open(caller, PIDFD_THREAD) {
        Err(Errno::INVAL) => pidfd_open(caller::process_of(caller)?, PidfdFlags::empty()),
        result => result,
    };
    pidfd_getfd(handle.ok()?, descriptor, PidfdGetfdFlags::empty()).ok()
}
