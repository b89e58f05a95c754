//! A process that is told to stop tuning: what is held leaves, and from then on everything is as without the library.

use std::ffi::c_int;

use tcptune_simulated::kernel;
use tcptune_simulated::program::Program;

/// Is TCP_NODELAY on in the kernel?
fn is_on(fd: c_int) -> bool {
    kernel(|kernel| kernel.socket(fd).expect("it is open").nodelay)
}

/// How many calls were held so far?
fn held() -> usize {
    kernel(|kernel| kernel.held.len())
}

/// A program that counts, with a connection on which the first of two calls is held.
fn holding() -> (Program, c_int) {
    let program = Program::new(&[]);
    program.count();
    let fd = program.connect();
    program.learn(fd);
    program.write(fd, 100);
    assert_eq!((program.kept(fd), is_on(fd)), (100, true));
    (program, fd)
}

#[test]
fn what_is_held_leaves_and_nothing_is_held_again() {
    let (program, fd) = holding();
    program.library.detach(fd);
    assert_eq!((program.kept(fd), is_on(fd), program.reads_nodelay(fd)), (0, false, false));
    let before = held();
    for _ in 0..1_000 {
        program.write(fd, 100);
        program.write(fd, 100);
        program.answered(fd);
    }
    assert_eq!((held(), is_on(fd)), (before, false));
}

#[test]
fn new_connections_are_left_alone_those_of_an_old_listener_too() {
    let (program, fd) = holding();
    let listener = program.listen();
    let before = program.accept(listener);
    assert!(is_on(listener) && is_on(before));
    program.library.detach(fd);
    let (client, accepted, new) = (program.connect(), program.accept(listener), program.listen());
    for fd in [client, accepted, new] {
        assert!(!is_on(fd) && !program.reads_nodelay(fd), "{fd}");
    }
    assert!(is_on(before), "until it is in use again");
    program.library.detach(before);
    assert!(!is_on(before));
}

#[test]
fn what_another_thread_holds_leaves_with_its_next_wait_as_ever() {
    let (program, fd) = holding();
    let other = program.by(1).connect();
    program.library.detach(other);
    assert_eq!(program.kept(fd), 100, "the first thread is about to write more");
    program.by(0).sleep(10);
    assert_eq!(program.kept(fd), 0);
    let before = held();
    program.write(fd, 100);
    program.write(fd, 100);
    assert_eq!(held(), before);
}

#[test]
fn what_the_program_has_set_stays_under_every_number() {
    let (program, fd) = holding();
    program.set_nodelay(fd, true);
    let other = program.connect();
    let copy = program.duplicate(other, None);
    program.library.detach(fd);
    program.library.detach(copy);
    assert!(is_on(fd) && program.reads_nodelay(fd));
    assert!(!is_on(other) && !program.reads_nodelay(other) && !program.reads_nodelay(copy));
    program.set_nodelay(copy, true);
    assert!(is_on(other) && program.reads_nodelay(other), "and it may still change its mind");
    program.set_nodelay(other, false);
    assert!(!is_on(other) && !program.reads_nodelay(copy));
}
