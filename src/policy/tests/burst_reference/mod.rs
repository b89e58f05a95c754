//! The reference model of the burst predictor: the rule as docs state it, in plain structures and 64-bit time. It knows nothing
//! of words, masks and atomics; keep it too simple to be wrong.

pub mod beside;

use std::collections::HashMap;

use tcptune_policy::burst::Advice;

/// The longest pause inside a burst.
pub const GAP: u32 = 1_000;

#[derive(Clone, Copy, Default)]
struct Cell {
    count: u32,
    misses: u32,
    ignore: u32,
    /// Not part of the rule: confirmations since the last miss, for the proof that holds are confirmed.
    confirmed: u32,
}

/// A socket, as far as bursts go.
#[derive(Clone, Copy, Default)]
pub struct State {
    service: u64,
    /// Had the last burst several calls (1), had the one before it (2)?
    pub history: u64,
    pub position: u64,
    last: u64,
    held: bool,
    corked: bool,
    /// Calls since it was corked.
    calls: u64,
}

/// A call that was held: what its cell had to show for it.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub confirmed: u32,
    pub misses: u32,
}

pub struct Model {
    cells: HashMap<(u64, u64, u64), Cell>,
    sockets: Vec<State>,
    holds: Vec<Held>,
    corks: usize,
}

impl Model {
    /// Sockets on these services, nothing learned.
    pub fn new(services: &[u64]) -> Model {
        let sockets = services.iter().map(|&service| State { service, ..State::default() }).collect();
        Model { cells: HashMap::new(), sockets, holds: Vec::new(), corks: 0 }
    }

    pub fn state(&self, at: usize) -> State {
        self.sockets[at]
    }

    pub fn holds(&self) -> &[Held] {
        &self.holds
    }

    pub fn corks(&self) -> usize {
        self.corks
    }

    fn cell(&mut self, at: usize) -> &mut Cell {
        let State { service, history, position, .. } = self.sockets[at];
        self.cells.entry((service, history, position)).or_default()
    }

    /// A data call: the one before it is confirmed, or the burst before it was over.
    pub fn sent(&mut self, at: usize, now: u64) -> Advice {
        let before = self.sockets[at];
        if before.corked && now - before.last < u64::from(GAP) {
            // A corked burst goes on: nothing is to be learned, nothing to be done.
            let socket = &mut self.sockets[at];
            socket.calls += 1;
            socket.last = now;
            return Advice::Cork;
        }
        if before.position > 0 {
            if now - before.last < u64::from(GAP) {
                self.followed(at);
            } else {
                if before.held {
                    self.missed(at);
                } else {
                    self.ended(at);
                }
                self.close(at);
            }
        }
        let socket = &mut self.sockets[at];
        let further = socket.position == 15;
        socket.position = (socket.position + 1).min(15);
        socket.last = now;
        (socket.held, socket.corked) = (false, false);
        let position = socket.position;
        let cell = self.cell(at);
        match cell.count {
            7 if further && cell.misses <= 3 => Advice::Cork,
            4.. if position == 15 && !further => Advice::Cork,
            4.. if position < 15 => Advice::Hold,
            _ => Advice::Send,
        }
    }

    /// What the caller made of the advice.
    pub fn hold(&mut self, at: usize, held: bool, corked: bool) {
        if held {
            let Cell { confirmed, misses, .. } = *self.cell(at);
            self.holds.push(Held { confirmed, misses });
        }
        self.corks += usize::from(corked);
        let socket = &mut self.sockets[at];
        (socket.held, socket.corked) = (held, corked);
        if corked {
            socket.calls = 0;
        }
    }

    pub fn received(&mut self, at: usize) {
        if self.sockets[at].position > 0 {
            self.ended(at);
            self.close(at);
        }
    }

    /// Whether it is a miss.
    pub fn released(&mut self, at: usize, now: u64) -> bool {
        let socket = self.sockets[at];
        let late = now - socket.last >= u64::from(GAP);
        let miss = late || !socket.corked || socket.calls < 2;
        if miss {
            self.missed(at);
        } else if socket.position == 15 {
            // A long burst was well served.
            let cell = self.cell(at);
            cell.misses = cell.misses.saturating_sub(1);
        }
        self.close(at);
        (self.sockets[at].held, self.sockets[at].corked) = (false, false);
        miss
    }

    fn close(&mut self, at: usize) {
        let socket = &mut self.sockets[at];
        socket.history = (socket.history & 1) << 1 | u64::from(socket.position > 1);
        socket.position = 0;
    }

    fn followed(&mut self, at: usize) {
        let cell = self.cell(at);
        cell.confirmed += 1;
        if cell.count < 7 {
            if cell.ignore > 0 {
                cell.ignore -= 1;
            } else {
                cell.count += 1;
            }
        }
    }

    fn ended(&mut self, at: usize) {
        let last = self.sockets[at].position == 15;
        let cell = self.cell(at);
        if cell.misses > 0 && !last {
            // Held in vain before: it must be confirmed without exception.
            *cell = Cell { count: 0, ignore: ignored(cell.misses), confirmed: 0, ..*cell };
        } else {
            cell.count = cell.count.saturating_sub(2);
        }
    }

    fn missed(&mut self, at: usize) {
        let cell = self.cell(at);
        let misses = (cell.misses + 1).min(6);
        *cell = Cell { count: 0, misses, ignore: ignored(misses), confirmed: 0 };
    }
}

/// Confirmations that do not count after so many misses.
pub fn ignored(misses: u32) -> u32 {
    if misses == 0 { 0 } else { 4u32.pow(misses + 1) }
}
