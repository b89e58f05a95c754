//! Replays a recorded trace (tests/traces) through the predictor, step by step as the library's hooks do (src/shim: data.rs,
//! receive.rs, wait.rs, hold.rs), and reckons what that would have done on the wire. No system call is made.
//!
//! Not modelled: the kernel's timer, which ends a hold after about 200 ms, and threads whose slots hash alike.
//! It judges nothing: the tests and the table (examples/replay_traces.rs) do.

#![allow(dead_code, reason = "each of its users needs a part of it")]

use tcptune_policy::burst::{self, Advice, Table};
use tcptune_policy::socket::{CORKED, HELD, Kind, NO_HOLD, NODELAY_ON, Socket};

use super::trace::{Event, Step, Trace};

/// The longest pause inside a burst, in the traces' microseconds.
pub const GAP: u32 = 1_000;
/// Payload of a segment at MTU 1500 with timestamps.
const MSS: u64 = 1_448;
/// Microseconds after which the kernel sends held data by itself.
const KERNEL: u64 = 200_000;

/// What a replay has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections: u64,
    /// Data calls on connections on which the library may hold.
    pub calls: u64,
    /// Calls held by MSG_MORE.
    pub holds: u64,
    /// Bursts corked.
    pub corks: u64,
    /// Option calls to cork, to uncork and to release.
    pub options: u64,
    /// Releases by a wait, a close or a failed call.
    pub releases: u64,
    /// Misses that a release made: the next call did not come before the thread waited.
    pub misses: u64,
    /// Calls that were held for longer than a burst's pause, and then followed: the program was interrupted, or computed.
    pub pauses: u64,
    /// Misses (not pauses) after the first [`Counts::WARM`] data calls.
    pub late_misses: u64,
    /// Data segments with TCP_NODELAY alone …
    pub plain: u64,
    /// … and with what was held.
    pub segments: u64,
    /// How often data that could have left was held; for how many microseconds in all, and at most.
    pub waits: u64,
    pub delay: u64,
    pub longest: u64,
}

impl Counts {
    /// Data calls that a service is given to learn from.
    pub const WARM: u64 = 100;

    /// Misses after the warm-up, per 10,000 data calls.
    pub fn rate(&self) -> f64 {
        10_000.0 * self.late_misses as f64 / self.calls.saturating_sub(Counts::WARM).max(1) as f64
    }
}

/// A connection: its word, and what the kernel has of it that has not left.
#[derive(Clone, Copy, Default)]
struct Connection {
    socket: Socket,
    tail: u64,
    since: u64,
    /// The same under TCP_NODELAY alone: only the application itself can hold there.
    plain_tail: u64,
}

struct Replay<'a> {
    table: &'a Table,
    counts: &'a mut Counts,
    now: u64,
    /// By thread: the connection it holds data on.
    slots: Vec<Option<usize>>,
    connections: Vec<Connection>,
}

/// Replays a trace so many times, as one process that serves on: what it has learned stays.
pub fn replay(trace: &Trace, rounds: u32, table: &Table) -> Counts {
    let mut counts = Counts::default();
    let mut start = 0;
    for _ in 0..rounds {
        let mut replay = Replay {
            table,
            counts: &mut counts,
            now: start,
            slots: vec![None; trace.threads],
            connections: vec![Connection::default(); trace.connections],
        };
        for event in &trace.events {
            replay.step(event);
        }
        for thread in 0..trace.threads {
            replay.release(thread);
        }
        start = replay.now + 1_000_000;
    }
    counts
}

impl Replay<'_> {
    fn step(&mut self, event: &Event) {
        self.now += event.after;
        let thread = event.thread;
        match event.step {
            Step::Open { connection, service } => {
                self.release(thread);
                let socket = Socket::new(Kind::Accepted).on_service(service).with(NODELAY_ON).opened(false);
                self.connections[connection] = Connection { socket, ..Connection::default() };
                self.counts.connections += 1;
            }
            Step::Data { connection, length, result } => self.data(thread, connection, length, result),
            Step::Pass { connection, result } => self.pass(thread, connection, result),
            Step::More { connection, result } => {
                self.owned(connection);
                // It holds by itself, with the library and without.
                self.leaves(connection, result, true);
                self.plain(connection, result, true);
            }
            Step::Own { connection } => {
                self.release(thread);
                self.owned(connection);
            }
            Step::Receive { connection } => {
                let word = &mut self.connections[connection].socket;
                if word.holdable() && !word.has(HELD) {
                    *word = match self.table.next_received(word.low()) {
                        0 => burst::received(*word, self.table),
                        next => Socket(word.0 & !0xff | u64::from(next)),
                    };
                }
            }
            Step::Close { connection } => {
                self.release(thread);
                if self.connections[connection].socket.has(HELD) {
                    self.flush(connection);
                }
                self.end(connection);
            }
            Step::Wait => self.release(thread),
        }
    }

    /// The application has said that it corks by itself.
    fn owned(&mut self, connection: usize) {
        let word = &mut self.connections[connection].socket;
        *word = word.with(NO_HOLD).opened(true);
    }

    fn data(&mut self, thread: usize, connection: usize, length: i64, result: i64) {
        self.plain(connection, result, false);
        let word = self.connections[connection].socket;
        if !word.holdable() {
            return self.leaves(connection, result, false);
        }
        self.counts.calls += 1;
        let held = length != 0 && self.quickly(thread, connection).unwrap_or_else(|| self.decide(thread, connection));
        if held {
            self.counts.holds += 1;
            if result != length {
                let word = &mut self.connections[connection].socket;
                *word = burst::not_held(*word);
            }
        }
        let corked = self.connections[connection].socket.has(CORKED);
        self.leaves(connection, result, held && result == length || corked);
    }

    /// The hooks' quick path: whether the call is held, where it decides.
    fn quickly(&mut self, thread: usize, connection: usize) -> Option<bool> {
        let word = self.connections[connection].socket;
        if word.has(CORKED) {
            let next = if self.slots[thread] == Some(connection) { self.corked_call(word) } else { None };
            self.connections[connection].socket = next?;
            return Some(false);
        }
        let next = self.ready(word)?;
        let held = next.has(HELD);
        if held && !self.take(thread, connection) {
            return None;
        }
        self.connections[connection].socket = next;
        Some(held)
    }

    /// What the table keeps ready for a data call.
    fn ready(&self, word: Socket) -> Option<Socket> {
        let next = self.table.next_sent(word.low());
        if next == 0 || word.has(HELD) && !burst::in_time(word.high(), self.clock(), GAP) {
            return None;
        }
        Some(Socket::of(word.low() & !0xff | u32::from(next), self.clock()))
    }

    /// A call on a corked socket, as the library makes it: quickly, or one of the first two that follow.
    fn corked_call(&self, word: Socket) -> Option<Socket> {
        self.ready(word).or_else(|| burst::sent_newly_corked(word, self.clock(), GAP))
    }

    fn sent(&mut self, connection: usize) -> (Socket, Advice) {
        let word = self.connections[connection].socket;
        let late = self.clock().wrapping_sub((word.0 >> 32) as u32) >= GAP;
        if word.in_burst() && word.has(HELD) && !word.has(CORKED) && late {
            self.counts.pauses += 1;
        }
        burst::sent(word, self.clock(), GAP, self.table)
    }

    /// data.rs, `decide`.
    fn decide(&mut self, thread: usize, connection: usize) -> bool {
        let word = self.connections[connection].socket;
        let (next, advice) = self.sent(connection);
        let more = advice != Advice::Send && self.take(thread, connection);
        let long = more && advice == Advice::Cork;
        if word.has(CORKED) && !long {
            self.push(connection);
        }
        self.connections[connection].socket = if long {
            self.corked(word);
            burst::corked(next, self.clock(), self.table)
        } else if more {
            next.with(HELD)
        } else {
            next
        };
        more && !long
    }

    /// data.rs, `pass` and its quick path.
    fn pass(&mut self, thread: usize, connection: usize, result: i64) {
        self.plain(connection, result, false);
        let word = self.connections[connection].socket;
        if !word.holdable() {
            return self.leaves(connection, result, false);
        }
        self.counts.calls += 1;
        let quick = if !word.has(CORKED) {
            self.ready(word).filter(|next| !next.has(HELD))
        } else if self.slots[thread] == Some(connection) {
            self.corked_call(word)
        } else {
            None
        };
        let had = if let Some(next) = quick {
            self.connections[connection].socket = next;
            word.has(HELD) && !word.has(CORKED)
        } else {
            let (next, advice) = self.sent(connection);
            if advice != Advice::Send && self.take(thread, connection) {
                self.corked(word);
                self.connections[connection].socket = burst::corked(next, self.clock(), self.table);
                false
            } else {
                if word.has(CORKED) {
                    self.push(connection);
                }
                self.connections[connection].socket = next;
                word.has(HELD) && !word.has(CORKED)
            }
        };
        let corked = self.connections[connection].socket.has(CORKED);
        self.leaves(connection, result, corked || had && result <= 0);
        // Kernels before 6.5 keep the tail of a sendfile that was cut short; one more option call there.
        if had && result <= 0 {
            self.push(connection);
        }
    }

    /// hold.rs, `take`.
    fn take(&mut self, thread: usize, connection: usize) -> bool {
        if let Some(other) = self.slots[thread]
            && other != connection
            && self.connections[other].socket.has(HELD)
        {
            return false;
        }
        self.slots[thread] = Some(connection);
        true
    }

    /// hold.rs, `release`.
    fn release(&mut self, thread: usize) {
        if let Some(connection) = self.slots[thread]
            && self.connections[connection].socket.has(HELD)
        {
            self.flush(connection);
        }
    }

    /// hold.rs, `flush`.
    fn flush(&mut self, connection: usize) {
        let word = self.connections[connection].socket;
        if word.holdable() {
            let (next, miss) = burst::released(word, self.clock(), GAP, self.table);
            self.connections[connection].socket = next;
            if miss {
                self.miss();
            }
        } else {
            self.connections[connection].socket = word.without(HELD);
        }
        self.push(connection);
    }

    fn push(&mut self, connection: usize) {
        self.counts.options += 1;
        self.counts.releases += 1;
        self.end(connection);
    }

    fn corked(&mut self, before: Socket) {
        if !before.has(CORKED) {
            self.counts.corks += 1;
            self.counts.options += 1;
        }
    }

    fn miss(&mut self) {
        self.counts.misses += 1;
        if self.counts.calls > Counts::WARM {
            self.counts.late_misses += 1;
        }
    }

    /// The policy's clock: microseconds, as they wrap.
    fn clock(&self) -> u32 {
        self.now as u32
    }

    /// `sent` bytes are given to the kernel; the part of them that fills no segment stays there if `more`.
    fn leaves(&mut self, connection: usize, sent: i64, more: bool) {
        let Ok(sent) = u64::try_from(sent) else { return };
        let state = &mut self.connections[connection];
        let had = state.tail;
        let all = had + sent;
        self.counts.segments += if more { all / MSS } else { all.div_ceil(MSS) };
        state.tail = if more { all % MSS } else { 0 };
        if had != 0 && state.socket.holdable() && (all >= MSS || !more) {
            let delay = (self.now - state.since).min(KERNEL);
            self.counts.waits += 1;
            self.counts.delay += delay;
            self.counts.longest = self.counts.longest.max(delay);
        }
        if state.tail != 0 && (had == 0 || all >= MSS) {
            state.since = self.now;
        }
    }

    /// What is still there leaves now.
    fn end(&mut self, connection: usize) {
        self.leaves(connection, 0, false);
    }

    /// The same call under TCP_NODELAY alone.
    fn plain(&mut self, connection: usize, sent: i64, more: bool) {
        let Ok(sent) = u64::try_from(sent) else { return };
        let state = &mut self.connections[connection];
        let all = state.plain_tail + sent;
        self.counts.plain += if more { all / MSS } else { all.div_ceil(MSS) };
        state.plain_tail = if more { all % MSS } else { 0 };
    }
}
