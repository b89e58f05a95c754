//! What is known of each TCP socket: from the kernel's own list, from the processes that have it, and from the socket itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use serde::Serialize;
use tcptune_policy::TCP_DELACK_MAX_US;

use crate::errors::{Context, Failure};
use crate::os::netlink::{Diag, Sighting};
use crate::os::option::integer;
use crate::os::proc;
use crate::os::process::Process;
use crate::os::socket::Socket;
use crate::programs::process::look;
use crate::units::processes::service_of;

/// A socket as it is told of. What could not be learned is null.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The processes that have it, lowest number first; none if they may not be seen, or the kernel alone has it.
    pub pids: Vec<u32>,
    /// The name of the first one.
    pub command: Option<String>,
    /// The systemd service that the first one belongs to.
    pub unit: Option<String>,
    /// Whether our library is in the first one.
    pub library: Option<bool>,
    pub listening: bool,
    pub local: SocketAddr,
    /// None of a listener.
    pub peer: Option<SocketAddr>,
    pub nodelay: Option<bool>,
    pub cork: Option<bool>,
    /// The longest delay of an acknowledgement; none before Linux 6.15.
    pub delayed_ack_max_us: Option<i32>,
    /// None before the first measurement.
    pub round_trip_us: Option<u32>,
    /// Bytes that the program has written and that have not left.
    pub unsent_bytes: u32,
    /// A partial segment waits although the network and the peer have room: for Nagle's algorithm, or behind a cork.
    pub held: bool,
}

/// What can be seen of a process that has sockets.
struct Owner {
    process: Process,
    descriptors: Vec<(RawFd, u64)>,
}

/// All sockets of this network namespace, listeners first, each group by address. `only` are the processes that are meant;
/// none: whoever has them.
pub fn all(only: &[u32]) -> Result<Vec<Row>, Failure> {
    let pids = if only.is_empty() { proc::all().doing(|| "list the processes in /proc")? } else { only.to_vec() };
    let owners: Vec<Owner> = pids.into_iter().filter_map(owner).collect();
    let mut having: BTreeMap<u64, Vec<(&Owner, RawFd)>> = BTreeMap::new();
    for owner in &owners {
        for &(fd, inode) in &owner.descriptors {
            having.entry(inode).or_default().push((owner, fd));
        }
    }
    let mut rows: Vec<Row> = Diag::open()
        .and_then(|mut diag| diag.all())
        .doing(|| "ask the kernel for its sockets (INET_DIAG)")?
        .iter()
        .filter_map(|sighting| {
            let having = having.get(&sighting.inode).filter(|_| sighting.inode != 0);
            if having.is_none() && !only.is_empty() {
                None
            } else {
                Some(row(sighting, having.map_or(&[], Vec::as_slice)))
            }
        })
        .collect();
    let mut named = BTreeMap::new();
    for row in &mut rows {
        let Some(&pid) = row.pids.first() else { continue };
        let (unit, library) = named.entry(pid).or_insert_with(|| {
            (service_of(pid).map(|service| service.name), look(pid).ok().map(|process| process.library.is_some()))
        });
        (row.unit, row.library) = (unit.clone(), *library);
    }
    rows.sort_by_key(|row| (!row.listening, row.local, row.peer));
    Ok(rows)
}

/// None: it has ended, or may not be seen.
fn owner(pid: u32) -> Option<Owner> {
    let process = Process::open(pid).ok()?;
    let descriptors = process.sockets().ok()?;
    Some(Owner { process, descriptors })
}

fn row(sighting: &Sighting, having: &[(&Owner, RawFd)]) -> Row {
    let info = &sighting.info;
    // Another process's socket may have taken the descriptor meanwhile: the kernel's number of the socket tells.
    let socket = having.iter().find_map(|(owner, fd)| {
        let socket = Socket::new(owner.process.borrow(*fd).ok()?).ok()?;
        (socket.cookie == sighting.cookie).then_some(socket)
    });
    let number = |name| socket.as_ref().and_then(|s| integer(&s.option(libc::IPPROTO_TCP, name).ok()?));
    let mut pids: Vec<u32> = having.iter().map(|(owner, _)| owner.process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    let named = having.iter().min_by_key(|(owner, _)| owner.process.pid);
    Row {
        pids,
        command: named.map(|(owner, _)| owner.process.name.clone()),
        unit: None,
        library: None,
        listening: sighting.listening,
        local: sighting.local,
        peer: (!sighting.listening).then_some(sighting.peer),
        nodelay: socket.as_ref().and_then(|s| s.nodelay().ok()),
        cork: number(libc::TCP_CORK).map(|on| on != 0),
        delayed_ack_max_us: number(TCP_DELACK_MAX_US),
        round_trip_us: (!sighting.listening && info.rtt_us != 0).then_some(info.rtt_us),
        unsent_bytes: if sighting.listening { 0 } else { info.notsent },
        held: !sighting.listening && info.holds(),
    }
}
