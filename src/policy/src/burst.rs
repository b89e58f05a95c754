//! The burst predictor: will another data call follow this one at once? If history says so, it is held (MSG_MORE).
//!
//! A *burst* is the run of data calls on a socket with no received data between them and less than about a millisecond from
//! one to the next. A *service* is the listener for accepted sockets, the remote address and port for outgoing ones. The
//! table has a cell for each (service, length of the previous burst, position in this one); a cell counts, saturating, how
//! often "another call followed at once" has been seen there, as a branch predictor does. docs/predictor.md has the picture.
//!
//! Pure: the clock comes in as an argument; the table is the caller's. Every cell and word is read and written whole, so
//! threads that race lose an observation, never consistency.

use core::sync::atomic::{AtomicU16, Ordering::Relaxed};

use crate::socket::{BURST, BURST_MASK, HELD, Socket, TIME};

/// Services told apart. More share cells, which costs predictions, nothing else.
pub const SERVICES: usize = 256;
/// Cells: service (256) x previous burst (4) x position (8).
pub const CELLS: usize = SERVICES * 32;
/// Positions are 1 to 7 (the first to the seventh or later call of the burst); 0 means that no burst is under way.
const LAST_POSITION: u64 = 7;

const COUNTER: u16 = 7;
/// The counter's top bit: hold from 4 on.
const CONFIDENT: u16 = 4;
const BACKOFF: u32 = 3;
const BACKOFF_MASK: u16 = 15;
/// Each miss doubles the number of confirmations that are ignored, up to 2^8.
const BACKOFF_MOST: u16 = 8;
const IGNORE: u32 = 7;

/// What has been learned: one cell for each (service, previous burst, position).
///
/// ```text
/// 15          7 6       3 2     0
/// +------------+---------+-------+
/// | to ignore  | misses  | count |
/// +------------+---------+-------+
/// ```
/// Relaxed throughout: a cell says something about habits, and nothing else is published through it.
pub struct Table {
    cells: [AtomicU16; CELLS],
}

impl Table {
    /// Nothing learned: nothing is held.
    pub const EMPTY: Table = Table { cells: [const { AtomicU16::new(0) }; CELLS] };

    #[inline(always)]
    fn cell(&self, index: u64) -> &AtomicU16 {
        // BURST_MASK < CELLS: the bound is gone when this is compiled, so is the panic.
        const { assert!(BURST_MASK as usize == CELLS - 1) };
        let index = (index & BURST_MASK) as usize;
        #[expect(clippy::indexing_slicing, reason = "masked to the table's size")]
        &self.cells[index]
    }

    /// Forgets a service: its number now means another listener or another remote end.
    pub fn forget(&self, service: u8) {
        for index in 0..32 {
            self.cell(u64::from(service) << 5 | index).store(0, Relaxed);
        }
    }
}

/// A data call at `now`: the socket's next state, with [`HELD`] where history says that another follows at once.
///
/// `gap` is the longest pause inside a burst, in the clock's units.
#[inline(always)]
#[must_use]
pub fn sent(socket: Socket, now: u32, gap: u32, table: &Table) -> Socket {
    let mut index = (socket.0 >> BURST) & BURST_MASK;
    let position = index & LAST_POSITION;
    if position != 0 {
        let pause = now.wrapping_sub((socket.0 >> TIME) as u32);
        if pause >= gap {
            index = paused(socket, index, table);
        } else {
            let cell = table.cell(index);
            let value = cell.load(Relaxed);
            if value & COUNTER != COUNTER {
                followed(cell, value);
            }
        }
    }
    if index & LAST_POSITION != LAST_POSITION {
        index = index.wrapping_add(1);
    }
    let hold = table.cell(index).load(Relaxed) & CONFIDENT != 0;
    let kept = socket.0 & (0xffff_ffff & !(BURST_MASK << BURST | HELD));
    Socket(kept | index << BURST | if hold { HELD } else { 0 } | u64::from(now) << TIME)
}

/// Data was received: the burst, if there was one, is over.
#[inline(always)]
#[must_use]
pub fn received(socket: Socket, table: &Table) -> Socket {
    let index = (socket.0 >> BURST) & BURST_MASK;
    if index & LAST_POSITION == 0 {
        return socket;
    }
    ended(table.cell(index));
    with_index(socket, closed(index))
}

/// What was held had to be released because the thread was about to wait (or the descriptor to go): the next call did not
/// follow. `waited` is the time since the held call. The socket's next state: the burst is over, nothing is held.
///
/// Returns also whether this is a miss. Where a long run of writes ends, the last of them is released at once, and what was
/// saved outweighs the one call: that is no miss.
#[cold]
#[must_use]
pub fn released(socket: Socket, now: u32, gap: u32, table: &Table) -> (Socket, bool) {
    let index = (socket.0 >> BURST) & BURST_MASK;
    let waited = now.wrapping_sub((socket.0 >> TIME) as u32);
    let miss = index & LAST_POSITION != LAST_POSITION || waited >= gap;
    let cell = table.cell(index);
    if miss {
        missed(cell)
    } else {
        ended(cell)
    }
    (with_index(socket, closed(index)).without(HELD), miss)
}

/// A held call failed or was cut short: nothing waits for more.
#[inline]
#[must_use]
pub fn not_held(socket: Socket) -> Socket {
    socket.without(HELD)
}

/// The index of "no burst, and the last one had this length".
#[inline]
fn closed(index: u64) -> u64 {
    let length = (index & LAST_POSITION).min(3);
    index & !0x1f | length << 3
}

#[inline]
fn with_index(socket: Socket, index: u64) -> Socket {
    Socket(socket.0 & !(BURST_MASK << BURST) | (index & BURST_MASK) << BURST)
}

/// The pause before this call was too long for one burst: the last one ended where it stood. A call that was still held then
/// went out late, by the kernel's timer or by this call: a miss that no wait told us of.
#[cold]
fn paused(socket: Socket, index: u64, table: &Table) -> u64 {
    let cell = table.cell(index);
    if socket.has(HELD) {
        missed(cell)
    } else {
        ended(cell)
    }
    closed(index)
}

/// Another call followed at once; the cell held `value`, whose counter is not full.
#[inline]
fn followed(cell: &AtomicU16, value: u16) {
    let next = if value >> IGNORE != 0 { value.wrapping_sub(1 << IGNORE) } else { value.wrapping_add(1) };
    cell.store(next, Relaxed);
}

/// The burst ended here, nothing being held.
#[inline]
fn ended(cell: &AtomicU16) {
    let value = cell.load(Relaxed);
    let count = value & COUNTER;
    if count != 0 {
        cell.store(value & !COUNTER | count.saturating_sub(2), Relaxed);
    }
}

/// Held in vain: start again, and wait longer before believing.
#[inline]
fn missed(cell: &AtomicU16) {
    let value = cell.load(Relaxed);
    let misses = ((value >> BACKOFF) & BACKOFF_MASK).saturating_add(1).min(BACKOFF_MOST);
    cell.store((1 << misses) << IGNORE | misses << BACKOFF, Relaxed);
}
