//! What must be true of trees. `held_out` holds them against other programs.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

mod held_out;
mod tables;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use serde_json::{Value, json};
use tidemill_core::{Batch, Column, Estimator, Fitted, Role, Schema, Table, Training};
use tidemill_learn::trees::losses::{Loss, Squared};
use tidemill_learn::trees::{BoostedTrees, FittedTrees};

use self::tables::{ROWS, TRAIN, Y, answers, context, fit, generated, notes, registry, table, target, unit};

#[test]
fn a_balanced_forest_is_for_classes() {
    let e = fit("balanced_forest", json!({}), &generated("number", true)).err().unwrap();
    assert_eq!(e.code(), "wrong_kind");
}

#[test]
fn monotone_constraints_hold_everywhere() {
    let n = 600;
    let x: Vec<Vec<f64>> = (0..3).map(|j| (0..n).map(|i| unit(j, i)).collect()).collect();
    let noise = |i: usize| 2.0 * (unit(7, i) - 0.5) * (1.0 + unit(2, i));
    let y: Vec<f64> = (0..n).map(|i| unit(0, i) - unit(1, i) + noise(i)).collect();
    for loss in ["squared", "absolute", "quantile", "huber"] {
        let params = json!({ "monotone": { "x0": 1, "x1": -1 }, "min_samples_leaf": 3, "early_stopping": 0,
            "n_trees": 60, "loss": loss });
        let fitted = fit("boosted_trees", params, &table(&x, None, Y::Number(y.clone()), None)).unwrap();
        for (feature, sign) in [(0, 1.0), (1, -1.0)] {
            for i in 0..40 {
                let at = |j: usize, step: usize| match j == feature {
                    true => step as f64 / 100.0,
                    false => unit(j as u64, i),
                };
                let grid: Vec<Vec<f64>> =
                    (0..3).map(|j| (0..=100).map(|step| at(j, step)).collect()).collect();
                let grid = table(&grid, None, Y::Number(vec![0.0; 101]), None);
                let answers = answers(&fitted, grid.batch());
                let rises = answers.windows(2).all(|w| sign * (w[1] - w[0]) >= 0.0);
                assert!(rises, "{loss}: row {i}, feature {feature}: {answers:?}");
            }
        }
    }
}

#[test]
fn a_weight_is_so_many_equal_rows() {
    let n = 300;
    let times: Vec<usize> = (0..n).map(|i| (3.0 * unit(8, i)) as usize).collect();
    let once: Vec<usize> = (0..n).collect();
    let repeated: Vec<usize> = (0..n).flat_map(|i| vec![i; times[i]]).collect();
    let x = |rows: &[usize]| -> Vec<Vec<f64>> {
        (0..3).map(|j| rows.iter().map(|&i| (50.0 * unit(j, i)).floor()).collect()).collect()
    };
    let y = |rows: &[usize]| rows.iter().map(|&i| unit(0, i) * unit(1, i) + 0.3 * unit(9, i)).collect();
    let weights = Some(times.iter().map(|t| *t as f64).collect());
    let params = json!({ "n_trees": 30, "max_leaves": 8, "min_samples_leaf": 1, "early_stopping": 0,
        "subsample": 1.0, "max_features": 1.0 });
    let of_weights = table(&x(&once), None, Y::Number(y(&once)), weights);
    let of_rows = table(&x(&repeated), None, Y::Number(y(&repeated)), None);
    let a = fit("boosted_trees", params.clone(), &of_weights).unwrap();
    let b = fit("boosted_trees", params, &of_rows).unwrap();
    let (a, b) = (answers(&a, of_rows.batch()), answers(&b, of_rows.batch()));
    let apart = a.iter().zip(&b).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs()));
    assert!(apart < 1e-9, "{apart}");
}

#[test]
fn what_is_missing_and_categories_say_something_by_themselves() {
    let n = 400;
    let gap = |i: usize| i % 4 == 1;
    let x = vec![(0..n).map(|i| if gap(i) { f64::NAN } else { unit(0, i) }).collect()];
    let odd: Vec<u32> = (0..n).map(|i| (40.0 * unit(3, i)) as u32).collect();
    let y: Vec<u32> = (0..n).map(|i| u32::from(gap(i) ^ (odd[i] % 2 == 1))).collect();
    let table = table(&x, Some((odd, 40)), Y::Class(y.clone(), &["no", "yes"]), None);
    for kind in ["boosted_trees", "random_forest", "extra_trees"] {
        let params = match kind {
            "boosted_trees" => json!({ "min_samples_leaf": 2, "category_smooth": 0.0, "category_l2": 0.0 }),
            _ => json!({ "max_features": 1.0 }),
        };
        let fitted = fit(kind, params, &table).unwrap();
        let answers = answers(&fitted, table.batch());
        let right = answers.chunks(2).zip(&y).filter(|(p, y)| (p[1] > 0.5) == (**y == 1)).count();
        assert_eq!(right, n, "{kind}");
    }
}

#[test]
fn boosting_watches_no_copies_of_rows_it_learns_from() {
    // A target of pure chance, each row five times: the copies could be learned by heart.
    for n in [300, 3000] {
        let x: Vec<Vec<f64>> = (0..4).map(|j| (0..n).map(|i| unit(j, i / 5)).collect()).collect();
        let y: Vec<f64> = (0..n).map(|i| unit(9, i / 5)).collect();
        let plain = table(&x, None, Y::Number(y), None);
        let mut columns = plain.batch().schema().columns().to_vec();
        columns.push(Column::number("(block)").with_role(Role::Block));
        let blocks: ArrayRef = Arc::new(Float64Array::from_iter_values((0..n).map(|i| (i / 5) as f64)));
        let arrays = [plain.batch().columns(), &[blocks]].concat();
        let marked = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
        let n_trees = |table: &Table| {
            notes(&fit("boosted_trees", json!({}), table).unwrap())["trees"].as_u64().unwrap()
        };
        assert!(n_trees(&marked) <= 12, "{} rows, {} trees", n, n_trees(&marked));
        assert!(n_trees(&plain) >= 60, "the case shows nothing: {} trees", n_trees(&plain));
    }
}

#[test]
fn boosting_stops_when_watched_rows_no_longer_gain() {
    let n = 500;
    let x: Vec<Vec<f64>> = (0..3).map(|j| (0..n).map(|i| unit(j, i)).collect()).collect();
    let y: Vec<f64> = (0..n).map(|i| x[0][i] + unit(9, i)).collect();
    let all = table(&x, None, Y::Number(y), None);
    let n_trees = |fitted: &Arc<dyn Fitted>| notes(fitted)["trees"].as_u64().unwrap();
    let own = n_trees(&fit("boosted_trees", json!({}), &all).unwrap());
    assert!((2..200).contains(&own), "{own}");
    let (train, valid) = (Table::new(all.batch().slice(0, 300)), Table::new(all.batch().slice(300, 200)));
    let training = Training { train: &train, valid: Some(&valid), prior: None };
    let fitted = BoostedTrees::default().fit(training, &context(1)).unwrap();
    let given = n_trees(&fitted);
    assert!((2..200).contains(&given), "{given}");
    // The number that was kept is the best of those tried: one more or less does no better on the watched rows.
    let squares = |k: u64| {
        let fitted = fit("boosted_trees", json!({ "n_trees": k, "early_stopping": 0 }), &train).unwrap();
        let y = valid.batch().numbers(3).unwrap().values().to_vec();
        answers(&fitted, valid.batch()).iter().zip(y).map(|(s, y)| (s - y).powi(2)).sum::<f64>()
    };
    assert!(squares(given) <= squares(given - 1) && squares(given) <= squares(given + 1));
    let switched_off = fit("boosted_trees", json!({ "early_stopping": 0, "n_trees": 70 }), &all).unwrap();
    assert_eq!(n_trees(&switched_off), 70);
}

#[test]
fn training_goes_on_where_it_stopped() {
    let all = generated("multiclass", false);
    let train = Table::new(all.batch().slice(0, 700));
    let params = |n: usize| BoostedTrees {
        n_trees: n,
        early_stopping: 0,
        subsample: 0.7,
        max_features: 0.6,
        ..BoostedTrees::default()
    };
    let whole = params(12).fit(Training::on(&train), &context(1)).unwrap();
    let first = params(5).fit(Training::on(&train), &context(1)).unwrap();
    let training = Training { train: &train, valid: None, prior: Some(&*first) };
    let continued = params(7).fit(training, &context(1)).unwrap();
    assert_eq!(continued.state().tensors, whole.state().tensors);
    // A model of other columns cannot be continued.
    let other = Table::new(generated("multiclass", true).batch().slice(0, 700));
    let training = Training { train: &other, valid: None, prior: Some(&*first) };
    assert!(params(7).fit(training, &context(1)).is_err());
}

#[test]
fn out_of_bag_scores_are_those_of_new_rows() {
    for (target_name, kind) in [("binary", "accuracy"), ("multiclass", "accuracy"), ("number", "r2")] {
        let all = generated(target_name, true);
        let (train, test) = (Table::new(all.batch().slice(0, TRAIN)), all.batch().slice(TRAIN, ROWS - TRAIN));
        let fitted = fit("random_forest", json!({}), &train).unwrap();
        let (notes, answers) = (notes(&fitted), answers(&fitted, &test));
        assert_eq!(notes["metric"], kind);
        let y = &target(target_name)[TRAIN..];
        let n = y.len() as f64;
        let best = |p: &[f64]| (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(0);
        let score = if kind == "accuracy" {
            let k = answers.len() / y.len();
            answers.chunks(k).zip(y).filter(|(p, y)| best(p) == **y as usize).count() as f64 / n
        } else {
            let mean = y.iter().sum::<f64>() / n;
            let left: f64 = answers.iter().zip(y).map(|(s, y)| (s - y).powi(2)).sum();
            1.0 - left / y.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
        };
        let out_of_bag = notes["out_of_bag"].as_f64().unwrap();
        assert!((out_of_bag - score).abs() < 0.03, "{target_name}: {out_of_bag} against {score}");
    }
}

/// Somebody else's loss: half the squared error, once more.
struct Mine;

impl Loss for Mine {
    fn start(&self, y: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        Squared.start(y, weights)
    }
    fn gradients(&self, y: &[f64], scores: &[f64], gradients: &mut [f64], hessians: &mut [f64]) {
        for (i, (y, s)) in y.iter().zip(scores).enumerate() {
            (gradients[i], hessians[i]) = (s - y, 1.0);
        }
    }
    fn value(&self, y: f64, scores: &[f64]) -> f64 {
        0.5 * (scores[0] - y).powi(2)
    }
}

#[test]
fn a_loss_of_ones_own_is_as_good_as_ours() {
    let train = Table::new(generated("number", false).batch().slice(0, 500));
    let params = BoostedTrees::default();
    let mine: FittedTrees = params.fit_loss(&Mine, Training::on(&train), &context(1)).unwrap();
    let ours = params.fit(Training::on(&train), &context(1)).unwrap();
    assert_eq!(mine.state(), ours.state());
    let classes = Table::new(generated("binary", false).batch().slice(0, 500));
    assert!(params.fit_loss(&Mine, Training::on(&classes), &context(1)).is_err());
}

#[test]
fn hard_tables_have_defined_answers() {
    let n = 120;
    let x: Vec<f64> = (0..n).map(|i| unit(0, i)).collect();
    for kind in ["boosted_trees", "random_forest", "extra_trees"] {
        // One class, though two are known.
        let one = table(std::slice::from_ref(&x), None, Y::Class(vec![1; n], &["no", "yes"]), None);
        let p = answers(&fit(kind, json!({}), &one).unwrap(), one.batch());
        assert!(p.chunks(2).all(|p| p[1] > 0.999_999), "{kind}");
        // One class is all there is.
        let only = table(std::slice::from_ref(&x), None, Y::Class(vec![0; n], &["only"]), None);
        assert_eq!(answers(&fit(kind, json!({}), &only).unwrap(), only.batch()), vec![1.0; n], "{kind}");
        // Nothing but constants.
        let flat = table(&[vec![3.0; n], vec![f64::NAN; n]], None, Y::Number(x.clone()), None);
        let mean = x.iter().sum::<f64>() / n as f64;
        let flat_answers = answers(&fit(kind, json!({ "n_trees": 50 }), &flat).unwrap(), flat.batch());
        // The mean of a bootstrap sample is near that of the rows.
        assert!(flat_answers.iter().all(|a| (a - mean).abs() < 0.02), "{kind}");
        // Infinite and huge features are as good as any: only their order counts.
        let wild = |i: usize| match i % 3 {
            0 => f64::NEG_INFINITY,
            1 => 1e300 * (1.0 + unit(1, i)),
            _ => f64::INFINITY,
        };
        let wild: Vec<f64> = (0..n).map(wild).collect();
        let y: Vec<f64> = (0..n).map(|i| (i % 3) as f64).collect();
        let wild = table(&[wild], None, Y::Number(y.clone()), None);
        let got = answers(&fit(kind, json!({ "max_features": 1.0 }), &wild).unwrap(), wild.batch());
        // Half: a tree that has not drawn the greatest of the finite ones may take it for infinite.
        assert!(got.iter().zip(&y).all(|(a, b)| (a - b).abs() < 0.5), "{kind}: {got:?}");
        // Targets whose squares fit no number are refused.
        let huge = table(std::slice::from_ref(&x), None, Y::Number(vec![1e300; n]), None);
        assert_eq!(fit(kind, json!({}), &huge).err().unwrap().code(), "values_too_large");
        // Weights of zero are rows that are not there; their size does not matter.
        let weights: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 1e-30 } else { 0.0 }).collect();
        let y: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { x[i] } else { 1e9 }).collect();
        let weighed = table(std::slice::from_ref(&x), None, Y::Number(y.clone()), Some(weights));
        let params =
            if kind == "boosted_trees" { json!({ "min_child_weight": 0.0, "l2": 0.0 }) } else { json!({}) };
        let got = answers(&fit(kind, params, &weighed).unwrap(), weighed.batch());
        let off: f64 = (0..n).step_by(2).map(|i| (got[i] - x[i]).abs()).sum::<f64>() / (n / 2) as f64;
        assert!(off < 0.1, "{kind}: {off}");
    }
}

#[test]
fn a_hundred_thousand_categories_are_read() {
    let n = 120_000;
    let codes: Vec<u32> = (0..n).map(|i| (100_000.0 * unit(0, i)) as u32).collect();
    let y = codes.iter().map(|c| u32::from(c % 2 == 0)).collect();
    let table = table(&[], Some((codes, 100_001)), Y::Class(y, &["no", "yes"]), None);
    for kind in ["boosted_trees", "random_forest"] {
        let fitted = fit(kind, json!({ "n_trees": 3 }), &table).unwrap();
        assert!(answers(&fitted, table.batch()).iter().all(|p| p.is_finite()));
    }
}

#[test]
fn wrong_requests_are_named() {
    let x = vec![vec![1.0, 2.0, 3.0]];
    let numbers = table(&x, None, Y::Number(vec![1.0, -2.0, 3.0]), None);
    let text = |params: Value, table: &Table| fit("boosted_trees", params, table).err().unwrap().to_string();
    for loss in ["poisson", "gamma", "tweedie"] {
        let said = text(json!({ "loss": loss }), &numbers);
        assert!(said.contains("'y'") && said.contains("-2") && said.contains("row 1"), "{said}");
    }
    let classes = table(&x, None, Y::Class(vec![0, 1, 2], &["a", "b", "c"]), None);
    assert!(text(json!({ "loss": "poisson" }), &classes).contains("loss"));
    assert!(text(json!({ "monotone": { "x0": 1 } }), &classes).contains("monotone"));
    assert!(text(json!({ "monotone": { "x1": 1 } }), &numbers).contains("'x1'"));
    for bad in
        [json!({ "monotone": { "x0": 2 } }), json!({ "learning_rate": 0.0 }), json!({ "max_bins": 300 })]
    {
        assert!(registry().build("boosted_trees", bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn trees_are_open_to_those_who_explain_them() {
    let train = Table::new(generated("number", true).batch().slice(0, 400));
    let fitted =
        fit("boosted_trees", json!({ "n_trees": 5, "early_stopping": 0, "subsample": 1.0 }), &train).unwrap();
    let trees = fitted.as_trees().unwrap();
    let answers = answers(&fitted, train.batch());
    let open = (&*fitted as &dyn std::any::Any).downcast_ref::<FittedTrees>().unwrap();
    assert_eq!((open.feature_columns()[3], open.margin_scale()), ("x3", 1.0));
    let rows = open.feature_rows(train.batch()).unwrap();
    for (i, answer) in answers.iter().enumerate().take(20) {
        let x: Vec<f64> = (0..5).map(|j| train.batch().numbers(j).unwrap().value(i)).collect();
        assert_eq!(rows[i * 5..(i + 1) * 5], x);
        let mut sum = trees.start()[0];
        for root in trees.roots() {
            assert_eq!(trees.cover(root), 400.0);
            let mut node = root;
            while let Some((feature, left)) = trees.question(node) {
                assert_eq!(trees.cover(node), trees.cover(left) + trees.cover(left + 1));
                node = trees.child(node, x[feature]);
            }
            sum += trees.values(node)[0];
        }
        assert!((sum - answer).abs() < 1e-12);
    }
}
