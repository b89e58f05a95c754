//! `tcptune export --listen` among hundreds of clients that want to stop it or to take its memory: whoever asks and reads is
//! answered in time, by one collection for all, from a bounded number of threads and a bounded memory.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::cli::exporter::{PATIENCE, exporter_on_tcp, memory, scrape_at};
use crate::support::{ScratchDir, process, turn};

/// What a hostile client sends, part after part; nothing: it only stays.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Idle,
    EndlessLine,
    ManyRequests,
    Slow,
}

/// A crowd of one kind: keeps as many connections as it can, and comes again when it is hung up on.
fn crowd(kind: Kind, address: SocketAddr, count: usize, stop: &AtomicBool, opened: &AtomicUsize) {
    let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(80);
    let line = format!("GET /{}", "a".repeat(1 << 16));
    let part: &[u8] = match kind {
        Kind::Idle => b"",
        Kind::EndlessLine => line.as_bytes(),
        Kind::ManyRequests => requests.as_bytes(),
        Kind::Slow => b"G",
    };
    let open = || {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
        stream.set_nonblocking(true).expect("a socket");
        opened.fetch_add(1, Ordering::Relaxed);
        Some(stream)
    };
    let mut all: Vec<Option<TcpStream>> = (0..count).map(|_| open()).collect();
    while !stop.load(Ordering::Relaxed) {
        for one in &mut all {
            let Some(stream) = one else {
                *one = open();
                continue;
            };
            // Those that ask do not read; the others see that way whether they were hung up on.
            let alive = match kind {
                Kind::Idle | Kind::Slow => {
                    !matches!(stream.peek(&mut [0]), Ok(0)) && !stream.peek(&mut [0]).is_err_and(|e| is_end(&e))
                }
                _ => true,
            };
            let sent = if part.is_empty() { Ok(0) } else { stream.write(part) };
            if !alive || sent.is_err_and(|error| is_end(&error)) {
                *one = None;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn is_end(error: &std::io::Error) -> bool {
    error.kind() != ErrorKind::WouldBlock
}

#[test]
fn a_thousand_hostile_clients_stop_nobody_and_take_nothing() {
    let _turn = turn::alone();
    // Our own ends of the connections.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("up to the hard limit");
    let scratch = ScratchDir::new("export-load");
    let (exporter, address) = exporter_on_tcp(&scratch);
    scrape_at(address);
    let (pid, before) = (exporter.pid(), memory(exporter.pid(), "VmRSS"));
    let (stop, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut longest = Duration::ZERO;
    std::thread::scope(|scope| {
        for kind in [Kind::Idle, Kind::EndlessLine, Kind::ManyRequests, Kind::Slow] {
            let (stop, opened) = (&stop, &opened);
            scope.spawn(move || crowd(kind, address, 250, stop, opened));
        }
        // Whatever goes wrong below, they stop.
        let watched = std::panic::catch_unwind(|| {
            let end = Instant::now() + PATIENCE;
            while opened.load(Ordering::Relaxed) < 1000 {
                assert!(Instant::now() < end, "only {} came in", opened.load(Ordering::Relaxed));
                std::thread::sleep(Duration::from_millis(10));
            }
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let begin = Instant::now();
                scrape_at(address);
                longest = longest.max(begin.elapsed());
                let threads = process::status(pid, "Threads").expect("it runs");
                assert!(threads.trim().parse::<u32>().expect("a number") <= 4, "{threads} threads");
                std::thread::sleep(Duration::from_millis(100));
            }
            longest
        });
        stop.store(true, Ordering::Relaxed);
        longest = watched.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let most = memory(pid, "VmHWM");
    eprintln!("{} connections; longest scrape {longest:?}; {before} kB, {most} kB at most", opened.into_inner());
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert!(most < before + 48 * 1024, "{before} kB, then {most} kB");
}

#[test]
fn who_asks_at_the_same_time_shares_a_collection() {
    let _turn = turn::alone();
    let scratch = ScratchDir::new("export-load");
    let (exporter, address) = exporter_on_tcp(&scratch);
    // Thousands of files that are none make the directory slow to read.
    for number in 0..3000 {
        scratch.file(&format!("{number}.tcptune"), "x");
    }
    let one = || {
        let begin = Instant::now();
        scrape_at(address);
        begin.elapsed()
    };
    let alone = (0..3).map(|_| one()).min().expect("three");
    let begin = Instant::now();
    std::thread::scope(|scope| (0..60).for_each(|_| drop(scope.spawn(one))));
    let together = begin.elapsed();
    // Those that come while the first is collected for share the next.
    assert!(together < 12 * alone + Duration::from_millis(500), "{alone:?} alone, {together:?} for 60");
    drop(exporter);
}
