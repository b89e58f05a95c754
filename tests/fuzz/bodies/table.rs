//! The descriptor table, the library's own file, against a map: any numbers, noted, looked up, replaced and walked over in any
//! order, tuning on and off. Six bytes of input make a step: what, on which number, and with which word.
//!
//! The crate that includes this has table.rs and what that needs at its root.

use std::cell::RefCell;
use std::collections::BTreeMap;

use policy::socket::{CLOSELY, Kind, NO_HOLD, Socket};

use crate::table;

/// As the table has them.
const NEAR: i32 = 65_536;
const ALL: i32 = 1_048_576;

#[derive(Default)]
struct Model {
    words: BTreeMap<i32, u64>,
    enabled: bool,
    highest: i32,
}

thread_local! {
    /// The table is the process's: what was noted by one input is there for the next.
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
        3 => NEAR - 4 + how % 8,
        4 => ALL - 4 + how % 8,
        5 => NEAR + how * 3_000,
        6 => -1 - how,
        _ => [i32::MIN, i32::MAX, 1 << 30, ALL * 2][how as usize % 4],
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
        if !(0..ALL).contains(&fd) {
            return;
        }
        // Nothing is held beyond the first table.
        let never_held = fd >= NEAR && socket.is_connection();
        self.words.insert(fd, if never_held { socket.with(NO_HOLD | CLOSELY).0 } else { socket.0 });
    }

    fn step(&mut self, what: u8, fd: i32, socket: Socket) {
        match what % 8 {
            0 | 1 => {
                table::set(fd, socket);
                self.set(fd, socket);
            }
            2 | 3 => {
                table::add(fd, socket);
                if self.enabled && (0..).contains(&fd) {
                    self.set(fd, socket);
                    self.highest = self.highest.max(fd);
                }
            }
            4 => {
                // Every second one is about a word that is not there any more.
                let now = table::get(fd);
                let before = if what & 8 == 0 { now } else { Socket(now.0 ^ 1) };
                let next = Socket::of(socket.low(), now.high());
                table::replace(fd, before, next);
                if before == now && self.enabled && (0..ALL).contains(&fd) && (fd < NEAR || self.far_is_mapped()) {
                    self.words.insert(fd, next.0);
                }
            }
            5 => {
                let last = fd as u32;
                let first = last.saturating_sub(40);
                let (mut seen, mut expected) = (Vec::new(), Vec::new());
                table::each(first, last, |fd, socket| seen.push((fd, socket)));
                for number in first..=last.min(self.highest as u32) {
                    let socket = self.get(number as i32);
                    if socket.kind() != Kind::Unmet {
                        expected.push((number as i32, socket));
                    }
                }
                assert_eq!(seen, expected);
            }
            6 if what & 8 == 0 => {
                table::disable();
                self.enabled = false;
            }
            _ => {
                table::enable();
                self.enabled = true;
            }
        }
        assert_eq!(table::enabled(), self.enabled);
        assert_eq!(table::get(fd), self.get(fd), "{fd}");
        assert_eq!(table::is_near(fd), self.enabled && (0..NEAR).contains(&fd));
        assert_eq!(table::is_beyond(fd), !(0..NEAR).contains(&fd));
        let entry = table::entry(fd);
        assert_eq!(entry.socket, self.get(fd));
        // Its neighbours too: no step touches another number's words.
        for neighbour in [fd.wrapping_sub(1), fd.wrapping_add(1), 0] {
            assert_eq!(table::get(neighbour), self.get(neighbour), "{neighbour}, beside {fd}");
        }
    }

    /// It is, once anything was noted there.
    fn far_is_mapped(&self) -> bool {
        self.words.range(NEAR..).any(|(_, word)| *word != 0)
    }
}
