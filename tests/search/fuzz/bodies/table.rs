//! What the library knows of descriptors, against a map: any numbers, noted, looked up, duplicated, closed and walked over in any
//! order, by the library's public calls, tuning on and off. Six bytes of input make a step: what, on which number, and with
//! which word.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tcptune_engine::{ALL, Library, NEAR};
use tcptune_policy::socket::{CLOSELY, CORKED, Kind, NO_HOLD, NODELAY_ON, SHARED, Socket};
use tcptune_simulated::{Done, Simulated, kernel};

const NEAR_END: i32 = NEAR as i32;
const END: i32 = ALL as i32;

static LIBRARY: Library<Simulated> = Library::new();

#[derive(Default)]
struct Model {
    words: BTreeMap<i32, u64>,
    enabled: bool,
    highest: i32,
    /// Options that the library must set: what is held leaves.
    set: Vec<Done>,
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

/// Any word that there can be: only connections are usual.
fn word(low: u8, middle: u8, high: u8) -> Socket {
    let socket = Socket(u64::from(low) | u64::from(middle) << 14 | u64::from(high) << 32);
    if socket.is_usual() && !socket.is_connection() { socket.with(CLOSELY) } else { socket }
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
            self.set.push(Done::Set(fd, libc::TCP_CORK, 0));
            return;
        }
        self.set.push(Done::Set(fd, libc::TCP_NODELAY, 1));
        if !socket.has(NODELAY_ON) {
            self.set.push(Done::Set(fd, libc::TCP_NODELAY, 0));
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
                if !LIBRARY.closes_quickly(fd) {
                    LIBRARY.closing(fd);
                }
                self.closing(fd);
            }
            4 => {
                let replaces = what & 8 != 0;
                match LIBRARY.duplicates_quickly(fd) {
                    Some(connection) if !replaces && other != fd => LIBRARY.duplicated_quickly(fd, connection, other),
                    _ => {
                        LIBRARY.duplicating(fd, replaces.then_some(other));
                        LIBRARY.duplicated(fd, other);
                    }
                }
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
                (0..=self.highest).for_each(|fd| self.let_go_of(fd));
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
        let done = kernel(|kernel| std::mem::take(&mut kernel.done));
        let set: Vec<Done> = done.into_iter().filter(|done| *done != Done::Map).collect();
        assert_eq!(set, std::mem::take(&mut self.set));
        // Its neighbours too: no step touches another number's words.
        for number in [fd, other, fd.wrapping_sub(1), fd.wrapping_add(1), 0] {
            assert_eq!(LIBRARY.get(number), self.get(number), "{number}, at or beside {fd}");
        }
    }
}
