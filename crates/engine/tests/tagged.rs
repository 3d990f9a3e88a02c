//! Parameters that hold only with one value of another: in its table, and beside it as recipes of earlier versions have them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a recipe that cannot be read has failed")]

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use tidemill_core::tagged::dependents;
use tidemill_core::{Entry, Sort};
use tidemill_engine::builtin;
use tidemill_engine::recipe;

/// A value of each of these parameters that is not its default.
fn value(field: &str) -> Value {
    match field {
        "alpha" | "contamination" | "momentum" | "quantile" | "sample" | "weight" => json!(0.3),
        "beta" | "coef0" | "huber_delta" | "l1_ratio" | "sigma_color" => json!(0.7),
        "epsilon" | "focal_gamma" | "sigma" => json!(3.0),
        "tweedie_power" => json!(1.2),
        "degree" => json!(4),
        "min_samples_leaf" | "n_neighbors" | "n_trees" | "negative" | "pieces" => json!(7),
        "period" => json!("7d"),
        "along" => json!("day"),
        "by" => json!(["shop"]),
        "architecture" => json!("cbow"),
        "costs" => json!({ "yes": 5.0 }),
        other => panic!("give '{other}' a value in this test"),
    }
}

/// Each kind of each key of a built-in with all that holds with it: in a table, and beside it.
fn spellings(entry: &Entry) -> Vec<[Map<String, Value>; 2]> {
    let schema = (entry.schema)(&mut SchemaGenerator::default()).to_value();
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for one in dependents(&schema) {
        kinds.extend(one.kinds.iter().map(|kind| (one.key, *kind)));
    }
    kinds.sort_unstable();
    kinds.dedup();
    let both = |(key, kind): (&str, &str)| {
        let mut table = json!({ "kind": kind });
        let mut beside = Map::from_iter([(key.to_string(), json!(kind))]);
        for one in dependents(&schema).filter(|one| one.key == key && one.kinds.contains(&kind)) {
            table[one.name] = value(one.field);
            beside.insert(one.field.into(), value(one.field));
        }
        [Map::from_iter([(key.to_string(), table)]), beside]
    };
    kinds.into_iter().map(both).collect()
}

#[test]
fn a_table_says_the_same_as_the_old_spelling() {
    let registry = builtin::registry();
    let mut tried = 0;
    for entry in builtin::STEPS.iter().chain(builtin::LEARNERS).chain(builtin::RESAMPLERS) {
        for [table, beside] in spellings(entry) {
            tried += 1;
            let told = format!("{}: {}", entry.kind, Value::Object(table.clone()));
            if entry.sort == Sort::Resampler {
                registry.check(entry, table.into()).unwrap_or_else(|e| panic!("{told}: {}", e.problem));
                registry.check(entry, beside.into()).unwrap();
                continue;
            }
            let [table, old] = [table, beside.clone()].map(|params| {
                registry.build(entry.kind, params.into()).unwrap_or_else(|e| panic!("{told}: {e}")).params()
            });
            assert_eq!(table, old, "{told}");
            for (field, value) in beside {
                assert_eq!(table[&field], value, "{told}");
            }
        }
    }
    assert!(tried >= 20, "{tried}");
}

/// The error of a recipe with this line.
fn fault(line: &str) -> String {
    let text = format!("[data]\ntarget = \"y\"\n[[learners]]\nkind = \"boosted_trees\"\n{line}\n");
    recipe::parse(&text, "recipe.toml", &builtin::registry()).unwrap_err().to_string()
}

#[test]
fn a_wrong_table_is_named_with_its_line() {
    for (line, words) in [
        (r#"loss = { kind = "squared", delta = 1.0 }"#, "'squared' has no parameters of its own"),
        (r#"loss = { kind = "huber", power = 1.5 }"#, "power"),
        (r#"loss = { kind = "huber", detla = 1.5 }"#, "there is no key 'detla'"),
        (r#"loss = { kind = "huber", delta = -1.0 }"#, "above 0"),
        (r#"loss = { kind = "huber", delta = "much" }"#, "invalid type"),
        (r#"loss = { delta = 1.0 }"#, "needs a `kind`"),
        (r#"loss = { kind = "hubert", delta = 1.0 }"#, "hubert"),
        ("huber_delta = 2.0\nloss = { kind = \"huber\", delta = 1.0 }", "'huber_delta'"),
    ] {
        let fault = fault(line);
        assert!(fault.contains(words), "{line}: {fault}");
        let at = 5 + line.lines().count() - 1;
        assert!(fault.contains(&format!("recipe.toml, line {at}:")), "{line}: {fault}");
    }
}

#[test]
fn the_schema_offers_tables_and_calls_what_stands_beside_them_old() {
    let entry = builtin::entry("boosted_trees").unwrap();
    let schema = recipe::schema::parameters(entry);
    let loss = &schema["properties"]["loss"];
    let kinds: Vec<&str> = loss["anyOf"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|option| option.pointer("/properties/kind/const")?.as_str())
        .collect();
    assert_eq!(kinds, ["quantile", "huber", "tweedie", "focal"]);
    assert_eq!(schema["properties"]["huber_delta"]["deprecated"], true);
    assert_eq!(schema["properties"]["n_trees"].get("deprecated"), None);
    let old = recipe::parse(
        "[[learners]]\nkind = \"boosted_trees\"\nloss = \"huber\"\nhuber_delta = 2.0\n",
        "recipe.toml",
        &builtin::registry(),
    );
    assert_eq!(old.unwrap().learners[0].params["huber_delta"], 2.0);
}
