//! One process and what was done to its sockets: a scan borrows each of them once, changes it and lets it go.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;
use std::time::Instant;

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::Serialize;

use super::change::{self, Plan};
use super::record::{Entry, Record, Store};
use crate::errors::{CANNOT_EXECUTE, Failure};
use crate::os::proc;
use crate::os::process::Process;
use crate::os::refusal;
use crate::os::socket::Socket;
use crate::output::json::Document;

/// A socket as it is told of.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    pub pid: u32,
    pub fd: RawFd,
    pub protocol: &'static str,
    pub state: &'static str,
    pub local: String,
    pub peer: String,
    #[serde(rename = "nodelay_before")]
    pub before: bool,
    #[serde(rename = "nodelay_after")]
    pub after: bool,
    pub changed: bool,
    pub options: Vec<String>,
    pub refused: Vec<String>,
    /// From borrowing to giving back.
    pub took_us: f64,
}

impl Document for Row {
    const NAME: &'static str = "attach-socket";
    const SCHEMA: u32 = 1;
}

/// What is to be done in a scan.
pub enum Task<'a> {
    Tune(&'a Plan),
    Revert { dry: bool },
}

pub struct Session {
    pub process: Process,
    pub record: Record,
    /// Descriptors that were dealt with, with the inodes behind them.
    seen: BTreeSet<(RawFd, u64)>,
}

impl Session {
    pub fn new(process: Process, record: Record) -> Self {
        Self { process, record, seen: BTreeSet::new() }
    }

    /// Deal with each socket that has not been seen yet, or only with these descriptors. `shared` holds what was done to
    /// sockets of other processes, because after a fork several have the same.
    pub fn scan(
        &mut self,
        task: &Task,
        only: &[RawFd],
        shared: &mut BTreeMap<u64, Entry>,
    ) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        let sockets = self.list()?;
        let inodes: BTreeSet<u64> = sockets.iter().map(|(_, inode)| *inode).collect();
        self.seen.retain(|place| sockets.binary_search(place).is_ok());
        self.record.keep(&inodes);
        let chosen = |place: &(RawFd, u64)| only.is_empty() || only.contains(&place.0);
        // Connections first: what they have now is from the program and not from a listener that we changed. Then
        // connections that were accepted while we were busy.
        for listeners in [false, true] {
            for &place in sockets.iter().filter(|place| chosen(place)) {
                self.visit(place, Some(listeners), task, shared, &mut rows)?;
            }
        }
        for place in self.list()?.into_iter().filter(chosen) {
            self.visit(place, None, task, shared, &mut rows)?;
        }
        for &fd in only {
            if !rows.iter().any(|row| row.fd == fd) {
                return Err(self.no_socket(fd));
            }
        }
        rows.sort_by_key(|row| row.fd);
        Ok(rows)
    }

    /// Remember all this, or forget it where nothing is left to put back.
    pub fn keep(&self, store: &Store) -> Result<(), Failure> {
        if self.record.sockets.values().any(Entry::is_changed) {
            return store.save(&self.process, &self.record);
        }
        store.forget(&self.process);
        Ok(())
    }

    fn list(&self) -> Result<Vec<(RawFd, u64)>, Failure> {
        self.process.sockets().map_err(|error| {
            let errno = match error.kind() {
                std::io::ErrorKind::NotFound => Errno::SRCH,
                _ => Errno::from_io_error(&error).unwrap_or(Errno::IO),
            };
            refusal::of_call(self.process.pid, "reading its list of descriptors", errno)
        })
    }

    /// One descriptor; passed over if it is a listener and connections are wanted, or the other way round.
    fn visit(
        &mut self,
        place: (RawFd, u64),
        listeners: Option<bool>,
        task: &Task,
        shared: &mut BTreeMap<u64, Entry>,
        rows: &mut Vec<Row>,
    ) -> Result<(), Failure> {
        if self.seen.contains(&place) {
            return Ok(());
        }
        let begin = Instant::now();
        let descriptor = match self.process.borrow(place.0) {
            Ok(descriptor) => descriptor,
            // Closed meanwhile.
            Err(Errno::BADF) => return Ok(()),
            Err(error) => return Err(refusal::of_call(self.process.pid, "pidfd_getfd", error)),
        };
        let Ok(socket) = Socket::new(descriptor) else {
            self.seen.insert(place);
            return Ok(());
        };
        if listeners.is_some_and(|wanted| wanted != socket.listening) {
            return Ok(());
        }
        self.seen.insert(place);
        let mut entry = match shared.get(&socket.cookie) {
            Some(entry) if !self.record.sockets.contains_key(&socket.cookie) => entry.clone(),
            _ => change::entry(&socket, place.1, &self.record),
        };
        let outcome = match task {
            Task::Tune(plan) => change::tune(&socket, plan, &mut entry),
            Task::Revert { dry } => change::restore(&socket, &entry, *dry),
        };
        let (state, [local, peer]) = (socket.state(), socket.addresses());
        let (fd, protocol, cookie) = (place.0, socket.protocol, socket.cookie);
        drop(socket);
        let took_us = begin.elapsed().as_nanos() as f64 / 1000.0;
        match task {
            // What could not be put back is still to be put back. Listeners say what connections have inherited, and are
            // forgotten at the end.
            Task::Revert { .. } if !outcome.refused.is_empty() || entry.listens.is_some() => (),
            Task::Revert { .. } => drop(self.record.sockets.remove(&cookie)),
            Task::Tune(_) => {
                shared.insert(cookie, entry.clone());
                self.record.sockets.insert(cookie, entry);
            }
        }
        rows.push(Row {
            pid: self.process.pid,
            fd,
            protocol,
            state,
            local,
            peer,
            before: outcome.before,
            after: outcome.after,
            changed: outcome.changed,
            options: outcome.options,
            refused: outcome.refused,
            took_us,
        });
        Ok(())
    }

    fn no_socket(&self, fd: RawFd) -> Failure {
        let (pid, name) = (self.process.pid, &self.process.name);
        let what = match proc::descriptor(pid, fd) {
            Err(_) => {
                return Failure::new(
                    CANNOT_EXECUTE,
                    format!("--fd {fd}: process {pid} ({name}) has no such descriptor"),
                );
            }
            Ok(link) => match self.process.borrow(fd).map(Socket::new) {
                Ok(Err(what)) if what != "no socket" => what,
                _ => format!("`{}`", link.display()),
            },
        };
        Failure::new(
            CANNOT_EXECUTE,
            format!("--fd {fd}: of process {pid} ({name}) this is not a TCP socket but {what}"),
        )
    }
}
