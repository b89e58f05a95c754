//! A process that is told to stop tuning: what is held leaves as ever, nothing is held again, new connections are left alone, and
//! open ones keep what they have.

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
    let program = Program::new(&[("TCPTUNE_SET", "keepalive=on")]);
    program.count();
    let fd = program.connect();
    program.learn(fd);
    program.write(fd, 100);
    assert_eq!((program.kept(fd), is_on(fd)), (100, true));
    (program, fd)
}

#[test]
fn what_is_held_leaves_with_the_next_wait_as_ever_and_nothing_is_held_again() {
    let (program, fd) = holding();
    kernel(|kernel| kernel.stop = true);
    assert!(program.by(1).library.heed());
    assert_eq!(program.kept(fd), 100, "the first thread is about to write more");
    program.by(0).sleep(10);
    assert_eq!((program.kept(fd), is_on(fd), program.reads_nodelay(fd)), (0, true, false));
    let before = held();
    for _ in 0..1_000 {
        program.write(fd, 100);
        program.write(fd, 100);
        program.answered(fd);
    }
    assert_eq!(held(), before);
}

#[test]
fn new_connections_are_left_alone_by_the_word_itself() {
    let (program, _) = holding();
    let listener = program.listen();
    let before = program.accept(listener);
    assert!(is_on(listener) && is_on(before));
    // Nobody has noticed yet.
    kernel(|kernel| kernel.stop = true);
    let (client, accepted, new) = (program.connect(), program.accept(listener), program.listen());
    for fd in [client, accepted, new] {
        assert!(!is_on(fd) && !program.reads_nodelay(fd), "{fd}");
    }
    for fd in [client, new] {
        assert_eq!(kernel(|kernel| kernel.socket(fd).expect("it is open").options.clone()), [], "{fd}");
    }
    assert!(is_on(before), "open ones keep it");
}

#[test]
fn what_the_program_sets_stays() {
    let (program, fd) = holding();
    program.set_nodelay(fd, true);
    kernel(|kernel| kernel.stop = true);
    assert!(program.library.heed());
    assert!(is_on(fd) && program.reads_nodelay(fd));
    program.set_nodelay(fd, false);
    assert!(!is_on(fd) && !program.reads_nodelay(fd));
    let new = program.connect();
    program.set_nodelay(new, true);
    assert!(is_on(new) && program.reads_nodelay(new));
}
