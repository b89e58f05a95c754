//! The engine under a model checker: loom runs each model below in every order of its threads' steps (but for orders with more
//! than two forced switches), and with every value that a relaxed load may give.
//!
//! The library is the engine itself, with loom's atomics (feature `loom`) and a smaller table; its functions are called as
//! the hooks call them. Around it stand a machine and a kernel for the purpose (machine.rs, kernel.rs). What the models show is
//! written down in docs/concurrency.md.

#![cfg(test)]

mod kernel;
mod machine;

use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::sync::{Arc, Mutex};
use loom::thread;
use machine::{Model, be};
use tcptune_engine::{ALL, Library, NEAR};
use tcptune_policy::evidence::Cause;
use tcptune_policy::socket::{Kind, NODELAY_ON, Socket};
use tcptune_policy::sync;
use tcptune_simulated::hooks;

/// Thread pointers: of two threads that have a place each, and of one that shares the first one's.
const ONE: usize = 5 << 20;
const TWO: usize = 9 << 20;
const LIKE_ONE: usize = (5 + 16) << 20;

/// Connections whose calls are followed by another, once.
const FIRST: c_int = 1;
const SECOND: c_int = 2;

/// The library of one run.
#[derive(Clone)]
struct Run(std::sync::Arc<Box<Library<Model>>>);

/// Runs a model in every order; says how many there were.
fn every_order(what: &str, model: impl Fn(&Run) + Sync + Send + 'static) {
    every_order_with(2, what, model);
}

/// The same with so many forced switches at the most.
fn every_order_with(switches: usize, what: &str, model: impl Fn(&Run) + Sync + Send + 'static) {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.max_branches = 100_000;
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        let run = Run::new();
        model(&run);
        drop(run);
        sync::end_of_run();
    });
    println!("{what}: {} orders", runs.load(Relaxed));
}

impl Run {
    /// A library that has learned that calls on the two connections are followed by another, once, by both kinds of calls; all
    /// atomics that the models use are made, as statics are there from the beginning.
    fn new() -> Run {
        // SAFETY: zeros are the state at the beginning. (A run's stack is small.)
        let library = unsafe { Box::new_zeroed().assume_init() };
        let run = Run(std::sync::Arc::new(library));
        run.0.enable();
        for (pointer, fd) in [(ONE, FIRST), (TWO, SECOND)] {
            be(pointer);
            run.open(fd);
            for _ in 0..11 {
                run.write(fd);
                run.sendfile(fd);
                run.wait();
            }
            assert!(!kernel::holds(fd));
        }
        be(ONE);
        // No second table is mapped yet.
        run.0.get(NEAR as c_int);
        run
    }

    /// A thread with this thread pointer.
    fn thread(&self, pointer: usize, steps: impl FnOnce(&Run) + 'static) -> thread::JoinHandle<()> {
        let run = self.clone();
        thread::spawn(move || {
            be(pointer);
            steps(&run);
        })
    }

    /// A new connection on which data calls may be held.
    fn open(&self, fd: c_int) {
        // Each on a service of its own: the other thread's bursts say nothing against it.
        let socket = Socket::new(Kind::Accepted).with(NODELAY_ON).on_service(fd as u8);
        self.0.add(fd, socket.opened(false));
    }

    /// A data call: the first of a burst is held, the second is not.
    fn write(&self, fd: c_int) {
        hooks::send(&self.0, fd, 10, 0, false, |more| {
            kernel::send(fd, more != 0);
            10
        });
    }

    /// The same by a call that cannot be held: the first one corks.
    fn sendfile(&self, fd: c_int) {
        hooks::sendfile(&self.0, fd, 10, || {
            kernel::send(fd, false);
            10
        });
    }

    /// A call that waits.
    fn wait(&self) {
        self.0.let_go(Cause::Wait);
    }
}

/// Two threads, each with its own connection: after its wait nothing of its own is held. `second` has a place of its own, or
/// the first one's.
fn each_its_own(what: &str, second: usize) {
    every_order(what, move |run| {
        let threads = [(ONE, FIRST), (second, SECOND)].map(|(pointer, fd)| {
            run.thread(pointer, move |run| {
                run.write(fd);
                assert!(kernel::holds(fd) || pointer == LIKE_ONE, "nothing is checked");
                run.wait();
                assert!(!kernel::holds(fd), "held over a wait");
            })
        });
        for thread in threads {
            thread.join().expect("it ends");
        }
    });
}

#[test]
fn threads_with_places_of_their_own_lose_no_release() {
    each_its_own("a place each", TWO);
}

#[test]
fn threads_that_share_a_place_lose_no_release() {
    each_its_own("a place for both", LIKE_ONE);
}

/// One thread makes the first half and hands over, under the program's lock; the other writes the rest. Both then wait.
fn handed_over(what: &str, first: fn(&Run, c_int)) {
    every_order(what, move |run| {
        let turn = Arc::new(Mutex::new(0));
        let theirs = turn.clone();
        let first = run.thread(ONE, move |run| {
            let mut turn = theirs.lock().expect("not poisoned");
            first(run, FIRST);
            assert!(kernel::holds(FIRST), "nothing is checked");
            *turn = 1;
            drop(turn);
            run.wait();
        });
        let second = run.thread(TWO, move |run| {
            let turn = turn.lock().expect("not poisoned");
            if *turn == 1 {
                run.write(FIRST);
            }
            drop(turn);
            run.wait();
        });
        first.join().expect("it ends");
        second.join().expect("it ends");
        assert!(!kernel::holds(FIRST), "left behind");
    });
}

#[test]
fn a_burst_that_is_handed_over_is_not_left_behind() {
    handed_over("handed over", Run::write);
}

#[test]
fn a_corked_burst_that_is_handed_over_is_not_left_behind() {
    handed_over("handed over, corked", Run::sendfile);
}

/// Both expect more to follow, but only one waits: what that one has written does not stay behind the other's call. (While the
/// wait begins the other's call may still be on its way to the kernel, where it pushes.)
#[test]
fn a_wait_releases_what_its_thread_has_written_whoever_went_on() {
    every_order("in turns", |run| {
        let turn = Arc::new(Mutex::new(()));
        let threads = [ONE, TWO].map(|pointer| {
            let turn = turn.clone();
            run.thread(pointer, move |run| {
                let guard = turn.lock().expect("not poisoned");
                run.write(FIRST);
                drop(guard);
                if pointer == ONE {
                    run.wait();
                }
            })
        });
        for thread in threads {
            thread.join().expect("it ends");
        }
        assert!(!kernel::holds_of(FIRST, ONE), "left behind");
    });
}

/// One thread holds; another then ends something, by the program's order; the first one waits later.
fn ended(what: &str, end: fn(&Run)) {
    every_order(what, move |run| {
        let written = Arc::new(Mutex::new(false));
        let theirs = written.clone();
        let writer = run.thread(ONE, move |run| {
            let mut written = theirs.lock().expect("not poisoned");
            run.write(FIRST);
            assert!(kernel::holds(FIRST), "nothing is checked");
            *written = true;
            drop(written);
            run.wait();
        });
        let ender = run.thread(TWO, move |run| {
            let written = written.lock().expect("not poisoned");
            if *written {
                end(run);
            }
        });
        writer.join().expect("it ends");
        ender.join().expect("it ends");
        assert!(!kernel::holds(FIRST), "left behind");
    });
}

/// The kernel itself holds nothing of a closed socket, unless it has another descriptor, as here.
#[test]
fn a_close_by_another_thread_releases() {
    ended("closed by another", |run| run.0.closing(FIRST));
}

#[test]
fn the_end_of_the_process_releases_all() {
    ended("the end", |run| run.0.let_go_of_all());
}

#[test]
fn a_filter_is_not_installed_over_what_is_held() {
    ended("a filter", |run| {
        let entering = run.0.restricting();
        run.0.restricted(entering, true);
    });
}

/// Threads that meet the second table at once: it is mapped once, and each finds what it noted.
#[test]
fn the_second_table_is_mapped_once() {
    const FAR: [c_int; 2] = [NEAR as c_int + 1, ALL as c_int - 1];
    every_order("far descriptors", |run| {
        let threads = [(ONE, FAR[0]), (TWO, FAR[1])].map(|(pointer, fd)| {
            run.thread(pointer, move |run| {
                run.open(fd);
                assert!(run.0.get(fd).is_connection(), "{fd} is forgotten");
                assert!(!run.0.get(fd).holdable());
            })
        });
        for thread in threads {
            thread.join().expect("it ends");
        }
        for fd in FAR {
            assert!(run.0.get(fd).is_connection(), "{fd} is forgotten");
        }
    });
}

/// Threads that write to one socket at once, with nothing to order them: each looks after what it has held itself.
#[test]
fn writers_without_any_order_leave_nothing_behind() {
    every_order_with(1, "no order", |run| {
        let threads = [ONE, TWO].map(|pointer| {
            run.thread(pointer, move |run| {
                run.write(FIRST);
                run.wait();
            })
        });
        for thread in threads {
            thread.join().expect("it ends");
        }
        assert!(!kernel::holds(FIRST), "left behind");
    });
}
