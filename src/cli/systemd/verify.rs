//! `tcptune systemd verify`: looks into each process of a running unit. The library counts as there only if it is mapped,
//! a socket as tuned only if the kernel says so.

use std::collections::BTreeMap;

use super::args::VerifyArgs;
use super::print;
use super::reason::{self, Seen};
use super::report::{Report, Row, TcpSocket};
use crate::errors::{Context, Failure, NO, NOT_FOUND, OK};
use crate::os::proc;
use crate::os::process::Process;
use crate::os::refusal;
use crate::os::socket::Socket;
use crate::output::json;
use crate::units::filter;
use crate::units::manager::Manager;
use crate::units::name::Name;
use crate::units::processes;
use crate::units::unit::Unit;

pub fn command(args: &VerifyArgs) -> Result<u8, Failure> {
    let manager = Manager { user: args.place.user };
    let name = Name::parse(&args.place.unit)?;
    let units = processes::running(manager, &name)?;
    if units.is_empty() {
        return Err(Failure::new(
            NO,
            format!("no instance of `{}` is loaded: there is nothing to verify", name.text()),
        ));
    }
    let reports = match name.kind() {
        "socket" => units.iter().map(|unit| socket(manager, unit)).collect::<Result<Vec<_>, _>>()?,
        _ => units.iter().map(look).collect::<Result<_, _>>()?,
    };
    if args.json {
        json::document(&reports)?;
    } else {
        reports.iter().for_each(print::verified);
    }
    Ok(if reports.iter().all(|report| report.tuned) { OK } else { NO })
}

fn look(unit: &Unit) -> Result<Report, Failure> {
    let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
    for pid in processes::of(unit)? {
        match Seen::of(pid) {
            Ok(one) => drop(seen.insert(pid, one)),
            Err(failure) if failure.code == NOT_FOUND || proc::has_ended(pid) => {}
            Err(failure) => return Err(failure),
        }
    }
    let row = |(&pid, one): (&u32, &Seen)| {
        let (sockets, unseen) = match sockets(pid) {
            Ok(sockets) => (sockets, None),
            Err(failure) => (Vec::new(), Some(failure.message)),
        };
        Row {
            pid,
            name: one.process.name.clone(),
            library: one.process.library.clone(),
            reason: match one.process.library {
                Some(_) => one.idle(),
                None => Some(reason::absent(one, unit, &seen)),
            },
            sockets,
            unseen,
        }
    };
    let processes: Vec<Row> = seen.iter().map(row).collect();
    let asked = seen.values().any(Seen::wants_nodelay);
    let (tuned, mut verdict) = judge(unit, &processes, asked);
    let observes = tuned && seen.values().all(Seen::observes);
    if observes {
        verdict.push_str(", nothing is changed (TCPTUNE=observe)");
    } else if let (true, Some(share)) = (tuned, seen.values().find_map(Seen::share)) {
        verdict.push_str(&format!("; {share} of 100 connections are to be tuned"));
    }
    Ok(Report { unit: unit.name.text().to_owned(), state: state_of(unit), tuned, observes, verdict, processes })
}

fn judge(unit: &Unit, rows: &[Row], asked: bool) -> (bool, String) {
    if rows.is_empty() {
        return (false, processes::why_none(&unit.name));
    }
    let all = rows.len();
    let with = rows.iter().filter(|row| row.library.is_some()).count();
    let sockets: Vec<&TcpSocket> = rows.iter().flat_map(|row| &row.sockets).collect();
    let set = sockets.iter().filter(|socket| socket.nodelay).count();
    let counted = format!("{set} of {} TCP sockets have TCP_NODELAY", sockets.len());
    if rows.iter().all(|row| row.reason.is_none()) {
        if asked && set == 0 && !sockets.is_empty() {
            let cause = filter::filtered(unit).map_or_else(String::new, |why| format!(": {why}"));
            return (false, format!("the library is in all processes ({all}), but {counted}{cause}"));
        }
        return (true, format!("the library is in all processes ({all}), {counted}"));
    }
    if with == all {
        return (false, format!("the library is in all processes ({all}) and does nothing in some, {counted}"));
    }
    (false, format!("the library is in {with} of {all} processes, {counted}"))
}

/// Its TCP sockets, each borrowed for a moment.
fn sockets(pid: u32) -> Result<Vec<TcpSocket>, Failure> {
    let process = Process::open(pid)?;
    let mut found = Vec::new();
    for (fd, _) in process.sockets().doing(|| format!("list the descriptors of process {pid} ({})", process.name))? {
        let socket = match process.borrow(fd) {
            Ok(descriptor) => Socket::new(descriptor),
            // Closed meanwhile.
            Err(rustix::io::Errno::BADF) => continue,
            Err(error) => return Err(refusal::of_call(pid, "pidfd_getfd", error)),
        };
        let Ok(socket) = socket else { continue };
        let [local, peer] = socket.addresses();
        found.push(TcpSocket { fd, state: socket.state(), local, peer, nodelay: socket.nodelay().unwrap_or(false) });
    }
    Ok(found)
}

/// A socket unit: systemd has its listeners.
fn socket(manager: Manager, unit: &Unit) -> Result<Report, Failure> {
    let name = unit.name.text();
    let state = manager.show(name, &["NoDelay", "Listen"])?;
    let asked = state.get("NoDelay");
    // Process 1 has them; the manager of a user may have any number.
    let all = if manager.user { None } else { sockets(1).ok() };
    let listens = |socket: &&TcpSocket| {
        socket.state == "listening"
            && state.all("Listen").any(|address| address.split(' ').next() == Some(&socket.local))
    };
    let tuned = all.as_ref().map(|all| all.iter().filter(listens).map(|socket| socket.nodelay).collect::<Vec<_>>());
    let (tuned, verdict) = match tuned.as_deref() {
        Some([]) => (false, format!("NoDelay={asked}, but systemd does not listen for it now")),
        Some(found) if found.iter().all(|on| *on) => {
            (true, "its listeners have TCP_NODELAY, which connections inherit".to_owned())
        }
        Some(_) if asked == "yes" => (
            false,
            format!(
                "NoDelay=yes, but its listener was opened before: `{}`",
                manager.spelled(&format!("restart {name}"))
            ),
        ),
        Some(_) => (false, format!("NoDelay={asked}: `tcptune systemd install {name}`")),
        None => (asked == "yes", format!("NoDelay={asked}, as far as can be seen from here")),
    };
    Ok(Report { unit: name.to_owned(), state: state_of(unit), tuned, observes: false, verdict, processes: Vec::new() })
}

fn state_of(unit: &Unit) -> String {
    format!("{} ({})", unit.state.get("ActiveState"), unit.state.get("SubState"))
}
