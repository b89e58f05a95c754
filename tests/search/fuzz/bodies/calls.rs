//! The preloaded library itself, driven by any sequence of calls of three threads on a few connections over loopback; after
//! each call the kernel is asked what it still holds. Whatever was learned before:
//!
//! - a thread that has reached a place to let go holds nothing any more: all that it has written is on its way, whoever has
//!   written after it;
//! - what is old is on its way after its thread's next call on the connection;
//! - on a socket on which the settings or the program forbid it nothing is held at all;
//! - each call gives what it would give without the library, every byte arrives in order, and the options that the program
//!   reads are those that it set.
//!
//! The process must have been started as [`prepare`] does it. The other end of each connection, and every question to
//! the kernel, goes by syscall(2), which the library passes on. Three bytes of input make a call: what, who and where, how.

#![allow(clippy::multiple_unsafe_ops_per_block, reason = "sequences of C calls, each made as C makes it")]

macro_rules! raw {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the arguments are those of the system call; whatever they point at lives around the call.
        unsafe { libc::syscall($number $(, $argument as c_long)*) }
    };
}

#[path = "calls/connection.rs"]
mod connection;

use std::ffi::{OsStr, c_int, c_long, c_void};
use std::mem::zeroed;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use connection::{Connection, THREADS, World, open, option, world};

/// The connections to or from these addresses are the forbidden ones.
const RULES: &str = "peer=127.0.0.2 cork=off; peer=127.0.0.3 off; peer=127.0.0.4 nodelay=off";
const CONNECTIONS: usize = 4;
const MOST_CALLS: usize = 160;
/// Habits make many calls of one: all data calls of an input together.
const MOST_DATA_CALLS: u32 = 2_000;
/// What the library holds for longer is old (300 us by a processor's clock that may be slower than it believes) ...
const OLD: Duration = Duration::from_micros(800);
/// ... and a pause of this length makes it so. It is not so long that held data is late, most often: the third time would end
/// all holding in the process.
const PAUSE: Duration = Duration::from_micros(850);
/// So there are not many pauses in the life of a process.
const MOST_PAUSES: u32 = 40;

static PAUSES: AtomicU32 = AtomicU32::new(0);
static SEEN_HELD: AtomicU32 = AtomicU32::new(0);

/// How often something was seen to be held in this process: if never, nothing was checked.
pub fn seen_held() -> u32 {
    SEEN_HELD.load(Relaxed)
}

/// How the process must be started.
pub fn prepare(command: &mut Command, library: &OsStr) {
    command.env("LD_PRELOAD", library).env("TCPTUNE_RULES", RULES);
}

pub fn check(input: &[u8]) {
    let mut run = Run {
        connections: Default::default(),
        called: [Instant::now(); THREADS],
        pauses: 2,
        slow_waits: 2,
        data_calls: MOST_DATA_CALLS,
        world: world(),
    };
    for call in input.chunks_exact(3).take(MOST_CALLS) {
        run.call(call[0], usize::from(call[1] & 3) % THREADS, usize::from(call[1] >> 2) % CONNECTIONS, call[2]);
    }
    for at in 0..CONNECTIONS {
        run.close(0, at);
    }
}

struct Run {
    connections: [Option<Connection>; CONNECTIONS],
    /// By thread: when it has last made a data call.
    called: [Instant; THREADS],
    pauses: u32,
    slow_waits: u32,
    data_calls: u32,
    world: &'static World,
}

impl Run {
    fn call(&mut self, what: u8, thread: usize, at: usize, how: u8) {
        if self.connections[at].is_none() && !matches!(what % 16, 7 | 13) {
            // Where the rule is not the default one, holding is forbidden. Accepted connections every other time.
            let rule = if how & 0x40 == 0 { 0 } else { usize::from(how & 3) };
            self.connections[at] = Some(open(self.world, rule, how & 0x80 != 0));
        }
        match what % 16 {
            0..=6 => self.data(what % 16, thread, at, how),
            7 => self.wait(thread, how),
            8 => self.receive(thread, at),
            9 => self.set(thread, at, how),
            10 => self.close(thread, at),
            11 => self.duplicate(thread, at),
            12 => self.behind_the_back(thread, at),
            13 if self.pauses > 0 && PAUSES.fetch_add(1, Relaxed) < MOST_PAUSES => {
                self.pauses -= 1;
                let until = Instant::now() + PAUSE;
                while Instant::now() < until {}
            }
            14 => self.shut(thread, at),
            15 => {
                // Habits, without which little is learned.
                for _ in 0..how >> 4 {
                    for call in 0..(how & 15) * 2 {
                        self.data(call & 1, thread, at, 20);
                    }
                    self.wait(thread, 1);
                    self.receive(thread, at);
                }
            }
            _ => {}
        }
        if let Some(connection) = &self.connections[at] {
            connection.reads_back();
        }
    }

    fn data(&mut self, way: u8, thread: usize, at: usize, how: u8) {
        let Some(connection) = &mut self.connections[at] else { return };
        if connection.shut || self.data_calls == 0 {
            return;
        }
        self.data_calls -= 1;
        connection.drain();
        let fd = connection.second.filter(|_| how & 0x80 != 0).unwrap_or(connection.fd);
        let length = usize::from(how & 0x7f);
        let (start, file) = (connection.sent % 256, self.world.file);
        let more = way == 6;
        let old = if self.called[thread].elapsed() > OLD { connection.written[thread] } else { 0 };
        let sent = self.world.by(thread, move || {
            let bytes: Vec<u8> = (start..start + length).map(|n| n as u8).collect();
            let at: *const c_void = bytes.as_ptr().cast();
            let parts = [(0, length / 2), (length / 2, length - length / 2)]
                .map(|(from, length)| libc::iovec { iov_base: at.wrapping_add(from).cast_mut(), iov_len: length });
            // SAFETY: a msghdr of zeros is one without anything.
            let mut message: libc::msghdr = unsafe { zeroed() };
            message.msg_iov = parts.as_ptr().cast_mut();
            message.msg_iovlen = 2;
            let mut offset = start as libc::off_t;
            // SAFETY: all that they read lives here.
            unsafe {
                match way {
                    0 => libc::write(fd, at, length),
                    1 => libc::send(fd, at, length, 0),
                    2 => libc::writev(fd, parts.as_ptr(), 2),
                    3 => libc::sendmsg(fd, &message, 0),
                    4 => libc::sendto(fd, at, length, libc::MSG_DONTWAIT, std::ptr::null(), 0),
                    5 => libc::sendfile(fd, file, &mut offset, length),
                    _ => libc::send(fd, at, length, libc::MSG_MORE),
                }
            }
        });
        self.called[thread] = Instant::now();
        assert_eq!(sent, length as isize, "a data call of kind {way}");
        if length > 0 {
            // A call without data neither holds nor releases.
            if more {
                connection.begins_to_hold();
            }
            connection.sent += length;
            connection.written[thread] = connection.sent;
            connection.more = more;
            connection.forbidden |= more;
        }
        if length > 0 && (connection.forbidden || option(fd, libc::TCP_NODELAY) == 0) {
            connection.on_its_way(connection.sent, "where nothing may be");
        } else if length > 0 {
            SEEN_HELD.fetch_add(u32::from(connection.holds(connection.sent)), Relaxed);
            connection.on_its_way(old, "though it is old");
        }
    }

    /// A call that waits, with nothing there to wait for.
    fn wait(&mut self, thread: usize, how: u8) {
        let (silent, epoll, listener) = (self.world.silent, self.world.epoll, self.world.listener);
        let slow = matches!(how % 9, 2 | 3);
        if slow && self.slow_waits == 0 {
            return;
        }
        self.slow_waits -= u32::from(slow);
        self.world.by(thread, move || {
            let mut poll = libc::pollfd { fd: silent, events: libc::POLLIN, revents: 0 };
            let moment = libc::timespec { tv_sec: 0, tv_nsec: 1_000 };
            let mut brief = libc::timeval { tv_sec: 0, tv_usec: 1 };
            // SAFETY: all that they read and write lives here.
            unsafe {
                match how % 9 {
                    0 => libc::nanosleep(&moment, std::ptr::null_mut()),
                    1 => libc::ppoll(&mut poll, 1, &moment, std::ptr::null()),
                    2 => libc::poll(&mut poll, 1, 1),
                    3 => {
                        let mut event = zeroed();
                        libc::epoll_wait(epoll, &mut event, 1, 1)
                    }
                    4 => {
                        let mut set: libc::fd_set = zeroed();
                        libc::FD_SET(silent, &mut set);
                        let none = std::ptr::null_mut();
                        libc::select(silent + 1, &mut set, none, none, &mut brief)
                    }
                    5 => libc::usleep(1),
                    6 => {
                        let mut byte = 0u8;
                        let flags = libc::MSG_DONTWAIT;
                        libc::recv(listener, (&raw mut byte).cast(), 1, flags) as c_int
                    }
                    7 => libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG),
                    // Once may be an accident.
                    _ => libc::poll(&mut poll, 1, 0) + libc::poll(&mut poll, 1, 0),
                }
            }
        });
        self.nothing_held_by(thread, "over a wait");
    }

    fn nothing_held_by(&mut self, thread: usize, why: &str) {
        for connection in self.connections.iter_mut().flatten() {
            connection.on_its_way(connection.written[thread], why);
        }
    }

    /// The far end has sent something, which is received.
    fn receive(&mut self, thread: usize, at: usize) {
        let Some(connection) = &mut self.connections[at] else { return };
        let (fd, byte) = (connection.fd, 7u8);
        assert_eq!(raw!(libc::SYS_sendto, connection.peer, &raw const byte, 1, libc::MSG_NOSIGNAL, 0, 0), 1);
        let (got, byte) = self.world.by(thread, move || {
            let mut byte = 0u8;
            loop {
                // SAFETY: the byte lives here.
                let got = unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
                // libFuzzer has a timer.
                if got >= 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                    return (got, byte);
                }
            }
        });
        assert_eq!((got, byte), (1, 7));
        self.nothing_held_by(thread, "over a receive");
    }

    /// The program sets an option itself.
    fn set(&mut self, thread: usize, at: usize, how: u8) {
        let Some(connection) = &mut self.connections[at] else { return };
        let (fd, on) = (connection.fd, how & 1 != 0);
        let name = if how & 2 == 0 { libc::TCP_NODELAY } else { libc::TCP_CORK };
        let result = self.world.by(thread, move || {
            let value = c_int::from(on);
            // SAFETY: the value lives here.
            unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, name, (&raw const value).cast(), 4) }
        });
        assert_eq!(result, 0);
        if name == libc::TCP_NODELAY {
            connection.nodelay = on;
            connection.more &= !on;
        } else {
            if on {
                connection.begins_to_hold();
            }
            connection.cork = on;
            connection.more &= on;
        }
    }

    fn duplicate(&mut self, thread: usize, at: usize) {
        let Some(connection) = &mut self.connections[at] else { return };
        let fd = connection.fd;
        let second = connection.second.take();
        let new = self.world.by(thread, move || {
            // SAFETY: descriptors of our own.
            unsafe {
                match second {
                    Some(second) if second % 2 == 0 => libc::dup2(fd, second),
                    Some(second) => {
                        libc::close(second);
                        libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0)
                    }
                    None => libc::dup(fd),
                }
            }
        });
        assert!(new >= 0);
        connection.second = Some(new);
        // What any thread has written: else it may stay behind one number's cork when it goes on under the other.
        connection.on_its_way(connection.sent, "while a number is added");
        self.nothing_held_by(thread, "over a duplication");
    }

    /// The descriptor is closed unseen, and its number is a pipe's.
    fn behind_the_back(&mut self, thread: usize, at: usize) {
        let Some(connection) = self.connections[at].take() else { return };
        let mut pipe = [0 as c_int; 2];
        raw!(libc::SYS_pipe2, pipe.as_mut_ptr(), 0);
        let (writes, number) = (pipe[1], connection.fd);
        assert_eq!(raw!(libc::SYS_dup3, writes, number, 0), c_long::from(number));
        for length in [3usize, 5] {
            let sent = self.world.by(thread, move || {
                let bytes = [9u8; 8];
                // SAFETY: the bytes live here.
                unsafe { libc::write(number, bytes.as_ptr().cast(), length) }
            });
            assert_eq!(sent, length as isize, "into a pipe");
            let mut bytes = [0u8; 8];
            assert_eq!(raw!(libc::SYS_read, pipe[0], bytes.as_mut_ptr(), 8), length as c_long);
        }
        for fd in
            [Some(number), connection.second, Some(connection.peer), Some(pipe[0]), Some(pipe[1])].into_iter().flatten()
        {
            raw!(libc::SYS_close, fd);
        }
    }

    fn shut(&mut self, thread: usize, at: usize) {
        let Some(connection) = &mut self.connections[at] else { return };
        let fd = connection.fd;
        // SAFETY: a descriptor of our own.
        let result = self.world.by(thread, move || unsafe { libc::shutdown(fd, libc::SHUT_WR) });
        assert_eq!(result, 0);
        connection.shut = true;
        connection.all_arrives();
    }

    fn close(&mut self, thread: usize, at: usize) {
        let Some(mut connection) = self.connections[at].take() else { return };
        let fds = [connection.second, Some(connection.fd)];
        for fd in fds.into_iter().flatten() {
            // SAFETY: a descriptor of our own.
            assert_eq!(self.world.by(thread, move || unsafe { libc::close(fd) }), 0);
        }
        connection.all_arrives();
        raw!(libc::SYS_close, connection.peer);
        self.nothing_held_by(thread, "over a close");
    }
}
