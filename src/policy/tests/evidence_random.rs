//! Any program under the rule: at most three late holds in its life, and after the third none at all.
mod evidence_machine;
mod evidence_programs;

use evidence_machine::{CALL, World};
use evidence_programs::{SOCKETS, THREADS, programs, run_all};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_program_is_late_more_than_three_times(
        programs in programs(), one_service in any::<bool>(), before_wrap in 0u64..400_000,
    ) {
        let world = World::new(THREADS, SOCKETS);
        for fd in 0..SOCKETS {
            world.open(fd, if one_service { 5 } else { fd as u32 });
        }
        world.start_at((1 << 32) - before_wrap);
        run_all(&world, &programs);
        world.hidden(300_000);
        let tally = world.tally();
        prop_assert!(tally.late() <= 3, "{} late, {} us", tally.late(), tally.oldest());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    /// After the third strike no call is held, whatever follows.
    #[test]
    fn after_three_strikes_nothing_is_held(programs in programs()) {
        let world = World::new(THREADS, SOCKETS);
        for fd in 0..SOCKETS {
            world.open(fd, 5);
        }
        for _ in 0..3 {
            // Twenty bursts of two are held whatever was forgiven; then one is betrayed.
            for _ in 0..1_100 * 100 {
                world.data(0, 50);
                if world.data(0, 50) {
                    break;
                }
                world.answer(0);
                if world.data(0, 50) {
                    break;
                }
                world.data(0, 50);
                world.answer(0);
            }
            world.hidden(5_000);
            world.answer(0);
        }
        prop_assert_eq!(world.habits.strikes(), 3);
        let before = world.tally().holds;
        run_all(&world, &programs);
        prop_assert_eq!(world.tally().holds, before);
    }
}

/// The programs above do hold, and are late: the properties are not about nothing.
#[test]
fn the_programs_hold_and_some_are_late() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut held, mut late, mut longest) = (0, 0, 0);
    for _ in 0..600 {
        let programs = programs().new_tree(&mut runner).expect("a program").current();
        let world = World::new(THREADS, SOCKETS);
        run_all(&world, &programs);
        let tally = world.tally();
        held += u32::from(tally.holds > 20);
        late += u32::from(tally.late() > 0);
        longest = longest.max(tally.late());
    }
    assert!(held > 60 && late > 5, "{held} of 600 programs are held, {late} late, at most {longest} times");
}

/// How old may a held byte get in a program that is always prompt? Calls are just within 300 us of each other.
fn oldest_of_a_prompt_program(gap: u64) -> u64 {
    let world = World::single();
    for _ in 0..2_000 {
        for _ in 0..4 {
            world.data(0, 60);
            world.compute(gap - CALL);
        }
        world.answer(0);
    }
    world.tally().oldest()
}

#[test]
fn a_prompt_program_s_bytes_are_twice_300_us_old_at_most() {
    for gap in (20..301).step_by(10) {
        assert!(oldest_of_a_prompt_program(gap) <= 600 + 2 * CALL, "{gap}");
    }
}

#[test]
#[ignore = "the rule holds on at an age of 300 us, and the next call may take as long again: 0.6 ms"]
fn a_prompt_program_s_bytes_are_never_older_than_300_us() {
    for gap in (20..301).step_by(10) {
        let oldest = oldest_of_a_prompt_program(gap);
        assert!(oldest <= 300 + 2 * CALL, "a call every {gap} us: {oldest} us");
    }
}

#[test]
#[ignore = "a data call that waits itself (splice from a pipe, a slow file) counts as prompt: late each time"]
fn a_call_that_takes_the_held_along_and_waits_is_noticed() {
    let world = World::single();
    for _ in 0..2_000 {
        world.data(0, 200);
        world.slow_data(0, 60, 30_000);
        world.answer(0);
    }
    let tally = world.tally();
    assert!(tally.late() <= 3, "{} late, {} us", tally.late(), tally.oldest());
}

/// Its history is that of its last two bursts, so bursts of two after a hidden pause have a place of their own.
#[test]
fn a_burst_that_a_late_call_ended_is_in_the_history() {
    let world = World::single();
    for _ in 0..3 {
        for _ in 0..5 {
            world.data(0, 60);
        }
        world.hidden(1_000);
        world.data(0, 60);
        world.answer(0);
    }
    // The lengths: three or more, then one.
    assert_eq!(world.word(0) >> 4 & 15, 3 << 2 | 1);
}

#[test]
#[ignore = "threads that hold at the same time are late at the same time, before the third is counted"]
fn threads_together_are_late_three_times_at_most() {
    const MANY: usize = 20;
    let world = World::new(MANY, MANY);
    for thread in 0..MANY {
        world.open(thread, 5);
        world.switch(thread);
        for _ in 0..20 {
            world.data(thread, 60);
            world.data(thread, 60);
            world.answer(thread);
        }
    }
    for thread in 0..MANY {
        world.switch(thread);
        world.data(thread, 60);
    }
    world.hidden(5_000);
    for thread in 0..MANY {
        world.switch(thread);
        world.answer(thread);
    }
    let tally = world.tally();
    assert!(tally.late() <= 3, "{} late, {} us", tally.late(), tally.oldest());
}

#[test]
#[ignore = "from 0.3 to 1 ms late is no strike: again each time that a place is trusted anew"]
fn lateness_below_a_millisecond_ends_too() {
    let world = World::single();
    for _ in 0..100_000 {
        world.data(0, 60);
        // As soon as it is held something comes between.
        if world.is_flagged(0) {
            world.hidden(900);
        }
        world.data(0, 60);
        world.answer(0);
    }
    let tally = world.tally();
    let over = tally.ages.iter().filter(|&&age| age > 310).count();
    assert!(over <= 3, "{over} older than 0.31 ms");
}
