//! The simulated kernel: sockets by descriptor, what of their data is kept back and why, and a clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_int;

use tcptune_policy::evidence::Usage;
use tcptune_policy::{Peer, Settings};

use crate::machine::THREADS;

/// A full segment is never kept.
pub const MSS: usize = 1448;

/// A system call of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// setsockopt(2): the descriptor, the option, its value's first byte.
    Set(c_int, c_int, u8),
    /// getsockopt(2).
    Get(c_int, c_int),
    /// getsockname(2), getpeername(2).
    Address(c_int),
    /// ioctl(2).
    Unread(c_int),
    /// getrusage(2).
    Usage,
    /// mmap(2).
    Map,
}

/// Data that has not left.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Whose call it was.
    pub thread: usize,
    /// Its length.
    pub length: usize,
    /// When the call was made.
    pub at: u64,
    /// How long its thread had run or slept by then.
    pub own: u64,
    /// Is it kept because of the library: its MSG_MORE, its cork, or Nagle's algorithm that it let?
    pub ours: bool,
    /// By Nagle's algorithm: no later than without the library.
    pub nagle: bool,
}

/// A socket.
#[derive(Clone, Debug, Default)]
pub struct Socket {
    /// `SO_PROTOCOL`; 0 is no socket of the Internet.
    pub protocol: c_int,
    /// It listens.
    pub listens: bool,
    /// What the kernel has of TCP_NODELAY and TCP_CORK.
    pub nodelay: bool,
    /// Kernel TLS on top of it (TCP_ULP).
    pub tls: bool,
    /// As above.
    pub cork: bool,
    /// The library has set the cork; it has turned TCP_NODELAY off where it was on.
    pub cork_is_ours: bool,
    /// As above.
    pub nagle_is_ours: bool,
    /// What is kept back.
    pub kept: Vec<Piece>,
    /// Something is under way that was not acknowledged.
    pub under_way: bool,
    /// Packets, and bytes, that have left.
    pub packets: usize,
    /// As above.
    pub left: usize,
    /// What the kernel has received, and what the program has not taken.
    pub received: u32,
    /// As above.
    pub unread: u32,
    /// Room in the buffer, if it is scarce.
    pub room: Option<usize>,
    /// Connections in the listener's queue.
    pub queued: u32,
    /// Other options that were set: the option, the value's first byte.
    pub options: Vec<(c_int, u8)>,
    /// Refuses every option.
    pub refuses: bool,
    /// The addresses of both ends.
    pub own: Option<Peer>,
    /// As above.
    pub peer: Option<Peer>,
}

/// The kernel, and all of the machine that is not the library.
pub struct Kernel {
    /// Microseconds.
    pub now: u64,
    /// The thread that runs.
    pub thread: usize,
    /// What each has used.
    pub usage: [Usage; THREADS],
    /// For how long each has run or slept.
    pub own: [u64; THREADS],
    /// Sockets, and which descriptors stand for them.
    pub sockets: Vec<Socket>,
    /// As above.
    pub numbers: BTreeMap<c_int, usize>,
    /// System calls of the library.
    pub done: Vec<Done>,
    /// Calls that the library has had held: where, and whether TCP_NODELAY was on.
    pub held: Vec<(c_int, bool)>,
    /// How many of them the test has looked at.
    pub checked: usize,
    /// How late what was kept for the library's sake has left, if that was a millisecond or more.
    pub late: Vec<u64>,
    /// What the library asks of the process.
    pub settings: &'static Settings,
    /// Somebody has told the process to stop tuning.
    pub stop: bool,
    /// The process was started under a filter that would kill it for an unexpected call.
    pub confined: bool,
    /// The next random number.
    pub chance: u64,
    /// What was told.
    pub told: Vec<String>,
}

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::new());
}

static DEFAULT: Settings = Settings::DEFAULT;

/// Asks or changes the kernel of this test.
pub fn kernel<T>(with: impl FnOnce(&mut Kernel) -> T) -> T {
    KERNEL.with_borrow_mut(with)
}

impl Kernel {
    /// A fresh one.
    pub fn new() -> Kernel {
        Kernel {
            // The clock of the library wraps soon.
            now: (1 << 32) - 20_000,
            thread: 0,
            usage: [Usage::default(); THREADS],
            own: [0; THREADS],
            sockets: Vec::new(),
            numbers: BTreeMap::new(),
            done: Vec::new(),
            held: Vec::new(),
            checked: 0,
            late: Vec::new(),
            settings: &DEFAULT,
            stop: false,
            confined: false,
            chance: 0,
            told: Vec::new(),
        }
    }

    /// Time passes in which the running thread does not run, because others do.
    pub fn pass(&mut self, microseconds: u64) {
        self.now += microseconds;
    }

    /// The running thread computes.
    pub fn compute(&mut self, microseconds: u64) {
        self.now += microseconds;
        self.own[self.thread] += microseconds;
        let used = &mut self.usage[self.thread].computed;
        *used = used.wrapping_add(microseconds as u32);
    }

    /// The running thread gives the processor up.
    pub fn sleep(&mut self, microseconds: u64) {
        self.now += microseconds;
        self.own[self.thread] += microseconds;
        self.usage[self.thread].slept += 1;
    }

    /// The lowest descriptor that is free.
    fn lowest(&self) -> c_int {
        (3..).find(|number| !self.numbers.contains_key(number)).expect("some number is free")
    }

    /// A new socket, on the lowest number or on this one.
    pub fn open(&mut self, at: Option<c_int>, socket: Socket) -> c_int {
        let fd = at.unwrap_or_else(|| self.lowest());
        self.sockets.push(socket);
        self.numbers.insert(fd, self.sockets.len() - 1);
        fd
    }

    /// The socket of a descriptor.
    pub fn socket(&mut self, fd: c_int) -> Option<&mut Socket> {
        let index = *self.numbers.get(&fd)?;
        self.sockets.get_mut(index)
    }

    /// close(2): the last one of a socket sends what it keeps.
    pub fn close(&mut self, fd: c_int) {
        let Some(index) = self.numbers.remove(&fd) else { return };
        if !self.numbers.values().any(|&other| other == index) {
            self.leave(index);
        }
    }

    /// dup(2), dup2(2).
    pub fn duplicate(&mut self, fd: c_int, target: Option<c_int>) -> c_int {
        let Some(&index) = self.numbers.get(&fd) else { return -1 };
        if target == Some(fd) {
            return fd;
        }
        if let Some(target) = target {
            self.close(target);
        }
        let new = target.unwrap_or_else(|| self.lowest());
        self.numbers.insert(new, index);
        new
    }

    /// A data call of `length` bytes: its result, and errno. `ours` are flags that the library has added.
    pub fn send(&mut self, fd: c_int, length: usize, flags: c_int, ours: c_int) -> Result<usize, c_int> {
        let (now, thread, own) = (self.now, self.thread, self.own[self.thread]);
        let Some(&index) = self.numbers.get(&fd) else { return Err(libc::EBADF) };
        let socket = &mut self.sockets[index];
        if socket.protocol == 0 {
            if ours == 0 {
                return Ok(length);
            }
            // A file or a pipe: MSG_MORE makes a send(2) of a write(2).
            return Err(libc::ENOTSOCK);
        }
        let length = match &mut socket.room {
            Some(0) if length > 0 => return Err(libc::EAGAIN),
            Some(room) => {
                let taken = length.min(*room);
                *room -= taken;
                taken
            }
            None => length,
        };
        if length == 0 {
            // Pushes nothing.
            return Ok(0);
        }
        let more = (flags | ours) & libc::MSG_MORE != 0;
        let nagle = !socket.nodelay && socket.under_way && !more && !socket.cork;
        // A full buffer pushes (net/ipv4/tcp.c, tcp_sendmsg_locked, `do_error`).
        let keeps = (more || socket.cork || nagle) && socket.room != Some(0);
        if more && ours != 0 {
            // Off because the library lets Nagle's algorithm is as good: it is set again when the thread lets go.
            self.held.push((fd, socket.nodelay || socket.nagle_is_ours));
        }
        let ours = more && ours != 0 || socket.cork && socket.cork_is_ours || nagle && socket.nagle_is_ours;
        socket.kept.push(Piece { thread, length, at: now, own, ours, nagle });
        if nagle {
            // From now on it is all that keeps anything.
            socket.kept.iter_mut().for_each(|piece| piece.nagle = true);
        }
        if keeps {
            while self.sockets[index].kept.iter().map(|piece| piece.length).sum::<usize>() >= MSS {
                self.leave_some(index, MSS);
            }
        } else {
            self.leave(index);
        }
        Ok(length)
    }

    /// What is kept leaves.
    pub fn leave(&mut self, index: usize) {
        while !self.sockets[index].kept.is_empty() {
            self.leave_some(index, MSS);
        }
    }

    /// A segment of so many bytes leaves.
    fn leave_some(&mut self, index: usize, most: usize) {
        let socket = &mut self.sockets[index];
        let mut room = most;
        while let Some(piece) = socket.kept.first_mut().filter(|_| room > 0) {
            let part = piece.length.min(room);
            // Where others had the processor the library is not to blame.
            let age = self.own[piece.thread] - piece.own;
            if piece.ours && !piece.nagle && age >= 1000 {
                self.late.push(age);
            }
            (piece.length, room, socket.left) = (piece.length - part, room - part, socket.left + part);
            if piece.length == 0 {
                socket.kept.remove(0);
            }
        }
        socket.packets += 1;
        socket.under_way = true;
    }

    /// The other end acknowledges; Nagle's algorithm lets the next segment go.
    pub fn acknowledge(&mut self, fd: c_int) {
        let Some(&index) = self.numbers.get(&fd) else { return };
        let socket = &mut self.sockets[index];
        socket.under_way = false;
        if !socket.cork && !socket.nodelay && !socket.kept.is_empty() && socket.kept.iter().all(|piece| !piece.ours) {
            self.leave(index);
        }
    }

    /// Data comes from the other end.
    pub fn arrives(&mut self, fd: c_int, length: u32) {
        self.acknowledge(fd);
        if let Some(socket) = self.socket(fd) {
            socket.received = socket.received.wrapping_add(length);
            socket.unread += length;
        }
    }

    /// setsockopt(2), by the library or by the program.
    pub fn set(&mut self, fd: c_int, level: c_int, name: c_int, value: u8, by_library: bool) -> isize {
        let Some(&index) = self.numbers.get(&fd) else { return -(libc::EBADF as isize) };
        let socket = &mut self.sockets[index];
        if socket.protocol != libc::IPPROTO_TCP && level == libc::IPPROTO_TCP {
            return -(libc::EOPNOTSUPP as isize);
        }
        if socket.refuses {
            return -(libc::EPERM as isize);
        }
        let on = value != 0;
        match (level, name) {
            (libc::IPPROTO_TCP, libc::TCP_NODELAY) => {
                socket.nagle_is_ours = by_library && !on && socket.nodelay;
                socket.nodelay = on;
                if on {
                    // Under a cork too (net/ipv4/tcp.c, `__tcp_sock_set_nodelay`).
                    self.leave(index);
                }
            }
            (libc::IPPROTO_TCP, libc::TCP_CORK) => {
                (socket.cork, socket.cork_is_ours) = (on, on && by_library);
                if !on && (socket.nodelay || !socket.under_way) {
                    self.leave(index);
                } else if !on {
                    socket.kept.iter_mut().for_each(|piece| piece.nagle = true);
                }
            }
            _ => socket.options.push((name, value)),
        }
        0
    }

    /// Everything that is kept, with the socket's index.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, &Piece)> {
        let sockets = self.sockets.iter().enumerate();
        sockets.flat_map(|(at, socket)| socket.kept.iter().map(move |piece| (at, piece)))
    }
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel::new()
    }
}
