//! What `tcptune systemd verify` has seen of a unit, as --json has it and people read it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::output::json::Document;

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
pub struct Verified {
    /// One, or each instance of a template.
    pub units: Vec<Report>,
}

impl Document for Verified {
    const NAME: &'static str = "systemd-verify";
    const SCHEMA: u32 = 1;
}

/// One unit.
#[derive(Serialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
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

#[derive(Serialize, JsonSchema)]
pub struct TcpSocket {
    pub fd: i32,
    pub state: &'static str,
    pub local: String,
    pub peer: String,
    pub nodelay: bool,
}
