//! The network namespaces whose sockets are listed: ours, and as root those of other processes. The kernel lists each by itself, to
//! whoever opened a socket in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::os::netlink::{Diag, Key, Sighting};
use crate::os::proc::{self, Space};
use crate::os::tcp_info::TcpInfo;

/// More namespaces than this are not looked into: each costs a walk through the kernel's whole table.
const MOST: usize = 64;

/// What tells a connection's end from others; loopback is another in each network namespace.
pub type End = (u64, SocketAddr, SocketAddr);

pub fn end_of(space: u64, local: SocketAddr, peer: SocketAddr) -> End {
    (if local.ip().is_loopback() { space } else { 0 }, local, peer)
}

pub struct Spaces {
    own: Diag,
    others: BTreeMap<u64, Diag>,
    /// Namespaces that could not be entered, or were too many.
    pub left_out: usize,
}

impl Spaces {
    /// Only ours.
    pub fn own() -> io::Result<Self> {
        Ok(Self { own: Diag::open()?, others: BTreeMap::new(), left_out: 0 })
    }

    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// The namespaces of these processes, as far as they may be entered. One that nobody is in any more is let go: it would live
    /// for as long as our socket.
    pub fn follow(&mut self, pids: &[u32]) {
        let ours = proc::space_number(std::process::id(), Space::Network);
        let (mut met, mut left_out) = (BTreeSet::new(), 0);
        for &pid in pids {
            let number = proc::space_number(pid, Space::Network).filter(|number| Some(*number) != ours);
            let Some(number) = number.filter(|number| met.insert(*number)) else { continue };
            if self.others.contains_key(&number) {
                continue;
            }
            match inside(pid).filter(|_| self.others.len() < MOST) {
                Some(diag) => drop(self.others.insert(number, diag)),
                None => left_out += usize::from(!proc::has_ended(pid)),
            }
        }
        self.others.retain(|number, _| met.contains(number));
        self.left_out = left_out;
    }

    /// All sockets of all of them.
    pub fn all_into(&mut self, found: &mut Vec<Sighting>) -> io::Result<()> {
        found.clear();
        self.own.all_into(found)?;
        for (number, diag) in &mut self.others {
            let before = found.len();
            diag.all_into(found)?;
            for sighting in found.iter_mut().skip(before) {
                sighting.key.space = *number;
                // Before Linux 5.10 each namespace counted its sockets for itself.
                sighting.cookie ^= number.rotate_left(32);
            }
        }
        Ok(())
    }

    /// One connection again; none: it is no more.
    pub fn one(&mut self, key: &Key) -> io::Result<Option<TcpInfo>> {
        match key.space {
            0 => self.own.one(key),
            number => self.others.get_mut(&number).map_or(Ok(None), |diag| diag.one(key)),
        }
    }
}

/// A socket opened where a process is. A thread that has gone there does not come back.
fn inside(pid: u32) -> Option<Diag> {
    let file = File::open(proc::entry(pid, Space::Network.file())).ok()?;
    let open = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).ok()?;
        Diag::open().ok()
    };
    thread::spawn(open).join().ok()?
}
