//! Short labels of learners, from the declarations of their built-ins.

use serde_json::Value;
use tidemill_core::recipe::Spec;

use crate::builtin;

/// A learner in a few words: its kind and the telling parameters that differ from its defaults.
pub fn label(spec: &Spec) -> String {
    if let Some(members) = spec.params.get("members").and_then(Value::as_array) {
        let member = |m: &Value| {
            let share = 100.0 * m["share"].as_f64().unwrap_or(0.0);
            format!("{} {share:.0}%", called(m["kind"].as_str().unwrap_or_default(), |key| m.get(key)))
        };
        return format!("blend of {}", members.iter().map(member).collect::<Vec<_>>().join(", "));
    }
    if let Some(behind) = behind(spec) {
        return label(&behind).replacen(&behind.kind, &named(spec), 1);
    }
    if spec.kind == "local_forecast" {
        return named(spec);
    }
    started(
        spec,
        builtin::entry(&spec.kind).map_or_else(|| spec.kind.clone(), |entry| entry.label(&spec.params)),
    )
}

/// The label of a learner, which says whether it starts from an earlier model.
fn started(spec: &Spec, label: String) -> String {
    match spec.params.get("start") {
        Some(Value::Bool(true)) => label.replacen(&spec.kind, &format!("{}, started", spec.kind), 1),
        _ => label,
    }
}

/// The labels of several settings: where two would be called the same, every parameter that differs from its default is
/// shown.
pub fn labels(specs: &[Spec]) -> Vec<String> {
    let short: Vec<String> = specs.iter().map(label).collect();
    let twice = |name: &String| short.iter().filter(|other| *other == name).count() > 1;
    let one = |(name, spec): (&String, &Spec)| match builtin::entry(&spec.kind) {
        Some(entry) if twice(name) => started(spec, entry.long_label(&spec.params)),
        _ => name.clone(),
    };
    short.iter().zip(specs).map(one).collect()
}

/// What a learner is called, without its parameters.
pub fn named(spec: &Spec) -> String {
    called(&spec.kind, |key| spec.params.get(key))
}

/// The learner inside one that learns relative to a column.
fn behind(spec: &Spec) -> Option<Spec> {
    spec.params.get("to")?;
    serde_json::from_value(spec.params.get("learner")?.clone()).ok()
}

/// A learner's kind; of one that learns relative to a column, that of the learner behind and the column.
fn called<'a>(kind: &str, param: impl Fn(&str) -> Option<&'a Value>) -> String {
    if kind == "local_forecast" {
        let methods = param("methods").and_then(Value::as_array);
        let only = methods.filter(|m| m.len() == 1).and_then(|m| m[0].as_str());
        return only.map_or_else(|| "combined forecasts".to_string(), |m| m.replace('_', " "));
    }
    let behind = param("learner").and_then(|learner| learner["kind"].as_str());
    match (behind, param("to").and_then(Value::as_str)) {
        (Some(behind), Some(to)) => format!("{behind} relative to {to}"),
        _ => kind.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(value: Value) -> Spec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_label_shows_what_differs_from_the_defaults() {
        assert_eq!(label(&spec(json!({ "kind": "svm", "c": 1 }))), "svm");
        assert_eq!(
            label(&spec(json!({ "kind": "ridge", "start": true, "alpha": 3.0 }))),
            "ridge, started, alpha 3.0"
        );
        assert_eq!(label(&spec(json!({ "kind": "svm", "gamma": 0.1, "c": 10.0 }))), "svm, c 10.0, gamma 0.1");
        assert_eq!(
            label(&spec(json!({ "kind": "logistic", "c": 1.0, "penalty": "l1" }))),
            "logistic, penalty l1"
        );
        let relative =
            json!({ "kind": "relative", "to": "mean", "learner": { "kind": "ridge", "alpha": 3.0 } });
        assert_eq!(label(&spec(relative)), "ridge relative to mean, alpha 3.0");
    }

    #[test]
    fn settings_of_one_learner_are_told_apart() {
        let far = json!({ "kind": "k_neighbors", "metric": "manhattan" });
        let two = [spec(far), spec(json!({ "kind": "k_neighbors" }))];
        assert_eq!(label(&two[0]), "k_neighbors");
        assert_eq!(labels(&two), ["k_neighbors, metric manhattan", "k_neighbors"]);
        let more = [spec(json!({ "kind": "svm", "c": 10.0 })), spec(json!({ "kind": "svm" }))];
        assert_eq!(labels(&more), ["svm, c 10.0", "svm"]);
    }

    #[test]
    fn a_blend_names_its_members() {
        let blend = json!({ "kind": "blend", "members": [
            { "kind": "ridge", "share": 0.75 }, { "kind": "lasso", "share": 0.25 } ] });
        assert_eq!(label(&spec(blend)), "blend of ridge 75%, lasso 25%");
    }
}
