//! Holding on evidence, driven by any steps of two threads on three sockets.

use tcptune_policy::evidence::{Burst, Habits};

pub fn check(_input: &[u8]) {
    let (habits, burst) = (Habits::new(), Burst::new());
    assert!(habits.strikes() == 0 && !burst.is_open());
}
