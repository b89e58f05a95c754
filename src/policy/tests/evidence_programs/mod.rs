//! Programs at random, for the rule: habits, which it may learn, and what breaks them.

use proptest::prelude::*;

use super::evidence_machine::World;

pub const SOCKETS: usize = 3;
pub const THREADS: usize = 2;

/// What a thread does next.
#[derive(Clone, Debug)]
pub enum Step {
    Data { socket: usize, bytes: u64 },
    Sendfile { socket: usize },
    Answer { socket: usize },
    Unseen { socket: usize, after: u64 },
    Sleep(u64),
    Poll { ready: bool, after: u64 },
    PollZero { ready: bool },
    Hidden(u64),
    Compute(u64),
    Preempted(u64),
    Fork,
    Again { socket: usize },
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..40u64, 2 => 40..290u64, 1 => 290..310u64, 2 => 310..1_100u64, 2 => 1_100..60_000u64, 1 => 190_000..400_000u64]
}

/// A step as a program repeats it: short pauses, ends that are seen.
fn usual() -> impl Strategy<Value = Step> {
    let socket = 0..SOCKETS;
    prop_oneof![
        12 => (socket.clone(), prop_oneof![8 => 1..200u64, 1 => 1..40_000u64]).prop_map(|(socket, bytes)| Step::Data { socket, bytes }),
        1 => socket.clone().prop_map(|socket| Step::Sendfile { socket }),
        4 => socket.prop_map(|socket| Step::Answer { socket }),
        2 => (1..3_000u64).prop_map(Step::Sleep),
        1 => (any::<bool>(), 0..500u64).prop_map(|(ready, after)| Step::Poll { ready, after }),
        1 => any::<bool>().prop_map(|ready| Step::PollZero { ready }),
        2 => (1..40u64).prop_map(Step::Compute),
        1 => (1..250u64).prop_map(Step::Hidden),
    ]
}

/// Any step.
fn unusual() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => usual(),
        4 => time().prop_map(Step::Hidden),
        3 => time().prop_map(Step::Compute),
        2 => time().prop_map(Step::Preempted),
        1 => (0..SOCKETS, time()).prop_map(|(socket, after)| Step::Unseen { socket, after }),
        1 => Just(Step::Fork),
        1 => (0..SOCKETS).prop_map(|socket| Step::Again { socket }),
    ]
}

/// A habit: these steps, so often, by one thread; now and then the step at this place is followed by another.
#[derive(Clone, Debug)]
pub struct Habit {
    thread: usize,
    steps: Vec<Step>,
    times: u32,
    breaks: Vec<(usize, Step)>,
}

fn habit() -> impl Strategy<Value = Habit> {
    let breaks = prop::collection::vec((any::<prop::sample::Index>(), unusual()), 0..3);
    (0..THREADS, prop::collection::vec(usual(), 1..12), 1..60u32, breaks).prop_map(|(thread, steps, times, breaks)| {
        let breaks = breaks.into_iter().map(|(at, step)| (at.index(steps.len()), step)).collect();
        Habit { thread, steps, times, breaks }
    })
}

pub fn programs() -> impl Strategy<Value = Vec<Habit>> {
    // The same habits come again, and are broken anew.
    (prop::collection::vec(habit(), 1..5), prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..25))
        .prop_map(|(habits, order)| {
            let pick = |(which, broken): (prop::sample::Index, bool)| {
                let mut habit = habits[which.index(habits.len())].clone();
                if !broken {
                    habit.breaks.clear();
                }
                habit
            };
            order.into_iter().map(pick).collect()
        })
}

fn run(world: &World, step: &Step) {
    match *step {
        Step::Data { socket, bytes } => drop(world.data(socket, bytes)),
        Step::Sendfile { socket } => drop(world.sendfile(socket, 3_000)),
        Step::Answer { socket } => world.answer(socket),
        Step::Unseen { socket, after } => {
            world.arrive(socket, 7);
            world.receive_unseen(socket, after);
        }
        Step::Sleep(time) => world.sleep(time),
        Step::Poll { ready, after } => world.poll(ready, after),
        Step::PollZero { ready } => world.poll_zero(ready),
        Step::Hidden(time) => world.hidden(time),
        Step::Compute(time) => world.compute(time),
        Step::Preempted(time) => world.preempted(time),
        Step::Fork => world.fork(),
        Step::Again { socket } => {
            // Closed where the library sees it.
            world.let_go();
            world.open(socket, socket as u32);
        }
    }
}

pub fn run_all(world: &World, programs: &[Habit]) {
    for habit in programs {
        // The other thread sleeps meanwhile, and may hold nothing for that long: it has reached a place to let go.
        world.let_go();
        world.switch(habit.thread);
        for turn in 0..habit.times {
            for (at, step) in habit.steps.iter().enumerate() {
                run(world, step);
                // A habit is broken at its last turn.
                if turn + 1 == habit.times {
                    habit.breaks.iter().filter(|(place, _)| *place == at).for_each(|(_, step)| run(world, step));
                }
            }
        }
    }
}
