//! The counters of an arm as fields of JSON: the names of the table with their units behind them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tcptune_policy::counters::{Counter, Unit};

use crate::counters::ArmCounts;

/// What was counted. Times that are sums are seconds, single ones milliseconds.
pub struct Counters(pub ArmCounts);

/// What is behind the name, and how many of the counter's own unit are one of it. None: it is a number of things.
fn unit(counter: Counter) -> Option<(&'static str, f64)> {
    match counter.row().unit {
        Unit::Ticks => Some(("_s", 1e9)),
        // Sums of microseconds.
        Unit::Micros => Some(("_s", 1e6)),
        Unit::Longest => Some(("_ms", 1e6)),
        // Square microseconds.
        Unit::TicksSquared => Some(("_s2", 1e12)),
        Unit::Connections | Unit::Calls | Unit::Bytes | Unit::Segments | Unit::Events | Unit::Last => None,
    }
}

fn name(counter: Counter) -> String {
    format!("{}{}", counter.row().name, unit(counter).map_or("", |(suffix, _)| suffix))
}

/// All but what is told otherwise: the sizes before the last stall are a list of their own.
fn all() -> impl Iterator<Item = Counter> {
    Counter::ALL.iter().copied().filter(|counter| *counter != Counter::StallSizes)
}

impl Serialize for Counters {
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for counter in all() {
            let value = self.0.get(counter);
            match unit(counter) {
                Some((_, many)) => map.serialize_entry(&name(counter), &(value as f64 / many))?,
                None => map.serialize_entry(&name(counter), &value)?,
            }
        }
        map.end()
    }
}

impl JsonSchema for Counters {
    fn schema_name() -> Cow<'static, str> {
        "Counters".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let property = |counter: Counter| {
            let kind = if unit(counter).is_some() { "number" } else { "integer" };
            (name(counter), serde_json::json!({ "type": kind, "minimum": 0, "description": counter.row().meaning }))
        };
        let properties: Map<String, Value> = all().map(property).collect();
        let required: Vec<String> = all().map(name).collect();
        json_schema!({
            "type": "object",
            "description": "What was counted. Times that are sums are seconds, single ones milliseconds.",
            "properties": properties,
            "required": required,
        })
    }
}
