//! TCPTUNE_QUICKACK=auto in a server whose connections change: it learns late as well as early, and of each connection anew.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Guard, Mode, program, turn};

const PATIENCE: Duration = Duration::from_secs(30);
/// What a delayed acknowledgement takes at least, and more than an exchange without one.
const STALL: Duration = Duration::from_millis(30);
const EXCHANGES: usize = 30;

fn server(quickack: &str) -> (Guard, u16) {
    let mut command = Mode::Preloaded.command("python3");
    command.arg(program("whole_requests.py")).env("TCPTUNE_QUICKACK", quickack).stdout(Stdio::piped());
    let mut guard = Guard::spawn(&mut command);
    let port = guard.first_line(PATIENCE).trim().parse().expect("a port");
    (guard, port)
}

fn connect(port: u16) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", port)).expect("loopback");
    client.set_read_timeout(Some(PATIENCE)).expect("a time");
    client
}

/// An exchange whose request is written in these pieces, the system's own Nagle between them; does it stall?
fn stalls(client: &mut TcpStream, pieces: &[usize]) -> bool {
    let begun = Instant::now();
    for &piece in pieces {
        client.write_all(&vec![b'.'; piece]).expect("it listens");
    }
    client.read_exact(&mut [0]).expect("an answer");
    begun.elapsed() >= STALL
}

fn stalled(client: &mut TcpStream) -> usize {
    (0..EXCHANGES).filter(|_| stalls(client, &[100, 10])).count()
}

#[test]
fn stalls_that_begin_late_are_cured() {
    let _turn = turn::alone();
    let counts = ["off", "auto"].map(|quickack| {
        let (_server, port) = server(quickack);
        let mut client = connect(port);
        for _ in 0..200 {
            stalls(&mut client, &[110]);
        }
        stalled(&mut client)
    });
    println!("stalls of {EXCHANGES} exchanges after 200 without, TCPTUNE_QUICKACK off and auto: {counts:?}");
    assert!(counts[0] >= EXCHANGES - 2, "off: {} of {EXCHANGES} stall", counts[0]);
    assert!((1..=5).contains(&counts[1]), "auto: {} of {EXCHANGES} stall", counts[1]);
}

#[test]
fn a_number_s_next_connection_is_a_new_one() {
    let _turn = turn::alone();
    let (_server, port) = server("auto");
    // It writes every 42 ms by itself, whatever the server acknowledges: that is given up on.
    let mut client = connect(port);
    for piece in 1..=11 * 9 {
        client.write_all(&[b'.'; 10]).expect("it listens");
        if piece % 11 == 0 {
            client.read_exact(&mut [0]).expect("an answer");
        }
        sleep(Duration::from_millis(42));
    }
    drop(client);
    let count = stalled(&mut connect(port));
    println!("stalls of {EXCHANGES} exchanges of the next connection: {count}");
    assert!((1..=5).contains(&count), "{count} of {EXCHANGES} stall");
}
