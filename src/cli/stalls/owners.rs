//! Which process has which socket: from the descriptors in /proc, read again only when a socket is seen that nobody claimed.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::os::proc;

/// How long a socket that none of the processes has is believed to be somebody else's, at first and at most.
const DOUBT: (Duration, Duration) = (Duration::from_millis(4), Duration::from_secs(1));

#[derive(Default)]
pub struct Owners {
    /// Descriptors are read only by [`Owners::read`], when whoever watches can afford it.
    pub by_hand: bool,
    by_inode: HashMap<u64, u32>,
    /// Sockets of others: when to look again, and how long to wait after that.
    others: HashMap<u64, (Instant, Duration)>,
}

impl Owners {
    /// The process among `pids` that has this socket; of several the one that was named last, which is the youngest.
    pub fn owner(&mut self, socket: u64, pids: &[u32], now: Instant) -> Option<u32> {
        if let Some(&pid) = self.by_inode.get(&socket) {
            return Some(pid);
        }
        if self.by_hand || self.others.get(&socket).is_some_and(|(again, _)| now < *again) {
            return None;
        }
        self.read(pids);
        let owner = self.by_inode.get(&socket).copied();
        if owner.is_none() {
            let wait = self.others.get(&socket).map_or(DOUBT.0, |(_, wait)| (*wait * 2).min(DOUBT.1));
            self.others.insert(socket, (now + wait, wait));
        }
        owner
    }
}

impl Owners {
    /// Reads the descriptors of these processes.
    pub fn read(&mut self, pids: &[u32]) {
        for &pid in pids {
            for found in sockets(pid) {
                self.by_inode.insert(found, pid);
            }
        }
    }

    /// Who has this socket, as far as is known by now.
    pub fn known(&self, socket: u64) -> Option<u32> {
        self.by_inode.get(&socket).copied()
    }

    /// Forgets all sockets but these.
    pub fn keep(&mut self, sockets: &HashSet<u64>) {
        self.by_inode.retain(|socket, _| sockets.contains(socket));
    }
}

/// The sockets among a process's descriptors, as far as they may be seen.
pub fn sockets(pid: u32) -> Vec<u64> {
    proc::sockets(pid).unwrap_or_default().into_iter().map(|(_, inode)| inode).collect()
}

/// The process that has this socket, whoever it is.
pub fn anybody(socket: u64) -> Option<u32> {
    let pids = proc::all().unwrap_or_default().into_iter();
    // The youngest: a connection handed over to a child is the child's.
    pids.filter(|&pid| sockets(pid).contains(&socket)).max()
}

#[cfg(test)]
mod tests {
    use super::{Owners, anybody, sockets};
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    #[test]
    fn finds_the_owner_of_a_socket_opened_meanwhile() {
        let own = std::process::id();
        let (mut owners, now) = (Owners::default(), Instant::now());
        let before = sockets(own);
        let _listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let new = sockets(own).into_iter().find(|s| !before.contains(s)).expect("the listener's");
        assert_eq!(owners.owner(new, &[], now), None);
        // Believed to be another's for a while, then looked for again.
        assert_eq!(owners.owner(new, &[own], now), None);
        assert_eq!(owners.owner(new, &[own], now + Duration::from_millis(5)), Some(own));
        assert_eq!(anybody(new), Some(own));
    }
}
