//! Replays a recorded trace (tests/data/traces) under the rule, and reckons what that would have done on the wire. No system call is
//! made. It judges nothing: the tests and the table (examples/replay_traces.rs) do.
//!
//! A trace does not say what a thread did between two calls: a pause of more than 300 us counts as sleep where no hook saw it.

#![allow(dead_code, reason = "each of its users needs a part of it")]

use super::evidence_machine::{CALL, Counts, MSS, World};
use super::evidence_trace::{Event, Step, Trace};

/// What a replay has counted.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    pub connections: u64,
    /// Data calls on connections on which the library may hold.
    pub calls: u64,
    /// Data segments with TCP_NODELAY alone, and under the rule.
    pub plain: u64,
    pub segments: u64,
    pub counts: Counts,
}

/// Replays a trace so many times, as one process that serves on: what it has learned stays.
pub fn replay(trace: &Trace, rounds: u32) -> Replayed {
    let world = World::new(trace.threads, trace.connections);
    let mut replayed = Replayed::default();
    for _ in 0..rounds {
        let mut owned = vec![false; trace.connections];
        let mut tails = vec![0; trace.connections];
        for event in &trace.events {
            step(&world, event, &mut replayed, &mut owned, &mut tails);
        }
        for thread in 0..trace.threads {
            world.switch(thread);
            world.let_go();
        }
        world.hidden(1_000_000);
    }
    replayed.segments = world.segments();
    replayed.counts = world.tally();
    replayed
}

fn step(world: &World, event: &Event, replayed: &mut Replayed, owned: &mut [bool], tails: &mut [u64]) {
    world.switch(event.thread);
    let pause = event.after.saturating_sub(CALL);
    if pause > 300 {
        world.hidden(pause)
    } else {
        world.compute(pause)
    }
    match event.step {
        Step::Open { connection, service } => {
            world.let_go();
            world.open(connection, u32::from(service) % 64);
            (owned[connection], tails[connection]) = (false, 0);
            replayed.connections += 1;
        }
        Step::Data { connection, length, result } => {
            data(world, connection, length, result, true, owned[connection], replayed, &mut tails[connection]);
        }
        Step::Pass { connection, result } => {
            data(world, connection, result, result, false, owned[connection], replayed, &mut tails[connection]);
        }
        Step::More { connection, result } => {
            owned[connection] = true;
            let sent = u64::try_from(result).unwrap_or(0);
            world.by_itself(connection, sent, true);
            plain(&mut tails[connection], sent, true, replayed);
        }
        Step::Own { connection } => {
            world.let_go();
            owned[connection] = true;
        }
        Step::Receive { connection } => {
            world.arrive(connection, 1);
            world.receive(connection, 0);
        }
        Step::Close { connection } => {
            world.let_go();
            plain(&mut tails[connection], 0, false, replayed);
            world.by_itself(connection, 0, false);
        }
        Step::Wait => world.let_go(),
    }
}

#[expect(clippy::too_many_arguments, reason = "a line of a trace, and what it changes")]
fn data(
    world: &World,
    connection: usize,
    length: i64,
    result: i64,
    more: bool,
    owned: bool,
    replayed: &mut Replayed,
    tail: &mut u64,
) {
    let sent = u64::try_from(result).unwrap_or(0);
    plain(tail, sent, false, replayed);
    if owned || length == 0 {
        return world.by_itself(connection, sent, false);
    }
    replayed.calls += 1;
    let held = if more { world.data(connection, sent) } else { world.sendfile(connection, sent) };
    if held && result != length {
        world.cut_short(connection);
    }
}

/// The same call under TCP_NODELAY alone: only the program itself can hold there.
fn plain(tail: &mut u64, sent: u64, more: bool, replayed: &mut Replayed) {
    let sum = *tail + sent;
    replayed.plain += if more { sum / MSS } else { sum.div_ceil(MSS) };
    *tail = if more { sum % MSS } else { 0 };
}
