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

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::socket::{BURST_MASK, CORKED, HELD, POSITION, Socket, TIME};

/// Services told apart. More share cells, which costs predictions, nothing else.
pub const SERVICES: usize = 64;
/// Cells: service (64) x history (4) x position (16).
pub const CELLS: usize = SERVICES * 64;
/// Positions are 1 to 15 (the first to the fifteenth or later call of the burst); 0 means that no burst is under way.
const LAST_POSITION: u64 = POSITION;
/// History in the index: had the last burst several calls (lower bit), and the one before it (upper bit)? What a protocol
/// says first on a connection is so told apart from what it says all the time, and turns of one and several from each other.
const HISTORY: u32 = 4;
/// All but time and position: what a data call leaves as it is.
const LOWER: u64 = 0xffff_ffff;

const COUNTER: u32 = 7;
/// The counter's top bit: hold from 4 on.
const CONFIDENT: u32 = 4;
const BACKOFF: u32 = 3;
const BACKOFF_MASK: u32 = 31;
const MISSES: u32 = BACKOFF_MASK << BACKOFF;
/// Each miss asks for four times the confirmations of the one before, with no burst that ended there among them: 16, 64 …
/// 4^7. A habit that breaks now and then for ever is held less and less, to one late call in ten thousand.
const BACKOFF_MOST: u32 = 6;
/// A burst that is longer than any before is not corked on its way where that came too late more often than this.
const BACKOFF_FURTHER: u32 = 3;
const IGNORE: u32 = 8;

/// What has been learned: one cell for each (service, history, position).
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
}

impl Table {
    /// Nothing learned: nothing is held.
    #[expect(clippy::new_without_default, reason = "made once, for a static")]
    pub const fn new() -> Table {
        Table { cells: [const { AtomicU32::new(0) }; CELLS] }
    }

    #[inline(always)]
    fn cell(&self, index: u64) -> &AtomicU32 {
        // BURST_MASK < CELLS: the bound is gone when this is compiled, so is the panic.
        const { assert!(BURST_MASK as usize == CELLS - 1) };
        let index = (index & BURST_MASK) as usize;
        #[expect(clippy::indexing_slicing, reason = "masked to the table's size")]
        &self.cells[index]
    }
}

/// What [`sent_quickly`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quick {
    /// Nothing follows: the socket's next state, with nothing held.
    Send(Socket),
    /// Another call follows at once: the next state, with [`HELD`].
    Hold(Socket),
    /// History has something to learn, or the burst is long: [`sent`] decides.
    Unsure,
}

/// A data call at `now` as most are: history has nothing to learn from it. `gap` is the longest pause inside a burst, in the
/// clock's units. Not for a socket that is [`CORKED`].
#[inline(always)]
pub fn sent_quickly(socket: Socket, now: u32, gap: u32, table: &Table) -> Quick {
    let position = socket.0 & LAST_POSITION;
    // Corking begins one call on from here; and at the last position adding one would run over into the field above it.
    if position >= LAST_POSITION.wrapping_sub(1) {
        return Quick::Unsure;
    }
    if position != 0 && (late(socket, now, gap) || table.cell(socket.0).load(Relaxed) & COUNTER != COUNTER) {
        return Quick::Unsure;
    }
    let next = socket.0.wrapping_add(1);
    if table.cell(next).load(Relaxed) & CONFIDENT == 0 {
        Quick::Send(stamped(next & !HELD, now))
    } else {
        Quick::Hold(stamped(next | HELD, now))
    }
}

/// A call on a socket that we have corked, when two have followed already ([`sent_newly_corked`]): it stays so.
#[inline(always)]
pub fn sent_corked(socket: Socket, now: u32, gap: u32) -> Option<Socket> {
    if late(socket, now, gap) { None } else { Some(stamped(socket.0, now)) }
}

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
pub fn corked(socket: Socket, now: u32) -> Socket {
    stamped(socket.0, now.wrapping_sub(NO_CALL_YET)).with(HELD | CORKED)
}

/// Is this call too long after the last one to belong to its burst?
#[inline(always)]
fn late(socket: Socket, now: u32, gap: u32) -> bool {
    now.wrapping_sub((socket.0 >> TIME) as u32) >= gap
}

#[inline(always)]
fn stamped(lower: u64, now: u32) -> Socket {
    Socket(lower & LOWER | u64::from(now) << TIME)
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
    let mut index = socket.0 & BURST_MASK;
    if index & LAST_POSITION != 0 {
        if late(socket, now, gap) {
            index = paused(socket, index, table);
        } else {
            followed(table.cell(index));
        }
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
    let index = socket.0 & BURST_MASK;
    if index & LAST_POSITION == 0 {
        return socket;
    }
    ended(index, table);
    with_index(socket, closed(index))
}

/// The same where history has nothing to learn from it, as most often.
#[inline(always)]
pub fn received_quickly(socket: Socket, table: &Table) -> Option<Socket> {
    let index = socket.0 & BURST_MASK;
    if index & LAST_POSITION == 0 || table.cell(index).load(Relaxed) & (COUNTER | MISSES) != 0 {
        return None;
    }
    Some(with_index(socket, closed(index)))
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
    let index = socket.0 & BURST_MASK;
    // A cork that saved nothing is late too.
    let miss = late(socket, now, gap) || !socket.has(CORKED);
    if miss {
        missed(table.cell(index));
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
    let last = index & (1 << HISTORY);
    let position = index & LAST_POSITION;
    index & !0x3f | last << 1 | position.wrapping_add(14) & (1 << HISTORY)
}

#[inline]
fn with_index(socket: Socket, index: u64) -> Socket {
    Socket(socket.0 & !BURST_MASK | index & BURST_MASK)
}

/// The pause before this call was too long for one burst: the last one ended where it stood. A call that was still held then
/// went out late, by the kernel's timer or by this call: a miss that no wait told us of.
#[cold]
fn paused(socket: Socket, index: u64, table: &Table) -> u64 {
    if socket.has(HELD) {
        missed(table.cell(index));
    } else {
        ended(index, table);
    }
    closed(index)
}

/// Another call followed at once.
#[inline]
fn followed(cell: &AtomicU32) {
    let value = cell.load(Relaxed);
    if value & COUNTER == COUNTER {
        return;
    }
    let next = if value >> IGNORE != 0 { value.wrapping_sub(1 << IGNORE) } else { value.wrapping_add(1) };
    cell.store(next, Relaxed);
}

/// The burst ended here, nothing being held.
#[cold]
fn ended(index: u64, table: &Table) {
    let cell = table.cell(index);
    let value = cell.load(Relaxed);
    let next = if misses(value) != 0 && index & LAST_POSITION != LAST_POSITION {
        // What has been held in vain before must be sure. (At the last position every burst ends, however long.)
        doubted(misses(value))
    } else {
        value & !COUNTER | (value & COUNTER).saturating_sub(2)
    };
    if next != value {
        cell.store(next, Relaxed);
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
