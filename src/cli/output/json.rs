//! What is printed for programs. Each kind of document has a name and the number of its schema, and says both: the promises are in
//! docs/json.md. Schemas come from the same types as the documents, so that they cannot differ.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use super::text::line;
use crate::errors::{Context, Failure};

/// A kind of document.
pub trait Document: Serialize + JsonSchema {
    /// By which `tcptune generate schema` knows it.
    const NAME: &'static str;
    /// Grows when a field is removed or comes to mean something else.
    const SCHEMA: u32;
}

/// The names of all documents.
pub const NAMES: [&str; 10] =
    ["ab", "attach", "attach-socket", "check", "doctor", "doctor-all", "env", "ls", "report", "systemd-verify"];

/// Of times: how many lie between this one and that of the next bucket.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bucket {
    pub from_ms: f64,
    pub count: u64,
}

/// A document as it is printed.
#[derive(Serialize, JsonSchema)]
struct Printed<'d, D> {
    /// The number of this schema. It grows when a field is removed or comes to mean something else; fields may be added without.
    schema: u32,
    #[serde(flatten)]
    document: &'d D,
}

fn printed<D: Document>(document: &D) -> Printed<'_, D> {
    Printed { schema: D::SCHEMA, document }
}

/// A whole document, for people to read too.
pub fn document(value: &impl Document) -> Result<(), Failure> {
    line(&pretty(value)?);
    Ok(())
}

/// One of many, a line each.
pub fn row(value: &impl Document) -> Result<(), Failure> {
    line(&serde_json::to_string(&printed(value)).doing(|| "write a line of the report as JSON")?);
    Ok(())
}

/// The document as text, without a line's end.
pub fn pretty(value: &impl Document) -> Result<String, Failure> {
    serde_json::to_string_pretty(&printed(value)).doing(|| "write the report as JSON")
}

/// The JSON Schema of a kind of document.
pub fn schema<D: Document>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Printed<'_, D>>();
    schema.insert("title".to_owned(), format!("tcptune: {}", D::NAME).into());
    schema.remove("description");
    if let Some(number) =
        schema.get_mut("properties").and_then(|all| all.get_mut("schema")).and_then(Value::as_object_mut)
    {
        number.insert("const".to_owned(), D::SCHEMA.into());
    }
    schema
}
