//! Which end of its connections a program is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which end of its connections a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Client,
    Server,
}
