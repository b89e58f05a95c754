//! The burst predictor: will another data call follow this one at once? If history says so, it is held (MSG_MORE).
//!
//! A *burst* is the run of data calls on a socket with no received data between them and less than about a millisecond from
//! one to the next. A *service* is the listener for accepted sockets, the remote address and port for outgoing ones. The
//! table has a cell for each (service, history, position in this burst), where history says of each of the last two bursts
//! whether it had several calls; a cell counts, saturating, how often "another call followed at once" has been seen there, as
//! a branch predictor does. docs/predictor.md has the picture.
//!
//! Pure: the clock comes in as an argument; the table is the caller's. Every cell and word is read and written whole, so
//! threads that race lose an observation, never consistency.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed};

use crate::socket::{ATTEND, CORKED, HELD, HISTORY, POSITION, Socket};

/// Services told apart. More share cells, which costs predictions, nothing else.
pub const SERVICES: usize = 64;
/// Cells: service (64) x history (4) x position (16).
pub const CELLS: usize = SERVICES * 64;
/// Positions are 1 to 15 (the first to the fifteenth or later call of the burst); 0 means that no burst is under way.
const LAST_POSITION: u64 = POSITION;
/// History in the index: had the last burst several calls (lower bit), and the one before it (upper bit)? What a protocol
/// says first on a connection is so told apart from what it says all the time, and turns of one and several from each other.
const HISTORY_AT: u32 = 4;
/// Where a cell's index has its service, and the socket's word: two flags lie between there.
const SERVICE_AT: u32 = 6;
const WORD_SERVICE_AT: u32 = 8;
const SERVICE_MASK: u64 = 0x3f;

const COUNTER: u32 = 7;
/// The counter's top bit: hold from 4 on.
const CONFIDENT: u32 = 4;
const BACKOFF: u32 = 3;
const BACKOFF_MASK: u32 = 31;
/// Each miss asks for four times the confirmations of the one before, with no burst that ended there among them: 16, 64 …
/// 4^7. A habit that breaks now and then for ever is held less and less, to one late call in ten thousand.
const BACKOFF_MOST: u32 = 6;
/// A burst that is longer than any before is not corked on its way where that came too late more often than this.
const BACKOFF_FURTHER: u32 = 3;
const IGNORE: u32 = 8;

/// What has been learned: one cell for each (service, history, position); and, made from the cells, the next lowest byte of a
/// socket's word for each of its states in which an event holds no surprise.
///
/// ```text
/// 31          8 7       3 2     0
/// +------------+---------+-------+
/// | to ignore  | misses  | count |
/// +------------+---------+-------+
/// ```
/// Relaxed throughout: a cell says something about habits, and nothing else is published through it.
pub struct Table {
    cells: [AtomicU32; CELLS],
    /// By the lowest 16 bits of a word: first as they are (a receive), then [`DATA`] further on (a data call). 0: nothing is
    /// ready, ask [`received`] or [`sent`]. (Words with [`ATTEND`] have no index below it, so the two never meet.)
    next: [AtomicU8; NEXT],
}

const NEXT: usize = 0x1_0000 + DATA;
/// How much further the values for data calls are.
const DATA: usize = ATTEND as usize;

impl Table {
    /// Nothing learned: nothing is held.
    #[expect(clippy::new_without_default, reason = "made once, for a static")]
    pub const fn new() -> Table {
        Table { cells: [const { AtomicU32::new(0) }; CELLS], next: [const { AtomicU8::new(0) }; NEXT] }
    }

    #[inline(always)]
    fn cell(&self, index: u64) -> &AtomicU32 {
        const { assert!(CELLS == 1 << 12) };
        let index = (index & 0xfff) as usize;
        #[expect(clippy::indexing_slicing, reason = "masked to the table's size")]
        &self.cells[index]
    }

    #[inline(always)]
    fn next(&self, low: u32, offset: usize) -> &AtomicU8 {
        #[expect(clippy::indexing_slicing, reason = "16 bits and at most `DATA` more: within the table")]
        &self.next[(low as u16 as usize).wrapping_add(offset)]
    }

    /// The lowest byte of an attended socket's word after a data call, which is to be held if the byte has [`HELD`] and the
    /// socket is not [`CORKED`]; 0 where [`sent`] must decide. On a socket with [`HELD`] it holds only if [`in_time`].
    #[inline(always)]
    pub fn next_sent(&self, low: u32) -> u8 {
        self.next(low, DATA).load(Relaxed)
    }

    /// The lowest byte of a socket's word after data was received; 0 where [`received`] must decide.
    #[inline(always)]
    pub fn next_received(&self, low: u32) -> u8 {
        self.next(low, 0).load(Relaxed)
    }

    /// Makes ready what the cell at `index` has a part in.
    #[inline(never)]
    fn prepare(&self, index: u64) {
        let position = index & LAST_POSITION;
        self.prepare_sent(index.wrapping_sub(1));
        if position < LAST_POSITION {
            self.prepare_sent(index);
        }
        let value = self.cell(index).load(Relaxed);
        let nothing_to_learn = after_end(value, position) == value;
        let idle = word_of(closed(index));
        self.next(word_of(index), 0).store(if nothing_to_learn { idle as u8 } else { 0 }, Relaxed);
        self.next(idle, 0).store(idle as u8, Relaxed);
    }

    /// Makes ready the data call after the state at `index`, whose position is not the last.
    fn prepare_sent(&self, index: u64) {
        let target = index.wrapping_add(1);
        let held = if index & LAST_POSITION == 0 { 0 } else { HELD as u32 };
        // A held call that is followed confirms its own cell: only where that one is sure is there nothing to learn.
        let sure = held == 0 || self.cell(index).load(Relaxed) & COUNTER == COUNTER;
        // At the last position corking begins.
        let ready = sure && target & LAST_POSITION != LAST_POSITION;
        let hold = self.cell(target).load(Relaxed) & CONFIDENT != 0;
        let next = word_of(target) as u8 | if hold { HELD as u8 } else { 0 };
        self.next(word_of(index) | held, DATA).store(if ready { next } else { 0 }, Relaxed);
    }
}

/// Did this call come soon enough after the last one to belong to its burst? `gap` is the longest pause inside a burst, in the
/// clock's units. The lowest byte of a time may have been used for something else, so `last` may seem to come a little later
/// than `now`.
#[inline(always)]
pub const fn in_time(last: u32, now: u32, gap: u32) -> bool {
    now.wrapping_sub(last).wrapping_add(EARLY) < gap.wrapping_add(EARLY)
}

/// What [`in_time`] allows for the lowest byte of a time.
pub const EARLY: u32 = 256;

/// Where the next states after a receive begin in a [`Table`], in bytes: for machine code that looks by itself.
pub const RECEIVED_AT: usize = core::mem::offset_of!(Table, next);
/// The same for a data call.
pub const SENT_AT: usize = RECEIVED_AT + DATA;

/// So much earlier is the time of a socket that has just been corked, so that a cork that saves nothing is late, and known
/// when it comes off …
const NO_CALL_YET: u32 = 1 << 31;
/// … and so much when one call has followed. From the second on the time is as always.
const ONE_CALL_YET: u32 = 1 << 30;

/// A call on a socket that we have corked, perhaps one of the first two that follow: then it stays so. Nothing if it is not, or
/// if it comes too late.
#[cold]
#[must_use]
pub fn sent_newly_corked(socket: Socket, now: u32, gap: u32) -> Option<Socket> {
    if !late(socket, now.wrapping_sub(NO_CALL_YET), gap) {
        Some(stamped(socket.0, now.wrapping_sub(ONE_CALL_YET)))
    } else if !late(socket, now.wrapping_sub(ONE_CALL_YET), gap) {
        Some(stamped(socket.0, now))
    } else {
        None
    }
}

/// The state of a socket that the caller has corked at `now` on the advice of [`sent`], which gave `socket`.
#[cold]
#[must_use]
pub fn corked(socket: Socket, now: u32, table: &Table) -> Socket {
    let corked = stamped(socket.0, now.wrapping_sub(NO_CALL_YET)).with(HELD | CORKED);
    // What follows in time changes nothing.
    table.next(corked.low(), DATA).store(corked.low() as u8, Relaxed);
    corked
}

/// How long before `now` the last call was on a socket on which something is held, in the clock's units; on one that has just
/// been corked, the call for which it was.
#[must_use]
pub fn since(socket: Socket, now: u32) -> u32 {
    let after = now.wrapping_sub(socket.high()).wrapping_add(EARLY);
    let after = if socket.has(CORKED) { after & !(NO_CALL_YET | ONE_CALL_YET) } else { after };
    after.saturating_sub(EARLY)
}

/// Is this call too long after the last one to belong to its burst?
#[inline(always)]
fn late(socket: Socket, now: u32, gap: u32) -> bool {
    !in_time(socket.high(), now, gap)
}

#[inline(always)]
fn stamped(lower: u64, now: u32) -> Socket {
    Socket::of(lower as u32, now)
}

/// The index of a socket's cell.
#[inline(always)]
fn index_of(socket: Socket) -> u64 {
    socket.0 & (POSITION | HISTORY) | (socket.0 >> WORD_SERVICE_AT & SERVICE_MASK) << SERVICE_AT
}

/// The lowest 16 bits of an attended word whose cell has this index and which has no other flag.
#[inline(always)]
fn word_of(index: u64) -> u32 {
    let service = index >> SERVICE_AT & SERVICE_MASK;
    (index & (POSITION | HISTORY) | service << WORD_SERVICE_AT | ATTEND) as u32
}

/// What is to be done with a data call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Nothing follows, as far as history tells.
    Send,
    /// Another call follows at once.
    Hold,
    /// A long burst is under way: TCP_CORK serves the rest of it.
    Cork,
}

/// A data call at `now`, whatever came before: the socket's next state (without [`HELD`] and [`CORKED`], which are the
/// caller's to set if it follows the advice) and what is to be done.
#[must_use]
pub fn sent(socket: Socket, now: u32, gap: u32, table: &Table) -> (Socket, Advice) {
    let mut index = index_of(socket);
    if index & LAST_POSITION != 0 {
        if late(socket, now, gap) {
            index = paused(socket, index, table);
        } else if followed(table.cell(index), index & LAST_POSITION) {
            table.prepare(index);
        }
    }
    if index & LAST_POSITION == 0 && table.next_sent(word_of(index)) == 0 {
        table.prepare(index.wrapping_add(1));
    }
    let further = index & LAST_POSITION == LAST_POSITION;
    if !further {
        index = index.wrapping_add(1);
    }
    let value = table.cell(index).load(Relaxed);
    let advice =
        if value & CONFIDENT == 0 || further && !(value & COUNTER == COUNTER && misses(value) <= BACKOFF_FURTHER) {
            Advice::Send
        } else if index & LAST_POSITION == LAST_POSITION {
            Advice::Cork
        } else {
            Advice::Hold
        };
    (stamped(with_index(socket, index).0 & !(HELD | CORKED), now), advice)
}

/// Data was received: the burst, if there was one, is over. Not for a socket on which something is [`HELD`]: another thread
/// is in the middle of its burst, and how that ends is still to be learned.
#[inline]
#[must_use]
pub fn received(socket: Socket, table: &Table) -> Socket {
    let index = index_of(socket);
    if index & LAST_POSITION == 0 {
        table.next(word_of(index), 0).store(word_of(index) as u8, Relaxed);
        return socket;
    }
    ended(index, table);
    with_index(socket, closed(index))
}

/// What was held had to be released because the thread was about to wait (or the descriptor to go): the next call did not
/// follow. The socket's next state: the burst is over, nothing is held.
///
/// Returns also whether this is a miss. Where a long burst ends that was corked, its last call is released at once; if two
/// calls or more had followed the first, what was saved outweighs the two option calls: that is no miss, unless the release
/// came late.
#[cold]
#[must_use]
pub fn released(socket: Socket, now: u32, gap: u32, table: &Table) -> (Socket, bool) {
    let index = index_of(socket);
    // A cork that saved nothing is late too.
    let miss = late(socket, now, gap) || !socket.has(CORKED);
    if miss {
        missed(table.cell(index));
        table.prepare(index);
    } else if index & LAST_POSITION == LAST_POSITION {
        forgiven(table.cell(index));
    }
    (with_index(socket, closed(index)).without(HELD | CORKED), miss)
}

/// A held call failed or was cut short: nothing waits for more. Not for a socket that is [`CORKED`], whose calls are not held:
/// its time may be another ([`sent_newly_corked`]).
#[inline]
#[must_use]
pub fn not_held(socket: Socket) -> Socket {
    socket.without(HELD | CORKED)
}

/// The index of "no burst, and this one was the last".
#[inline]
fn closed(index: u64) -> u64 {
    // The lower bit of history moves up, and a position of 2 or more, with 14 to carry, takes its place.
    let last = index & (1 << HISTORY_AT);
    let position = index & LAST_POSITION;
    index & !(POSITION | HISTORY) | last << 1 | position.wrapping_add(14) & (1 << HISTORY_AT)
}

/// The same socket at another position or with another history; its service stays.
#[inline]
fn with_index(socket: Socket, index: u64) -> Socket {
    Socket(socket.0 & !(POSITION | HISTORY) | index & (POSITION | HISTORY))
}

/// The pause before this call was too long for one burst: the last one ended where it stood. A call that was still held then
/// went out late, by the kernel's timer or by this call: a miss that no wait told us of.
#[cold]
fn paused(socket: Socket, index: u64, table: &Table) -> u64 {
    if socket.has(HELD) {
        missed(table.cell(index));
        table.prepare(index);
    } else {
        ended(index, table);
    }
    closed(index)
}

/// Another call followed at once. True where that changes what is to be kept ready.
#[inline]
fn followed(cell: &AtomicU32, position: u64) -> bool {
    let value = cell.load(Relaxed);
    if value & COUNTER == COUNTER {
        return false;
    }
    let ignored = value >> IGNORE != 0;
    let next = if ignored { value.wrapping_sub(1 << IGNORE) } else { value.wrapping_add(1) };
    cell.store(next, Relaxed);
    // An end there has something to teach from now on; or it is held from now on; or it is sure.
    after_end(value, position) == value || (value ^ next) & CONFIDENT != 0 || next & COUNTER == COUNTER
}

/// The burst ended here, nothing being held.
#[cold]
fn ended(index: u64, table: &Table) {
    let cell = table.cell(index);
    let value = cell.load(Relaxed);
    let next = after_end(value, index & LAST_POSITION);
    if next != value {
        cell.store(next, Relaxed);
    }
    if next != value || table.next_received(word_of(index)) == 0 {
        table.prepare(index);
    }
}

/// What a cell becomes when a burst ends there, nothing being held.
fn after_end(value: u32, position: u64) -> u32 {
    if misses(value) != 0 && position != LAST_POSITION {
        // What has been held in vain before must be sure. (At the last position every burst ends, however long.)
        doubted(misses(value))
    } else {
        value & !COUNTER | (value & COUNTER).saturating_sub(2)
    }
}

/// Held in vain: start again, and wait longer before believing.
#[inline]
fn missed(cell: &AtomicU32) {
    let misses = misses(cell.load(Relaxed)).saturating_add(1).min(BACKOFF_MOST);
    cell.store(doubted(misses), Relaxed);
}

/// A long burst was well served: a miss before it (the program may have been interrupted) counts no more.
fn forgiven(cell: &AtomicU32) {
    let value = cell.load(Relaxed);
    if misses(value) != 0 {
        cell.store(value.wrapping_sub(1 << BACKOFF), Relaxed);
    }
}

#[inline]
fn misses(value: u32) -> u32 {
    value >> BACKOFF & BACKOFF_MASK
}

/// A cell after so many misses, with all confirmations still to come.
#[inline]
fn doubted(misses: u32) -> u32 {
    let ignored = 4u32 << misses.wrapping_mul(2);
    ignored << IGNORE | misses << BACKOFF
}
