//! The settings that hold, as they are told.

use schemars::JsonSchema;
use serde::Serialize;

use crate::output::json::Document;

/// What `--json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Are programs tuned at all? Not with TCPTUNE=off, and not after a fault.
    pub enabled: bool,
    pub settings: Vec<Row>,
    pub rules: Vec<Rule>,
    /// Names that look like settings and are none.
    pub unknown: Vec<String>,
    /// Our entry in LD_PRELOAD, if there is one.
    pub preload: Option<String>,
}

impl Document for Report {
    const NAME: &'static str = "env";
    const SCHEMA: u32 = 1;
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Row {
    pub name: &'static str,
    /// What holds.
    pub value: String,
    pub source: Source,
    /// What the variable says, if it is set.
    pub written: Option<String>,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Default,
    Environment,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Rule {
    pub rule: String,
    /// What holds for a socket that it matches.
    pub tuning: String,
}
