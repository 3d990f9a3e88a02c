//! How numbers, sizes, times and learners are written.

use std::time::Duration;

use tidemill_core::recipe::Spec;

/// With a capital letter.
pub(crate) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A learner with the parameters that say the most.
pub fn brief(spec: &Spec) -> String {
    if let Some(members) = spec.params.get("members").and_then(serde_json::Value::as_array) {
        let member = |m: &serde_json::Value| {
            let share = 100.0 * m["share"].as_f64().unwrap_or(0.0);
            format!("{} {share:.0}%", called(m["kind"].as_str().unwrap_or_default(), |key| m.get(key)))
        };
        return format!("blend of {}", members.iter().map(member).collect::<Vec<_>>().join(", "));
    }
    let mixed = spec.kind == "elastic_net" || spec.params.get("penalty").is_some_and(|p| p == "elastic_net");
    let shown = spec.params.iter().filter(|(key, _)| match key.as_str() {
        "alpha" | "c" | "penalty" | "max_leaves" | "n_neighbors" | "kernel" => true,
        "l1_ratio" => mixed,
        _ => false,
    });
    let params: Vec<String> = shown.map(|(key, value)| format!("{key} {}", bare(value))).collect();
    let name = named(spec);
    if params.is_empty() { name } else { format!("{name}, {}", params.join(", ")) }
}

/// What a learner is called, without its parameters.
pub(crate) fn named(spec: &Spec) -> String {
    called(&spec.kind, |key| spec.params.get(key))
}

/// A learner's kind; of one that learns relative to a column, that of the learner behind and the column.
fn called<'a>(kind: &str, param: impl Fn(&str) -> Option<&'a serde_json::Value>) -> String {
    if kind == "local_forecast" {
        let methods = param("methods").and_then(serde_json::Value::as_array);
        let only = methods.filter(|m| m.len() == 1).and_then(|m| m[0].as_str());
        return only.map_or_else(|| "combined forecasts".to_string(), |m| m.replace('_', " "));
    }
    let behind = param("learner").and_then(|learner| learner["kind"].as_str());
    match (behind, param("to").and_then(serde_json::Value::as_str)) {
        (Some(behind), Some(to)) => format!("{behind} relative to {to}"),
        _ => kind.into(),
    }
}

fn bare(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// Four figures that count.
pub(crate) fn short(x: f64) -> String {
    let digits = if x == 0.0 { 3 } else { (3 - x.abs().log10().floor() as i32).clamp(0, 12) as usize };
    format!("{x:.digits$}")
}

pub(crate) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.0} ms", 1e3 * s),
        s if s >= 1e-6 => format!("{:.1} us", 1e6 * s),
        s => format!("{:.0} ns", 1e9 * s),
    }
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.0} kB", b / 1e3),
        b => format!("{b:.0} B"),
    }
}
