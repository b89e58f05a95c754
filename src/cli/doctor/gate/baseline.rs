//! The file of known findings: read before a watch, and written after it where that was asked for. A person may edit it: give
//! reasons, and leave out what is not to be compared.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::{Key, Port};
use crate::errors::{Failure, plain};
use crate::os::files::Target;
use crate::stalls::evidence::Side;
use crate::stalls::finding::Kind;

const OPTION: &str = "--baseline";
/// The number of this form.
const SCHEMA: u32 = 1;
/// A longer file is none of ours.
const LONGEST: u64 = 1 << 20;

/// A finding that fails nothing any more. What is left out fits every value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub kind: Kind,
    pub program: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Why it may stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Known {
    fn of(key: &Key) -> Self {
        Self {
            kind: key.kind,
            program: key.program.clone(),
            side: Some(key.side),
            port: Some(key.port),
            call: key.call.clone(),
            reason: None,
        }
    }

    pub fn covers(&self, key: &Key) -> bool {
        self.kind == key.kind
            && self.program == key.program
            && self.side.is_none_or(|side| side == key.side)
            && self.port.is_none_or(|port| port == key.port)
            // Without --backtrace nothing is known of the call.
            && self.call.as_ref().is_none_or(|call| key.call.as_ref().is_none_or(|other| call == other))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    schema: u32,
    findings: Vec<Known>,
}

pub struct Baseline {
    /// Where it is to be written.
    target: Option<Target>,
    pub known: Vec<Known>,
}

impl Baseline {
    /// Reads it. `write`: it is to be written later, and need not be there yet.
    pub fn read(path: &Path, write: bool) -> Result<Self, Failure> {
        let target = write.then(|| Target::tried(OPTION, path)).transpose()?;
        let refused = |why: String| Failure::of_option(OPTION, path, why);
        let known = match bytes(path) {
            Ok(bytes) => parse(&bytes).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && write => Vec::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(refused(format!("{}: --write-baseline makes it", plain(&error))));
            }
            Err(error) => return Err(refused(format!("cannot be read: {}", plain(&error)))),
        };
        Ok(Self { target, known })
    }

    /// These are known from now on. Entries that stand for one of them stay as they are.
    pub fn write(&self, keys: &[Key]) -> Result<(), Failure> {
        let form = Form { schema: SCHEMA, findings: merged(&self.known, keys) };
        let text = serde_json::to_string_pretty(&form).map_err(|error| Failure::own(plain(&error)))? + "\n";
        self.target.as_ref().map_or(Ok(()), |target| target.write(text.as_bytes(), None))
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<Vec<Known>, String> {
    let form: Form = serde_json::from_slice(bytes).map_err(|error| format!("is no baseline of doctor: {error}"))?;
    match form.schema {
        SCHEMA => Ok(form.findings),
        other => Err(format!("has schema {other}: allowed is {SCHEMA}")),
    }
}

/// In an order of its own, so that two runs that find the same write the same.
fn merged(known: &[Known], keys: &[Key]) -> Vec<Known> {
    let mut all: Vec<Known> = known.iter().filter(|known| keys.iter().any(|key| known.covers(key))).cloned().collect();
    for key in keys {
        if !all.iter().any(|known| known.covers(key)) {
            all.push(Known::of(key));
        }
    }
    let order = |known: &Known| {
        (known.program.clone(), known.kind.word(), format!("{:?}", (known.side, known.port)), known.call.clone())
    };
    all.sort_by_key(order);
    all
}

#[cfg(test)]
mod tests {
    use super::{Known, merged, parse};
    use crate::doctor::gate::key::{Key, Port};
    use crate::stalls::evidence::Side;
    use crate::stalls::finding::Kind;

    fn key(program: &str, port: u16, call: Option<&str>) -> Key {
        let (kind, side, port) = (Kind::Nagle, Side::Client, Port::Number(port));
        Key { kind, program: program.to_owned(), side, port, call: call.map(str::to_owned) }
    }

    fn read(entry: &str) -> Known {
        parse(format!("{{\"schema\": 1, \"findings\": [{entry}]}}").as_bytes()).expect("valid").remove(0)
    }

    #[test]
    fn what_is_left_out_fits_everything_and_what_is_there_must_fit() {
        let any = read(r#"{"kind": "nagle", "program": "sync", "reason": "the server is old"}"#);
        assert!(any.covers(&key("sync", 143, None)) && any.covers(&key("sync", 25, Some("flush"))));
        assert!(!any.covers(&key("other", 143, None)));
        assert!(!any.covers(&Key { kind: Kind::Flood, ..key("sync", 143, None) }));
        let port = read(r#"{"kind": "nagle", "program": "sync", "side": "client", "port": 143, "call": "flush"}"#);
        assert!(port.covers(&key("sync", 143, Some("flush"))) && port.covers(&key("sync", 143, None)));
        assert!(!port.covers(&key("sync", 143, Some("append"))) && !port.covers(&key("sync", 25, Some("flush"))));
        assert!(!port.covers(&Key { side: Side::Server, ..key("sync", 143, None) }));
    }

    #[test]
    fn writing_again_keeps_reasons_and_drops_what_is_gone() {
        let known = [
            read(r#"{"kind": "nagle", "program": "sync", "reason": "the server is old"}"#),
            read(r#"{"kind": "nagle", "program": "gone"}"#),
        ];
        let all = merged(&known, &[key("sync", 143, None), key("import", 25, None), key("import", 25, None)]);
        let programs: Vec<&str> = all.iter().map(|known| known.program.as_str()).collect();
        assert_eq!(programs, ["import", "sync"]);
        assert_eq!(all[1].reason.as_deref(), Some("the server is old"));
    }

    #[test]
    fn a_mistake_in_the_file_is_named() {
        for (text, words) in [
            ("", "is no baseline of doctor: "),
            (r#"{"schema": 2, "findings": []}"#, "has schema 2: allowed is 1"),
            (r#"{"schema": 1, "findings": [{"kind": "slow", "program": "x"}]}"#, "unknown variant `slow`"),
            (r#"{"schema": 1, "findings": [{"kind": "nagle", "program": "x", "prot": 1}]}"#, "unknown field `prot`"),
            (
                r#"{"schema": 1, "findings": [{"kind": "nagle", "program": "x", "port": "http"}]}"#,
                "allowed is a number",
            ),
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(words), "{error}");
        }
    }
}
