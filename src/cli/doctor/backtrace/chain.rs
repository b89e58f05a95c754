//! Chains of calls: what is told of where a call came from.

use schemars::JsonSchema;
use serde::Serialize;

/// A function that had called the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct Frame {
    /// The program or library that it is in; empty where that is not known.
    pub object: String,
    /// The place in that file, as its symbols count; the address in memory where no object is known.
    pub offset: u64,
    pub function: Option<String>,
    /// Of its source.
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// Samples with the same functions.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Chain {
    pub samples: u64,
    /// How long these waits were on average; 0 for small segments.
    pub mean_ms: f64,
    /// How many threads made such calls.
    pub threads: usize,
    /// The caller of libc's function first.
    pub frames: Vec<Frame>,
}

/// Where the calls behind a finding came from.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct CalledBy {
    pub samples: u64,
    /// The commonest first.
    pub chains: Vec<Chain>,
}
