//! Which options the library sets, on what and when; and that the program's word wins and reads back.

use std::ffi::c_int;

use tcptune_engine::LOOKED;
use tcptune_policy::Peer;
use tcptune_policy::socket::{Kind, NODELAY_APP, NODELAY_ON, NODELAY_OURS};
use tcptune_simulated::program::{Program, SERVER};
use tcptune_simulated::{Done, Socket, kernel};

const fn nodelay(fd: c_int, value: u8) -> Done {
    Done::Set(fd, libc::TCP_NODELAY, value)
}

/// Is TCP_NODELAY on in the kernel?
fn is_on(fd: c_int) -> bool {
    kernel(|kernel| kernel.socket(fd).expect("it is open").nodelay)
}

/// A connection that this program was given by another: unmet, and with the option like this.
fn inherited(nodelay: bool) -> c_int {
    kernel(|kernel| kernel.open(None, Socket { protocol: libc::IPPROTO_TCP, nodelay, ..Socket::default() }))
}

fn peer(last: u8) -> Peer {
    Peer::from_v4([10, 0, 0, last], 1000)
}

#[test]
fn a_connect_costs_one_system_call_and_an_accept_none() {
    let program = Program::new(&[]);
    let fd = program.connect();
    assert_eq!(program.done(), [nodelay(fd, 1)]);
    assert!(is_on(fd) && !program.reads_nodelay(fd));

    let listener = program.listen();
    assert_eq!(program.done(), [nodelay(listener, 1)]);
    let first = program.accept(listener);
    assert_eq!(program.done(), [Done::Get(first, libc::TCP_NODELAY)], "asked once for each listener");
    for _ in 0..10 {
        let fd = program.accept(listener);
        assert!(program.library.get(fd).holdable() && is_on(fd) && !program.reads_nodelay(fd));
    }
    assert_eq!(program.done(), []);
}

#[test]
fn a_connect_that_fails_may_be_tried_again_without_another_call() {
    let program = Program::new(&[]);
    let fd = program.socket();
    program.connect_to(fd, peer(1), None);
    assert_eq!(program.library.get(fd).kind(), Kind::Fresh);
    program.connect_to(fd, peer(2), Some(SERVER));
    assert_eq!(program.library.get(fd).kind(), Kind::Client);
    assert_eq!(program.done(), [nodelay(fd, 1)]);
}

#[test]
fn where_connections_do_not_inherit_each_is_set() {
    let program = Program::new(&[]);
    let listener = program.listen();
    kernel(|kernel| kernel.socket(listener).expect("it is open").nodelay = false);
    for _ in 0..3 {
        let fd = program.accept(listener);
        assert!(is_on(fd));
    }
}

#[test]
fn what_was_queued_before_the_listener_was_met_is_set() {
    let program = Program::new(&[]);
    let waiting = Socket { protocol: libc::IPPROTO_TCP, listens: true, queued: 2, ..Socket::default() };
    let listener = kernel(|kernel| kernel.open(None, waiting));
    // accept(2) takes the option of the time at which the connection came; here it is off for the first two.
    for old in [true, true, false] {
        let before = program.library.accepting(listener);
        let fd = inherited(!old);
        program.library.accepted(listener, before, fd);
        assert!(is_on(fd) && !program.reads_nodelay(fd));
    }
}

#[test]
fn what_the_kernel_refuses_is_left_as_it_is() {
    let program = Program::new(&[]);
    let fd = program.socket();
    kernel(|kernel| kernel.socket(fd).expect("it is open").refuses = true);
    program.connect_to(fd, peer(1), Some(SERVER));
    assert!(!is_on(fd) && !program.library.get(fd).holdable());
    program.learn(fd);
    assert!(kernel(|kernel| kernel.held.is_empty()));
}

#[test]
fn other_sockets_are_left_alone() {
    let program = Program::new(&[]);
    for (domain, kind, protocol) in [
        (libc::AF_UNIX, libc::SOCK_STREAM, 0),
        (libc::AF_INET, libc::SOCK_DGRAM, 0),
        (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
    ] {
        let fd = kernel(|kernel| kernel.open(None, Socket { protocol: libc::IPPROTO_UDP, ..Socket::default() }));
        program.library.made_socket(fd, domain, kind, protocol);
        program.connect_to(fd, peer(1), Some(SERVER));
        program.listen_on(fd);
        program.learn(fd);
        assert_eq!(program.library.get(fd).kind(), Kind::Other);
    }
    assert_eq!(program.done(), []);
}

#[test]
fn what_comes_from_elsewhere_is_met_and_its_options_stand() {
    for (was_on, flags) in [(false, NODELAY_OURS | NODELAY_ON), (true, NODELAY_APP | NODELAY_ON)] {
        for given in [false, true] {
            let program = Program::new(&[]);
            let fd = inherited(was_on);
            if given {
                program.library.given(fd);
                program.write(fd, 1);
            } else {
                // Only sockets have this call.
                program.receive(fd);
            }
            let socket = program.library.get(fd);
            assert_eq!(socket.0 & (NODELAY_OURS | NODELAY_APP | NODELAY_ON), flags);
            assert!(is_on(fd) && program.reads_nodelay(fd) == was_on);
        }
    }
}

/// A program in a process that was started under a filter.
fn confined(variables: &[(&str, &str)]) -> Program {
    let program = Program::new(variables);
    kernel(|kernel| kernel.confined = true);
    program
}

#[test]
fn a_confined_process_makes_no_call_that_its_program_has_not_made() {
    let everything = [
        ("TCPTUNE_SET", "ttl=64"),
        ("TCPTUNE_QUICKACK", "auto"),
        ("TCPTUNE_RULES", "port=1000 cork=auto; peer=10.0.0.0/8 nodelay=on"),
    ];
    for variables in [&[][..], &everything] {
        let program = confined(variables);
        let (client, listener, given) = (program.connect(), program.listen(), inherited(false));
        let accepted = program.accept(listener);
        program.library.given(given);
        for fd in [client, accepted, given] {
            program.learn(fd);
            program.close(program.duplicate(fd, None));
        }
        assert_eq!(program.done(), [], "{variables:?}");
    }
}

#[test]
fn a_confined_process_sets_options_once_its_program_does_and_nothing_else() {
    for quickack in ["off", "auto"] {
        let program = confined(&[("TCPTUNE_QUICKACK", quickack)]);
        let listener = program.socket();
        program.set(listener, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        program.listen_on(listener);
        let (client, accepted) = (program.connect(), program.accept(listener));
        for fd in [client, accepted] {
            program.learn(fd);
            assert!(is_on(fd) && !program.reads_nodelay(fd));
            // What the program says of a socket with two numbers is noted without asking which other ones it has.
            program.duplicate(fd, None);
            program.set_nodelay(fd, true);
            assert!(program.reads_nodelay(fd));
        }
        assert!(kernel(|kernel| kernel.held.is_empty()));
        assert!(program.done().iter().all(|call| matches!(call, Done::Set(..))), "{:?}", program.done());
    }
}

#[test]
fn a_setting_says_that_the_filter_allows_every_call() {
    let program = confined(&[]);
    program.library.raise(LOOKED);
    let fd = program.connect();
    program.learn(fd);
    assert!(is_on(fd) && kernel(|kernel| !kernel.held.is_empty()));
}

#[test]
fn on_what_comes_with_kernel_tls_nothing_is_held() {
    for tls in [false, true] {
        let program = Program::new(&[]);
        let fd = kernel(|kernel| kernel.open(None, Socket { protocol: libc::IPPROTO_TCP, tls, ..Socket::default() }));
        program.library.given(fd);
        program.learn(fd);
        program.write(fd, 64);
        let held = kernel(|kernel| !kernel.held.is_empty());
        assert_eq!((held, is_on(fd)), (!tls, true));
    }
}

#[test]
fn a_write_to_what_was_never_met_is_one_to_a_file() {
    let program = Program::new(&[]);
    let fd = inherited(false);
    program.write(fd, 1);
    program.sendfile(fd, 1);
    assert_eq!((program.library.get(fd).0, program.done()), (0, vec![]));
}

#[test]
fn turning_off_what_reads_as_off_decides_nothing() {
    let program = Program::new(&[]);
    let listener = program.listen();
    let fd = program.accept(listener);
    // As Erlang does: the listener's option, as it reads, is set on each connection.
    program.set_nodelay(fd, program.reads_nodelay(listener));
    assert!(is_on(fd) && !program.reads_nodelay(fd) && program.library.get(fd).holdable());
    // As Mono does, on a fresh socket.
    let fresh = program.socket();
    program.set_nodelay(fresh, false);
    program.connect_to(fresh, peer(1), Some(SERVER));
    assert!(is_on(fresh));
}

#[test]
fn turning_off_what_the_program_has_turned_on_turns_it_off() {
    let program = Program::new(&[]);
    let fd = program.connect();
    let other = program.duplicate(fd, None);
    program.set_nodelay(fd, true);
    assert!(program.reads_nodelay(fd) && program.reads_nodelay(other));
    program.set_nodelay(other, false);
    assert!(!is_on(fd) && !program.reads_nodelay(fd));
    assert!(!program.library.get(fd).holdable() && !program.library.get(other).holdable());
    program.set_nodelay(fd, true);
    assert!(program.library.get(fd).holdable() && program.library.get(other).holdable());
}

#[test]
fn under_force_it_stays_on_and_reads_as_the_program_set_it() {
    let program = Program::new(&[("TCPTUNE_NODELAY", "force")]);
    let fd = program.connect();
    program.set_nodelay(fd, true);
    program.set_nodelay(fd, false);
    assert!(is_on(fd) && !program.reads_nodelay(fd));
}

#[test]
fn where_the_program_speaks_itself_nothing_is_held() {
    type Word = fn(&Program, c_int);
    let words: [Word; 3] = [
        |program, fd| {
            program.send_with(fd, 1, libc::MSG_MORE);
            program.write(fd, 1);
        },
        |program, fd| {
            program.set_cork(fd, true);
            program.set_cork(fd, false);
        },
        |program, fd| {
            program.set_nodelay(fd, true);
            program.set_nodelay(fd, false);
        },
    ];
    for word in words {
        let program = Program::new(&[]);
        let fd = program.connect();
        let other = program.duplicate(fd, None);
        program.learn(fd);
        word(&program, fd);
        kernel(|kernel| kernel.held.clear());
        program.learn(fd);
        program.learn(other);
        assert!(kernel(|kernel| kernel.held.is_empty()));
    }
}

#[test]
fn what_the_program_holds_stays_its_own_business() {
    let program = Program::new(&[]);
    let fd = program.connect();
    program.send_with(fd, 10, libc::MSG_MORE);
    program.sleep(1);
    assert_eq!(program.kept(fd), 10);
    program.set_cork(fd, true);
    assert!(program.reads_cork(fd));
    program.write(fd, 10);
    program.sleep(1);
    assert_eq!(program.kept(fd), 20);
}

#[test]
fn under_release_all_it_leaves_before_a_wait() {
    let program = Program::new(&[("TCPTUNE_RELEASE", "all")]);
    let fd = program.connect();
    program.send_with(fd, 10, libc::MSG_MORE);
    assert_eq!(program.kept(fd), 10);
    program.poll(false, 100);
    assert_eq!(program.kept(fd), 0);
    // By another number than the one that it was corked under.
    let other = program.duplicate(fd, None);
    program.set_cork(other, true);
    program.write(fd, 10);
    assert_eq!(program.kept(fd), 10);
    program.receive(fd);
    assert_eq!(program.kept(fd), 0);
    assert!(program.reads_cork(fd));
}

#[test]
fn under_release_all_a_close_sends_even_what_a_thread_without_a_place_holds() {
    let program = Program::new(&[("TCPTUNE_RELEASE", "all")]);
    let first = program.connect();
    program.write(first, 1);
    // The place of this thread is the first one's.
    program.by(3);
    let fd = program.connect();
    let other = program.duplicate(fd, None);
    program.send_with(fd, 10, libc::MSG_MORE);
    program.by(1).close(fd);
    assert_eq!(program.kept(other), 0);
}

#[test]
fn acknowledgements_are_asked_for_as_the_settings_say() {
    let program = Program::new(&[("TCPTUNE_QUICKACK", "on")]);
    let fd = program.connect();
    program.done();
    program.answered(fd);
    assert_eq!(program.done(), [Done::Set(fd, libc::TCP_QUICKACK, 1)]);

    let program = Program::new(&[("TCPTUNE_QUICKACK", "auto")]);
    let fd = program.connect();
    program.done();
    for _ in 0..10 {
        program.answered(fd);
        kernel(|kernel| kernel.pass(41_000));
    }
    assert!(program.done().contains(&Done::Set(fd, libc::TCP_QUICKACK, 1)), "the other end waits for us");
}

#[test]
fn a_watched_connection_is_held_on_too() {
    let program = Program::new(&[("TCPTUNE_QUICKACK", "auto")]);
    let fd = program.connect();
    program.learn(fd);
    program.write(fd, 10);
    assert_eq!(program.kept(fd), 10);
}

#[test]
fn rules_choose_by_the_peer() {
    let rules = "peer=10.0.0.2 off; peer=10.0.0.3 nodelay=off; peer=10.0.0.4 cork=off; peer=10.0.0.5 set(keepalive=on)";
    let program = Program::new(&[("TCPTUNE_RULES", rules)]);
    let listener = program.listen();
    for accepts in [true, false] {
        let open = |last| {
            if accepts {
                return program.accept_from(listener, peer(last));
            }
            let fd = program.socket();
            program.connect_to(fd, peer(last), Some(SERVER));
            fd
        };
        for (last, on, holds) in [(1, true, true), (2, false, false), (3, false, false), (4, true, false)] {
            let fd = open(last);
            assert_eq!((is_on(fd), program.library.get(fd).holdable()), (on, holds), "10.0.0.{last}, {accepts}");
        }
        let fd = open(5);
        let options = kernel(|kernel| kernel.socket(fd).expect("it is open").options.clone());
        assert_eq!(options, [(libc::SO_KEEPALIVE, 1)]);
    }
}

#[test]
fn options_that_the_program_has_set_are_left() {
    let program = Program::new(&[("TCPTUNE_SET", "keepalive=on")]);
    let fd = program.socket();
    program.set(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 0);
    program.connect_to(fd, peer(1), Some(SERVER));
    assert_eq!(kernel(|kernel| kernel.socket(fd).expect("it is open").options.clone()), [(libc::SO_KEEPALIVE, 0)]);
    program.close(fd);
    let fd = program.connect();
    assert_eq!(kernel(|kernel| kernel.socket(fd).expect("it is open").options.clone()), [(libc::SO_KEEPALIVE, 1)]);
}

#[test]
fn the_share_that_is_tuned_may_be_said_too_and_wins() {
    for (variables, on) in [
        (&[("TCPTUNE_TUNED_SHARE", "5")][..], [true, false]),
        (&[("TCPTUNE_SPLIT", "5")], [true, true]),
        (&[("TCPTUNE_TUNED_SHARE", "0"), ("TCPTUNE_SPLIT", "0")], [false, false]),
        (&[("TCPTUNE_SPLIT", "100"), ("TCPTUNE_TUNED_SHARE", "100")], [true, true]),
    ] {
        let program = Program::new(variables);
        // Of a hundred connections the last, and the one before the last five.
        for (hundredth, on) in [99, 94].into_iter().zip(on) {
            kernel(|kernel| kernel.chance = u64::MAX / 100 * hundredth + u64::MAX / 200);
            assert_eq!(is_on(program.connect()), on, "{variables:?}: {hundredth}");
        }
    }
}

#[test]
fn a_share_of_the_connections_is_left_untouched() {
    let program = Program::new(&[("TCPTUNE_SPLIT", "50")]);
    let listener = program.listen();
    assert!(!is_on(listener), "what its connections inherit could not be taken back");
    for (chance, on) in [(0, false), (u64::MAX, true)] {
        kernel(|kernel| kernel.chance = chance);
        for fd in [program.accept(listener), program.connect()] {
            assert_eq!((is_on(fd), program.library.get(fd).holdable()), (on, on));
        }
    }
}

#[test]
fn behind_a_filter_nothing_is_asked_of_the_kernel() {
    let program = Program::new(&[]);
    let fd = program.connect();
    program.learn(fd);
    program.write(fd, 100);
    let entering = program.library.restricting();
    assert_eq!(program.kept(fd), 0);
    program.library.restricted(entering, true);
    program.done();
    program.learn(fd);
    program.set_nodelay(fd, true);
    program.set_cork(fd, true);
    let new = program.connect();
    program.learn(new);
    program.close(fd);
    assert_eq!(program.done(), []);
}

#[test]
fn where_the_filter_is_refused_all_goes_on() {
    let program = Program::new(&[]);
    let fd = program.connect();
    program.learn(fd);
    let entering = program.library.restricting();
    program.library.restricted(entering, false);
    program.write(fd, 100);
    assert_eq!(program.kept(fd), 100);
}

#[test]
fn what_happens_is_told_where_it_is_counted() {
    let program = Program::new(&[]);
    program.count();
    let fd = program.connect();
    program.learn(fd);
    program.write(fd, 1);
    program.sleep(1);
    let told = kernel(|kernel| kernel.told.clone());
    assert!(told[0].starts_with("Connected(3"), "{}", told[0]);
    assert!(told.iter().any(|it| it.starts_with("Gone(3, Gone {") && it.contains("cause: Call")));
    assert!(told.last().expect("something").contains("cause: Wait, thread: Here"), "{told:?}");
}

#[test]
fn a_closed_range_is_forgotten() {
    let program = Program::new(&[]);
    let fds = [program.connect(), program.connect(), program.connect()];
    program.learn(fds[1]);
    program.write(fds[1], 10);
    program.library.closing_range(fds[1] as u32, u32::MAX);
    assert_eq!(program.kept(fds[1]), 0);
    assert!(program.library.get(fds[0]).is_connection());
    assert!(!program.library.get(fds[1]).is_met() && !program.library.get(fds[2]).is_met());
}
