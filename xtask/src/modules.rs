//! Which module may use which: the imports within each crate, checked against a table, and for cycles.
//!
//! The imports between the top modules of a crate must not form a cycle, except those in [`CYCLES`], which are to be removed one by one.
//! A child may use its ancestors. Code under `#[cfg(test)]` does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;

/// Crates whose top modules may use only what is listed here.
const TABLES: &[(&str, Table)] = &[("engine", ENGINE)];

/// Each top module with those that it may use.
type Table = &'static [(&'static str, &'static [&'static str])];

const ENGINE: Table = &[
    ("error", &[]),
    ("files", &["error"]),
    ("rows", &[]),
    ("format", &[]),
    ("links", &["error", "format"]),
    ("builtin", &["links"]),
    ("backup", &["error", "files"]),
    ("recipe", &["builtin", "links", "error", "files", "format", "rows"]),
    ("audit", &["recipe", "builtin", "error", "files", "format", "rows"]),
    ("forecast", &["recipe", "builtin", "links", "error", "files", "format", "rows"]),
    ("search", &["audit", "forecast", "recipe", "builtin", "links", "error", "files", "format", "rows"]),
    ("model", &["recipe", "builtin", "links", "error", "files", "format", "rows"]),
    ("import", &["model", "recipe", "builtin", "links", "error", "files", "format", "rows"]),
    (
        "judge",
        &["model", "search", "forecast", "recipe", "builtin", "links", "error", "files", "format", "rows"],
    ),
    ("facts", &["audit", "judge", "model", "search", "forecast", "recipe", "builtin", "links", "error"]),
    (
        "report",
        &[
            "explain", "import", "backup", "facts", "judge", "audit", "model", "search", "forecast",
            "recipe", "builtin", "links", "error", "format",
        ],
    ),
    (
        "serve",
        &[
            "explain", "search", "model", "forecast", "recipe", "builtin", "links", "error", "files",
            "format", "rows",
        ],
    ),
    (
        "feedback",
        &["explain", "serve", "model", "recipe", "builtin", "links", "error", "files", "format", "rows"],
    ),
    ("fit", ABOVE),
    (
        "explain",
        &["model", "search", "forecast", "recipe", "builtin", "links", "error", "files", "format", "rows"],
    ),
    ("improve", ABOVE),
    ("verbs", VERBS),
];
const ABOVE: &[&str] = &[
    "import", "explain", "report", "facts", "judge", "audit", "feedback", "serve", "model", "search",
    "forecast", "recipe", "builtin", "links", "error", "files", "format", "rows",
];

const VERBS: &[&str] = &[
    "backup", "import", "explain", "fit", "report", "facts", "judge", "audit", "feedback", "serve", "model",
    "search", "forecast", "recipe", "builtin", "links", "error", "files", "format", "rows",
];

/// Says what was checked; errors with every broken rule.
pub(crate) fn check(crates: &Path) -> Result<String, String> {
    let mut names: Vec<String> = std::fs::read_dir(crates)
        .map_err(|e| format!("{}: {e}", crates.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let (mut n_modules, mut faults) = (0, Vec::new());
    for name in &names {
        let modules = read(&crates.join(name).join("src"))?;
        n_modules += modules.len();
        let arrows = arrows(&modules);
        let (known, found) = cycles(name, &arrows);
        faults.extend(found);
        faults.extend(no_longer_cyclic(name, &known));
        if let Some((_, table)) = TABLES.iter().find(|(of, _)| of == name) {
            faults.extend(upward(name, table, &arrows));
        }
    }
    if faults.is_empty() {
        let known = CYCLES.len();
        return Ok(format!("{n_modules} modules, no cycle among top modules except {known} known ones"));
    }
    Err(faults.join("\n"))
}

/// Modules that still form a cycle. A cycle that is removed must leave this list, and none may be added.
const CYCLES: &[(&str, &[&str])] = &[
    // Contracts that speak of each other: a registry builds estimators, these learn within a context, which holds the registry.
    ("core", &["builtin", "context", "estimator", "fitted", "registry"]),
    ("core", &["batch", "series", "sparse"]),
    ("eval", &["answers", "compare", "confusion", "curves", "error", "metrics", "row_loss", "sum"]),
    ("language", &["blocks", "decode", "model", "tune"]),
    ("neural", &["body", "encoders", "fitted", "learner", "net", "ops", "training"]),
];

type ModulePath = Vec<String>;

/// One module: what it declares, hands on and uses, as paths from the root of the crate.
#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    handed_on: BTreeMap<String, ModulePath>,
    uses: Vec<ModulePath>,
}

/// The modules of a crate by their paths.
fn read(source: &Path) -> Result<BTreeMap<ModulePath, Module>, String> {
    let mut modules = BTreeMap::new();
    for root in ["lib.rs", "main.rs"] {
        if source.join(root).exists() {
            read_file(&source.join(root), source, Vec::new(), &mut modules)?;
            break;
        }
    }
    Ok(modules)
}

fn read_file(
    file: &Path,
    folder: &Path,
    path: ModulePath,
    modules: &mut BTreeMap<ModulePath, Module>,
) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let parsed = syn::parse_file(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut found = Found { at: path.clone(), module: Module::default(), files: Vec::new() };
    found.visit_file(&parsed);
    let files = std::mem::take(&mut found.files);
    modules.insert(path.clone(), found.module);
    for name in files {
        let inner = folder.join(&name);
        let beside = folder.join(format!("{name}.rs"));
        let file = if beside.exists() { beside } else { inner.join("mod.rs") };
        let child = path.iter().cloned().chain([name]).collect();
        read_file(&file, &inner, child, modules)?;
    }
    Ok(())
}

struct Found {
    at: ModulePath,
    module: Module,
    files: Vec<String>,
}

impl Found {
    /// A path as written here, from the root of the crate; `None` for other crates' paths.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let base: &[String] = match first.as_str() {
            "crate" => &[],
            "self" => &self.at,
            "super" => {
                let parent = self.at.split_last()?.1;
                let up = Found { at: parent.to_vec(), module: Module::default(), files: Vec::new() };
                return match rest.first().map(String::as_str) {
                    Some("super") => up.absolute(rest),
                    _ => Some([parent, rest].concat()),
                };
            }
            name if self.module.children.contains(name) => return Some([&self.at[..], path].concat()),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    fn take(&mut self, tree: &syn::UseTree, prefix: &mut ModulePath) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.take(&path.tree, prefix);
                prefix.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.take(item, prefix));
            }
            syn::UseTree::Name(name) => self.note(prefix, &name.ident.to_string(), None),
            syn::UseTree::Rename(name) => {
                self.note(prefix, &name.ident.to_string(), Some(name.rename.to_string()));
            }
            syn::UseTree::Glob(_) => self.note(prefix, "*", None),
        }
    }

    fn note(&mut self, prefix: &[String], name: &str, alias: Option<String>) {
        let mut path = prefix.to_vec();
        if name != "self" && name != "*" {
            path.push(name.into());
        }
        if let Some(absolute) = self.absolute(&path) {
            self.module.handed_on.insert(alias.unwrap_or_else(|| name.into()), absolute.clone());
            self.module.uses.push(absolute);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("cfg") && a.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Found {
    fn visit_file(&mut self, file: &'ast syn::File) {
        for item in &file.items {
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
                && !is_test(&module.attrs)
            {
                self.module.children.insert(module.ident.to_string());
                self.files.push(module.ident.to_string());
            }
        }
        syn::visit::visit_file(self, file);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.take(&item.tree, &mut Vec::new());
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: ModulePath = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(absolute) = self.absolute(&segments)
        {
            self.module.uses.push(absolute);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The module that a path leads to, through what modules hand on.
fn resolve(modules: &BTreeMap<ModulePath, Module>, path: &[String], depth: usize) -> ModulePath {
    let mut at: ModulePath = Vec::new();
    for (i, segment) in path.iter().enumerate() {
        let Some(module) = modules.get(&at) else { break };
        if module.children.contains(segment) {
            at.push(segment.clone());
        } else if let Some(target) = module.handed_on.get(segment)
            && depth < 8
        {
            return resolve(modules, &[target, &path[i + 1..]].concat(), depth + 1);
        } else {
            break;
        }
    }
    at
}

/// Who uses whom among the children of each module, with one place that shows it.
type Arrows = BTreeMap<ModulePath, BTreeMap<(String, String), String>>;

fn arrows(modules: &BTreeMap<ModulePath, Module>) -> Arrows {
    let mut arrows = Arrows::new();
    for (from, module) in modules {
        for used in &module.uses {
            let to = resolve(modules, used, 0);
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (from.get(common), to.get(common)) {
                let place = format!("{} uses {}", from.join("::"), used.join("::"));
                let siblings = arrows.entry(from[..common].to_vec()).or_default();
                siblings.entry((a.clone(), b.clone())).or_insert(place);
            }
        }
    }
    arrows
}

/// The modules of known cycles, and every other cycle among the top modules.
fn cycles(name: &str, arrows: &Arrows) -> (BTreeSet<String>, Vec<String>) {
    let (mut known, mut faults) = (BTreeSet::new(), Vec::new());
    for (parent, edges) in arrows.iter().filter(|(parent, _)| parent.is_empty()) {
        let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (a, b) in edges.keys() {
            next.entry(a).or_default().push(b);
        }
        for ((a, b), place) in edges {
            // An arrow lies on a cycle if its end leads back to its start.
            let (mut seen, mut open) = (BTreeSet::new(), vec![b.as_str()]);
            while let Some(at) = open.pop() {
                if seen.insert(at) {
                    open.extend(next.get(at).into_iter().flatten());
                }
            }
            if !seen.contains(a.as_str()) {
                continue;
            }
            let is_known = |(krate, of): &&(&str, &[&str])| {
                *krate == name && of.contains(&a.as_str()) && of.contains(&b.as_str())
            };
            if CYCLES.iter().any(|entry| is_known(&entry)) {
                known.extend([a.clone(), b.clone()]);
                continue;
            }
            let path: Vec<&str> = std::iter::once(name).chain(parent.iter().map(String::as_str)).collect();
            faults.push(format!("{}: '{a}' and '{b}' are on a cycle: {place}", path.join("::")));
        }
    }
    (known, faults)
}

/// Modules that are listed in a cycle and no longer on one.
fn no_longer_cyclic(name: &str, known: &BTreeSet<String>) -> Vec<String> {
    let listed = CYCLES.iter().filter(|(krate, _)| *krate == name).flat_map(|(_, of)| of.iter());
    let free = listed.filter(|module| !known.contains(**module));
    free.map(|module| format!("{name}: '{module}' is not on a cycle any more: remove it from CYCLES"))
        .collect()
}

/// Every arrow among the top modules that the table does not have.
fn upward(name: &str, table: &[(&str, &[&str])], arrows: &Arrows) -> Vec<String> {
    let Some(edges) = arrows.get(&Vec::new()) else { return Vec::new() };
    let mut faults = Vec::new();
    for ((a, b), place) in edges {
        match table.iter().find(|(module, _)| module == a) {
            None => faults.push(format!("{name}: '{a}' has no line in the table of xtask/src/modules.rs")),
            Some((_, allowed)) if !allowed.contains(&b.as_str()) => {
                faults.push(format!("{name}: '{a}' may not use '{b}': {place}"));
            }
            Some(_) => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn planted(files: &[(&str, &str)]) -> Arrows {
        // Tests of one process run side by side.
        static PLANTED: AtomicUsize = AtomicUsize::new(0);
        let n = PLANTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("modules-{}-{n}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (name, text) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let found = arrows(&read(&folder).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        found
    }

    #[test]
    fn a_planted_cycle_is_found_through_what_is_handed_on() {
        let found = planted(&[
            ("lib.rs", "mod a; mod b; mod c; pub use a::One;"),
            ("a.rs", "pub struct One; fn f() { crate::b::two() }"),
            ("b.rs", "use crate::c::three; pub fn two() {}"),
            ("c.rs", "use crate::One; pub fn three() {} #[cfg(test)] mod tests { use crate::b; }"),
        ]);
        let (_, faults) = cycles("x", &found);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].contains("x: 'a' and 'b' are on a cycle"), "{faults:?}");
    }

    #[test]
    fn a_planted_import_upwards_is_found() {
        let found = planted(&[
            ("lib.rs", "mod low; mod high;"),
            ("low/mod.rs", "mod inner;"),
            ("low/inner.rs", "use super::super::high::Roof;"),
            ("high.rs", "pub struct Roof;"),
        ]);
        assert!(cycles("x", &found).1.is_empty());
        let faults = upward("x", &[("low", &[]), ("high", &["low"])], &found);
        assert_eq!(faults, ["x: 'low' may not use 'high': low::inner uses high::Roof"]);
    }

    #[test]
    fn tests_and_ancestors_do_not_count() {
        let found = planted(&[
            ("lib.rs", "pub mod a; pub struct Root;"),
            ("a/mod.rs", "mod x; mod y; pub(crate) struct Shared;"),
            ("a/x.rs", "use super::Shared; use crate::Root; #[cfg(test)] mod tests { use super::super::y; }"),
            ("a/y.rs", "use super::x;"),
        ]);
        assert!(cycles("x", &found).1.is_empty(), "{found:?}");
    }
}
