//! Parameters that hold only with one value of another, as `delta` only with the loss `huber`.
//!
//! A recipe writes them in a table with that value: `loss = { kind = "huber", delta = 1.0 }`. The struct of a built-in has them as fields
//! beside it, as recipes of earlier versions do, and the schema of such a field says where it belongs:
//! `#[schemars(extend("with" = { "key": "loss", "is": ["huber"], "name": "delta" }))]`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::KeyPath;

/// The keyword of the schema that says where a field belongs.
pub const WITH: &str = "with";

/// A field that holds only with some values of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent<'a> {
    /// The field.
    pub field: &'a str,
    /// The parameter on which it depends.
    pub key: &'a str,
    /// The values of that parameter with which it holds.
    pub kinds: Vec<&'a str>,
    /// What it is called in the table.
    pub name: &'a str,
}

/// The dependent fields in the schema of a struct, in the order of the fields.
pub fn dependents(schema: &Value) -> impl Iterator<Item = Dependent<'_>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(|(field, property)| {
        let with = property.get(WITH)?;
        let kinds = with.get("is")?.as_array()?.iter().filter_map(Value::as_str).collect();
        let word = |key: &str| with.get(key).and_then(Value::as_str);
        Some(Dependent { field, key: word("key")?, kinds, name: word("name")? })
    })
}

/// Parameters with what stood in tables beside them, and for each field that came from a table, its path there.
pub type Beside = (Map<String, Value>, Vec<(String, String)>);

/// Moves what stands in the tables of `params` to the fields beside them.
///
/// # Errors
/// A table without a `kind`, or with a key that does not hold with it, and a parameter that stands in a table and beside it.
pub fn beside(mut params: Map<String, Value>, schema: impl FnOnce() -> Value) -> Result<Beside, KeyPath> {
    let mut moved = Vec::new();
    if !params.values().any(Value::is_object) {
        return Ok((params, moved));
    }
    let schema = schema();
    let all: Vec<Dependent<'_>> = dependents(&schema).collect();
    for key in all.iter().map(|one| one.key).collect::<BTreeSet<_>>() {
        let Some(Value::Object(table)) = params.get(key) else { continue };
        let Some(Value::String(kind)) = table.get("kind") else {
            return Err(KeyPath::new(key, "the table needs a `kind`, in quotes"));
        };
        let (kind, table) = (kind.clone(), table.clone());
        for (name, value) in table.into_iter().filter(|(name, _)| name != "kind") {
            let path = format!("{key}.{name}");
            let here = all.iter().filter(|one| one.key == key && one.kinds.contains(&&*kind));
            let Some(found) = here.clone().find(|one| one.name == name) else {
                let known: Vec<&str> = here.map(|one| one.name).collect();
                return Err(KeyPath::new(path, stranger(&kind, &known)));
            };
            if params.insert(found.field.into(), value).is_some() {
                let problem = format!("is also given as '{}': leave one of the two out", found.field);
                return Err(KeyPath::new(path, problem));
            }
            moved.push((found.field.to_string(), path));
        }
        params.insert(key.into(), Value::String(kind));
    }
    Ok((params, moved))
}

fn stranger(kind: &str, known: &[&str]) -> String {
    match known {
        [] => format!("'{kind}' has no parameters of its own"),
        known => format!("does not belong to '{kind}', which has {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flat(params: Value) -> Result<Value, KeyPath> {
        let with = |name: &str, kinds: Value| json!({ "with": { "key": "loss", "is": kinds, "name": name } });
        let schema = json!({ "properties": {
            "loss": {},
            "huber_delta": with("delta", json!(["huber"])),
            "sigma": with("sigma", json!(["huber", "gaussian"])),
        } });
        let Value::Object(params) = params else { unreachable!() };
        beside(params, || schema).map(|(params, _)| Value::Object(params))
    }

    #[test]
    fn a_table_is_read_as_the_fields_beside_it() {
        for (written, read) in [
            (
                json!({ "loss": { "kind": "huber", "delta": 2 } }),
                json!({ "loss": "huber", "huber_delta": 2 }),
            ),
            (
                json!({ "loss": { "kind": "gaussian", "sigma": 2 } }),
                json!({ "loss": "gaussian", "sigma": 2 }),
            ),
            (json!({ "loss": { "kind": "squared" } }), json!({ "loss": "squared" })),
            // As earlier versions wrote it.
            (json!({ "loss": "huber", "huber_delta": 2 }), json!({ "loss": "huber", "huber_delta": 2 })),
            // A table of something else.
            (
                json!({ "monotone": { "kind": "x" }, "loss": "huber" }),
                json!({ "monotone": { "kind": "x" }, "loss": "huber" }),
            ),
        ] {
            assert_eq!(flat(written).unwrap(), read);
        }
    }

    #[test]
    fn what_does_not_belong_is_named() {
        for (written, path, words) in [
            (json!({ "loss": { "delta": 2 } }), "loss", "kind"),
            (json!({ "loss": { "kind": 1 } }), "loss", "kind"),
            (json!({ "loss": { "kind": "gaussian", "delta": 2 } }), "loss.delta", "which has sigma"),
            (json!({ "loss": { "kind": "squared", "delta": 2 } }), "loss.delta", "no parameters"),
            (
                json!({ "loss": { "kind": "huber", "delta": 2 }, "huber_delta": 2 }),
                "loss.delta",
                "'huber_delta'",
            ),
        ] {
            let fault = flat(written).unwrap_err();
            assert_eq!(fault.path, path);
            assert!(fault.problem.contains(words), "{}", fault.problem);
        }
    }
}
