//! What is printed for programs.

use serde::Serialize;

use super::text::line;
use crate::errors::{Context, Failure};

/// A whole document, for people to read too.
pub fn document(value: &impl Serialize) -> Result<(), Failure> {
    line(&pretty(value)?);
    Ok(())
}

/// One of many, a line each.
pub fn row(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(value).doing(|| "write a line of the report as JSON")?);
    Ok(())
}

/// The document as text, without a line's end.
pub fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).doing(|| "write the report as JSON")
}
