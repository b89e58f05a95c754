//! What `tcptune systemd verify` has seen of a unit, as --json has it and people read it.

use std::path::PathBuf;

use serde::Serialize;

/// One unit.
#[derive(Serialize)]
pub struct Report {
    pub unit: String,
    pub state: String,
    /// What was asked for is in effect.
    pub tuned: bool,
    /// And that is to change nothing (TCPTUNE=observe).
    pub observes: bool,
    /// One sentence.
    pub verdict: String,
    pub processes: Vec<Row>,
}

#[derive(Serialize)]
pub struct Row {
    pub pid: u32,
    pub name: String,
    /// The library as it is mapped.
    pub library: Option<PathBuf>,
    /// Why it is not there, or does nothing.
    pub reason: Option<String>,
    pub sockets: Vec<TcpSocket>,
    /// Why sockets could not be looked at.
    pub unseen: Option<String>,
}

#[derive(Serialize)]
pub struct TcpSocket {
    pub fd: i32,
    pub state: &'static str,
    pub local: String,
    pub peer: String,
    pub nodelay: bool,
}
