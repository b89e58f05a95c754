//! The list of processes, kept up to date beside the looks at their sockets.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Keeps the list of processes up to date on a thread of its own: that takes longer than a look at the sockets may.
pub struct Follower {
    pids: Arc<Mutex<Vec<u32>>>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Follower {
    pub fn start(pause: Duration, mut list: impl FnMut() -> Vec<u32> + Send + 'static) -> Self {
        let (pids, stop) = (Arc::new(Mutex::new(list())), Arc::new(AtomicBool::new(false)));
        let (published, stopped) = (Arc::clone(&pids), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let begin = Instant::now();
                let fresh = list();
                *published.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                thread::sleep(pause.max(begin.elapsed() * 2));
            }
        });
        Self { pids, stop, thread }
    }

    pub fn pids(&self) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// Looks that come late see less: before other work, where that is allowed. For this thread alone, and not for what it has
/// started.
pub fn urge() {
    let _ = rustix::process::setpriority_process(None, -10);
    // Pauses between looks may be shorter than the 50 us by which the kernel may prolong them.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}
