//! Looks at Python processes while a piece of theirs is held. A look counts if the same piece was held before and after it.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Instant;

use super::reader::{self, Look, Order, Thread};
use crate::errors::plain;
use crate::os::proc;
use crate::stalls::evidence::{Key, Service};
use crate::stalls::program::Language;
use crate::stalls::watch::Watch;

/// So many looks at a connection are enough.
const ENOUGH: u32 = 32;

/// After so many looks at the sockets, processes that no socket was seen of are asked whether they let their sockets be seen.
const NOW_AND_THEN: u32 = 50;

/// The looks at all processes.
pub struct Looks {
    orders: Sender<Order>,
    answers: Receiver<Look>,
    thread: JoinHandle<()>,
    /// The processes that were met, and whether they run Python.
    met: HashMap<u32, bool>,
    /// The processes that are being looked at, and since when the piece has been held that is the reason.
    under_way: HashMap<u32, Instant>,
    /// By socket: the piece that was the reason of the last look, and how many looks counted.
    sockets: HashMap<u64, (Instant, u32)>,
    /// Looks that the next look at the sockets has to confirm.
    unsure: Vec<(Look, Instant)>,
    found: Found,
}

/// What they have found.
#[derive(Default)]
pub struct Found {
    pub looks: Vec<(Key, u32, Vec<Thread>)>,
    /// Processes that could not be read, and why.
    pub failed: BTreeMap<u32, String>,
}

impl Looks {
    pub fn start() -> Self {
        let (orders, answers, thread) = reader::start();
        Self {
            orders,
            answers,
            thread,
            met: HashMap::new(),
            under_way: HashMap::new(),
            sockets: HashMap::new(),
            unsure: Vec::new(),
            found: Found::default(),
        }
    }

    /// After each look at the sockets of these processes.
    pub fn step(&mut self, watch: &Watch, pids: &[u32]) {
        if watch.looks % NOW_AND_THEN == 1 {
            self.ask(pids);
        }
        for (look, held) in std::mem::take(&mut self.unsure) {
            self.count(watch, look, held);
        }
        while let Ok(look) = self.answers.try_recv() {
            if let Some(held) = self.under_way.remove(&look.pid) {
                self.unsure.push((look, held));
            }
        }
        for (socket, seen) in watch.seen.iter().filter(|(_, seen)| !seen.other_end) {
            let Some(pid) = seen.pid else { continue };
            let orders = &self.orders;
            let runs_python = *self.met.entry(pid).or_insert_with(|| {
                let python = is_python(watch, pid);
                if python {
                    let _ = orders.send(Order::Prepare(pid));
                }
                python
            });
            if !runs_python {
                continue;
            }
            let Some(held) = seen.track.held_since().filter(|_| seen.track.is_holding()) else { continue };
            let (last, counted) = self.sockets.get(socket).copied().unzip();
            if last == Some(held) || counted.unwrap_or(0) >= ENOUGH || self.under_way.contains_key(&pid) {
                continue;
            }
            self.sockets.insert(*socket, (held, counted.unwrap_or(0)));
            self.under_way.insert(pid, held);
            let _ = self.orders.send(Order::Look { pid, socket: *socket, inode: seen.track.inode });
        }
    }

    fn ask(&mut self, pids: &[u32]) {
        for &pid in pids.iter().filter(|pid| !self.met.contains_key(pid)) {
            if let Err(error) = proc::sockets(pid)
                && error.kind() == ErrorKind::PermissionDenied
            {
                self.found.failed.insert(pid, format!("which sockets it has: {}", plain(&error)));
            }
        }
    }

    fn count(&mut self, watch: &Watch, look: Look, held: Instant) {
        match look.threads {
            Err(reason) => {
                self.found.failed.insert(look.pid, reason);
            }
            Ok(threads) => {
                let same = watch.seen.get(&look.socket).filter(|seen| seen.track.held_since() == Some(held));
                let Some(seen) = same else { return };
                if let Some((_, counted)) = self.sockets.get_mut(&look.socket) {
                    *counted += 1;
                }
                self.found.failed.remove(&look.pid);
                self.found.looks.push((Service::of(watch, seen).key(), look.pid, threads));
            }
        }
    }

    /// No more looks.
    pub fn end(self) -> Found {
        drop(self.orders);
        drop(self.answers);
        let _ = self.thread.join();
        self.found
    }
}

fn is_python(watch: &Watch, pid: u32) -> bool {
    // The language of other programs is found out in their files, which takes long.
    watch.programs.get(&pid).is_some_and(|program| program.is_interpreter() && program.language() == Language::Python)
}
