//! What is known of each TCP socket: from the kernel's own list, from the processes that have it, and from the socket itself.

use std::collections::HashMap;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Serialize;
use tcptune_policy::TCP_DELACK_MAX_US;

use crate::errors::{Context, Failure};
use crate::os::netlink::{Diag, Sighting};
use crate::os::option::integer;
use crate::os::proc;
use crate::os::process::Process;
use crate::os::socket::Socket;
use crate::output::json::Document;
use crate::programs::process::has_library;
use crate::units::processes::service_of;

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
pub struct List<'r> {
    pub sockets: &'r [Row],
}

impl Document for List<'_> {
    const NAME: &'static str = "ls";
    const SCHEMA: u32 = 1;
}

/// A socket as it is told of. What could not be learned is null.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    /// The processes that have it, lowest number first; none if they may not be seen, or the kernel alone has it.
    pub pids: Vec<u32>,
    /// What the first one is called.
    pub name: Option<String>,
    /// The systemd service that the first one belongs to.
    pub unit: Option<String>,
    /// Is our library in the first one?
    pub loaded: Option<bool>,
    pub listening: bool,
    pub local: SocketAddr,
    /// None of a listener.
    pub peer: Option<SocketAddr>,
    pub nodelay: Option<bool>,
    pub cork: Option<bool>,
    /// The longest delay of an acknowledgement; none before Linux 6.15.
    pub delayed_ack_max_ms: Option<f64>,
    /// None before the first measurement.
    pub round_trip_ms: Option<f64>,
    /// Bytes that the program has written and that have not left.
    pub unsent_bytes: u32,
    /// A partial segment waits although the network and the peer have room: for Nagle's algorithm, or behind a cork.
    pub held: bool,
}

/// All sockets of this network namespace, listeners first, each group by address. `only` are the processes that are meant;
/// none: whoever has them.
pub fn all(only: &[u32]) -> Result<Vec<Row>, Failure> {
    let mut pids = if only.is_empty() { proc::all().doing(|| "list the processes in /proc")? } else { only.to_vec() };
    pids.sort_unstable();
    pids.dedup();
    let sightings =
        Diag::open().and_then(|mut diag| diag.all()).doing(|| "ask the kernel for its sockets (INET_DIAG)")?;
    let mut rows: Vec<Row> = sightings.iter().map(row).collect();
    let places: HashMap<u64, usize> = sightings
        .iter()
        .enumerate()
        .filter(|(_, seen)| seen.inode != 0)
        .map(|(place, seen)| (seen.inode, place))
        .collect();
    for pid in pids {
        owned(pid, &sightings, &places, &mut rows);
    }
    rows.retain(|row| only.is_empty() || !row.pids.is_empty());
    rows.sort_by_key(|row| (!row.listening, row.local, row.peer));
    Ok(rows)
}

/// What the kernel's list tells.
fn row(sighting: &Sighting) -> Row {
    let Sighting { listening, local, peer, info, .. } = sighting;
    Row {
        pids: Vec::new(),
        name: None,
        unit: None,
        loaded: None,
        listening: *listening,
        local: *local,
        peer: (!listening).then_some(*peer),
        nodelay: None,
        cork: None,
        delayed_ack_max_ms: None,
        round_trip_ms: (!listening && info.rtt_us != 0).then(|| f64::from(info.rtt_us) / 1e3),
        unsent_bytes: if *listening { 0 } else { info.notsent },
        held: !listening && info.holds(),
    }
}

/// Adds what a process tells of those sockets that it has. It is held (by a pidfd) only meanwhile: a host may have more
/// processes than we may have descriptors.
fn owned(pid: u32, sightings: &[Sighting], places: &HashMap<u64, usize>, rows: &mut [Row]) {
    let sockets = proc::sockets(pid).unwrap_or_default();
    let mut found = sockets.into_iter().filter_map(|(fd, inode)| Some((fd, *places.get(&inode)?))).peekable();
    if found.peek().is_none() {
        return;
    }
    // It may have ended.
    let Ok(process) = Process::open(pid) else { return };
    let unit = service_of(pid).map(|service| service.name);
    let library = has_library(pid);
    for (fd, place) in found {
        let (Some(row), Some(sighting)) = (rows.get_mut(place), sightings.get(place)) else { continue };
        if row.pids.is_empty() {
            row.name = Some(process.name.clone());
            (row.unit, row.loaded) = (unit.clone(), library);
        }
        if row.pids.last() != Some(&pid) {
            row.pids.push(pid);
        }
        if row.nodelay.is_none()
            && let Some(socket) = process.borrow(fd).ok().and_then(|descriptor| Socket::new(descriptor).ok())
            // The descriptor may lead to another socket by now: the kernel's number of the socket tells.
            && socket.cookie == sighting.cookie
        {
            let number = |name| integer(&socket.option(libc::IPPROTO_TCP, name).ok()?);
            row.nodelay = socket.nodelay().ok();
            row.cork = number(libc::TCP_CORK).map(|on| on != 0);
            row.delayed_ack_max_ms = number(TCP_DELACK_MAX_US).map(|us| f64::from(us) / 1e3);
        }
    }
}
