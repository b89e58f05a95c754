//! Holding on evidence beside its reference model (src/policy/tests/evidence_reference), which is written from the rule's words:
//! any steps of two threads on three sockets. The model judges at each step; so do the quick paths beside those behind them.
//!
//! The first byte says which sockets share a service and when the clock starts; then three bytes make a step: what, on which
//! socket, and how long.

#[path = "../../../../src/policy/tests/evidence_machine/mod.rs"]
mod evidence_machine;
#[path = "../../../../src/policy/tests/evidence_reference/mod.rs"]
mod evidence_reference;

use evidence_machine::World;
use evidence_reference::Reference;

const SOCKETS: usize = 3;
const THREADS: usize = 2;

pub fn check(input: &[u8]) {
    let Some((how, steps)) = input.split_first() else { return };
    let services = if how & 1 == 0 { [0, 1, 2] } else { [5; SOCKETS] };
    let world = World::new(THREADS, SOCKETS);
    *world.beside.borrow_mut() = Some(Box::new(Reference::new(&services)));
    for (fd, service) in services.into_iter().enumerate() {
        world.open(fd, service as u32);
        world.nodelay_is_the_programs(fd);
    }
    // Perhaps just before the clock wraps.
    world.start_at(if how & 2 == 0 { 0 } else { (1 << 32) - u64::from(*how) * 500 });
    for step in steps.chunks_exact(3) {
        run(&world, step[0], usize::from(step[1]) % SOCKETS, step[2]);
    }
}

/// Microseconds: within a burst, about the rule's bounds, and long.
fn time(byte: u8) -> u64 {
    let byte = u64::from(byte);
    match byte % 4 {
        0 => byte / 4,
        1 => 180 + byte / 2,
        2 => byte * 8,
        _ => byte * 1_500,
    }
}

fn run(world: &World, what: u8, socket: usize, byte: u8) {
    match what % 16 {
        0..=4 => drop(world.data(socket, u64::from(byte) + 1)),
        5 => drop(world.data(socket, u64::from(byte) * 160 + 1)),
        6 => drop(world.sendfile(socket, 3_000)),
        7 | 8 => world.answer(socket),
        9 => {
            world.arrive(socket, 7);
            world.receive_unseen(socket, time(byte));
        }
        10 => world.sleep(time(byte)),
        11 => world.poll(byte & 4 == 0, time(byte)),
        12 => world.poll_zero(byte & 4 == 0),
        13 => world.hidden(time(byte)),
        14 => world.compute(time(byte)),
        _ => match byte % 4 {
            0 => world.preempted(time(byte)),
            1 => world.fork(),
            2 => {
                // Closed where the library sees it.
                world.let_go();
                world.open(socket, socket as u32);
            }
            _ => {
                // The other thread sleeps meanwhile: it has reached a place to let go.
                world.let_go();
                world.switch(usize::from(byte / 4) % THREADS);
            }
        },
    }
}
