//! Other answers, on models whose nearest ones are known and on models that other programs made.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use tidemill_core::recipe::{Changeable, ColumnSpec, Recipe};
use tidemill_core::{Batch, Column, Context, Kind, Role, Schema, Source, Table};
use tidemill_engine::explain::{Counterfactuals, Marked, WhatIf, counterfactuals};
use tidemill_engine::import::{Asked, import};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::report::words::{EN, ZH};
use tidemill_engine::report::{page, text};
use tidemill_engine::{builtin, rows};

fn context(threads: usize) -> Context {
    Context::new(0, threads, Arc::new(builtin::registry()))
}

/// A model of numbers: 3 where `c` is red, and 1 more where `a` is above 0.25.
fn opened() -> Opened {
    let trees = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=2\nobjective=regression\n\
         feature_names=a b c\nfeature_infos=[-1:1] [-1:1] 0:1\ntree_sizes=1 1\n\n\
         Tree=0\nnum_leaves=2\nnum_cat=1\nsplit_feature=2\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\n\
         leaf_value=3 0\nleaf_count=50 50\ncat_boundaries=0 1\ncat_threshold=2\n\n\
         Tree=1\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.25\ndecision_type=2\nleft_child=-1\nright_child=-2\n\
         leaf_value=0 1\nleaf_count=60 40\n\nend of trees\n\npandas_categorical:[[\"blue\", \"red\"]]\n";
    let taken = import(trees.as_bytes(), "model.txt", &Asked::default(), &context(1)).unwrap();
    model::of_package(taken.package(String::new()).unwrap(), &context(1)).unwrap()
}

/// `a` from -1 to 1 in hundredths; every fifth row is red.
fn table() -> Table {
    let a = Float64Array::from_iter_values((0..=200).map(|i| f64::from(i - 100) / 100.0));
    let b = Float64Array::from_iter_values((0..=200).map(|i| f64::from(i * 37 % 200) / 100.0 - 1.0));
    let c = StringArray::from_iter_values((0..=200).map(|i| if i % 5 == 0 { "red" } else { "blue" }));
    let arrays: Vec<ArrayRef> = vec![Arc::new(a), Arc::new(b), Arc::new(c)];
    let columns = vec![Column::number("a"), Column::number("b"), Column::new("c", Kind::Text)];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn wanted(row: u64, wanted: &str) -> WhatIf {
    WhatIf { rows: vec![row], wanted: Some(wanted.into()), columns: Vec::new() }
}

fn found(recipe: &Recipe, asked: &WhatIf) -> Counterfactuals {
    counterfactuals(&opened(), recipe, &table(), None, asked, &context(1)).unwrap()
}

fn refused(recipe: &Recipe, rows: &dyn Source, asked: &WhatIf) -> String {
    let e = counterfactuals(&opened(), recipe, rows, None, asked, &context(1)).unwrap_err();
    format!("{e} | {}", e.remedy().unwrap_or_default())
}

fn marked(marks: &[(&str, Changeable, Option<[f64; 2]>)]) -> Recipe {
    let mut recipe = Recipe::default();
    for (name, way, within) in marks {
        let spec = ColumnSpec { changeable: Some(*way), change_within: *within, ..ColumnSpec::default() };
        recipe.columns.insert((*name).into(), spec);
    }
    recipe
}

#[test]
fn the_nearest_step_over_a_threshold_is_found_to_the_digit() {
    // Row 52: a = -0.49, blue: the model says 0.
    let of = found(&Recipe::default(), &wanted(52, ">= 1"));
    assert_eq!(of.marked, Marked::Nobody);
    let offers = &of.rows[0].offers;
    let sets: Vec<&str> = offers.iter().map(|offer| offer.changes[0].column.as_str()).collect();
    assert_eq!(sets, ["c", "a"], "a category counts 1, the way to 0.26 more: {offers:?}");
    assert_eq!(offers[1].changes[0].to, serde_json::json!(0.26));
    // The median absolute deviation of -1 to 1 in equal steps is a half.
    assert!((offers[1].distance - 0.75 / 0.5).abs() < 0.03, "{}", offers[1].distance);
    assert_eq!((&offers[0].prediction, &offers[1].prediction), (&3.into(), &1.into()));
    // Both together, and nothing less.
    let of = found(&Recipe::default(), &wanted(52, "4..9"));
    let names: Vec<&str> = of.rows[0].offers[0].changes.iter().map(|c| c.column.as_str()).collect();
    assert_eq!((names, of.rows[0].offers.len()), (vec!["a", "c"], 1));
    let said = text::counterfactuals(&EN, &of);
    assert!(said.contains("if “a” were 0.26 instead of -0.49 and “c” were red instead of blue: 4"), "{said}");
    assert!(text::counterfactuals(&ZH, &of).contains("‘c’为 red 而不是 blue"));
    let html = page::counterfactuals(&EN, &of, "rows.csv");
    assert!(html.contains("0.26 instead of -0.49") && html.contains("rows.csv"));
}

#[test]
fn only_what_is_marked_changes_and_only_that_way() {
    let up = marked(&[("a", Changeable::Up, None), ("b", Changeable::Any, None)]);
    let of = found(&up, &wanted(52, ">= 1"));
    assert_eq!((of.marked, of.held.clone()), (Marked::Recipe, vec!["c".to_string()]));
    assert!(of.rows[0].offers.iter().all(|offer| offer.changes.iter().all(|c| c.column != "c")));
    assert_eq!(of.rows[0].offers.len(), 1);
    // Down leads nowhere, and that is said with what was tried.
    let down = marked(&[("a", Changeable::Down, None)]);
    let of = found(&down, &wanted(52, ">= 1"));
    assert!(of.rows[0].offers.is_empty() && of.rows[0].n_asked > 0 && of.rows[0].complete);
    assert!(text::counterfactuals(&EN, &of).contains("No way found: all changes of up to 1 column "));
    // Nor does a range that ends before the threshold.
    let near = marked(&[("a", Changeable::Up, Some([-0.6, 0.2]))]);
    let of = found(&near, &wanted(52, ">= 1"));
    assert!(of.rows[0].offers.is_empty());
    assert_eq!(of.changeable[0].within, Some([-0.6, 0.2]));
    // What is held by the recipe, where nothing is marked.
    let held = marked(&[("c", Changeable::No, None)]);
    assert_eq!(found(&held, &wanted(52, ">= 1")).held, ["c"]);
    // Whoever asks by name is heard before the recipe.
    let asked = WhatIf { columns: vec![("c".into(), Changeable::Any)], ..wanted(52, ">= 1") };
    assert_eq!(found(&up, &asked).rows[0].offers[0].changes[0].column, "c");
}

#[test]
fn a_row_that_has_the_answer_already_is_left_alone() {
    let of = found(&Recipe::default(), &wanted(52, "< 1"));
    assert!(of.rows[0].already && of.rows[0].offers.is_empty() && of.rows[0].n_asked == 0);
    assert!(text::counterfactuals(&EN, &of).contains("wanted answer already"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (plain, rows) = (Recipe::default(), table());
    let of = |column: &str, way| WhatIf { columns: vec![(column.into(), way)], ..wanted(1, ">= 1") };
    assert!(refused(&plain, &rows, &of("d", Changeable::Any)).contains("column 'd' is missing from"));
    let gone = marked(&[("agee", Changeable::Any, None)]);
    assert!(refused(&gone, &rows, &wanted(1, ">= 1")).contains("'agee'"));
    assert!(refused(&plain, &rows, &of("c", Changeable::Up)).contains("no up or down"));
    assert!(refused(&plain, &rows, &wanted(1, "yes")).contains("no range of numbers"));
    let none = WhatIf { rows: vec![1], ..WhatIf::default() };
    assert!(refused(&plain, &rows, &none).contains("--wanted '>= 5'"));
    assert!(refused(&plain, &rows, &wanted(900, ">= 1")).contains("there is no row 900"));
    let all = WhatIf { rows: Vec::new(), ..wanted(1, ">= 1") };
    assert!(refused(&plain, &rows, &all).contains("201 rows"));
    let no = Changeable::No;
    let held = marked(&[("a", no, None), ("b", no, None), ("c", no, None)]);
    assert!(refused(&held, &rows, &wanted(1, ">= 1")).contains("no column that may change"));
}

/// What LightGBM's own models say of the changed rows, written out as a file and read again.
#[test]
fn every_way_leads_where_it_is_said_to_lead() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    for file in ["lightgbm-binary.txt", "lightgbm-multiclass.txt", "xgboost-binary.json"] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let taken = import(&bytes, file, &Asked::default(), &context(1)).unwrap();
        let opened = model::of_package(taken.package(String::new()).unwrap(), &context(1)).unwrap();
        let source = rows::open(&folder.join("rows.csv").to_string_lossy()).unwrap();
        let asked = WhatIf { rows: (1..=24).collect(), ..WhatIf::default() };
        let ask = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let context = context(threads);
            let ask = || counterfactuals(&opened, &Recipe::default(), &*source, None, &asked, &context);
            pool.install(ask).unwrap()
        };
        let of = ask(1);
        assert_eq!(serde_json::to_string(&of).unwrap(), serde_json::to_string(&ask(3)).unwrap(), "{file}");
        let text = std::fs::read_to_string(folder.join("rows.csv")).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let mut written = "a,b,c,k\n".to_string();
        let mut said = Vec::new();
        for row in &of.rows {
            for pair in row.offers.windows(2) {
                assert!(pair[0].changes.len() <= pair[1].changes.len());
            }
            for offer in &row.offers {
                let mut cells: Vec<String> =
                    lines[row.row as usize].iter().map(ToString::to_string).collect();
                for change in &offer.changes {
                    let at = ["a", "b", "c", "k"].iter().position(|name| *name == change.column).unwrap();
                    cells[at] = change.to.as_str().map_or_else(|| change.to.to_string(), String::from);
                }
                written += &(cells.join(",") + "\n");
                assert_ne!(offer.prediction, row.prediction, "{file}");
                said.push((offer.prediction.clone(), offer.probability.unwrap()));
            }
        }
        assert!(said.len() > 40, "{file}: {}", said.len());
        let changed = tempfile::tempdir().unwrap();
        let path = changed.path().join("changed.csv");
        std::fs::write(&path, written).unwrap();
        let again = rows::open(&path.to_string_lossy()).unwrap();
        let answered = opened.model.answer(&*again, &[Role::Prediction, Role::Probability]).unwrap();
        let names = answered.schema().columns()[0].categories().unwrap().clone();
        let (codes, chances) = (answered.codes(0).unwrap(), answered.probabilities(1).unwrap());
        for (i, (class, chance)) in said.iter().enumerate() {
            assert_eq!(names.name(codes.value(i)), class.as_str().unwrap(), "{file}, line {i}");
            let found = chances[i * names.len() + codes.value(i) as usize];
            assert!((found - chance).abs() < 1e-12, "{file}, line {i}: {found} and {chance}");
        }
    }
}
