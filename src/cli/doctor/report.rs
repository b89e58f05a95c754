//! Everything that doctor says, as data: `--json` prints it as it is.

use schemars::JsonSchema;
use serde::Serialize;

use super::backtrace::chain::CalledBy;
use super::capture::counts::Captured;
use super::doubt::Doubt;
use super::family::Member;
use super::gate::key::Key;
use super::gate::outcome::{Outcome, Standing};
use super::script::Script;
use crate::output::json::Document;
use crate::stalls::finding::Finding;
use crate::stalls::waits::Timed;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A stall, or a flood of tiny segments.
    Found,
    /// Nothing that is worth a change.
    None,
    /// It could not be told: the doubts say why.
    Unknown,
}

/// A finding with its sentences.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    #[serde(flatten)]
    pub finding: Finding,
    /// By what it is known from one run to the next.
    pub key: Key,
    /// With --fail-on or --baseline: what it means to the exit status.
    pub standing: Option<Standing>,
    pub text: String,
    pub place: String,
    /// With --backtrace: the functions that made the calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called_by: Option<CalledBy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub called_by_text: Vec<String>,
    /// With --backtrace, of a program in Python: where the script was while these calls waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub script_text: Vec<String>,
    pub pattern_text: Option<String>,
    pub change: String,
    pub expected: Option<String>,
    pub upstream: Vec<String>,
}

impl Told {
    /// Is it one that fails what ran?
    pub fn fails(&self) -> bool {
        self.standing.map_or(self.finding.kind.is_grave(), |standing| standing == Standing::New)
    }
}

/// The end of a command, in numbers: one of them is there.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Ended {
    pub status: Option<i32>,
    pub signal: Option<i32>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    pub verdict: Verdict,
    /// Where nothing was found: why that means nothing.
    pub doubts: Vec<Doubt>,
    pub findings: Vec<Told>,
    /// Connections that carried data.
    pub connections: u64,
    pub exchanges: u64,
    pub watched_s: f64,
    /// How often the kernel was asked, and the longest time between.
    pub looks: u32,
    pub longest_gap_ms: f64,
    /// Every descendant of the command, with whether the library was loaded.
    pub processes: Vec<Member>,
    /// How the command ended: its exit status, or the signal that ended it.
    pub command: Option<Ended>,
    /// The same in words.
    pub command_ended: Option<String>,
    /// It was ended by us, when its time was over: how it ended says nothing of it.
    #[serde(skip)]
    pub stopped: bool,
    /// With --fail-on or --baseline.
    pub gate: Option<Outcome>,
    pub notes: Vec<String>,
    /// With --waits: each that was seen, in the order of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Vec<Timed>>,
    /// What was read instead of watching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Captured>,
}

impl Document for Report {
    const NAME: &'static str = "doctor";
    const SCHEMA: u32 = 1;
}
