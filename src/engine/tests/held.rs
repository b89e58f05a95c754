//! Data is held on evidence only, and leaves when its thread reaches a place to let go, whatever other threads do meanwhile.

use std::ffi::c_int;

use tcptune_policy::Peer;
use tcptune_simulated::program::{Program, SERVER};
use tcptune_simulated::{Done, kernel};

const PUSH: fn(c_int) -> Done = |fd| Done::Set(fd, libc::TCP_NODELAY, 1);

/// A program with a connection on which a first call is held.
fn learned() -> (Program, c_int) {
    let program = Program::new(&[]);
    let fd = program.connect();
    program.learn(fd);
    program.done();
    (program, fd)
}

/// The same, where sendfile follows sendfile.
fn learned_by_sendfile() -> (Program, c_int) {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..100 {
        program.sendfile(fd, 100);
        program.sendfile(fd, 100);
        program.answered(fd);
    }
    program.done();
    (program, fd)
}

/// The same, where each answer has so many small parts.
fn learned_bursts_of(length: u32) -> (Program, c_int) {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..100 {
        for _ in 0..length {
            program.write(fd, 10);
        }
        program.answered(fd);
    }
    (program, fd)
}

/// One that has held a byte just now.
fn holding() -> (Program, c_int) {
    let (program, fd) = learned();
    program.write(fd, 100);
    assert_eq!((program.kept(fd), program.done()), (100, vec![]));
    (program, fd)
}

#[test]
fn an_answer_in_two_parts_becomes_one_packet_without_a_system_call() {
    let (program, fd) = learned();
    let before = program.packets(fd);
    for _ in 0..100 {
        program.write(fd, 100);
        assert_eq!(program.kept(fd), 100);
        program.send_with(fd, 200, 0);
        assert_eq!(program.kept(fd), 0);
        program.answered(fd);
    }
    assert_eq!(program.packets(fd), before + 100);
    assert_eq!(program.done(), []);
}

#[test]
fn nothing_is_held_before_it_is_proved() {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..8 {
        program.write(fd, 100);
        assert_eq!(program.kept(fd), 0);
        program.write(fd, 200);
        program.answered(fd);
    }
}

#[test]
fn nothing_is_held_where_threads_wait_unseen() {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..1000 {
        program.write(fd, 100);
        assert_eq!(program.kept(fd), 0);
        program.write(fd, 200);
        kernel(|kernel| kernel.sleep(500));
        program.answered(fd);
    }
    assert!(kernel(|kernel| kernel.held.is_empty()));
}

#[test]
fn nothing_is_held_where_the_program_receives_unseen() {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..100 {
        program.write(fd, 100);
        program.write(fd, 200);
        kernel(|kernel| {
            kernel.arrives(fd, 10);
            kernel.socket(fd).expect("it is open").unread = 0;
        });
        program.sleep(1);
    }
    assert!(kernel(|kernel| kernel.held.is_empty()));
}

#[test]
fn every_place_to_let_go_lets_go() {
    type Place = fn(&Program, c_int);
    let places: [(&str, Place); 11] = [
        ("receive", |program, fd| assert_eq!(program.receive(fd), 0)),
        ("receive on another", |program, _| assert_eq!(program.receive(3), 0)),
        ("sleep", |program, _| program.sleep(1)),
        ("poll", |program, _| assert_eq!(program.poll(false, 1000), 1)),
        ("select", |program, _| assert_eq!(program.select(false, 1000), 1)),
        ("poll twice", |program, _| assert_eq!(program.poll(false, 0) + program.poll(false, 0), 0)),
        ("connect", |program, _| assert!(program.connect() > 0)),
        ("shutdown", |program, _| program.shutdown()),
        ("write on another", |program, _| assert_eq!(program.write(3, 10), 10)),
        ("set TCP_NODELAY", |program, fd| program.set_nodelay(fd, true)),
        ("set TCP_CORK", |program, fd| program.set_cork(fd, true)),
    ];
    for (name, place) in places {
        let program = Program::new(&[]);
        assert_eq!(program.connect(), 3);
        let fd = program.connect();
        program.learn(fd);
        program.write(fd, 100);
        assert_eq!(program.kept(fd), 100, "{name}");
        program.done();
        place(&program, fd);
        assert_eq!(program.kept(fd), 0, "{name}");
        let pushes = program.done().iter().filter(|done| **done == PUSH(fd)).count();
        assert_eq!(pushes, 1, "{name}");
    }
}

#[test]
fn a_wait_that_is_ready_lets_it_be_held() {
    let (program, fd) = holding();
    assert_eq!(program.poll(true, 1000), 1);
    assert_eq!(program.poll(false, 0), 0);
    assert_eq!((program.kept(fd), program.done()), (100, vec![]));
    program.write(fd, 100);
    assert_eq!((program.kept(fd), program.done()), (0, vec![]));
}

#[test]
fn a_wait_lets_go_of_what_is_old_even_if_it_is_ready() {
    for timeout in [0, 1000] {
        let (program, fd) = holding();
        kernel(|kernel| kernel.pass(400));
        program.poll(true, timeout);
        assert_eq!(program.kept(fd), 0);
    }
}

#[test]
fn a_call_takes_along_what_is_old() {
    let (program, fd) = learned_bursts_of(5);
    for _ in 0..3 {
        program.write(fd, 10);
        assert_ne!(program.kept(fd), 0);
        kernel(|kernel| kernel.compute(90));
    }
    program.write(fd, 10);
    assert_eq!(program.kept(fd), 0);
}

#[test]
fn the_third_time_that_something_is_late_is_the_last() {
    let (program, fd) = learned();
    let mut late = 0;
    for _ in 0..1_000_000 {
        program.write(fd, 100);
        if program.kept(fd) != 0 {
            kernel(|kernel| kernel.sleep(5000));
            late += 1;
        }
        program.write(fd, 200);
        program.answered(fd);
        program.done();
    }
    assert_eq!((late, kernel(|kernel| kernel.late.len())), (3, 3));
}

#[test]
fn a_child_has_to_prove_itself() {
    let (program, fd) = learned();
    program.library.forked();
    program.write(fd, 100);
    assert_eq!(program.kept(fd), 0);
    program.write(fd, 100);
    program.answered(fd);
    program.learn(fd);
    program.write(fd, 100);
    assert_eq!(program.kept(fd), 100);
}

#[test]
fn closing_lets_go_of_what_another_thread_holds() {
    let (program, fd) = holding();
    program.by(1).close(fd);
    assert_eq!(program.done(), [PUSH(fd)]);
    assert_eq!(program.library.get(fd).kind(), tcptune_policy::socket::Kind::Unmet);
    program.by(0).sleep(1);
    assert_eq!(program.done(), [], "nothing is sent on a number that may be another's");
}

#[test]
fn the_end_of_the_process_lets_go_of_everything() {
    let (program, fd) = holding();
    program.by(1).library.let_go_of_all();
    assert_eq!((program.kept(fd), program.done()), (0, vec![PUSH(fd)]));
}

#[test]
fn duplicating_lets_go_of_what_another_thread_holds() {
    for target in [None, Some(9)] {
        let (program, fd) = holding();
        let new = program.by(1).duplicate(fd, target);
        assert_eq!((program.kept(fd), program.done()), (0, vec![PUSH(fd)]));
        program.learn(new);
        program.write(new, 100);
        assert_eq!(program.kept(fd), 100, "by its own number it is held too");
        program.sleep(1);
        assert_eq!(program.kept(fd), 0);
    }
}

#[test]
fn what_another_thread_holds_leaves_with_a_call() {
    let (program, fd) = holding();
    program.by(1).write(fd, 10);
    assert_eq!(program.kept(fd), 0);
}

#[test]
fn calls_that_cannot_be_held_are_corked() {
    let (program, fd) = learned_by_sendfile();
    let before = program.packets(fd);
    program.sendfile(fd, 100);
    assert_eq!((program.kept(fd), program.reads_cork(fd)), (100, false));
    program.sendfile(fd, 100);
    assert_eq!((program.kept(fd), program.packets(fd)), (0, before + 1));
    assert_eq!(program.done(), [Done::Set(fd, libc::TCP_CORK, 1), Done::Set(fd, libc::TCP_CORK, 0)]);
}

#[test]
fn a_socket_with_two_numbers_is_not_corked() {
    let (program, fd) = learned_by_sendfile();
    program.duplicate(fd, None);
    program.done();
    program.sendfile(fd, 100);
    assert_eq!((program.kept(fd), program.done()), (0, vec![]));
}

#[test]
fn a_thread_without_a_place_stays_behind_nobodys_cork() {
    let (program, fd) = learned_by_sendfile();
    program.sendfile(fd, 100);
    // It shares the place of the first.
    program.by(3).write(fd, 20);
    assert_eq!(program.kept(fd), 0);
}

#[test]
fn a_thread_whose_data_was_taken_along_stays_behind_nobodys_cork() {
    let (program, fd) = learned_by_sendfile();
    program.by(2).write(fd, 10);
    assert_eq!(program.kept(fd), 10);
    program.by(1).write(fd, 30);
    program.by(0).sendfile(fd, 10);
    assert_eq!(program.kept(fd), 10);
    program.by(2).write(fd, 20);
    assert_eq!(program.kept(fd), 0);
}

#[test]
fn a_burst_whose_cork_another_thread_has_taken_off_is_let_go_of() {
    let (program, fd) = learned_bursts_of(3);
    program.sendfile(fd, 10);
    program.by(1).set_nodelay(fd, false);
    program.by(0).write(fd, 10);
    assert_eq!(program.kept(fd), 10);
    program.sleep(1);
    assert_eq!(program.kept(fd), 0);
}

#[test]
fn a_full_buffer_pushes_and_leaves_no_cork_behind() {
    let (program, fd) = learned_bursts_of(3);
    let room = |room| kernel(|kernel| kernel.socket(fd).expect("it is open").room = room);
    program.sendfile(fd, 10);
    room(Some(5));
    assert_eq!(program.write(fd, 10), 5);
    assert_eq!(program.kept(fd), 0);
    room(None);
    program.write(fd, 10);
    program.sleep(1);
    assert_eq!(program.kept(fd), 0);
    assert!(!kernel(|kernel| kernel.socket(fd).expect("it is open").cork));
}

#[test]
fn a_number_that_is_a_file_now_is_written_to_as_it_is() {
    let (program, fd) = learned();
    kernel(|kernel| {
        kernel.close(fd);
        kernel.open(Some(fd), Default::default());
    });
    assert_eq!(program.write(fd, 100), 100);
    assert_eq!(program.write(fd, 100), 100);
    assert_eq!(program.done(), []);
}

#[test]
fn long_fast_bursts_get_nagles_rule_until_they_end() {
    let program = Program::new(&[]);
    let fd = program.connect();
    for _ in 0..1000 {
        program.write(fd, 10);
    }
    assert!(program.packets(fd) < 100, "{} packets", program.packets(fd));
    assert!(!program.reads_nodelay(fd));
    program.sleep(1);
    assert_eq!(program.kept(fd), 0);
    assert!(kernel(|kernel| kernel.socket(fd).expect("it is open").nodelay));
}

#[test]
fn the_programs_own_word_ends_what_a_long_burst_was_let() {
    let settings: [&[(&str, &str)]; 2] = [&[], &[("TCPTUNE_RELEASE", "all")]];
    for settings in settings {
        let program = Program::new(settings);
        let fd = program.connect();
        for _ in 0..1000 {
            program.write(fd, 10);
        }
        program.send_with(fd, 10, libc::MSG_MORE);
        program.by(1).write(fd, 10);
        program.by(0).write(fd, 10);
        program.sleep(1);
        assert_eq!(program.kept(fd), 0);
        assert!(kernel(|kernel| kernel.socket(fd).expect("it is open").nodelay));
    }
}

#[test]
fn nagles_rule_does_not_stay_under_another_number() {
    for before in [true, false] {
        let program = Program::new(&[]);
        let fd = program.connect();
        let duplicate = || program.by(1).duplicate(fd, None);
        let early = before.then(duplicate);
        for _ in 0..1000 {
            program.by(0).write(fd, 10);
        }
        assert!(!kernel(|kernel| kernel.socket(fd).expect("it is open").nodelay));
        let other = early.unwrap_or_else(duplicate);
        program.by(1).close(fd);
        program.by(0).sleep(1);
        assert_eq!(program.kept(other), 0);
        assert!(kernel(|kernel| kernel.socket(other).expect("it is open").nodelay));
    }
}

#[test]
fn a_program_that_has_set_the_option_keeps_its_packets() {
    let program = Program::new(&[]);
    let fd = program.connect();
    program.set_nodelay(fd, true);
    for _ in 0..1000 {
        program.write(fd, 10);
    }
    assert_eq!(program.packets(fd), 1000);
}

#[test]
fn numbers_beyond_the_first_table_are_tuned_but_never_held() {
    let program = Program::new(&[]);
    let low = program.connect();
    program.learn(low);
    let fd = program.duplicate(low, Some(70_000));
    program.learn(fd);
    program.write(fd, 100);
    assert_eq!(program.kept(fd), 0);
    program.set_nodelay(fd, false);
    assert!(!program.reads_nodelay(fd));
}

#[test]
fn what_one_connection_teaches_the_next_one_knows() {
    let program = Program::new(&[]);
    let listener = program.listen();
    let first = program.accept(listener);
    program.learn(first);
    // A new connection has no history: that of a first burst must have been learned too.
    for _ in 0..20 {
        let fd = program.accept(listener);
        program.write(fd, 100);
        program.write(fd, 100);
        program.answered(fd);
        program.close(fd);
    }
    let fd = program.accept(listener);
    program.write(fd, 100);
    assert_eq!(program.kept(fd), 100);
    let other = program.socket();
    program.connect_to(other, Peer::from_v4([10, 0, 0, 1], 80), Some(SERVER + 1));
    assert_eq!(program.kept(fd), 0, "a connect is a place to let go");
    program.write(other, 100);
    assert_eq!(program.kept(other), 0, "another service has proved nothing");
}

#[test]
fn a_forked_child_corks_nothing_that_it_has_inherited() {
    let (program, fd) = learned_by_sendfile();
    program.library.forked();
    let learn = |fd| {
        for _ in 0..100 {
            program.sendfile(fd, 100);
            program.sendfile(fd, 100);
            program.answered(fd);
        }
        program.done();
    };
    learn(fd);
    program.sendfile(fd, 100);
    assert_eq!((program.kept(fd), program.done()), (0, vec![]), "the cork would outlive a child that is killed");
    let own = program.connect();
    learn(own);
    program.sendfile(own, 100);
    assert_eq!(program.kept(own), 100);
}

#[test]
fn what_cannot_be_released_is_late_and_after_three_times_nothing_is_held() {
    for again in [false, true] {
        let program = Program::new(&[]);
        let mut held = 0;
        for _ in 0..10 {
            let fd = program.connect();
            for _ in 0..200 {
                program.learn(fd);
            }
            program.write(fd, 100);
            held += usize::from(program.kept(fd) > 0);
            // Where no hook sees it.
            kernel(|kernel| kernel.close(fd));
            if !again {
                program.sleep(1);
            }
            // Otherwise the next socket has the same number.
        }
        assert!((1..=3).contains(&held), "held {held} times, made again at once: {again}");
    }
}

#[test]
fn what_a_thread_leaves_behind_is_found_by_another() {
    let (program, fd) = holding();
    kernel(|kernel| kernel.pass(40_000));
    program.by(1).write(program.by(1).connect(), 10);
    assert_eq!(program.kept(fd), 100, "its thread may come back");
    kernel(|kernel| kernel.pass(20_000));
    program.by(2).write(program.by(2).connect(), 10);
    assert_eq!(program.kept(fd), 0);
    program.by(0).write(fd, 100);
    assert_eq!(program.kept(fd), 0, "it was late");
}

#[test]
fn receives_that_are_watched_change_nothing_of_what_is_held() {
    let program = Program::new(&[("TCPTUNE_QUICKACK", "auto")]);
    let fd = program.connect();
    for _ in 0..100 {
        program.write(fd, 100);
        program.sendfile(fd, 100);
        program.answered(fd);
    }
    let before = program.packets(fd);
    program.done();
    for _ in 0..100 {
        program.write(fd, 100);
        assert_eq!(program.kept(fd), 100);
        program.sendfile(fd, 100);
        assert_eq!(program.kept(fd), 0);
        program.answered(fd);
    }
    assert_eq!((program.packets(fd) - before, program.done()), (100, vec![]));
}
