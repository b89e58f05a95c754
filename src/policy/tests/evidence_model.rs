//! The rule against the same rule written plainly (evidence_reference): over any program, the same calls are held, the same
//! options set, the same strikes counted, at every step, by the quick paths too.

mod evidence_machine;
mod evidence_programs;
mod evidence_reference;

use evidence_machine::World;
use evidence_programs::{SOCKETS, THREADS, programs, run_all};
use evidence_reference::Reference;
use proptest::prelude::*;

fn beside(services: [usize; SOCKETS]) -> World {
    let world = World::new(THREADS, SOCKETS);
    *world.beside.borrow_mut() = Some(Box::new(Reference::new(&services)));
    for (fd, service) in services.into_iter().enumerate() {
        world.open(fd, service as u32);
        world.nodelay_is_the_programs(fd);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// The clock starts just before it wraps.
    #[test]
    fn any_program_gives_the_models_verdicts(
        programs in programs(), one_service in any::<bool>(), before_wrap in 0u64..400_000,
    ) {
        let world = beside(if one_service { [5; SOCKETS] } else { [0, 1, 2] });
        world.start_at((1 << 32) - before_wrap);
        run_all(&world, &programs);
    }
}

/// Betrayals through all three strikes and the bans between.
#[test]
fn the_models_bans_are_the_rules() {
    for every in [2, 20, 300] {
        let world = beside([0, 1, 2]);
        for number in 1..=120_000 {
            world.data(0, 60);
            if number % every == 0 {
                world.hidden(30_000);
            }
            world.data(0, 60);
            world.answer(0);
        }
        world.answer(0);
    }
}
