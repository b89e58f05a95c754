//! A program on the simulated machine: its calls, made by one thread or another, go through the library as the hooks take them.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_int;

use tcptune_engine::{COUNTING, Library, SETS_OPTIONS, SPECIAL};
use tcptune_policy::{Peer, Settings, Tuning};

use crate::hooks;
use crate::kernel::{Done, Kernel, Socket, kernel};
use crate::machine::{Simulated, set_errno};

/// A program.
pub struct Program {
    /// The library that is preloaded into it.
    pub library: Box<Library<Simulated>>,
}

/// What a service is called that a program connects to.
pub const SERVER: u8 = 40;

impl Program {
    /// One that is started with these variables.
    pub fn new(variables: &[(&str, &str)]) -> Program {
        let settings = settings(variables);
        kernel(|kernel| {
            *kernel = Kernel::new();
            kernel.settings = settings;
        });
        let layout = Layout::new::<Library<Simulated>>();
        // SAFETY: needed because the tables are too large for the stack. Sound because the type has a size.
        let zeros = unsafe { alloc_zeroed(layout) };
        assert!(!zeros.is_null(), "no memory for a library");
        // SAFETY: needed to own what was allocated. Sound because it has the type's layout, and zeros are the state at the beginning.
        let library: Box<Library<Simulated>> = unsafe { Box::from_raw(zeros.cast()) };
        library.enable();
        if settings.sets_options() {
            library.raise(SETS_OPTIONS);
        }
        if settings.has_rules() || settings.base != Tuning::DEFAULT || settings.split() != 0 {
            library.raise(SPECIAL);
        }
        Program { library }
    }

    /// From now on it is told what happens.
    pub fn count(&self) {
        self.library.raise(SPECIAL | COUNTING);
    }

    /// From now on this thread runs.
    pub fn by(&self, thread: usize) -> &Program {
        kernel(|kernel| kernel.thread = thread);
        self
    }

    /// A call takes a microsecond.
    fn takes(&self) {
        kernel(|kernel| kernel.compute(1));
    }

    /// socket(2).
    pub fn socket(&self) -> c_int {
        self.takes();
        let tcp = Socket { protocol: libc::IPPROTO_TCP, ..Socket::default() };
        let fd = kernel(|kernel| kernel.open(None, tcp));
        self.library.made_socket(fd, libc::AF_INET, libc::SOCK_STREAM, 0);
        fd
    }

    /// connect(2), to a service of this number.
    pub fn connect_to(&self, fd: c_int, peer: Peer, service: Option<u8>) {
        self.takes();
        let quick = self.library.connects_quickly(fd);
        let tuned = if quick.is_some() { None } else { self.library.connecting(fd, || Some(peer)) };
        kernel(|kernel| {
            if let Some(socket) = kernel.socket(fd) {
                socket.peer = Some(peer);
            }
        });
        if let Some(tuned) = quick {
            self.library.connected_quickly(fd, tuned, service);
        }
        if let Some(tuned) = tuned {
            self.library.connected(fd, tuned, service, || Some(peer));
        }
    }

    /// A new connection to the usual service.
    pub fn connect(&self) -> c_int {
        let fd = self.socket();
        self.connect_to(fd, Peer::from_v4([127, 0, 0, 1], 80), Some(SERVER));
        fd
    }

    /// listen(2).
    pub fn listen_on(&self, fd: c_int) {
        self.takes();
        let tuned = self.library.before_listen(fd);
        kernel(|kernel| {
            if let Some(socket) = kernel.socket(fd) {
                socket.listens = true;
            }
        });
        if let Some(tuned) = tuned {
            self.library.listened(fd, tuned, true);
        }
    }

    /// A new listener.
    pub fn listen(&self) -> c_int {
        let fd = self.socket();
        self.listen_on(fd);
        fd
    }

    /// accept(2): a connection from `peer`, that inherits its listener's TCP_NODELAY.
    pub fn accept_from(&self, listener: c_int, peer: Peer) -> c_int {
        self.takes();
        let known = self.library.accepting(listener);
        let new = kernel(|kernel| {
            let nodelay = kernel.socket(listener).is_some_and(|it| it.nodelay);
            let connection = Socket {
                protocol: libc::IPPROTO_TCP,
                nodelay,
                peer: Some(peer),
                own: kernel.socket(listener).and_then(|it| it.own),
                ..Socket::default()
            };
            kernel.open(None, connection)
        });
        self.library.accepted(listener, known, new);
        new
    }

    /// accept(2).
    pub fn accept(&self, listener: c_int) -> c_int {
        self.accept_from(listener, Peer::from_v4([127, 0, 0, 1], 50_000))
    }

    /// send(2) with these flags.
    pub fn send_with(&self, fd: c_int, length: usize, flags: c_int) -> isize {
        self.takes();
        hooks::send(&self.library, fd, length, flags, true, |ours| made(fd, length, flags, ours))
    }

    /// write(2).
    pub fn write(&self, fd: c_int, length: usize) -> isize {
        self.takes();
        hooks::send(&self.library, fd, length, 0, false, |ours| made(fd, length, 0, ours))
    }

    /// sendfile(2), of a file of that length.
    pub fn sendfile(&self, fd: c_int, length: usize) -> isize {
        self.takes();
        hooks::sendfile(&self.library, fd, length, || made(fd, length, 0, 0))
    }

    /// recv(2): takes what has come; 0 where nothing has.
    pub fn receive(&self, fd: c_int) -> isize {
        self.takes();
        hooks::receive(&self.library, fd, true, || {
            kernel(|kernel| kernel.socket(fd).map_or(0, |socket| std::mem::take(&mut socket.unread) as isize))
        })
    }

    /// The other end answers, and it is received at once.
    pub fn answered(&self, fd: c_int) -> isize {
        kernel(|kernel| kernel.arrives(fd, 10));
        self.receive(fd)
    }

    /// poll(2): `ready` says whether something has come already; otherwise it comes after so many microseconds, 0 where it
    /// must not wait.
    pub fn poll(&self, ready: bool, microseconds: u64) -> c_int {
        self.takes();
        hooks::wait(&self.library, microseconds != 0, true, |now| waits(ready, now, microseconds))
    }

    /// select(2): the same, but nobody can ask.
    pub fn select(&self, ready: bool, microseconds: u64) -> c_int {
        self.takes();
        hooks::wait(&self.library, microseconds != 0, false, |now| waits(ready, now, microseconds))
    }

    /// nanosleep(2).
    pub fn sleep(&self, microseconds: u64) {
        self.takes();
        hooks::sleep(&self.library, || kernel(|kernel| kernel.sleep(microseconds)));
    }

    /// shutdown(2).
    pub fn shutdown(&self) {
        self.takes();
        hooks::end(&self.library, || {});
    }

    /// close(2).
    pub fn close(&self, fd: c_int) {
        self.takes();
        if !self.library.closes_quickly(fd) {
            self.library.closing(fd);
        }
        kernel(|kernel| kernel.close(fd));
    }

    /// dup(2), dup2(2).
    pub fn duplicate(&self, fd: c_int, target: Option<c_int>) -> c_int {
        self.takes();
        let connection = if target.is_none() { self.library.duplicates_quickly(fd) } else { None };
        if connection.is_none() {
            self.library.duplicating(fd, target);
        }
        let new = kernel(|kernel| kernel.duplicate(fd, target));
        match connection {
            Some(connection) => self.library.duplicated_quickly(fd, connection, new),
            None => self.library.duplicated(fd, new),
        }
        new
    }

    /// setsockopt(2).
    pub fn set(&self, fd: c_int, level: c_int, name: c_int, value: u8) -> isize {
        self.takes();
        let tcp = level == libc::IPPROTO_TCP;
        if tcp && name == libc::TCP_CORK && self.library.is_enabled() {
            self.library.setting_cork(fd);
        }
        if tcp && name == libc::TCP_NODELAY {
            self.library.setting_nodelay(fd);
        }
        let result = kernel(|kernel| kernel.set(fd, level, name, value, false));
        if result != 0 || !self.library.is_enabled() {
            return result;
        }
        self.library.program_sets();
        match name {
            libc::TCP_NODELAY if tcp => self.library.program_set_nodelay(fd, value != 0),
            libc::TCP_CORK if tcp => self.library.program_set_cork(fd, value != 0),
            _ => self.library.program_set(fd, level, name),
        }
        result
    }

    /// TCP_NODELAY.
    pub fn set_nodelay(&self, fd: c_int, on: bool) {
        self.set(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, u8::from(on));
    }

    /// TCP_CORK.
    pub fn set_cork(&self, fd: c_int, on: bool) {
        self.set(fd, libc::IPPROTO_TCP, libc::TCP_CORK, u8::from(on));
    }

    /// What the program reads of TCP_NODELAY ...
    pub fn reads_nodelay(&self, fd: c_int) -> bool {
        kernel(|kernel| kernel.socket(fd).is_some_and(|it| it.nodelay)) && !self.library.hides_nodelay(fd)
    }

    /// ... and of TCP_CORK.
    pub fn reads_cork(&self, fd: c_int) -> bool {
        kernel(|kernel| kernel.socket(fd).is_some_and(|it| it.cork)) && !self.library.hides_cork(fd)
    }

    /// Exchanges like those of a server whose answers have two parts, until they are held: a hundred are more than enough.
    pub fn learn(&self, fd: c_int) {
        for _ in 0..100 {
            self.write(fd, 100);
            self.write(fd, 200);
            self.answered(fd);
        }
    }

    /// What the library has asked of the kernel since the last question.
    pub fn done(&self) -> Vec<Done> {
        kernel(|kernel| std::mem::take(&mut kernel.done))
    }

    /// Bytes that the kernel keeps of a socket.
    pub fn kept(&self, fd: c_int) -> usize {
        kernel(|kernel| kernel.socket(fd).map_or(0, |socket| socket.kept.iter().map(|piece| piece.length).sum()))
    }

    /// Packets that have left it.
    pub fn packets(&self, fd: c_int) -> usize {
        kernel(|kernel| kernel.socket(fd).map_or(0, |socket| socket.packets))
    }
}

/// What these variables say, read once in a test: the library wants it to live as long as the process.
fn settings(variables: &[(&str, &str)]) -> &'static Settings {
    thread_local! {
        static READ: RefCell<HashMap<String, &'static Settings>> = RefCell::default();
    }
    READ.with_borrow_mut(|read| {
        let settings = read.entry(format!("{variables:?}")).or_insert_with(|| {
            let mut settings = Settings::DEFAULT;
            for (name, value) in variables {
                settings.apply(name.as_bytes(), value.as_bytes()).expect("settings that can be read");
            }
            settings.finish();
            Box::leak(Box::new(settings))
        });
        *settings
    })
}

/// The program's own data call.
fn made(fd: c_int, length: usize, flags: c_int, ours: c_int) -> isize {
    match kernel(|kernel| kernel.send(fd, length, flags, ours)) {
        Ok(sent) => sent as isize,
        Err(error) => {
            set_errno(error);
            -1
        }
    }
}

/// The program's own wait.
fn waits(ready: bool, now: bool, microseconds: u64) -> c_int {
    if !ready && !now {
        kernel(|kernel| kernel.sleep(microseconds));
    }
    c_int::from(ready || !now)
}
