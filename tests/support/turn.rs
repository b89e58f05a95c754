//! Whose turn it is: the tests of a file run beside each other, as they were written to, and beside no other file's; what
//! compares times runs beside nothing at all.

use std::panic::Location;
use std::sync::{Condvar, Mutex, PoisonError};

/// Who runs: a file, or one test of it, and how many tests that are.
struct Running {
    who: &'static str,
    alone: bool,
    tests: usize,
}

static RUNNING: Mutex<Running> = Mutex::new(Running { who: "", alone: false, tests: 0 });
static ENDED: Condvar = Condvar::new();

/// A test's turn, until it is dropped.
pub struct Turn;

/// Nothing else runs meanwhile.
#[track_caller]
pub fn alone() -> Turn {
    take(true)
}

/// Only tests of the same file run meanwhile, and of these none that must be alone.
#[track_caller]
pub fn beside_its_file() -> Turn {
    take(false)
}

#[track_caller]
fn take(alone: bool) -> Turn {
    let who = Location::caller().file();
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let excluded = |now: &mut Running| now.tests > 0 && (alone || now.alone || now.who != who);
    let mut running = ENDED.wait_while(running, excluded).unwrap_or_else(PoisonError::into_inner);
    *running = Running { who, alone, tests: running.tests + 1 };
    Turn
}

impl Drop for Turn {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).tests -= 1;
        ENDED.notify_all();
    }
}
