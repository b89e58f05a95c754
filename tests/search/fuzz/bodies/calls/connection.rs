//! Connections over loopback for the calls of bodies/calls.rs, what all of them share, and what the kernel says of each. The far
//! ends go by syscall(2), which the library passes on.

use std::ffi::{c_int, c_long};
use std::mem::size_of;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub const THREADS: usize = 3;
/// What has not arrived after so long is lost, or was held: then it leaves after 200 ms by itself.
const PATIENCE: Duration = Duration::from_millis(190);

/// What all inputs share: threads, listeners, files.
pub struct World {
    pub threads: [Sender<Job>; THREADS - 1],
    /// Known to the library: it accepts here …
    pub listener: c_int,
    pub listener_port: u16,
    /// … and connects here, where syscall(2) accepts.
    pub far_listener: c_int,
    pub far_port: u16,
    /// Byte n is n, over and over, as in every stream.
    pub file: c_int,
    /// Never ready.
    pub silent: c_int,
    pub epoll: c_int,
}

type Job = Box<dyn FnOnce() + Send>;

impl World {
    /// Lets a thread do it, and waits until it is done.
    pub fn by<T: Send + 'static>(&'static self, thread: usize, call: impl FnOnce() -> T + Send + 'static) -> T {
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

pub fn world() -> &'static World {
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
pub fn option(fd: c_int, name: c_int) -> c_int {
    let (mut value, mut length) = (-1, 4u32);
    raw!(libc::SYS_getsockopt, fd, libc::IPPROTO_TCP, name, &raw mut value, &raw mut length);
    value
}

/// A connection: the library's end, and the far one.
pub struct Connection {
    pub fd: c_int,
    pub second: Option<c_int>,
    pub peer: c_int,
    /// By the settings nothing may be held, or the program has said that it knows better. (Nor may it be where the kernel's
    /// TCP_NODELAY is off.)
    pub forbidden: bool,
    pub nodelay: bool,
    pub cork: bool,
    /// The program has said MSG_MORE with its last call.
    pub more: bool,
    /// Where in the stream it began to hold, if it does by either.
    pub own_from: usize,
    pub shut: bool,
    pub sent: usize,
    /// By thread: where in the stream the last byte is that it has written.
    pub written: [usize; THREADS],
    pub got: usize,
}

pub fn open(world: &World, rule: usize, accepts: bool) -> Connection {
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
    pub fn drain(&mut self) {
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
    pub fn under_way(&self) -> (u32, u32, u32) {
        let (mut info, mut length) = ([0u32; 64], 256u32);
        raw!(libc::SYS_getsockopt, self.fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr(), &raw mut length);
        (info[6], info[20], info[36])
    }

    /// Is there data among the first `length` bytes that only an order to hold keeps here? Else it waits for acknowledgements:
    /// by the window, or where TCP_NODELAY is off by Nagle's algorithm.
    pub fn holds(&self, length: usize) -> bool {
        let (under_way, most, unsent) = self.under_way();
        let free = if option(self.fd, libc::TCP_NODELAY) == 1 { under_way < most } else { under_way == 0 };
        length > self.sent - unsent as usize && free
    }

    /// The first `length` bytes are, but for those that the program holds itself.
    pub fn on_its_way(&mut self, length: usize, why: &str) {
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

    pub fn begins_to_hold(&mut self) {
        if !self.cork && !self.more {
            self.own_from = self.sent;
        }
    }

    pub fn all_arrives(&mut self) {
        let until = Instant::now() + PATIENCE;
        while self.got < self.sent {
            self.drain();
            assert!(Instant::now() < until, "{} of {} bytes have arrived", self.got, self.sent);
            std::thread::yield_now();
        }
    }

    /// What the program reads is what it set.
    pub fn reads_back(&self) {
        for (name, expected) in [(libc::TCP_NODELAY, self.nodelay), (libc::TCP_CORK, self.cork)] {
            let (mut value, mut length): (c_int, u32) = (-1, 4);
            // SAFETY: both live here.
            let result =
                unsafe { libc::getsockopt(self.fd, libc::IPPROTO_TCP, name, (&raw mut value).cast(), &raw mut length) };
            assert_eq!((result, value != 0), (0, expected), "option {name}");
        }
    }
}
