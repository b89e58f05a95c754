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

use std::ffi::{OsStr, c_int, c_long, c_void};
use std::mem::{size_of, zeroed};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The connections to or from these addresses are the forbidden ones.
const RULES: &str = "peer=127.0.0.2 cork=off; peer=127.0.0.3 off; peer=127.0.0.4 nodelay=off";
const CONNECTIONS: usize = 4;
const THREADS: usize = 3;
const MOST_CALLS: usize = 160;
/// Habits make many calls of one: all data calls of an input together.
const MOST_DATA_CALLS: u32 = 2_000;
/// What has not arrived after so long is lost, or was held: then it leaves after 200 ms by itself.
const PATIENCE: Duration = Duration::from_millis(190);
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

macro_rules! raw {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the arguments are those of the system call; whatever they point at lives around the call.
        unsafe { libc::syscall($number $(, $argument as c_long)*) }
    };
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

/// What all inputs share: threads, listeners, files.
struct World {
    threads: [Sender<Job>; THREADS - 1],
    /// Known to the library: it accepts here …
    listener: c_int,
    listener_port: u16,
    /// … and connects here, where syscall(2) accepts.
    far_listener: c_int,
    far_port: u16,
    /// Byte n is n, over and over, as in every stream.
    file: c_int,
    /// Never ready.
    silent: c_int,
    epoll: c_int,
}

type Job = Box<dyn FnOnce() + Send>;

impl World {
    /// Lets a thread do it, and waits until it is done.
    fn by<T: Send + 'static>(&'static self, thread: usize, call: impl FnOnce() -> T + Send + 'static) -> T {
        match thread.checked_sub(1) {
            None => call(),
            Some(other) => {
                let (send, receive) = channel();
                self.threads[other].send(Box::new(move || send.send(call()).expect("it waits"))).expect("it runs");
                receive.recv().expect("it answers")
            }
        }
    }
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let threads = std::array::from_fn(|_| {
            let (send, receive): (Sender<Job>, Receiver<Job>) = channel();
            std::thread::spawn(move || receive.iter().for_each(|job| job()));
            send
        });
        // SAFETY: plain calls with the arguments that they take.
        let (file, listener) =
            unsafe { (libc::memfd_create(c"stream".as_ptr(), 0), libc::socket(libc::AF_INET, 1, 0)) };
        let bytes: Vec<u8> = (0..65_536usize).map(|n| n as u8).collect();
        assert_eq!(raw!(libc::SYS_write, file, bytes.as_ptr(), bytes.len()), 65_536);
        let far_listener = raw!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0) as c_int;
        let (listener_port, far_port) = (listen(listener), listen(far_listener));
        let silent = raw!(libc::SYS_eventfd2, 0, 0) as c_int;
        let epoll = raw!(libc::SYS_epoll_create1, 0) as c_int;
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        raw!(libc::SYS_epoll_ctl, epoll, libc::EPOLL_CTL_ADD, silent, &raw mut event);
        let world = World { threads, listener, listener_port, far_listener, far_port, file, silent, epoll };
        let probe = open(&world, 0, false);
        assert_eq!(option(probe.fd, libc::TCP_NODELAY), 1, "the library is not there");
        // SAFETY: descriptors of our own.
        unsafe { libc::close(probe.fd) };
        raw!(libc::SYS_close, probe.peer);
        world
    })
}

fn address(host: u8, port: u16) -> libc::sockaddr_in {
    let address = u32::from_be_bytes([127, 0, 0, host]).to_be();
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: address },
        sin_zero: [0; 8],
    }
}

const ADDRESS: usize = size_of::<libc::sockaddr_in>();

/// Listens on a free port of all addresses.
fn listen(fd: c_int) -> u16 {
    let mut any = address(0, 0);
    any.sin_addr.s_addr = 0;
    raw!(libc::SYS_bind, fd, &raw const any, ADDRESS);
    // SAFETY: a socket of our own.
    assert_eq!(unsafe { libc::listen(fd, 64) }, 0);
    let mut length = ADDRESS as u32;
    raw!(libc::SYS_getsockname, fd, &raw mut any, &raw mut length);
    u16::from_be(any.sin_port)
}

/// What the kernel says of an option.
fn option(fd: c_int, name: c_int) -> c_int {
    let (mut value, mut length) = (-1, 4u32);
    raw!(libc::SYS_getsockopt, fd, libc::IPPROTO_TCP, name, &raw mut value, &raw mut length);
    value
}

/// A connection: the library's end, and the far one.
struct Connection {
    fd: c_int,
    second: Option<c_int>,
    peer: c_int,
    /// By the settings nothing may be held, or the program has said that it knows better. (Nor may it be where the kernel's
    /// TCP_NODELAY is off.)
    forbidden: bool,
    nodelay: bool,
    cork: bool,
    /// The program has said MSG_MORE with its last call.
    more: bool,
    /// Where in the stream it began to hold, if it does by either.
    own_from: usize,
    shut: bool,
    sent: usize,
    /// By thread: where in the stream the last byte is that it has written.
    written: [usize; THREADS],
    got: usize,
}

fn open(world: &World, rule: usize, accepts: bool) -> Connection {
    let host = rule as u8 + 1;
    let (fd, peer) = if accepts {
        let peer = raw!(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0) as c_int;
        let (own, to) = (address(host, 0), address(host, world.listener_port));
        raw!(libc::SYS_bind, peer, &raw const own, ADDRESS);
        assert_eq!(raw!(libc::SYS_connect, peer, &raw const to, ADDRESS), 0);
        // SAFETY: a listener of our own.
        (unsafe { libc::accept(world.listener, std::ptr::null_mut(), std::ptr::null_mut()) }, peer)
    } else {
        let to = address(host, world.far_port);
        // SAFETY: plain calls with the arguments that they take.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
        // SAFETY: the address lives here.
        assert_eq!(unsafe { libc::connect(fd, (&raw const to).cast(), ADDRESS as u32) }, 0);
        (fd, raw!(libc::SYS_accept4, world.far_listener, 0, 0, 0) as c_int)
    };
    assert!(fd >= 0 && peer >= 0);
    // The kernel's default may be one that paces: it keeps data back by itself.
    let reno = c"reno";
    assert_eq!(raw!(libc::SYS_setsockopt, fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, reno.as_ptr(), 4), 0);
    Connection {
        fd,
        second: None,
        peer,
        forbidden: matches!(rule, 1 | 2),
        nodelay: false,
        cork: false,
        more: false,
        own_from: 0,
        shut: false,
        sent: 0,
        written: [0; THREADS],
        got: 0,
    }
}

impl Connection {
    /// Takes what has arrived, and has it acknowledged at once.
    fn drain(&mut self) {
        let mut bytes = [0u8; 4096];
        loop {
            let got = raw!(libc::SYS_recvfrom, self.peer, bytes.as_mut_ptr(), bytes.len(), libc::MSG_DONTWAIT, 0, 0);
            if got <= 0 {
                break;
            }
            for byte in &bytes[..got as usize] {
                assert_eq!(*byte, self.got as u8, "byte {} of {} is another", self.got, self.sent);
                self.got += 1;
            }
        }
        let on: c_int = 1;
        raw!(libc::SYS_setsockopt, self.peer, libc::IPPROTO_TCP, libc::TCP_QUICKACK, &raw const on, 4);
    }

    /// What the kernel says of it (struct tcp_info): segments under way, segments that may be, bytes not sent yet.
    fn under_way(&self) -> (u32, u32, u32) {
        let (mut info, mut length) = ([0u32; 64], 256u32);
        raw!(libc::SYS_getsockopt, self.fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr(), &raw mut length);
        (info[6], info[20], info[36])
    }

    /// Is there data among the first `length` bytes that only an order to hold keeps here? Else it waits for acknowledgements:
    /// by the window, or where TCP_NODELAY is off by Nagle's rule.
    fn holds(&self, length: usize) -> bool {
        let (under_way, most, unsent) = self.under_way();
        let free = if option(self.fd, libc::TCP_NODELAY) == 1 { under_way < most } else { under_way == 0 };
        length > self.sent - unsent as usize && free
    }

    /// The first `length` bytes are, but for those that the program holds itself.
    fn on_its_way(&mut self, length: usize, why: &str) {
        let length = if self.cork || self.more { length.min(self.own_from) } else { length };
        if !self.holds(length) {
            return;
        }
        // Not a moment in which the kernel has not come to it. (A sleep that the library saw would release.)
        let moment = libc::timespec { tv_sec: 0, tv_nsec: 2_000_000 };
        raw!(libc::SYS_nanosleep, &raw const moment, 0);
        let (state, sent) = (self.under_way(), self.sent);
        assert!(!self.holds(length), "{state:?} of {sent} bytes, {length} of them due, are held {why}, on {}", self.fd);
    }

    fn begins_to_hold(&mut self) {
        if !self.cork && !self.more {
            self.own_from = self.sent;
        }
    }

    fn all_arrives(&mut self) {
        let until = Instant::now() + PATIENCE;
        while self.got < self.sent {
            self.drain();
            assert!(Instant::now() < until, "{} of {} bytes have arrived", self.got, self.sent);
            std::thread::yield_now();
        }
    }

    /// What the program reads is what it set.
    fn reads_back(&self) {
        for (name, expected) in [(libc::TCP_NODELAY, self.nodelay), (libc::TCP_CORK, self.cork)] {
            let (mut value, mut length): (c_int, u32) = (-1, 4);
            // SAFETY: both live here.
            let result =
                unsafe { libc::getsockopt(self.fd, libc::IPPROTO_TCP, name, (&raw mut value).cast(), &raw mut length) };
            assert_eq!((result, value != 0), (0, expected), "option {name}");
        }
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
