//! Documents of JSON, and the schemas that the command prints of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::{ended, tcptune};
use crate::support::{Guard, Mode, ScratchDir, program};

const PATIENCE: Duration = Duration::from_secs(30);

/// As it is printed, and what it says.
pub fn schema(name: &str) -> (String, Value) {
    let (code, out, err) = ended(tcptune().args(["generate", "schema", name]));
    assert_eq!((code, err.as_str()), (0, ""), "{name}");
    let value = serde_json::from_str(&out).expect("valid JSON");
    (out, value)
}

/// What a validator that is not ours has against a document. Debian's: in Rust they would turn features of crates on that the
/// library must not have.
pub fn faults(schema: &Value, document: &Value) -> String {
    let scratch = ScratchDir::new("schema");
    let file = scratch.file("schema.json", schema.to_string());
    let mut command = Mode::Plain.command("/usr/bin/python3");
    command.arg(program("validate.py")).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut validator = Guard::spawn(&mut command);
    let mut input = validator.child.stdin.take().expect("piped");
    let lines = validator.lines();
    input.write_all(document.to_string().as_bytes()).expect("it reads");
    drop(input);
    let faults = lines.rest(PATIENCE).join("\n");
    assert!(validator.wait(PATIENCE).success(), "python3-jsonschema");
    faults
}

/// Holds a document against its schema, and against its number.
#[track_caller]
pub fn keeps(name: &str, text: &str) -> Value {
    let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}: {text}"));
    let (_, schema) = schema(name);
    let faults = faults(&schema, &document);
    assert!(faults.is_empty(), "{name}: {faults}\n{document:#}");
    assert_eq!(document["schema"], 1, "{name}");
    // And that what is not in the schema is not in the document: fields are described where programs read of them.
    let mut described = BTreeSet::new();
    properties(&schema, &mut |field, _| {
        described.insert(field.to_owned());
    });
    fields(&document, &mut |field| assert!(described.contains(field), "{name}: {field} is not in the schema"));
    document
}

/// Every property in a schema, wherever it is.
pub fn properties(schema: &Value, found: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                if let ("properties", Value::Object(properties)) = (key.as_str(), value) {
                    properties.iter().for_each(|(name, property)| found(name, property));
                }
                properties(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| properties(value, found)),
        _ => {}
    }
}

/// Every field in a document.
pub fn fields(document: &Value, found: &mut impl FnMut(&str)) {
    match document {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            found(name);
            fields(value, found);
        }),
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}
