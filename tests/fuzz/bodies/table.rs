//! What the library knows of descriptors, against a map: any numbers, noted, looked up, duplicated, closed and walked over in any
//! order, by the library's public calls, tuning on and off. Six bytes of input make a step: what, on which number, and with
//! which word.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_int;

use tcptune_engine::{ALL, Library, Machine, NEAR, NoMap, Told};
use tcptune_policy::evidence::Usage;
use tcptune_policy::socket::{CLOSELY, CORKED, Kind, NO_HOLD, NODELAY_ON, SHARED, Socket};
use tcptune_policy::{Peer, Settings};

/// A machine on which nothing happens; it notes which options are set.
struct Still;

thread_local! {
    static SET: RefCell<Vec<(c_int, c_int, u8)>> = const { RefCell::new(Vec::new()) };
    static ERRNO: RefCell<c_int> = const { RefCell::new(0) };
}

/// Memory of zeros.
fn layout(length: usize) -> Layout {
    Layout::from_size_align(length, 64).expect("a size that there is")
}

impl Machine for Still {
    const MILLISECOND: u32 = 1000;

    fn ticks() -> u32 {
        0
    }

    fn thread() -> usize {
        1 << 20
    }

    fn errno() -> *mut c_int {
        ERRNO.with(RefCell::as_ptr)
    }

    fn chance() -> u64 {
        0
    }

    fn usage() -> Usage {
        Usage::default()
    }

    fn set_option(fd: c_int, _level: c_int, name: c_int, value: &[u8]) -> isize {
        SET.with_borrow_mut(|set| set.push((fd, name, value[0])));
        0
    }

    fn get_option(_fd: c_int, _level: c_int, _name: c_int, _value: &mut [u8]) -> usize {
        0
    }

    fn unread(_fd: c_int) -> u32 {
        0
    }

    fn own_address(_fd: c_int) -> Option<Peer> {
        None
    }

    fn peer_address(_fd: c_int) -> Option<Peer> {
        None
    }

    fn map(length: usize) -> Result<*mut u8, NoMap> {
        // SAFETY: the length is not 0.
        let at = unsafe { alloc_zeroed(layout(length)) };
        if at.is_null() { Err(NoMap) } else { Ok(at) }
    }

    unsafe fn unmap(at: *mut u8, length: usize) {
        // SAFETY: the caller vouches for the mapping, which was made with this layout.
        unsafe { dealloc(at, layout(length)) };
    }

    fn settings() -> &'static Settings {
        panic!("the defaults hold");
    }

    fn tell(_told: Told) {
        panic!("nothing is counted");
    }
}

const NEAR_END: i32 = NEAR as i32;
const END: i32 = ALL as i32;

static LIBRARY: Library<Still> = Library::new();

#[derive(Default)]
struct Model {
    words: BTreeMap<i32, u64>,
    enabled: bool,
    highest: i32,
    /// Options that the library must set: what is held leaves.
    set: Vec<(c_int, c_int, u8)>,
}

thread_local! {
    /// The library is the process's: what was noted by one input is there for the next.
    static MODEL: RefCell<Model> = RefCell::default();
}

pub fn check(input: &[u8]) {
    MODEL.with_borrow_mut(|model| {
        for step in input.chunks_exact(6) {
            model.step(step[0], number(step[1], step[2]), word(step[3], step[4], step[5]));
        }
    });
}

/// Small numbers mostly; those at the ends of both tables; and none that can be one.
fn number(kind: u8, how: u8) -> i32 {
    let how = i32::from(how);
    match kind % 8 {
        0..=2 => how,
        3 => NEAR_END - 4 + how % 8,
        4 => END - 4 + how % 8,
        5 => NEAR_END + how * 3_000,
        6 => -1 - how,
        _ => [i32::MIN, i32::MAX, 1 << 30, END * 2][how as usize % 4],
    }
}

fn word(low: u8, middle: u8, high: u8) -> Socket {
    Socket(u64::from(low) | u64::from(middle) << 14 | u64::from(high) << 32)
}

impl Model {
    fn get(&self, fd: i32) -> Socket {
        Socket(if self.enabled { self.words.get(&fd).copied().unwrap_or(0) } else { 0 })
    }

    fn set(&mut self, fd: i32, socket: Socket) {
        if !(0..END).contains(&fd) {
            return;
        }
        // Nothing is held beyond the first table.
        let never_held = fd >= NEAR_END && socket.is_connection();
        self.words.insert(fd, if never_held { socket.with(NO_HOLD | CLOSELY).0 } else { socket.0 });
    }

    fn add(&mut self, fd: i32, socket: Socket) {
        if self.enabled && (0..END).contains(&fd) {
            self.set(fd, socket);
            self.highest = self.highest.max(fd);
        }
    }

    /// What is held on it, by a thread that we do not know, leaves.
    fn let_go_of(&mut self, fd: i32) {
        let socket = self.get(fd);
        if !socket.is_held() {
            return;
        }
        let left = Socket::of(socket.low(), 0).without(CORKED);
        self.words.insert(fd, left.0);
        if socket.is_corked() {
            self.set.push((fd, libc::TCP_CORK, 0));
            return;
        }
        self.set.push((fd, libc::TCP_NODELAY, 1));
        if !socket.has(NODELAY_ON) {
            self.set.push((fd, libc::TCP_NODELAY, 0));
        }
    }

    fn closing(&mut self, fd: i32) {
        if self.get(fd).is_met() {
            self.let_go_of(fd);
            let socket = self.get(fd);
            self.set(fd, socket.closed());
        }
    }

    fn duplicate(&mut self, fd: i32, new: i32, replaces: bool) {
        self.let_go_of(fd);
        if replaces && new != fd && self.get(new).is_met() {
            self.closing(new);
            self.set(new, Socket(0));
        }
        if new < 0 || new == fd {
            return;
        }
        let old = self.get(fd);
        if old.is_met() {
            self.words.insert(fd, old.with(SHARED).0);
        }
        self.add(new, old.duplicated());
    }

    fn step(&mut self, what: u8, fd: i32, socket: Socket) {
        let other = fd ^ i32::from(what >> 4);
        match what % 8 {
            0 | 1 => {
                LIBRARY.add(fd, socket);
                self.add(fd, socket);
            }
            2 => {
                LIBRARY.given(fd);
                self.add(fd, Socket::new(Kind::Unknown));
            }
            3 => {
                LIBRARY.closing(fd);
                self.closing(fd);
            }
            4 => {
                let replaces = what & 8 != 0;
                LIBRARY.duplicating(fd, replaces.then_some(other));
                LIBRARY.duplicated(fd, other);
                self.duplicate(fd, other, replaces);
            }
            5 => {
                let last = fd as u32;
                let first = last.saturating_sub(40);
                let (mut seen, mut expected) = (Vec::new(), Vec::new());
                LIBRARY.each(first, last, |fd, socket| seen.push((fd, socket)));
                for number in first..=last.min(self.highest as u32) {
                    let socket = self.get(number as i32);
                    if socket.kind() != Kind::Unmet {
                        expected.push((number as i32, socket));
                    }
                }
                assert_eq!(seen, expected);
                if what & 8 != 0 {
                    LIBRARY.closing_range(first, last);
                    expected.iter().for_each(|&(fd, _)| self.closing(fd));
                }
            }
            6 if what & 8 == 0 => {
                let entering = LIBRARY.restricting();
                self.enabled = false;
                if what & 16 != 0 {
                    assert!(!LIBRARY.is_enabled());
                    LIBRARY.restricted(entering, true);
                }
            }
            _ => {
                LIBRARY.enable();
                self.enabled = true;
            }
        }
        assert_eq!(LIBRARY.is_enabled(), self.enabled);
        assert_eq!(SET.take(), std::mem::take(&mut self.set));
        // Its neighbours too: no step touches another number's words.
        for number in [fd, other, fd.wrapping_sub(1), fd.wrapping_add(1), 0] {
            assert_eq!(LIBRARY.get(number), self.get(number), "{number}, at or beside {fd}");
        }
    }
}
