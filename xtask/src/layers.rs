//! Which crate may use which: a table, checked against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{cargo, lengths, modules, root, test_files};

/// Each crate with the crates of this workspace that it may use, in normal, development and build dependencies. The crates between
/// `core` and `engine` never use each other, except `kernel`.
const CRATES: &[(&str, &[&str])] = &[
    ("tidemill-core", &[]),
    ("tidemill-kernel", &[CORE]),
    ("tidemill-data", MIDDLE),
    ("tidemill-prep", MIDDLE),
    ("tidemill-learn", MIDDLE),
    ("tidemill-neural", MIDDLE),
    ("tidemill-language", MIDDLE),
    ("tidemill-eval", MIDDLE),
    ("tidemill-report", &[CORE]),
    ("tidemill-value", MIDDLE),
    ("tidemill-package", &[CORE]),
    ("tidemill-store", &[CORE]),
    (
        "tidemill-engine",
        &[
            CORE,
            "tidemill-kernel",
            "tidemill-data",
            "tidemill-prep",
            "tidemill-learn",
            "tidemill-neural",
            "tidemill-language",
            "tidemill-eval",
            "tidemill-report",
            "tidemill-value",
            "tidemill-package",
            "tidemill-store",
        ],
    ),
    (
        "tidemill-server",
        &[CORE, "tidemill-data", "tidemill-eval", "tidemill-report", "tidemill-store", "tidemill-engine"],
    ),
    ("tidemill", &[CORE, "tidemill-engine"]),
    (
        "tidemill-cli",
        &[
            CORE,
            "tidemill",
            "tidemill-language",
            "tidemill-value",
            "tidemill-report",
            "tidemill-store",
            "tidemill-engine",
            "tidemill-server",
        ],
    ),
    ("tidemill-python", &[CORE, "tidemill"]),
    // Measures any crate, and nothing uses it.
    (
        "tidemill-bench",
        &[
            CORE,
            "tidemill-kernel",
            "tidemill-data",
            "tidemill-prep",
            "tidemill-learn",
            "tidemill-neural",
            "tidemill-language",
            "tidemill-eval",
            "tidemill-store",
            "tidemill-engine",
        ],
    ),
    ("xtask", &[]),
];
const CORE: &str = "tidemill-core";
const MIDDLE: &[&str] = &[CORE, "tidemill-kernel"];

/// Crates from outside that only some of ours may use, by themselves or through other outside crates.
const FENCED: &[(&str, &[&str])] = &[(
    "tokio",
    &[
        "tidemill-store",
        "tidemill-server",
        "tidemill",
        "tidemill-cli",
        "tidemill-data",
        "tidemill-python",
        "tidemill-bench",
    ],
)];

/// Says what was checked; errors with every broken rule.
pub(crate) fn check() -> Result<String, String> {
    let metadata = metadata()?;
    let members = members(&metadata);
    let mut faults = Vec::new();
    let mut n_edges = 0;
    for (member, uses) in &members {
        let Some((_, allowed)) = CRATES.iter().find(|(name, _)| name == member) else {
            faults.push(format!("'{member}' has no line in the table of xtask/src/layers.rs: add one"));
            continue;
        };
        for (used, sort) in uses.iter().filter(|(used, _)| members.contains_key(used)) {
            n_edges += 1;
            if !allowed.contains(used) {
                faults.push(refusal(member, used, sort, allowed));
            }
        }
    }
    faults.extend(fenced(&metadata, &members));
    faults.extend(test_files::unlisted(&root().join("crates")));
    faults.extend(
        ["bench/src", "crates", "xtask/src"]
            .iter()
            .flat_map(|folder| lengths::too_long(&root().join(folder))),
    );
    let modules = modules::check(&root().join("crates"));
    if let Err(problem) = &modules {
        faults.push(problem.clone());
    }
    if faults.is_empty() {
        return Ok(format!(
            "{} crates, {n_edges} dependencies between them, all allowed; {}",
            members.len(),
            modules.unwrap_or_default()
        ));
    }
    Err(faults.join("\n"))
}

fn refusal(member: &str, used: &str, sort: &str, allowed: &[&str]) -> String {
    let may = if allowed.is_empty() { "none of our crates".into() } else { allowed.join(", ") };
    format!(
        "'{member}' uses '{used}' ({sort}), but may use {may}: move what both need to core or kernel, \
         or join them in engine"
    )
}

/// `cargo metadata` for this machine, so that crates of other systems need not be fetched.
fn metadata() -> Result<Value, String> {
    let failed = |e: &dyn std::fmt::Display| format!("cargo metadata: {e}");
    let host = std::process::Command::new("rustc").arg("-vV").output().map_err(|e| failed(&e))?;
    let host = String::from_utf8_lossy(&host.stdout).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
    let output = cargo(&["metadata", "--format-version", "1", "--filter-platform", host])
        .output()
        .map_err(|e| failed(&e))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| failed(&e))
}

/// The crates of the workspace, each with what it declares to use and in which sort of dependency.
fn members(metadata: &Value) -> BTreeMap<&str, Vec<(&str, &str)>> {
    let ids: BTreeSet<&str> = list(&metadata["workspace_members"]).filter_map(Value::as_str).collect();
    let ours = list(&metadata["packages"]).filter(|package| ids.contains(word(&package["id"])));
    ours.map(|package| {
        let uses = list(&package["dependencies"])
            .map(|used| (word(&used["name"]), used["kind"].as_str().unwrap_or("normal")));
        (word(&package["name"]), uses.collect())
    })
    .collect()
}

/// Crates of ours that reach a fenced crate without going through one of ours that may.
fn fenced(metadata: &Value, members: &BTreeMap<&str, Vec<(&str, &str)>>) -> Vec<String> {
    let names: BTreeMap<&str, &str> =
        list(&metadata["packages"]).map(|p| (word(&p["id"]), word(&p["name"]))).collect();
    let uses: BTreeMap<&str, Vec<&str>> = list(&metadata["resolve"]["nodes"])
        .map(|node| (word(&node["id"]), list(&node["dependencies"]).map(word).collect()))
        .collect();
    let mut faults = Vec::new();
    for (id, member) in names.iter().filter(|(_, name)| members.contains_key(*name)) {
        for (fence, allowed) in FENCED.iter().filter(|(_, allowed)| !allowed.contains(member)) {
            if let Some(path) = path_to(fence, id, &names, &uses, members) {
                faults.push(format!("'{member}' uses {path}; {fence} belongs in {}", allowed.join(", ")));
            }
        }
    }
    faults
}

fn path_to(
    wanted: &str,
    from: &str,
    names: &BTreeMap<&str, &str>,
    uses: &BTreeMap<&str, Vec<&str>>,
    members: &BTreeMap<&str, Vec<(&str, &str)>>,
) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<(&str, String)> = vec![(from, String::new())];
    while let Some((at, path)) = open.pop() {
        for next in uses.get(at).into_iter().flatten() {
            let name = names.get(next).copied().unwrap_or_default();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path} -> {name}") };
            if name == wanted {
                return Some(path);
            }
            if !members.contains_key(name) && seen.insert(*next) {
                open.push((next, path));
            }
        }
    }
    None
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_in_the_middle_do_not_use_each_other() {
        let top = [
            "tidemill-engine",
            "tidemill-server",
            "tidemill",
            "tidemill-cli",
            "tidemill-python",
            "tidemill-bench",
        ];
        for (name, allowed) in CRATES.iter().filter(|(name, _)| !top.contains(name)) {
            assert!(allowed.iter().all(|used| MIDDLE.contains(used)), "{name} may use {allowed:?}");
        }
    }

    #[test]
    fn a_fenced_crate_is_found_through_others() {
        let metadata = serde_json::json!({
            "workspace_members": ["a", "b"],
            "packages": [
                { "id": "a", "name": "tidemill-learn", "dependencies": [{ "name": "web", "kind": "dev" }] },
                { "id": "b", "name": "tidemill-store", "dependencies": [] },
                { "id": "w", "name": "web", "dependencies": [] },
                { "id": "t", "name": "tokio", "dependencies": [] },
            ],
            "resolve": { "nodes": [
                { "id": "a", "dependencies": ["w"] },
                { "id": "w", "dependencies": ["t"] },
                { "id": "b", "dependencies": ["t"] },
            ] },
        });
        let members = members(&metadata);
        assert_eq!(members["tidemill-learn"], [("web", "dev")]);
        let faults = fenced(&metadata, &members);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("'tidemill-learn' uses web -> tokio"), "{faults:?}");
    }
}
