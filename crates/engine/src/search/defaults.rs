//! The learners that are compared if a recipe names none.

use serde_json::{Value, json};
use tidemill_core::Registry;
use tidemill_core::recipe::{Spec, Task};

use crate::forecast::HISTORY;

/// What is known of a table before any learner is tried.
#[derive(Clone, Debug)]
pub struct Size {
    /// Training rows.
    pub rows: usize,
    /// Feature columns.
    pub columns: usize,
    /// Whether each of them says one thing: a number, a flag, a name or a timestamp.
    pub plain: bool,
    /// Those of them that are texts.
    pub texts: usize,
    /// Classes; 0 for a number.
    pub classes: usize,
    /// Whether a column holds images.
    pub pictures: bool,
    /// Of images, the parameters of a net that is as large as the budget allows.
    pub net: Value,
    /// Of a forecast, the columns that say what was of late, in the units of the target.
    pub past: Vec<String>,
    /// Of a forecast, how many series there are.
    pub series: usize,
}

/// From so many rows on, boosted trees are the strongest learner of most tables; of fewer, a linear one.
const MANY_ROWS: usize = 2_000;

/// A learner in the default list.
#[derive(Clone)]
struct Default {
    /// The learner, and the parameters that the search leaves alone.
    spec: Spec,
    /// Of its remaining settings, so many are tried (and never more than `trials`).
    settings: usize,
}

fn some(kind: &str, params: Value, settings: usize) -> Default {
    let mut spec = Spec::new(kind);
    if let Value::Object(params) = params {
        spec.params = params;
    }
    Default { spec, settings }
}

/// The learners to compare, each with how many of its settings: those that this build has.
///
/// The linear family is cheap and hard to beat on few rows; boosted trees win on most others, in one of the shapes below;
/// forests and extra trees err elsewhere than both, which is what a blend lives on. Learners whose work grows with the square
/// of the rows are for small tables. Where there is nothing but texts, whose terms are many and each says a little, the
/// linear family is alone. Where something is forecast, trees learn it as a share of the recent level, too: they know no answer
/// beyond those they have seen, and what is forecast grows and falls. Nets take part on plain tables of some
/// thousands of rows, where smooth answers are theirs, and on images.
///
/// They come in the order of what they are worth for tables of this sort: a budget is spent from the first on.
pub fn learners(task: Task, size: &Size, trials: usize, registry: &Registry) -> Vec<(Spec, usize)> {
    let mut list = if size.texts > 0 && size.texts == size.columns {
        of_texts(task)
    } else if size.pictures {
        of_pictures(task, size)
    } else if size.texts > 0 {
        of_texts_and_columns(task, size)
    } else if !size.past.is_empty() {
        of_past(size)
    } else {
        of_columns(task, size)
    };
    list.retain(|d| registry.entry(&d.spec.kind).is_ok());
    list.into_iter().map(|d| (d.spec, d.settings.min(trials))).collect()
}

/// Where rows are tied to each other: what asks their neighbours, before all others.
pub fn of_graphs(trials: usize, registry: &Registry) -> Vec<(Spec, usize)> {
    let list = [some("label_propagation", json!({}), 3), some("graph_net", json!({}), 4)];
    let known = list.into_iter().filter(|d| registry.entry(&d.spec.kind).is_ok());
    known.map(|d| (d.spec, d.settings.min(trials))).collect()
}

fn of_columns(task: Task, size: &Size) -> Vec<Default> {
    let (mut list, other) = match size.rows < MANY_ROWS {
        true => (linear(task), boosted(size)),
        false => (boosted(size), linear(task)),
    };
    list.extend(other);
    list.extend(forests(size));
    if size.rows <= 20_000 {
        list.extend(by_distance(task, size));
    }
    // Of a plain table of this size, a net learns in about the time of a forest, and errs elsewhere than trees and linear learners.
    // Of fewer rows, the tenth that is set aside to stop by is mostly chance; what reads texts and series would cost minutes.
    if size.plain && (1_000..=20_000).contains(&size.rows) {
        list.push(some("neural_net", json!({}), 1));
    }
    list
}

fn of_past(size: &Size) -> Vec<Default> {
    // Beside the methods for single series, few: each costs more than all of those.
    let mut list = vec![some("ridge", json!({}), 3)];
    list.extend(relative(size).into_iter().skip(1).take(1));
    list.extend(boosted(size).into_iter().skip(1));
    list
}

fn of_texts(task: Task) -> Vec<Default> {
    if task == Task::Regression {
        return vec![some("ridge", json!({}), usize::MAX)];
    }
    // Of tens of thousands of terms, a fit costs seconds: few settings, about those that are good on such tables, and no more digits
    // than scikit-learn's default asks for.
    // The machines stop where LIBLINEAR's own default would, and a little later: beside terms of length 1, a column of numbers makes
    // each further digit cost hundreds of passes.
    let machine = |c: f64| some("linear_svm", json!({ "c": c, "tol": 0.01 }), 1);
    vec![
        some("logistic", json!({ "c": 10.0, "tol": 1e-4 }), 1),
        machine(0.3),
        machine(1.0),
        some("complement_nb", json!({}), 2),
    ]
}

/// Where texts stand beside other columns, linear learners read the weights of terms and the numbers side by side; trees and
/// forests get the leading directions of the terms. What compares rows has nothing to compare in either.
fn of_texts_and_columns(task: Task, size: &Size) -> Vec<Default> {
    let mut list = of_texts(task);
    list.retain(|d| d.spec.kind != "complement_nb");
    if task == Task::Regression {
        list[0].settings = 3;
    } else {
        list.push(some("logistic", json!({ "c": 1.0, "tol": 1e-4 }), 1));
    }
    list.extend(boosted(size).into_iter().take(1));
    list.extend(forests(size).into_iter().take(1));
    list
}

/// Of images, a convolutional net sized by them first; then what is cheap on pixels: a machine with a kernel, a linear learner, a
/// forest. Boosted trees over thousands of pixels cost minutes and lose to all of them.
fn of_pictures(task: Task, size: &Size) -> Vec<Default> {
    let mut list = vec![some("neural_net", size.net.clone(), 1)];
    if size.rows <= 10_000 {
        list.push(some("svm", json!({ "c": 10.0 }), 1));
    }
    list.push(some(if task == Task::Regression { "ridge" } else { "logistic" }, json!({}), 2));
    list.extend(forests(size).into_iter().take(1));
    list
}

fn linear(task: Task) -> Vec<Default> {
    match task {
        Task::Regression | Task::Masks => vec![
            some("ridge", json!({}), usize::MAX),
            some("elastic_net", json!({}), usize::MAX),
            some("lasso", json!({}), usize::MAX),
        ],
        Task::Binary => vec![
            some("logistic", json!({}), usize::MAX),
            some("logistic", json!({ "penalty": "l1" }), usize::MAX),
        ],
        // Of many classes, a sparse fit costs twenty times a smooth one.
        Task::Multiclass | Task::Policy => {
            vec![some("logistic", json!({}), usize::MAX), some("logistic", json!({ "penalty": "l1" }), 4)]
        }
    }
}

/// Shapes of boosted trees that are good on different tables: many small steps of small trees, each from half of the rows, where rows
/// are few or noisy, large trees where there are many rows.
fn boosted(size: &Size) -> Vec<Default> {
    let shape = |params| some("boosted_trees", params, 1);
    if !size.past.is_empty() {
        // The same timestamp is forecast from several origins, so rows held back by chance would never say stop.
        let fixed = |leaves: usize| {
            shape(
                json!({ "learning_rate": 0.06, "max_leaves": leaves, "min_samples_leaf": 20, "max_features": 0.8, "n_trees": 250, "early_stopping": 0 }),
            )
        };
        return vec![fixed(31), fixed(8)];
    }
    let rate = if size.rows > 100_000 { 0.1 } else { 0.05 };
    // A tree that may not see some of few columns misses what they say only together.
    let seen = if size.columns <= 20 { 1.0 } else { 0.8 };
    let large = shape(
        json!({ "learning_rate": rate, "max_leaves": 31, "min_samples_leaf": 20, "max_features": seen, "n_trees": 1000 }),
    );
    if size.rows <= 5_000 {
        // Of many classes each step costs a tree per class.
        let (rate, most) = if size.classes <= 2 { (0.03, 3000) } else { (rate, 1000) };
        let small = |leaves: usize, least: usize| {
            shape(
                json!({ "learning_rate": rate, "max_leaves": leaves, "min_samples_leaf": least, "max_features": 0.8, "subsample": 0.5, "n_trees": most }),
            )
        };
        return vec![large, small(6, 5), small(15, 10)];
    }
    let other = |leaves: usize| {
        shape(
            json!({ "learning_rate": rate, "max_leaves": leaves, "min_samples_leaf": 10, "max_features": 0.5, "subsample": 0.8, "n_trees": 1000 }),
        )
    };
    vec![large, other(8), other(127)]
}

/// Trees that forecast a share of the level (of the last season, or of all that is looked back at), from the past as it is or as
/// shares of the level too.
fn relative(size: &Size) -> Vec<Default> {
    let relative = |level: &str, also: &[String], Default { spec, .. }: Default| {
        let mut learner = spec.params;
        learner.insert("kind".into(), spec.kind.into());
        let to = format!("{HISTORY}_{level}");
        let also: Vec<&String> = also.iter().filter(|name| **name != to).collect();
        some("relative", json!({ "to": to, "also": also, "learner": learner }), 1)
    };
    let (trees, forest) = (boosted(size).swap_remove(0), forests(size).swap_remove(0));
    let of_level = |level| {
        [
            relative(level, &[], trees.clone()),
            relative(level, &size.past, trees.clone()),
            relative(level, &size.past, forest.clone()),
        ]
    };
    ["mean", "level"].into_iter().flat_map(of_level).collect()
}

fn forests(size: &Size) -> Vec<Default> {
    // Large tables need fewer trees (each has seen much) and larger leaves (or the model is as large as the table).
    let (n_trees, leaves) = match size.rows {
        0..5_000 => (200, 1),
        5_000..100_000 => (150, 2),
        _ => (60, 5),
    };
    let mut list = Vec::new();
    for kind in ["extra_trees", "random_forest"] {
        list.push(some(kind, json!({ "n_trees": n_trees, "min_samples_leaf": leaves }), 1));
        if size.rows <= 20_000 {
            list.push(some(
                kind,
                json!({ "n_trees": n_trees, "min_samples_leaf": 5, "max_features": 0.5 }),
                1,
            ));
        }
    }
    list
}

/// Learners that compare rows with each other, and the simplest of all.
fn by_distance(task: Task, size: &Size) -> Vec<Default> {
    let mut list = vec![some("k_neighbors", json!({}), 3)];
    if size.rows <= 3_000 {
        list.push(some("svm", json!({}), 4));
    }
    if task.is_classes() {
        list.push(some("gaussian_nb", json!({}), 1));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: usize, columns: usize, plain: bool) -> Vec<Spec> {
        let size = Size {
            rows,
            columns,
            plain,
            texts: 0,
            classes: 2,
            pictures: false,
            net: Value::Null,
            past: Vec::new(),
            series: 0,
        };
        learners(Task::Binary, &size, 3, &crate::builtin::registry())
            .into_iter()
            .map(|(spec, _)| spec)
            .collect()
    }

    #[test]
    #[cfg(feature = "neural")]
    fn nets_take_part_where_they_cost_little_and_can_be_stopped() {
        let with_net = |rows, plain| of(rows, 8, plain).iter().any(|spec| spec.kind == "neural_net");
        assert!(with_net(1_000, true) && with_net(20_000, true));
        assert!(!with_net(999, true) && !with_net(20_001, true) && !with_net(5_000, false));
    }

    #[test]
    fn large_trees_see_all_of_few_columns() {
        let seen = |columns| {
            let list = of(3_000, columns, true);
            let large = list.iter().find(|spec| spec.params.get("max_leaves") == Some(&json!(31)));
            large.and_then(|spec| spec.params.get("max_features").cloned())
        };
        assert_eq!((seen(20), seen(21)), (Some(json!(1.0)), Some(json!(0.8))));
    }
}
