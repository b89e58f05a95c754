//! What the predictor must learn, and what it must learn to leave alone: habits of programs, made up here event by event and
//! replayed as the library's hooks would (burst_replay). Recorded programs are in burst_traces.rs.

mod burst_replay;
mod burst_trace;

use burst_replay as replay;
use burst_replay::Counts;
use burst_trace as trace;
use burst_trace::{Event, Step, Trace};
use tcptune_policy::burst::Table;

/// A program being written down. Times in microseconds.
#[derive(Default)]
struct Program {
    events: Vec<Event>,
    after: u64,
    thread: usize,
    connections: usize,
}

/// A fixed sequence of numbers without a pattern (xorshift, George Marsaglia).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

impl Program {
    fn step(&mut self, step: Step) -> &mut Self {
        self.events.push(Event { after: self.after + 10, thread: self.thread, step });
        self.after = 0;
        self
    }

    fn open(&mut self) -> &mut Self {
        self.connections += 1;
        self.step(Step::Open { connection: self.connections - 1, service: 5 })
    }

    fn send(&mut self, length: i64) -> &mut Self {
        self.step(Step::Data { connection: self.connections - 1, length, result: length })
    }

    fn sendfile(&mut self, length: i64) -> &mut Self {
        self.step(Step::Pass { connection: self.connections - 1, result: length })
    }

    fn receive(&mut self) -> &mut Self {
        self.step(Step::Receive { connection: self.connections - 1 })
    }

    fn wait(&mut self) -> &mut Self {
        self.step(Step::Wait)
    }

    fn close(&mut self) -> &mut Self {
        self.step(Step::Close { connection: self.connections - 1 })
    }

    /// The next event comes so much later.
    fn pause(&mut self, microseconds: u64) -> &mut Self {
        self.after += microseconds;
        self
    }

    /// The next events are another thread's.
    fn by(&mut self, thread: usize) -> &mut Self {
        self.thread = thread;
        self
    }

    fn run(self) -> Counts {
        let trace = Trace { name: String::new(), threads: 2, connections: self.connections, events: self.events };
        replay::replay(&trace, 1, &Table::new())
    }
}

/// Bursts that are not held while the service is new: four, and the fifth is.
const LEARNING: u64 = 4;

#[test]
fn header_and_sendfile_on_one_connection() {
    let mut program = Program::default();
    program.open();
    for _ in 0..1_000 {
        program.receive().send(200).sendfile(500).wait();
    }
    let counts = program.run();
    // The first two bursts of a connection have a history of their own.
    assert!(counts.holds >= 1_000 - LEARNING - 2, "{counts:?}");
    assert_eq!(counts.segments, 2_000 - counts.holds, "each held header shares its body's segment: {counts:?}");
    assert_eq!((counts.misses, counts.options, counts.corks), (0, 0, 0), "no call is added: {counts:?}");
}

#[test]
fn header_and_sendfile_on_connections_of_one_request() {
    let mut program = Program::default();
    for _ in 0..1_000 {
        program.open().receive().send(200).sendfile(5_000).close();
    }
    let counts = program.run();
    assert_eq!(counts.holds, 1_000 - LEARNING, "{counts:?}");
    assert_eq!(counts.segments, 1_000 * 4 + LEARNING, "5,200 bytes are four segments: {counts:?}");
    assert_eq!((counts.misses, counts.options), (0, 0), "{counts:?}");
}

#[test]
fn bursts_of_one_and_two_by_turns() {
    // imaplib's APPEND: a command; then the mail and two bytes.
    let mut program = Program::default();
    program.open();
    for _ in 0..1_000 {
        program.send(56).wait().pause(500).receive().send(1_200).send(2).wait().pause(500).receive();
    }
    let counts = program.run();
    assert!(counts.holds >= 1_000 - LEARNING - 1, "{counts:?}");
    assert_eq!(counts.segments, 3_000 - counts.holds, "{counts:?}");
    assert_eq!((counts.misses, counts.options), (0, 0), "{counts:?}");
}

#[test]
fn bursts_of_up_to_fourteen_writes_become_a_segment_each() {
    for writes in 2..=14 {
        let mut program = Program::default();
        program.open();
        for _ in 0..500 {
            for _ in 0..writes {
                program.send(20);
            }
            program.wait().pause(300).receive();
        }
        let counts = program.run();
        assert!(counts.holds >= (500 - 2 * LEARNING) * (writes - 1), "{writes} writes: {counts:?}");
        assert_eq!(counts.segments, 500 * writes - counts.holds, "{writes} writes: {counts:?}");
        assert_eq!((counts.misses, counts.options, counts.corks), (0, 0, 0), "{writes} writes: {counts:?}");
    }
}

#[test]
fn longer_bursts_take_few_segments_and_at_most_two_calls() {
    for writes in 15..=40 {
        let mut program = Program::default();
        program.open();
        for _ in 0..500 {
            for _ in 0..writes {
                program.send(20);
            }
            program.wait().pause(300).receive();
        }
        let counts = program.run();
        assert!(counts.segments <= 500 * 5 + 10 * writes, "{writes} writes: {counts:?}");
        assert!(counts.options <= 2 * counts.corks && counts.corks <= 500, "{writes} writes: {counts:?}");
        // A burst that is first corked when it is all but over is a miss, a few times.
        assert!(counts.misses <= 6, "{writes} writes: {counts:?}");
        if writes >= 24 {
            // Fourteen held and the rest corked: one segment.
            assert!(counts.corks >= 490 && counts.segments <= 500 + 10 * writes, "{writes} writes: {counts:?}");
        }
    }
}

#[test]
fn bodies_in_many_sendfile_calls_are_corked() {
    let mut program = Program::default();
    program.open();
    for _ in 0..500 {
        program.receive().send(200);
        for _ in 0..10 {
            program.sendfile(3_000);
        }
        program.wait();
    }
    let counts = program.run();
    assert!(counts.segments <= 500 * 21 + 10 * 10, "30,200 bytes are 21 segments: {counts:?}");
    assert!(counts.options <= 2 * counts.corks, "{counts:?}");
    assert_eq!(counts.misses, 0, "{counts:?}");
}

#[test]
fn very_many_tiny_writes_fill_their_segments() {
    let mut program = Program::default();
    program.open();
    for _ in 0..3 {
        for _ in 0..20_000 {
            program.send(50);
        }
        program.wait().pause(1_000).receive();
    }
    let counts = program.run();
    let fewest = 3 * (20_000u64 * 50).div_ceil(1_448);
    assert!(counts.segments <= fewest + 60, "{counts:?}");
    assert!(counts.options <= 6 && counts.misses == 0, "{counts:?}");
}

#[test]
fn single_writes_are_left_alone() {
    let mut program = Program::default();
    program.open();
    for _ in 0..2_000 {
        program.receive().send(100).wait();
    }
    let counts = program.run();
    assert_eq!((counts.holds, counts.options, counts.delay), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.segments, counts.plain);
}

#[test]
fn a_write_before_a_computation_is_not_held_again() {
    // Five bursts teach it to hold; from then on it computes for 50 ms after its first write.
    let mut program = Program::default();
    program.open();
    for _ in 0..8 {
        program.receive().send(100).send(100).wait();
    }
    for _ in 0..2_000 {
        program.receive().send(100).pause(50_000).send(100).wait();
    }
    let counts = program.run();
    assert!(counts.misses + counts.pauses == 1, "paid once: {counts:?}");
    assert!(counts.holds <= 8 && counts.longest <= 50_020, "{counts:?}");
}

#[test]
fn a_program_that_always_computes_after_its_first_write_is_never_delayed() {
    let mut program = Program::default();
    program.open();
    for _ in 0..2_000 {
        program.receive().send(100).pause(50_000).send(100).wait();
    }
    let counts = program.run();
    assert_eq!((counts.holds, counts.delay), (0, 0), "{counts:?}");
}

#[test]
fn a_second_write_from_another_thread_is_not_waited_for() {
    let mut program = Program::default();
    program.open();
    for _ in 0..2_000 {
        program.by(0).receive().send(100).wait().pause(50_000).by(1).send(100).wait();
    }
    let counts = program.run();
    assert_eq!((counts.holds, counts.delay), (0, 0), "{counts:?}");
}

#[test]
fn a_write_that_is_waited_upon_is_released_at_once() {
    // The burst of two is learned; then the thread waits after the first write, for another thread to write the second.
    let mut program = Program::default();
    program.open();
    for _ in 0..8 {
        program.receive().send(100).send(100).wait();
    }
    for _ in 0..2_000 {
        program.by(0).receive().send(100).wait().pause(50_000).by(1).send(100).wait();
    }
    let counts = program.run();
    assert_eq!(counts.misses, 1, "paid once: {counts:?}");
    assert!(counts.longest <= 10 && counts.options == 1, "released by the wait: {counts:?}");
}

#[test]
fn tokens_five_milliseconds_apart_are_left_alone() {
    let mut program = Program::default();
    for _ in 0..50 {
        program.open().receive();
        for _ in 0..40 {
            program.send(30).wait().pause(5_000);
        }
        program.close();
    }
    let counts = program.run();
    assert_eq!((counts.holds, counts.options, counts.delay), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.segments, counts.plain);
}

/// Responses of which some have no body, in random order: `without` of a hundred.
fn some_without_a_body(responses: u32, without: u64) -> Counts {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut program = Program::default();
    program.open();
    for _ in 0..responses {
        program.receive().send(200);
        if dice.roll(100) >= without {
            program.sendfile(500);
        }
        program.wait();
    }
    program.run()
}

#[test]
fn responses_without_a_body_cost_few_misses_and_no_wait() {
    for without in [1, 2, 5, 10, 25, 50, 75, 90] {
        let counts = some_without_a_body(5_000, without);
        assert!(counts.misses <= MIXED * counts.calls / 10_000 + 12, "{without} %: {counts:?}");
        assert!(counts.longest <= 10, "each released by the wait that follows: {counts:?}");
        assert!(counts.segments <= counts.plain);
        assert_eq!(counts.options, counts.misses);
    }
}

/// Misses per 10,000 calls that a service of mixed habits may cost once it is known to be one.
const MIXED: u64 = 2;

#[test]
fn each_miss_of_a_service_waits_for_four_times_the_confirmations() {
    // Connections of one burst each: of two calls until it is held, then once of a single call, which is a miss.
    let mut program = Program::default();
    for misses in 0..=6 {
        let ignored = if misses == 0 { 0 } else { 4u64.pow(misses + 1) };
        for _ in 0..ignored + LEARNING {
            program.open().receive().send(100).send(100).wait().close();
        }
        program.open().receive().send(100).wait().close();
    }
    let counts = program.run();
    assert_eq!((counts.misses, counts.holds), (7, 7), "held only where it missed: {counts:?}");
}

#[test]
fn two_kinds_of_clients_on_one_service() {
    // One gets header and body on its connections, the other single writes: by their history they are told apart.
    let mut program = Program::default();
    for round in 0..400 {
        program.open();
        for _ in 0..10 {
            program.receive().send(200);
            if round % 2 == 0 {
                program.sendfile(500);
            }
            program.wait();
        }
        program.close();
    }
    let counts = program.run();
    assert!(counts.misses <= MIXED * counts.calls / 10_000 + 12, "{counts:?}");
    assert!(counts.holds > 200 * 8 && counts.longest <= 10, "{counts:?}");
}

#[test]
fn a_stream_of_writes_with_a_wait_before_each_costs_next_to_nothing() {
    // Less than a millisecond apart: the pauses look like those inside a burst, the waits do not.
    for (least, more) in [(50, 1), (300, 1), (300, 400), (300, 1_200)] {
        let mut dice = Dice(7);
        let mut program = Program::default();
        program.open();
        for _ in 0..1_000_000 {
            program.wait().pause(least + dice.roll(more)).send(100);
        }
        let counts = program.run();
        assert!(counts.options <= 300, "of 1,000,000 calls: {counts:?}");
        assert!(counts.longest <= 10, "{counts:?}");
    }
}

#[test]
fn a_cork_that_saves_nothing_is_a_miss() {
    // Five long bodies teach it to cork; then all bodies are of one piece.
    let mut program = Program::default();
    for _ in 0..5 {
        program.open().receive().send(200);
        for _ in 0..10 {
            program.sendfile(3_000);
        }
        program.close();
    }
    for _ in 0..1_000 {
        program.open().receive().send(200).sendfile(500).close();
    }
    let counts = program.run();
    assert!(counts.corks <= 3 && counts.options <= 6, "{counts:?}");
    assert!(counts.holds >= 1_000, "the headers are still held: {counts:?}");
}

#[test]
fn what_a_connection_says_first_is_told_apart() {
    // imaplib, a connection for each twenty mails: greeting, CAPABILITY and LOGIN, then command and mail by turns.
    let mut program = Program::default();
    for _ in 0..100 {
        program.open().receive();
        for _ in 0..2 {
            program.send(20).wait().pause(300).receive();
        }
        for _ in 0..20 {
            program.send(56).wait().pause(500).receive().send(1_200).send(2).wait().pause(500).receive();
        }
        program.send(10).wait().receive().close();
    }
    let counts = program.run();
    assert_eq!((counts.misses, counts.options), (0, 0), "{counts:?}");
    // The first mail of a connection has no history to be known by.
    assert!(counts.holds >= 100 * 19 - 2 * LEARNING, "{counts:?}");
}

#[test]
fn a_receive_by_another_thread_does_not_hide_a_miss() {
    // The burst of two is learned; then one thread writes once and waits, while another reads the next request.
    let mut program = Program::default();
    program.open();
    for _ in 0..8 {
        program.receive().send(100).send(100).wait();
    }
    for _ in 0..2_000 {
        program.by(0).send(100).by(1).receive().by(0).wait();
    }
    let counts = program.run();
    assert!(counts.misses <= 3 && counts.options == counts.misses, "{counts:?}");
    assert!(counts.longest <= 20, "{counts:?}");
}
