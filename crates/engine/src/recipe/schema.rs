//! The recipe's JSON Schema, with the parameters of every built-in in its place.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Entry, Registry, Sort, tagged};

use crate::builtin;

/// The JSON Schema (draft 2020-12) of `tidemill.toml`.
pub fn recipe(registry: &Registry) -> Value {
    let mut root = schemars::schema_for!(Recipe).to_value();
    let here = |list: &'static [Entry]| list.iter().filter(|e| registry.entry(e.kind).is_ok());
    let correct = root.pointer("/$defs/Balance/properties/correct").cloned();
    let resamplers = here(builtin::RESAMPLERS).map(|e| {
        let mut schema = spec(e, "");
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.extend(correct.clone().map(|correct| ("correct".to_string(), correct)));
        }
        schema
    });
    let mut places = vec![
        ("/properties/steps/items".to_string(), here(builtin::STEPS).map(|e| spec(e, "")).collect()),
        ("/properties/balance".to_string(), resamplers.collect()),
        ("/properties/learners/items".to_string(), here(builtin::LEARNERS).map(|e| spec(e, "")).collect()),
    ];
    for key in ["missing", "scale", "encode"] {
        let of_key = here(builtin::STEPS).filter_map(|e| match e.sort {
            Sort::Step(slot) => slot.key().filter(|(of, _)| *of == key).map(|(_, prefix)| (e, prefix)),
            _ => None,
        });
        let specs: Vec<Value> = of_key
            .filter(|(e, prefix)| e.kind.starts_with(prefix))
            .map(|(e, prefix)| spec(e, prefix))
            .collect();
        places.push((format!("/$defs/ColumnSpec/properties/{key}"), specs));
    }
    for (place, specs) in places {
        if let Some(Value::Object(slot)) = root.pointer_mut(&place) {
            slot.remove("$ref");
            slot.remove("anyOf");
            slot.insert("oneOf".into(), Value::Array(specs));
        }
    }
    if let Some(outliers) = builtin::entry("outliers")
        && let Some(Value::Object(slot)) = root.pointer_mut("/$defs/ColumnSpec/properties/outliers")
    {
        slot.remove("type");
        slot.remove("additionalProperties");
        let own = parameters(outliers);
        let own = own.as_object().into_iter().flatten().filter(|(key, _)| {
            ["properties", "type", "additionalProperties", "$defs"].contains(&key.as_str())
        });
        slot.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    }
    root
}

/// The parameters of one built-in, with their docs. Those that hold only with one value of another stand in its table; beside it they are
/// the old spelling.
pub fn parameters(entry: &Entry) -> Value {
    let mut schema = (entry.schema)(&mut SchemaGenerator::default()).to_value();
    into_tables(&mut schema);
    schema
}

/// The parameters of each table, by its key and the kind that it stands for.
type Tables<'a> = Vec<((&'a str, &'a str), Map<String, Value>)>;

fn into_tables(schema: &mut Value) {
    let flat = schema.clone();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    let mut tables = Tables::new();
    for one in tagged::dependents(&flat) {
        let mut member = flat["properties"][one.field].clone();
        if let Some(member) = member.as_object_mut() {
            member.remove(tagged::WITH);
        }
        properties[one.field]["deprecated"] = true.into();
        for kind in one.kinds {
            let at = tables.iter().position(|(of, _)| *of == (one.key, kind)).unwrap_or(tables.len());
            if at == tables.len() {
                tables.push(((one.key, kind), Map::from_iter([("kind".into(), json!({ "const": kind }))])));
            }
            tables[at].1.insert(one.name.into(), member.clone());
        }
    }
    for ((key, _), members) in tables {
        let table = json!({ "type": "object", "properties": members, "required": ["kind"], "additionalProperties": false });
        if let Some(property) = properties.get_mut(key) {
            add_alternative(property, table);
        }
    }
}

/// Adds an alternative to what may stand at a property.
fn add_alternative(property: &mut Value, table: Value) {
    if let Some(Value::Array(list)) = property.get_mut("anyOf") {
        list.push(table);
        return;
    }
    let about = ["description", "default"];
    let object = property.as_object().cloned().unwrap_or_default();
    let (about, only): (Map<_, _>, Map<_, _>) =
        object.into_iter().partition(|(key, _)| about.contains(&key.as_str()));
    *property = Value::Object(about);
    property["anyOf"] = json!([only, table]);
}

/// The schema of a table `{ kind = …, parameters }`; `prefix` is the part of the kind that the place implies.
fn spec(entry: &Entry, prefix: &str) -> Value {
    let mut value = parameters(entry);
    if let Value::Object(object) = &mut value {
        object.remove("$schema");
        object.insert("title".into(), json!(entry.kind));
        let mut properties = Map::new();
        properties.insert("kind".into(), json!({ "const": &entry.kind[prefix.len()..] }));
        if let Some(Value::Object(own)) = object.remove("properties") {
            properties.extend(own);
        }
        object.insert("properties".into(), Value::Object(properties));
        object.insert("required".into(), json!(["kind"]));
    }
    value
}

/// A key that the schema does not know.
#[derive(Debug, PartialEq)]
pub struct Unknown {
    /// Its dotted path.
    pub path: String,
    /// The key itself.
    pub key: String,
    /// The keys that may stand there.
    pub known: Vec<String>,
}

/// The first key of `value` that `schema` does not know.
pub fn unknown_key(value: &Value, schema: &Value) -> Option<Unknown> {
    walk(value, schema, schema, "")
}

fn walk(value: &Value, schema: &Value, root: &Value, path: &str) -> Option<Unknown> {
    let schema = resolve(value, schema, root)?;
    match value {
        Value::Object(entries) => entries.iter().find_map(|(key, inner)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if let Some(property) = schema.get("properties").and_then(|p| p.get(key)) {
                return walk(inner, property, root, &path);
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    let known = known.into_iter().flatten().filter(|(_, p)| p.get("deprecated").is_none());
                    let known = known.map(|(key, _)| key.clone()).collect();
                    Some(Unknown { path, key: key.clone(), known })
                }
                Some(rest @ Value::Object(_)) => walk(inner, rest, root, &path),
                _ => None,
            }
        }),
        Value::Array(items) => {
            let inner = schema.get("items")?;
            items.iter().enumerate().find_map(|(i, item)| walk(item, inner, root, &format!("{path}[{i}]")))
        }
        _ => None,
    }
}

/// Follows references and picks the alternative that `value` means; `None` where nothing can be said.
fn resolve<'a>(value: &Value, schema: &'a Value, root: &'a Value) -> Option<&'a Value> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return resolve(value, root.pointer(reference.trim_start_matches('#'))?, root);
    }
    if let Some(Value::Array(options)) = schema.get("oneOf") {
        let kind = value.get("kind")?;
        return options.iter().find(|o| o.pointer("/properties/kind/const") == Some(kind));
    }
    if let Some(Value::Array(options)) = schema.get("anyOf") {
        let kind = value.get("kind");
        let table = options.iter().find(|o| kind.is_some() && o.pointer("/properties/kind/const") == kind);
        let not_null = |o: &&Value| o.get("type").and_then(Value::as_str) != Some("null");
        let option = table.or_else(|| options.iter().find(not_null))?;
        return resolve(value, option, root);
    }
    Some(schema)
}
