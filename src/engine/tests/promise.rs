//! The promise (tests/simulated/promise.rs) on programs that chance writes.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tcptune_simulated::promise;

#[test]
fn it_is_kept_by_any_program() {
    let held = Cell::new(0);
    // Habits are what counts: about one step in four makes some.
    let step = (0u8..32, any::<u8>(), any::<u8>(), any::<bool>())
        .prop_map(|(what, whom, how, habits)| [if habits && what < 16 { 31 } else { what }, whom & 0x0f, how]);
    let programs = (any::<u8>(), prop::collection::vec(step, 1..150))
        .prop_map(|(settings, steps)| [vec![settings], steps.concat()].concat());
    let config = Config { cases: 5000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&programs, |input| {
            held.set(held.get() + promise::check(&input));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    println!("{} calls were held", held.get());
    assert!(held.get() > 10_000, "{} calls were held: too few to show anything", held.get());
}
