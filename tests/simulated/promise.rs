//! The promise, checked on any program of four threads and six connections, with a fresh library for each:
//!
//! - after a place to let go nothing that the thread has written is kept for the library's sake (nor, under
//!   TCPTUNE_RELEASE=all, for its own);
//! - nothing is held beyond the table, where TCP_NODELAY is off, where the settings or the program forbid it;
//! - a data call takes along what is old, and a wait lets go of it whatever it finds;
//! - what was late (a millisecond in which its own thread slept or computed unseen) is late three times in a process;
//! - the program reads the options that it has set, and when all threads have waited the kernel has what they should be.
//!
//! The first byte chooses the settings; then three bytes make a step: what, who and where, how.

use std::ffi::c_int;

use tcptune_engine::NEAR;
use tcptune_policy::Peer;

use crate::kernel::{Kernel, Socket, kernel};
use crate::machine::THREADS;
use crate::program::{Program, SERVER};

const CONNECTIONS: usize = 6;
/// What is older leaves with the next call.
const OLD: u64 = 300;
/// What one call takes here, and a little.
const CALL: u64 = 4;

/// A connection, as the program knows it.
#[derive(Debug)]
struct Connection {
    numbers: Vec<c_int>,
    /// It has spoken of MSG_MORE or TCP_CORK, or the settings do not let the library hold.
    forbidden: bool,
    nodelay: bool,
    /// It has turned TCP_NODELAY off that it knew to be on.
    turned_off: bool,
    cork: bool,
    /// It was opened after the process had been told to stop tuning.
    untouched: bool,
}

struct Run {
    program: Program,
    listener: c_int,
    connections: [Option<Connection>; CONNECTIONS],
    /// By thread: waits with a timeout of zero, in a row, that found nothing.
    empty: [u32; THREADS],
    all: bool,
    forbids: bool,
    counts: bool,
    /// It was told to stop tuning.
    detached: bool,
}

/// Checks what a program that these bytes make sees. How often was something held?
pub fn check(input: &[u8]) -> usize {
    let Some((&settings, steps)) = input.split_first() else { return 0 };
    let variables: &[(&str, &str)] = match settings & 7 {
        0..=3 => &[],
        4 => &[("TCPTUNE_RELEASE", "all")],
        5 => &[("TCPTUNE_QUICKACK", "auto")],
        6 => &[("TCPTUNE_CORK", "off")],
        _ => &[("TCPTUNE_NODELAY", "force")],
    };
    let program = Program::new(variables);
    let listener = program.listen();
    if settings & 8 != 0 {
        program.count();
    }
    let mut run = Run {
        program,
        listener,
        connections: Default::default(),
        empty: [0; THREADS],
        all: settings & 7 == 4,
        forbids: settings & 7 == 6,
        counts: settings & 8 != 0,
        detached: false,
    };
    for step in steps.chunks_exact(3) {
        run.step(step[0], usize::from(step[1] & 3), usize::from(step[1] >> 2) % CONNECTIONS, step[2]);
    }
    run.end()
}

impl Run {
    fn step(&mut self, what: u8, thread: usize, at: usize, how: u8) {
        self.program.by(thread);
        let what = what & 31;
        if !matches!(what, 20..=22) {
            self.calls(what, thread, at, how);
            // A burst may end anywhere.
            self.program.library.heed();
            self.reads_back(at);
        } else {
            // Nothing that a hook sees.
            let time = [5, 100, 290, 310, 900, 1100, 4000, 50_000][usize::from(how & 7)];
            kernel(|kernel| match what {
                20 => kernel.pass(time),
                21 => kernel.compute(time),
                _ => kernel.sleep(time),
            });
        }
        let late = kernel(|kernel| kernel.late.len());
        assert!(late < 3 + THREADS, "late {late} times");
        kernel(|kernel| {
            for (fd, nodelay) in kernel.held.iter().skip(kernel.checked) {
                assert!(nodelay & ((0..NEAR as c_int).contains(fd)), "held on {fd}, TCP_NODELAY {nodelay}");
            }
            kernel.checked = kernel.held.len();
        });
    }

    fn calls(&mut self, what: u8, thread: usize, at: usize, how: u8) {
        if self.connections[at].is_none() && !matches!(what, 12..=15) {
            self.open(at, how);
            self.nothing_kept_by(thread, "over a connect or accept");
        }
        match what {
            0..=8 => self.data(what, thread, at, how),
            9..=11 => {
                let Some(connection) = &self.connections[at] else { return };
                self.program.answered(connection.number(how));
                self.nothing_kept_by(thread, "over a receive");
            }
            12 => {
                self.program.sleep(u64::from(how) * 10);
                self.nothing_kept_by(thread, "over a sleep");
            }
            13 | 14 => self.wait(thread, how),
            15 => {
                self.program.accept(self.listener);
                self.nothing_kept_by(thread, "over an accept");
            }
            16 => self.set(thread, at, how),
            17 => self.duplicate(thread, at, how),
            18 => self.close(thread, at),
            19 => self.behind_the_back(thread, at, how),
            23 => {
                kernel(|kernel| {
                    if let Some(it) = self.connections[at].as_ref().and_then(|it| kernel.socket(it.numbers[0])) {
                        it.room = Some(usize::from(how));
                    }
                });
                self.data(how & 3, thread, at, how);
                kernel(|kernel| {
                    if let Some(it) = self.connections[at].as_ref().and_then(|it| kernel.socket(it.numbers[0])) {
                        it.room = None;
                    }
                });
            }
            24 => {
                let entering = self.program.library.restricting();
                self.program.library.restricted(entering, false);
                self.nothing_kept("over the failed installation of a filter");
            }
            25 => self.acknowledge(at),
            26 => {
                self.program.library.forked();
            }
            // Only where calls are counted can it be told.
            27 if how == 77 => {
                self.detached |= self.counts;
                kernel(|kernel| kernel.stop = self.detached);
            }
            27 => {
                self.program.shutdown();
                self.nothing_kept_by(thread, "over a shutdown");
            }
            _ => {
                // Habits, without which nothing is held.
                for _ in 0..how >> 4 {
                    for call in 0..=(how & 3) {
                        self.data(if how & 12 == 12 { 5 } else { call & 1 }, thread, at, 20);
                    }
                    self.calls(9 + (how >> 2 & 1) * 3, thread, at, 0);
                }
            }
        }
        if !matches!(what, 13 | 14) {
            self.empty[thread] = 0;
        }
    }

    fn open(&mut self, at: usize, how: u8) {
        let fd = if how & 1 == 0 {
            self.program.accept(self.listener)
        } else {
            let fd = self.program.socket();
            self.program.connect_to(fd, Peer::from_v4([127, 0, 0, 1], 80), Some(SERVER + (how >> 1 & 1)));
            fd
        };
        self.connections[at] = Some(Connection {
            numbers: vec![fd],
            forbidden: self.forbids || self.detached,
            nodelay: false,
            turned_off: false,
            cork: false,
            untouched: self.detached,
        });
    }

    fn data(&mut self, what: u8, thread: usize, at: usize, how: u8) {
        let Some(connection) = &mut self.connections[at] else { return };
        let fd = connection.number(how);
        let length = usize::from(how & 0x7f) * if how & 0x30 == 0x30 { 100 } else { 1 };
        let held = kernel(|kernel| kernel.held.len());
        let program = &self.program;
        let sent = match what {
            0 | 1 => program.write(fd, length),
            2 | 3 => program.send_with(fd, length, 0),
            4 | 5 => program.sendfile(fd, length),
            6 => program.send_with(fd, length, libc::MSG_OOB),
            _ => program.send_with(fd, length, libc::MSG_MORE),
        };
        if what >= 7 && length > 0 {
            connection.forbidden = true;
        }
        let held_now = kernel(|kernel| kernel.held.len()) > held;
        let allowed = !connection.forbidden && what < 4 && length > 0;
        assert!(allowed || !held_now, "a call of kind {what} is held");
        let index = kernel(|kernel| kernel.numbers[&fd]);
        let looks = !connection.forbidden && !connection.turned_off && what < 6 && length > 0;
        kernel(|kernel| {
            for (place, piece) in kernel.pieces() {
                let own = piece.thread == thread && piece.ours && !piece.nagle;
                // A call that is never held is not looked at.
                assert!(!own || place == index || !looks, "{piece:?} stays over a data call on another socket");
                // A call without data, or that fails, says and pushes nothing; and others may have had the processor meanwhile.
                let old = kernel.own[thread] - if own { piece.own } else { kernel.own[thread] };
                assert!(sent <= 0 || place != index || old <= OLD + CALL, "{piece:?} is old, at {}", kernel.now);
                let forbidden = connection.forbidden && piece.ours && place == index && !piece.nagle;
                assert!(!forbidden || length == 0, "{piece:?} where nothing may be");
            }
        });
    }

    fn wait(&mut self, thread: usize, how: u8) {
        let ready = how & 1 != 0;
        let time = [0, 0, 1, 3, 20, 200, 2000, 30_000][usize::from(how >> 1 & 7)];
        let begun = kernel(|kernel| kernel.own[thread]);
        let found = if how & 0x10 == 0 { self.program.poll(ready, time) } else { self.program.select(ready, time) };
        self.empty[thread] = if time == 0 && found == 0 { self.empty[thread] + 1 } else { 0 };
        if time != 0 && !ready || self.empty[thread] >= 2 {
            self.nothing_kept_by(thread, "over a wait");
        }
        kernel(|kernel| {
            for (_, piece) in kernel.pieces().filter(|(_, it)| it.thread == thread && it.ours && !it.nagle) {
                let age = begun - piece.own;
                assert!(age <= OLD + CALL, "{piece:?} is kept over a wait, though it was old");
            }
        });
    }

    fn set(&mut self, thread: usize, at: usize, how: u8) {
        let Some(connection) = &mut self.connections[at] else { return };
        let (fd, on) = (connection.number(how), how & 1 != 0);
        if how & 2 == 0 {
            self.program.set_nodelay(fd, on);
            connection.turned_off = if on { false } else { connection.turned_off || connection.nodelay };
            connection.nodelay = on;
        } else {
            self.program.set_cork(fd, on);
            (connection.cork, connection.forbidden) = (on, true);
        }
        let _ = thread;
    }

    fn duplicate(&mut self, thread: usize, at: usize, how: u8) {
        let Some(connection) = &mut self.connections[at] else { return };
        if connection.numbers.len() > 2 {
            return;
        }
        let fd = connection.number(how);
        let first = connection.numbers.len() == 1;
        let new = self.program.duplicate(fd, None);
        connection.numbers.push(new);
        self.nothing_kept_by(thread, "over a duplication");
        let index = kernel(|kernel| kernel.numbers[&fd]);
        let kept = kernel(|kernel| kernel.sockets[index].kept.iter().any(|piece| piece.ours && !piece.nagle));
        assert!(!kept || !first, "held while a second number is added");
    }

    fn close(&mut self, thread: usize, at: usize) {
        let Some(connection) = &mut self.connections[at] else { return };
        let fd = connection.numbers.remove(0);
        if connection.numbers.is_empty() {
            self.connections[at] = None;
        }
        self.program.close(fd);
        self.nothing_kept_by(thread, "over a close");
    }

    /// The connection is closed unseen, and its number used again: by a file, unseen too, or by a new socket.
    fn behind_the_back(&mut self, thread: usize, at: usize, how: u8) {
        let Some(connection) = self.connections[at].take() else { return };
        let fd = connection.numbers[0];
        kernel(|kernel| connection.numbers.iter().for_each(|&fd| kernel.close(fd)));
        if how & 1 == 0 {
            kernel(|kernel| kernel.open(Some(fd), Socket::default()));
            assert_eq!(self.program.write(fd, 3), 3, "into a file");
            assert_eq!(self.program.sendfile(fd, 4), 4, "into a file");
            self.program.close(fd);
        } else {
            self.open(at, how >> 1);
        }
        let _ = thread;
    }

    fn acknowledge(&mut self, at: usize) {
        if let Some(connection) = &self.connections[at] {
            kernel(|kernel| kernel.acknowledge(connection.numbers[0]));
        }
    }

    fn nothing_kept_by(&self, thread: usize, why: &str) {
        // Of two threads with one place, one's own holding is not known.
        let all = self.all && !self.detached && thread != 0 && thread != THREADS - 1;
        kernel(|kernel| {
            for (place, piece) in kernel.pieces().filter(|(_, piece)| piece.thread == thread) {
                // Where another thread has let Nagle's algorithm, it may still: that is no later than without the library.
                if piece.nagle {
                    continue;
                }
                let stays = piece.ours || all && !piece.nagle;
                assert!(!stays, "{piece:?} of socket {place} stays {why}");
            }
        });
    }

    /// Is Nagle's algorithm in force there only if the library lets it?
    fn lets_nagle(&self, kernel: &Kernel, index: usize) -> bool {
        let mut open = self.connections.iter().flatten().filter(|it| !it.untouched);
        open.any(|it| kernel.numbers.get(&it.numbers[0]) == Some(&index) && !it.turned_off)
    }

    fn nothing_kept(&self, why: &str) {
        kernel(|kernel| {
            for (place, piece) in kernel.pieces().filter(|(_, piece)| !piece.nagle) {
                assert!(!piece.ours, "{piece:?} of socket {place} stays {why}");
            }
        });
    }

    fn reads_back(&self, at: usize) {
        let Some(connection) = &self.connections[at] else { return };
        for &fd in &connection.numbers {
            assert_eq!(self.program.reads_nodelay(fd), connection.nodelay, "TCP_NODELAY of {fd}");
            assert_eq!(self.program.reads_cork(fd), connection.cork, "TCP_CORK of {fd}");
        }
    }

    fn end(mut self) -> usize {
        for thread in 0..THREADS {
            self.program.by(thread).sleep(10);
            self.nothing_kept_by(thread, "at the end");
        }
        kernel(|kernel| {
            for (place, piece) in kernel.pieces().filter(|(_, piece)| piece.nagle) {
                assert!(!self.lets_nagle(kernel, place), "{piece:?} of socket {place} stays at the end");
            }
        });
        let force = kernel(|kernel| kernel.settings.base.nodelay) == tcptune_policy::Nodelay::Force;
        for connection in self.connections.iter().flatten() {
            let ours = (!connection.turned_off || force) && !connection.untouched;
            let expected = connection.nodelay || ours;
            let nodelay = kernel(|kernel| kernel.socket(connection.numbers[0]).is_some_and(|it| it.nodelay));
            assert_eq!(nodelay, expected, "{connection:?}");
            assert_eq!(
                kernel(|kernel| kernel.socket(connection.numbers[0]).is_some_and(|it| it.cork)),
                connection.cork
            );
        }
        for at in 0..CONNECTIONS {
            while self.connections[at].is_some() {
                self.close(0, at);
            }
        }
        kernel(|kernel| kernel.held.len())
    }
}

impl Connection {
    fn number(&self, how: u8) -> c_int {
        self.numbers[usize::from(how >> 7) % self.numbers.len()]
    }
}
