//! LIME and Kernel SHAP by the verb, on models whose answers are known.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use tidemill_core::{Batch, Column, Context, Kind, Schema, Source, Table};
use tidemill_engine::builtin;
use tidemill_engine::explain::{self, Asked, Explained, LimeSettings, Method};
use tidemill_engine::import::{self, import};
use tidemill_engine::model::{self, Opened};
use tidemill_engine::report::words::EN;
use tidemill_engine::report::{page, text};
use tidemill_kernel::Random;

fn context(seed: u64, threads: usize) -> Context {
    Context::new(seed, threads, Arc::new(builtin::registry()))
}

/// A model of three columns, `a` and `b` from -1 to 1 and `c` red or blue, with one tree of these lines.
fn opened(tree: &str) -> Opened {
    let text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=2\nobjective=regression\n\
         feature_names=a b c\nfeature_infos=[-1:1] [-1:1] 0:1\ntree_sizes=1\n\nTree=0\n{tree}\nend of trees\n\n\
         pandas_categorical:[[\"blue\", \"red\"]]\n"
    );
    let taken = import(text.as_bytes(), "model.txt", &import::Asked::default(), &context(0, 1)).unwrap();
    model::of_package(taken.package(String::new()).unwrap(), &context(0, 1)).unwrap()
}

/// 3 where `c` is red, else 1.
const BY_COLOUR: &str = "num_leaves=2\nnum_cat=1\nsplit_feature=2\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\n\
                         leaf_value=3 1\nleaf_count=50 50\ncat_boundaries=0 1\ncat_threshold=2";
/// 1 where `a` and `b` have the same sign, else 0: no line says that.
const BY_PRODUCT: &str = "num_leaves=4\nnum_cat=0\nsplit_feature=0 1 1\nthreshold=0 0 0\ndecision_type=2 2 2\nleft_child=1 -1 -3\n\
                          right_child=2 -2 -4\nleaf_value=1 0 0 1\nleaf_count=25 25 25 25";

fn rows(n: usize) -> Table {
    let mut random = Random::new(5, 0);
    let mut numbers =
        || Float64Array::from_iter_values((0..n).map(|_| 2.0 * random.unit() - 1.0).collect::<Vec<_>>());
    let colours = StringArray::from_iter_values((0..n).map(|i| if i % 2 == 0 { "red" } else { "blue" }));
    let arrays: Vec<ArrayRef> = vec![Arc::new(numbers()), Arc::new(numbers()), Arc::new(colours)];
    let columns = vec![Column::number("a"), Column::number("b"), Column::new("c", Kind::Text)];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn explained(opened: &Opened, rows: &dyn Source, asked: &Asked, context: &Context) -> Explained {
    explain::explain(opened, rows, None, asked, context).unwrap()
}

fn lime(rows: &[u64], lime: LimeSettings) -> Asked {
    Asked { rows: rows.to_vec(), method: Some(Method::Lime), lime, ..Asked::default() }
}

fn of_column(found: &Explained, row: usize, column: &str) -> (f64, f64) {
    let at = found.columns.iter().position(|name| name == column).unwrap();
    (found.rows[row].values[0][at], found.rows[row].errors[0][at])
}

#[test]
fn lime_finds_the_column_that_a_model_goes_by() {
    let found =
        explained(&opened(BY_COLOUR), &rows(200), &lime(&[1, 2], LimeSettings::default()), &context(0, 1));
    for (row, wanted) in [(0, 2.0), (1, -2.0)] {
        let (value, spread) = of_column(&found, row, "c");
        // The penalty of LIME's ridge regression takes a little off.
        assert!((value - wanted).abs() < 0.01 && spread < 0.01, "{value} ± {spread}");
        assert!(of_column(&found, row, "a").0.abs() < 0.01);
        let fit = found.rows[row].local[0];
        assert!(
            fit.r2 > 0.999 && !fit.is_unfaithful() && (fit.local_answer - fit.answer).abs() < 0.01,
            "{fit:?}"
        );
        assert_eq!(fit.answer, if row == 0 { 3.0 } else { 1.0 });
    }
    let told = text::explanation(&EN, &found);
    assert!(told.contains("Fidelity") && told.contains("c = red") && !told.contains("WARNING"), "{told}");
}

#[test]
fn lime_warns_instead_of_showing_what_is_not_faithful() {
    let found = explained(
        &opened(BY_PRODUCT),
        &rows(200),
        &lime(&[1, 2, 3], LimeSettings::default()),
        &context(0, 1),
    );
    assert!(found.rows.iter().all(|row| row.local[0].is_unfaithful()), "{:?}", found.rows[0].local);
    let told = text::explanation(&EN, &found);
    assert!(told.contains("WARNING: 3 of 3 are below 0.5"), "{told}");
    assert!(told.contains("not faithful") && !told.contains("elsewhere") && !told.contains('#'), "{told}");
}

#[test]
fn lime_gives_the_same_bytes_for_the_same_seed_whatever_the_threads() {
    let (opened, rows) = (opened(BY_PRODUCT), rows(100));
    let settings = LimeSettings { n_samples: 500, ..LimeSettings::default() };
    let told = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| explained(&opened, &rows, &lime(&[], settings), &context(seed, threads)));
        let mut text = String::new();
        for row in &found.rows {
            write!(text, "{:?}{:?}{:?}", row.values, row.errors, row.local).unwrap();
        }
        text
    };
    assert_eq!(told(1, 1), told(1, 3));
    assert_ne!(told(1, 1), told(2, 1));
}

#[test]
fn kernel_shap_and_permutation_shap_agree_where_both_are_exact() {
    let (opened, rows) = (opened(BY_PRODUCT), rows(60));
    let of = |method: Method| {
        let asked = Asked { rows: vec![1, 2, 3], method: Some(method), ..Asked::default() };
        explained(&opened, &rows, &asked, &context(0, 1))
    };
    let (kernel, permutation) = (of(Method::KernelShap), of(Method::PermutationShap));
    for row in 0..3 {
        for column in ["a", "b", "c"] {
            let (a, b) = (of_column(&kernel, row, column).0, of_column(&permutation, row, column).0);
            assert!((a - b).abs() < 1e-9, "row {row}, {column}: {a} and {b}");
        }
        let sum: f64 = kernel.base[0] + kernel.rows[row].values[0].iter().sum::<f64>();
        assert!((sum - kernel.rows[row].prediction.as_f64().unwrap()).abs() < 1e-9);
    }
}

/// Kernel SHAP of few columns is exact, and so is interventional TreeSHAP: of the same trees and the same background they are one.
#[test]
fn kernel_shap_of_trees_is_interventional_tree_shap() {
    let (rows, background) = (rows(30), rows(20));
    for tree in [BY_PRODUCT, BY_COLOUR] {
        let of = |method: Method| {
            let asked = Asked { method: Some(method), ..Asked::default() };
            explain::explain(&opened(tree), &rows, Some(&background), &asked, &context(0, 1)).unwrap()
        };
        let (kernel, exact) = (of(Method::KernelShap), of(Method::InterventionalTreeShap));
        for row in 0..30 {
            for column in ["a", "b", "c"] {
                let at = exact.columns.iter().position(|name| name == column).unwrap();
                let (found, wanted) = (of_column(&kernel, row, column).0, exact.rows[row].values[0][at]);
                assert!((found - wanted).abs() < 1e-9, "row {row}, {column}: {found} and {wanted}");
            }
        }
    }
}

/// What must hold of the values of any explainer that divides an answer: they sum to it, columns that do the same get the same, a column that
/// the model does not read gets nothing, and the same seed gives the same bytes on any number of threads.
#[test]
fn explainers_are_fair_and_repeat_themselves() {
    let mut random = Random::new(6, 0);
    let x: Vec<f64> = (0..50).map(|_| 2.0 * random.unit() - 1.0).collect();
    let numbers = || Arc::new(Float64Array::from_iter_values(x.iter().copied())) as ArrayRef;
    let colours = StringArray::from_iter_values((0..50).map(|i| if i % 3 == 0 { "red" } else { "blue" }));
    let columns = vec![Column::number("a"), Column::number("b"), Column::new("c", Kind::Text)];
    let arrays = vec![numbers(), numbers(), Arc::new(colours) as ArrayRef];
    let twins = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
    let opened = opened(BY_PRODUCT);
    for method in [
        Method::TreeShap,
        Method::InterventionalTreeShap,
        Method::InterventionalShap,
        Method::PermutationShap,
        Method::KernelShap,
        Method::PartitionShap,
    ] {
        let asked = Asked { method: Some(method), ..Asked::default() };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| explained(&opened, &twins, &asked, &context(4, threads)))
        };
        let (found, again) = (on(1), on(3));
        let at = ["a", "b", "c"].map(|name| found.columns.iter().position(|other| other == name).unwrap());
        for (row, same) in found.rows.iter().zip(&again.rows) {
            assert_eq!(format!("{:?}", row.values), format!("{:?}", same.values), "{method:?}");
            let [a, b, c] = at.map(|at| row.values[0][at]);
            let answer = row.prediction.as_f64().unwrap();
            assert!((found.base[0] + a + b + c - answer).abs() < 1e-9, "{method:?}: {a}, {b}, {c}");
            assert!((a - b).abs() < 1e-9 && c == 0.0, "{method:?}: {a}, {b}, {c}");
        }
    }
}

/// Where two columns decide together, neither says anything alone but for what its sign happens to say in training.
#[test]
fn pairs_of_columns_are_told_and_sum_to_their_values() {
    let (opened, rows) = (opened(BY_PRODUCT), rows(60));
    let asked = Asked { interactions: true, ..Asked::default() };
    let found = explained(&opened, &rows, &asked, &context(0, 1));
    let pairs = found.interactions.as_ref().unwrap();
    let [first, second] = &pairs.pairs[0].columns;
    assert!(
        pairs.pairs.len() == 1
            && [first.as_str(), second.as_str()].iter().all(|name| ["a", "b"].contains(name))
    );
    // Half of the rows are 1 and half are 0, of which no single column says anything: the pair says all of it.
    assert!((pairs.pairs[0].mean_absolute - 0.5).abs() < 1e-9, "{pairs:?}");
    for row in &found.rows {
        for (value, cells) in row.values[0].iter().zip(row.interactions[0].chunks(3)) {
            assert!((value - cells.iter().sum::<f64>()).abs() < 1e-9, "{row:?}");
        }
    }
    let told = text::explanation(&EN, &found);
    assert!(told.contains("beyond what each adds by itself") && told.contains(" × "), "{told}");
    let page = page::explained(&EN, &found, "rows.csv");
    assert!(
        page.contains("What two columns add together") && page.contains("add most: 0.5"),
        "no map of pairs"
    );
    let alone = explained(&self::opened(BY_COLOUR), &rows, &asked, &context(0, 1));
    assert!(text::explanation(&EN, &alone).contains("No two columns add anything together"));
    let sampled = Asked { interactions: true, method: Some(Method::KernelShap), ..Asked::default() };
    let refused = explain::explain(&opened, &rows, None, &sampled, &context(0, 1)).unwrap_err().to_string();
    assert!(refused.contains("tree_shap alone"), "{refused}");
}

/// Columns that go together are said first, and a background that does not suit is called by its name.
#[test]
fn what_an_explanation_is_not_good_for_is_said_first() {
    let mut random = Random::new(6, 0);
    let x: Vec<f64> = (0..50).map(|_| 2.0 * random.unit() - 1.0).collect();
    let table = |n: usize, names: [&str; 3]| {
        let a = Float64Array::from_iter_values(x[..n].iter().copied());
        let b = Float64Array::from_iter_values(x[..n].iter().map(|x| -2.0 * x));
        let c = StringArray::from_iter_values((0..n).map(|_| "red"));
        let columns =
            vec![Column::number(names[0]), Column::number(names[1]), Column::new(names[2], Kind::Text)];
        let arrays: Vec<ArrayRef> = vec![Arc::new(a), Arc::new(b), Arc::new(c)];
        Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
    };
    let (opened, rows) = (opened(BY_PRODUCT), table(50, ["a", "b", "c"]));
    let told = |method: Method, background: &dyn Source| {
        let asked = Asked { rows: vec![1, 2], method: Some(method), ..Asked::default() };
        let found = explain::explain(&opened, &rows, Some(background), &asked, &context(0, 1));
        found.map(|found| text::explanation(&EN, &found))
    };
    let together = "“a” and “b” are correlated (rank correlation -1";
    assert!(told(Method::KernelShap, &rows).unwrap().starts_with("Before you trust this:\n  “"));
    assert!(told(Method::KernelShap, &rows).unwrap().contains(together));
    assert!(!told(Method::PartitionShap, &rows).unwrap().contains("Before you trust"));
    let few = told(Method::InterventionalTreeShap, &table(5, ["a", "b", "c"])).unwrap();
    assert!(few.contains("The background has only 5 rows"), "{few}");
    assert!(!told(Method::TreeShap, &table(5, ["a", "b", "c"])).unwrap().contains("Before you trust"));
    let other = told(Method::KernelShap, &table(20, ["a", "d", "c"])).unwrap_err().to_string();
    assert!(other.contains("'b' is missing from the background"), "{other}");
    let none = told(Method::KernelShap, &table(0, ["a", "b", "c"])).unwrap_err().to_string();
    assert_eq!(none, "the background has no rows");
}

/// What partition SHAP gives sums to the answer; two columns are one pair, and then Owen values are Shapley values.
#[test]
fn owen_values_sum_to_the_answer_and_an_unused_column_gets_nothing() {
    let (opened, rows) = (opened(BY_COLOUR), rows(60));
    let asked = Asked { rows: vec![1, 2], method: Some(Method::PartitionShap), ..Asked::default() };
    let found = explained(&opened, &rows, &asked, &context(0, 1));
    for row in &found.rows {
        let sum: f64 = found.base[0] + row.values[0].iter().sum::<f64>();
        assert!((sum - row.prediction.as_f64().unwrap()).abs() < 1e-9);
        assert_eq!(found.columns[0], "c");
        assert!(row.values[0][1..].iter().all(|value| *value == 0.0) && row.errors.is_empty());
    }
}

/// Where one column decides, taking it away moves the answer at once, and giving it does as well.
#[test]
fn an_explanation_is_judged_by_taking_columns_away() {
    let (opened, rows) = (opened(BY_COLOUR), rows(60));
    let judged = |method: Method| {
        // The red rows, whose answer is above the usual one.
        let red = (1..=9).step_by(2).collect();
        let asked = Asked { rows: red, method: Some(method), judge: true, ..Asked::default() };
        explained(&opened, &rows, &asked, &context(0, 1)).judged.unwrap()
    };
    for method in [Method::TreeShap, Method::InterventionalTreeShap, Method::PermutationShap, Method::Lime] {
        let found = judged(method);
        let usual = found.deletion[1];
        assert_eq!((found.n_rows, found.deletion[0]), (5, 3.0));
        assert!(usual < 2.5 && found.deletion[1..].iter().all(|x| (x - usual).abs() < 1e-12), "{found:?}");
        assert!(found.insertion[0] == usual && found.insertion[1..] == [3.0; 3], "{found:?}");
        assert!((found.gain() - 2.0 / 3.0 * (3.0 - usual)).abs() < 1e-12, "{found:?}");
    }
}

#[test]
fn lime_refuses_columns_that_it_cannot_vary_and_nonsense_settings() {
    let none = LimeSettings { n_samples: 1, ..LimeSettings::default() };
    let failed = explain::explain(&opened(BY_COLOUR), &rows(50), None, &lime(&[1], none), &context(0, 1));
    assert!(failed.unwrap_err().to_string().contains("at least 2 samples"));
}

/// More columns than a method can look at together are refused by their number before anything is made of them.
#[test]
fn more_columns_than_a_method_takes_are_refused() {
    let names: Vec<String> = (0..5001).map(|j| format!("c{j}")).collect();
    let text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=5000\nobjective=regression\n\
         feature_names={}\nfeature_infos={}\ntree_sizes=1\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0\n\
         decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 2\nleaf_count=5 5\nend of trees\n\npandas_categorical:[]\n",
        names.join(" "),
        vec!["[-1:1]"; 5001].join(" ")
    );
    let taken = import(text.as_bytes(), "model.txt", &import::Asked::default(), &context(0, 1)).unwrap();
    let opened = model::of_package(taken.package(String::new()).unwrap(), &context(0, 1)).unwrap();
    let array = || Arc::new(Float64Array::from(vec![-0.5, 0.5])) as ArrayRef;
    let columns = names.iter().map(|name| Column::number(name.as_str())).collect();
    let schema = Arc::new(Schema::new(columns).unwrap());
    let rows = Table::new(Batch::new(schema, (0..5001).map(|_| array()).collect()).unwrap());
    for (method, most) in [
        (Method::PermutationShap, "5000 at most"),
        (Method::KernelShap, "2000 at most"),
        (Method::PartitionShap, "2000 at most"),
        (Method::Lime, "2000 at most"),
    ] {
        let asked = Asked { method: Some(method), ..Asked::default() };
        let failed = explain::explain(&opened, &rows, None, &asked, &context(0, 1)).unwrap_err().to_string();
        assert!(failed.contains("5001 columns are too many") && failed.contains(most), "{failed}");
    }
    let found = explained(&opened, &rows, &Asked::default(), &context(0, 1));
    assert_eq!((found.method, found.columns[0].as_str()), (Method::TreeShap, "c0"));
    assert!((found.rows[1].values[0][0] - 0.5).abs() < 1e-12, "{}", found.rows[1].values[0][0]);
}
