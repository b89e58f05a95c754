//! The two processes that supervise. One answers; the other holds the same listener and only watches, because calls would
//! fail (ENOSYS) if nobody held it. When either is killed the other answers from then on and starts a new watcher.
//!
//! They outlive the command, which becomes the program, and everything that has the filter; then the listener hangs up.
//! They hold nothing else: no descriptor, terminal, session or directory of the program's.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::answers::Answers;
use super::channel::Channel;
use super::listener::{Answer, Listener};
use super::shared::Shared;
use crate::os::fork::{end, fork};
use crate::run::detached;

/// A call that was tried so often without an answer is let go untouched: it may be what kills the helpers.
const TRIES: u32 = 2;
/// How long to wait before a watcher that could not be started is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Start the first helper. It is no child of this process, which is going to be a program that knows nothing of it.
pub fn launch(channel: Channel, answers: Answers) -> io::Result<()> {
    let program = getpid();
    detached::launch(channel.into(), c"tcptune-superv", |channel| first(channel.into(), answers, program))
}

/// The first helper: agrees with the program's process, then works. Returns when it cannot.
fn first(channel: Channel, answers: Answers, program: Pid) -> i32 {
    let Some(worker) = agree(&channel, answers, program) else { return 1 };
    let Ok(watcher) = worker.start_watcher(Some(channel)) else { return 1 };
    worker.work(Some(watcher))
}

/// Tells who it is, proves that it can borrow from the program's process, and gets the listener.
fn agree(channel: &Channel, answers: Answers, program: Pid) -> Option<Helper> {
    channel.send(getpid().as_raw_nonzero().get()).ok()?;
    let descriptor = channel.receive()?;
    channel.send(try_borrowing(program, descriptor).err().map_or(0, Errno::raw_os_error)).ok()?;
    let listener = Listener::new(channel.receive_descriptor()?);
    Some(Helper { listener, shared: Shared::new().ok()?, answers })
}

fn try_borrowing(program: Pid, descriptor: RawFd) -> Result<(), Errno> {
    let process = pidfd_open(program, PidfdFlags::empty())?;
    pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty()).map(drop)
}

struct Helper {
    listener: Listener,
    shared: Shared,
    answers: Answers,
}

impl Helper {
    /// Answer until there is nobody left to ask.
    fn work(&self, mut watcher: Option<OwnedFd>) -> ! {
        self.settle();
        loop {
            if watcher.is_none() {
                watcher = self.start_watcher(None).ok();
            }
            let (asked, gone) = self.wait(PollFlags::IN, watcher.as_ref());
            if asked {
                // SAFETY: needed because the kernel writes there. Sound because it was all zeros at first, was cleared after
                // each call, and only the working helper uses it.
                let received = unsafe { self.listener.receive(self.shared.place()) };
                if received {
                    self.settle();
                }
            }
            if gone {
                watcher = None;
            }
        }
    }

    /// Wait until the other helper is gone, and then take its place.
    fn watch(&self, worker: OwnedFd) -> ! {
        while !self.wait(PollFlags::empty(), Some(&worker)).1 {}
        drop(worker);
        self.work(None)
    }

    /// Does a call wait, and is the other helper gone? Ends with the last process that has the filter.
    fn wait(&self, wanted: PollFlags, other: Option<&OwnedFd>) -> (bool, bool) {
        let mut handles = vec![PollFd::new(&self.listener, wanted)];
        handles.extend(other.map(|other| PollFd::new(other, PollFlags::IN)));
        let time = Timespec { tv_sec: PAUSE.as_secs() as i64, tv_nsec: 0 };
        let time = if other.is_none() { Some(&time) } else { None };
        if poll(&mut handles, time).is_err() {
            return (false, false);
        }
        let events = |index: usize| handles.get(index).map_or(PollFlags::empty(), PollFd::revents);
        if events(0).intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            end(0);
        }
        (events(0).contains(PollFlags::IN), !events(1).is_empty())
    }

    /// Answer the call that was taken up, be it by a helper that is dead now.
    fn settle(&self) {
        if let Some(call) = self.shared.call() {
            let answer = match self.shared.again() {
                TRIES.. => Answer::Proceed,
                _ => self.answers.to(&call, &self.listener, &self.shared),
            };
            self.listener.answer(call.id, answer);
        }
        // Without a call too: the other may have been killed in the middle of this, and the kernel takes nothing but zeros.
        self.shared.clear();
    }

    /// A second helper, which tells the command of itself where there is one to tell. Gives a handle that tells of its end.
    fn start_watcher(&self, channel: Option<Channel>) -> io::Result<OwnedFd> {
        let worker = pidfd_open(getpid(), PidfdFlags::empty())?;
        match fork()? {
            None => {
                if let Some(channel) = channel {
                    let _ = channel.send(getpid().as_raw_nonzero().get());
                }
                self.watch(worker)
            }
            Some(watcher) => Ok(pidfd_open(watcher, PidfdFlags::empty())?),
        }
    }
}
