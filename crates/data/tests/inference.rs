//! Judges inference against what a sensible reader said beforehand: stored columns, generated tables, and real tables that leak
//! nothing. The programs that made the stored files stand beside them.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop the test")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use indexmap::IndexMap;
use serde::Deserialize;
use tidemill_core::recipe::{Recipe, Spec, Task};
use tidemill_core::{Batch, Column, Context, Kind, Role, Schema, Table};
use tidemill_data::{InferredSchema, infer};

/// The share of expectations that must be met.
const WANTED: f64 = 0.95;

type Texts = Vec<Option<String>>;

#[derive(Deserialize)]
struct ColumnCase {
    name: String,
    kind: Option<Kind>,
    role: Role,
    why: String,
    values: Texts,
}

#[derive(Deserialize)]
struct TableCase {
    name: String,
    target: String,
    task: Task,
    leaks: Vec<Vec<String>>,
    kinds: IndexMap<String, Kind>,
    roles: IndexMap<String, Role>,
    positive: Option<String>,
    classes: Option<Vec<String>>,
    columns: IndexMap<String, Texts>,
}

fn table(columns: Vec<(String, Texts)>) -> Table {
    let schema = Schema::new(columns.iter().map(|(n, _)| Column::new(n, Kind::Text)).collect()).unwrap();
    let arrays = columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef);
    Table::new(Batch::new(Arc::new(schema), arrays.collect()).unwrap())
}

fn plan(table: &Table, target: Option<&str>) -> InferredSchema {
    let mut recipe = Recipe::default();
    recipe.data.target = target.map(String::from);
    infer(table, &recipe, &Context::default()).unwrap()
}

fn stored(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inference").join(name)).unwrap()
}

/// One of the examples; none of them quotes a cell.
fn example(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{name}/{name}.csv"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let mut columns: Vec<(String, Texts)> =
        lines.next().unwrap().split(',').map(|n| (n.to_string(), vec![])).collect();
    for line in lines {
        line.split(',').zip(&mut columns).for_each(|(cell, column)| column.1.push(Some(cell.to_string())));
    }
    table(columns)
}

#[test]
fn columns_are_what_a_reader_says() {
    let cases: Vec<ColumnCase> = serde_json::from_str(&stored("columns.json")).unwrap();
    let n = cases.len();
    let mut wrong = Vec::new();
    for case in cases {
        let found = plan(&table(vec![(case.name.clone(), case.values)]), None).columns.remove(0);
        let kind = case.kind.is_none_or(|kind| kind == found.kind);
        if !kind || found.role != case.role || !found.why.contains(&case.why) {
            wrong.push(format!(
                "{:<16} wanted {:>9} {:>8?} '{}'\n{:<16} found  {:>9} {:>8?} '{}'",
                case.name,
                case.kind.map_or("any", Kind::word),
                case.role,
                case.why,
                "",
                found.kind.word(),
                found.role,
                found.why
            ));
        }
    }
    println!("{} of {n} columns as expected\n{}", n - wrong.len(), wrong.join("\n"));
    assert!((n - wrong.len()) as f64 >= WANTED * n as f64, "{}", wrong.join("\n"));
}

#[test]
fn tables_are_what_a_reader_says() {
    let cases: Vec<TableCase> = serde_json::from_str(&stored("tables.json")).unwrap();
    let n = cases.len();
    let mut wrong = Vec::new();
    for case in cases {
        let plan = plan(&table(case.columns.into_iter().collect()), Some(&case.target));
        let mut leaks: Vec<Vec<String>> = plan.leaks.iter().map(|l| l.columns.clone()).collect();
        leaks.iter_mut().for_each(|l| l.sort());
        let mut faults = Vec::new();
        if plan.task != Some(case.task) {
            faults.push(format!("task {:?}: {}", plan.task, plan.why_task));
        }
        if leaks != case.leaks {
            faults.push(format!("leaks {:?}", plan.leaks));
        }
        if case.positive.is_some() && plan.positive != case.positive {
            faults.push(format!("positive {:?}", plan.positive));
        }
        if case.classes.is_some_and(|classes| classes != plan.classes) {
            faults.push(format!("classes {:?}", plan.classes));
        }
        for (name, kind) in &case.kinds {
            let found = plan.column(name).unwrap();
            if found.kind != *kind {
                faults.push(format!("'{name}' {}: {}", found.kind.word(), found.why));
            }
        }
        for (name, role) in &case.roles {
            let found = plan.column(name).unwrap();
            if found.role != *role {
                faults.push(format!("'{name}' {:?}: {}", found.role, found.why));
            }
        }
        if !faults.is_empty() {
            wrong.push(format!("{}: {}", case.name, faults.join("; ")));
        }
    }
    println!("{} of {n} tables as expected\n{}", n - wrong.len(), wrong.join("\n"));
    assert!((n - wrong.len()) as f64 >= WANTED * n as f64, "{}", wrong.join("\n"));
}

#[test]
fn real_tables_leak_nothing() {
    for (name, task, classes) in [
        ("iris", Task::Multiclass, vec!["setosa", "versicolor", "virginica"]),
        ("wine", Task::Multiclass, vec!["class_0", "class_1", "class_2"]),
        ("breast_cancer", Task::Binary, vec!["benign", "malignant"]),
    ] {
        let plan = plan(&example(name), Some("target"));
        assert_eq!(plan.leaks, vec![], "{name}");
        assert_eq!(plan.task, Some(task), "{name}");
        assert_eq!(plan.classes, classes, "{name}");
        let others = plan.columns.iter().filter(|c| c.role != Role::Target);
        for column in others {
            assert_eq!((column.kind, column.role), (Kind::Number, Role::Feature), "{name}: {column:?}");
        }
    }
}

#[test]
fn bikers_are_casual_and_registered() {
    let plan = plan(&example("bikeshare"), Some("bikers"));
    assert_eq!(plan.task, Some(Task::Regression));
    let how: Vec<&str> = plan.leaks.iter().map(|l| l.how.as_str()).collect();
    assert_eq!(how, ["bikers = casual + registered"]);
    assert_eq!(plan.leaks[0].columns, ["casual", "registered"]);
    assert!(plan.leaks[0].exact);
    let kind = |name: &str| plan.column(name).unwrap().kind;
    assert_eq!(kind("time"), Kind::Time);
    assert_eq!(kind("season"), Kind::Category);
    // Only 0 and 1 in these rows; another value tomorrow is a number, too.
    assert_eq!(kind("holiday"), Kind::Number);
    assert_eq!(kind("windspeed"), Kind::Number);
}

#[test]
fn penguins_are_read_as_they_are() {
    let plan = plan(&example("penguins"), Some("species"));
    assert_eq!(plan.leaks, vec![]);
    assert_eq!(plan.classes, ["Adelie", "Chinstrap", "Gentoo"]);
    let kinds: Vec<&str> = plan.columns.iter().map(|c| c.kind.word()).collect();
    assert_eq!(kinds, ["category", "category", "number", "number", "number", "number", "category", "number"]);
}

fn places(names: [&str; 2], rows: &[(&str, &str)], recipe: &Recipe) -> (InferredSchema, Vec<String>) {
    let schema = names.map(|name| Column::new(name, Kind::Text)).to_vec();
    let (x, y): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
    let arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from(x)), Arc::new(StringArray::from(y))];
    let table = Table::new(Batch::new(Arc::new(Schema::new(schema).unwrap()), arrays).unwrap());
    let plan = infer(&table, recipe, &Context::default()).unwrap();
    let notes = plan.notes.iter().map(|note| format!("{}: {}", note.code, note.message)).collect();
    (plan, notes)
}

#[test]
fn places_are_found_by_name_and_range() {
    let berlin = [("13.41", "52.52"), ("13.38", "52.51"), ("13.45", "52.49"), ("13.29", "52.57")];
    let recipe = Recipe::default();
    let (plan, notes) = places(["pickup_lng", "pickup_lat"], &berlin, &recipe);
    assert_eq!(plan.place(), Some((vec!["pickup_lng", "pickup_lat"], true)));
    assert!(notes.is_empty(), "{notes:?}");
    // Nothing says where these are.
    assert_eq!(places(["height", "width"], &berlin, &recipe).0.place(), None);
    let told = Recipe {
        data: tidemill_core::recipe::Data {
            point: Some(vec!["height".into(), "width".into()]),
            ..Default::default()
        },
        ..Recipe::default()
    };
    assert_eq!(places(["height", "width"], &berlin, &told).0.place(), Some((vec!["height", "width"], true)));
}

#[test]
fn coordinates_that_cannot_be_are_named_by_row() {
    let recipe = Recipe::default();
    let mut rows = vec![("121.4", "31.2"), ("121.5", "31.3"), ("121.6", "31.1"), ("121.7", "31.4")];
    rows.push(("31.25", "121.9"));
    let (plan, notes) = places(["lon", "lat"], &rows, &recipe);
    assert_eq!(plan.place(), Some((vec!["lon", "lat"], true)));
    assert!(
        notes.iter().any(|n| n.contains("swapped in 1 of 5 rows") && n.contains("row 5 has lon = 31.25")),
        "{notes:?}"
    );
    let turned: Vec<_> = rows[..4].iter().map(|(a, b)| (*b, *a)).collect();
    let (plan, notes) = places(["lon", "lat"], &turned, &recipe);
    assert_eq!(plan.place(), Some((vec!["lat", "lon"], true)));
    assert!(notes.iter().any(|n| n.contains("read the other way round")), "{notes:?}");
    rows[4] = ("356000.5", "3450000.25");
    let (_, notes) = places(["lon", "lat"], &rows, &recipe);
    assert!(
        notes.iter().any(|n| n.contains("two coordinate systems are mixed") && n.contains("row 5")),
        "{notes:?}"
    );
    let plane = [("907.5", "534.1"), ("922.5", "574.2"), ("920.1", "581.3")];
    let (plan, notes) = places(["lon", "lat"], &plane, &recipe);
    assert_eq!(plan.place(), Some((vec!["lon", "lat"], false)));
    assert!(notes.iter().any(|n| n.contains("claim to be degrees") && n.contains("row 1")), "{notes:?}");
}

#[test]
fn what_a_step_names_is_used_even_where_it_is_constant() {
    let texts = |of: &dyn Fn(usize) -> String| (0..40).map(|i| Some(of(i))).collect::<Texts>();
    let rows = table(vec![
        ("qw".into(), texts(&|i| format!("{:.3}", (i as f64 / 7.0).cos()))),
        ("qx".into(), texts(&|_| "0.0".into())),
        ("qz".into(), texts(&|_| "0.0".into())),
        ("same".into(), texts(&|_| "0.0".into())),
    ]);
    let step = Spec::new("track_features")
        .with("pose", serde_json::json!(["qw", "qx", "qy", "qz"]))
        .with("columns", "all");
    let recipe = Recipe { steps: vec![step], ..Recipe::default() };
    let plan = infer(&rows, &recipe, &Context::default()).unwrap();
    let role = |name: &str| (plan.column(name).unwrap().role, plan.column(name).unwrap().kind);
    assert_eq!(role("qx"), (Role::Feature, Kind::Number));
    assert_eq!(role("qz"), (Role::Feature, Kind::Number));
    assert_eq!(role("same").0, Role::Ignore);
}
