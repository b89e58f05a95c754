//! The descriptor table and the release path under a model checker: loom runs each model below in every order of its threads'
//! steps (but for orders with more than two forced switches), and with every value that a relaxed load may give.
//!
//! hold.rs, table.rs and mode.rs are the library's own files. Around them stand a machine and a kernel for the purpose
//! (arch.rs, kernel.rs), and below the steps of a data call as hooks/data.rs and hooks/quick take them. What the models
//! show is written down in docs/concurrency.md.

#![cfg(test)]

extern crate tcptune_policy as policy;

#[path = "arch.rs"]
mod arch;
#[path = "count.rs"]
mod count;
#[allow(dead_code, reason = "the models need a part of it")]
#[path = "../../src/shim/src/hold.rs"]
mod hold;
#[path = "kernel.rs"]
mod kernel;
#[allow(dead_code, reason = "the models need a part of it")]
#[path = "../../src/shim/src/mode.rs"]
mod mode;
#[path = "sync.rs"]
mod sync;
#[allow(dead_code, reason = "the models need a part of it")]
#[path = "../../src/shim/src/table.rs"]
mod table;

use std::ffi::c_int;
use std::sync::atomic::AtomicUsize;

use loom::sync::{Arc, Mutex};
use loom::thread;
use policy::socket::{HELD, Kind, NODELAY_ON, Socket};
use sync::Relaxed;

/// Thread pointers: of two threads that have a slot each, and of one that shares the first one's.
const ONE: usize = 5 << 20;
const TWO: usize = 9 << 20;
const LIKE_ONE: usize = (5 + hold::SLOTS) << 20;

/// Runs a model in every order; says how many there were.
fn every_order(what: &str, model: impl Fn() + Sync + Send + 'static) {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runs = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 50_000;
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        touch();
        table::enable();
        model();
        sync::end_of_run();
    });
    println!("{what}: {} orders", runs.load(Relaxed));
}

/// Makes the atomics that the models use, before any thread runs: statics are there from the beginning.
fn touch() {
    mode::is(0);
    table::reached(0);
    for pointer in [ONE, TWO] {
        arch::be(pointer);
        hold::any_in(table::shared());
    }
    for fd in [0, 1, 2] {
        kernel::holds(fd);
        let words = table::shared().near(fd);
        (words.low.load(Relaxed), words.high.load(Relaxed));
    }
    table::enable();
    // None of them is mapped yet: looks for the second table.
    table::get(100_000);
}

/// A thread with this thread pointer.
fn thread(pointer: usize, steps: impl FnOnce() + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        arch::be(pointer);
        steps();
    })
}

/// A new connection on which data calls may be held.
fn open(fd: c_int) {
    table::add(fd, Socket::new(Kind::Accepted).with(NODELAY_ON).opened(false));
}

/// A data call that another is expected to follow (data.rs, `decide`).
fn write_more(fd: c_int) {
    let entry = table::entry(fd);
    // One position further.
    let next = Socket::of(entry.socket.without(HELD).low() + 1, arch::ticks());
    let held = !hold::anothers(fd, entry.socket) && hold::take(fd);
    entry.set(if held { hold::held(next) } else { next });
    kernel::send(fd, held);
}

/// The last data call of a burst (quick/portable.rs, `send_portably`).
fn write_last(fd: c_int) {
    let words = table::shared().near(fd);
    let low = words.low.load(Relaxed);
    words.high.store(arch::ticks(), Relaxed);
    words.low.store(low & !(HELD as u32), Relaxed);
    kernel::send(fd, false);
}

/// A call that waits.
fn wait() {
    hold::release();
}

/// A close (descriptor.rs, `closing`): the kernel itself holds nothing of a closed socket, unless it has another descriptor,
/// as here.
fn close(fd: c_int) {
    let socket = table::get(fd);
    hold::release();
    if socket.has(HELD) {
        let now = table::get(fd);
        if now.has(HELD) {
            hold::flush(fd, now, count::Cause::End);
        }
    }
    table::set(fd, socket.closed());
}

/// Two threads, each with its own connection: after its wait nothing of its own is held. `second` has a slot of its own, or
/// the first one's.
fn each_its_own(what: &str, second: usize) {
    every_order(what, move || {
        open(1);
        open(2);
        let threads = [(ONE, 1), (second, 2)].map(|(pointer, fd)| {
            thread(pointer, move || {
                write_more(fd);
                wait();
                assert!(!kernel::holds(fd), "held over a wait");
            })
        });
        threads.map(|thread| thread.join().expect("it ends"));
    });
}

#[test]
fn threads_with_slots_of_their_own_lose_no_release() {
    each_its_own("a slot each", TWO);
}

#[test]
fn threads_that_share_a_slot_lose_no_release() {
    each_its_own("a slot for both", LIKE_ONE);
}

/// One thread writes the first half and hands over, under the program's lock; the other writes the rest. Both then wait.
#[test]
fn a_burst_that_is_handed_over_is_not_left_behind() {
    every_order("handed over", || {
        open(1);
        let turn = Arc::new(Mutex::new(0));
        let theirs = turn.clone();
        let first = thread(ONE, move || {
            let mut turn = theirs.lock().expect("not poisoned");
            write_more(1);
            *turn = 1;
            drop(turn);
            wait();
        });
        let second = thread(TWO, move || {
            let turn = turn.lock().expect("not poisoned");
            if *turn == 1 {
                write_last(1);
                // Its own call has pushed everything.
                assert!(!kernel::holds(1));
            }
            drop(turn);
            wait();
        });
        first.join().expect("it ends");
        second.join().expect("it ends");
        assert!(!kernel::holds(1), "left behind");
    });
}

/// Both expect more to follow, but only one waits: what that one has written does not stay behind the other's call. (While the
/// wait begins the other's call may still be on its way to the kernel, where it pushes.)
#[test]
fn a_wait_releases_what_its_thread_has_written_whoever_went_on() {
    every_order("in turns", || {
        open(1);
        let turn = Arc::new(Mutex::new(()));
        let threads = [ONE, TWO].map(|pointer| {
            let turn = turn.clone();
            thread(pointer, move || {
                let guard = turn.lock().expect("not poisoned");
                write_more(1);
                drop(guard);
                if pointer == ONE {
                    wait();
                }
            })
        });
        threads.map(|thread| thread.join().expect("it ends"));
        assert!(!kernel::holds_of(1, ONE), "left behind");
    });
}

/// One thread holds, another closes the descriptor (the program knows that the call has returned); the first one waits later.
#[test]
fn a_close_by_another_thread_releases() {
    every_order("closed by another", || {
        open(1);
        let written = Arc::new(Mutex::new(false));
        let theirs = written.clone();
        let writer = thread(ONE, move || {
            let mut written = theirs.lock().expect("not poisoned");
            write_more(1);
            *written = true;
            drop(written);
            wait();
        });
        let closer = thread(TWO, move || {
            let written = written.lock().expect("not poisoned");
            if *written {
                close(1);
            }
        });
        writer.join().expect("it ends");
        closer.join().expect("it ends");
        assert!(!kernel::holds(1), "left behind");
    });
}

/// The process begins to end in one thread: what another holds by then is out, whether or not that one waits meanwhile.
#[test]
fn the_end_of_the_process_releases_all() {
    every_order("release all", || {
        open(1);
        let written = Arc::new(Mutex::new(false));
        let theirs = written.clone();
        let writer = thread(ONE, move || {
            let mut written = theirs.lock().expect("not poisoned");
            write_more(1);
            *written = true;
            drop(written);
            wait();
        });
        let ender = thread(TWO, move || {
            let written = written.lock().expect("not poisoned");
            if *written {
                hold::release_all();
            }
        });
        writer.join().expect("it ends");
        ender.join().expect("it ends");
        assert!(!kernel::holds(1), "left behind");
    });
}

/// Threads that meet the second table at once: it is mapped once, and each finds what it noted.
#[test]
fn the_second_table_is_mapped_once() {
    every_order("far descriptors", || {
        let threads = [(ONE, 100_000), (TWO, 200_000)].map(|(pointer, fd)| {
            thread(pointer, move || {
                open(fd);
                assert!(table::get(fd).is_connection(), "{fd} is forgotten");
                assert!(!table::get(fd).holdable());
            })
        });
        threads.map(|thread| thread.join().expect("it ends"));
        for fd in [100_000, 200_000] {
            assert!(table::get(fd).is_connection(), "{fd} is forgotten");
        }
    });
}

/// Threads that write to one socket at once, with nothing to order them, can lose a release: the one that holds last in the
/// kernel may be the one that noted it first. The program's own messages are in no order then either. The kernel's timer ends
/// it, after 200 ms. This shows that the models above could fail.
#[test]
fn writers_without_any_order_may_leave_one_call_to_the_timer() {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    every_order("no order", || {
        open(1);
        let first = thread(ONE, || {
            write_more(1);
            wait();
        });
        let second = thread(TWO, || {
            write_last(1);
            wait();
        });
        first.join().expect("it ends");
        second.join().expect("it ends");
        LEFT.fetch_add(usize::from(kernel::holds(1)), Relaxed);
    });
    println!("left to the timer in {} of them", LEFT.load(Relaxed));
    assert!(LEFT.load(Relaxed) > 0);
}
