//! What the gate says of a report, as data.

use schemars::JsonSchema;
use serde::Serialize;

use super::baseline::Known;
use super::class::Class;

/// What a finding means to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It is listed, and fails.
    New,
    /// It is listed, and in the baseline.
    Known,
    /// It is not among what was to fail.
    Unlisted,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Outcome {
    pub fail_on: Vec<Class>,
    pub failed: bool,
    /// The file of known findings.
    pub baseline: Option<String>,
    pub new_findings: u64,
    pub known_findings: u64,
    /// Entries of the baseline that no finding fits any more.
    pub unused: Vec<Known>,
    /// The findings were written to the baseline.
    pub written: bool,
}
