//! Explanations of any model: agreement with the shap, lime and scikit-learn packages, and what must hold of any game.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{Batch, Categories, Column, Context, Schema};
use tidemill_eval::explain::{
    BatchGame, Cells, Game, GridValue, Group, Lime, LimeSettings, LinearFunction, MatrixGame, RemovalCurves,
    Sampling, Sources, accumulated_effects, accumulated_pair, average_linkage, column_groups,
    correlated_linear_shap, exact_shap, kernel_shap, lime_parts, linear_shap, linear_shap_of_columns,
    pair_dependence, partial_dependence, partition_shap, permutation_shap,
};
use tidemill_eval::{Error, Result};
use tidemill_kernel::Random;

fn reference() -> Value {
    serde_json::from_str(include_str!("../reference/explain.json")).unwrap()
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn assert_near(found: &[f64], wanted: &[f64], within: f64) {
    assert_eq!(found.len(), wanted.len());
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert!((found - wanted).abs() <= within, "number {i}: {found} is not {wanted}");
    }
}

/// As in explain.py.
fn model(rows: &[f64]) -> Result<Vec<f64>> {
    let of = |x: &[f64]| x[0] * x[1] + x[2].tanh() + x[3] * x[4] * x[0] + 0.5 * x[5];
    Ok(rows.chunks(6).map(of).collect())
}

fn table(x: &[f64]) -> Batch {
    let p = 6;
    let columns = (0..p).map(|j| Column::number(format!("x{j}"))).collect();
    let array = |j: usize| -> ArrayRef {
        Arc::new(x[j..].iter().step_by(p).map(|v| Some(*v)).collect::<Float64Array>())
    };
    Batch::new(Arc::new(Schema::new(columns).unwrap()), (0..p).map(array).collect()).unwrap()
}

fn of_table(rows: &Batch) -> Result<Vec<f64>> {
    let columns: Vec<_> = (0..6).map(|j| rows.numbers(j).unwrap().values().to_vec()).collect();
    model(&(0..rows.n_rows()).flat_map(|i| columns.iter().map(move |c| c[i])).collect::<Vec<f64>>())
}

#[test]
fn sampled_values_agree_with_shap_where_all_coalitions_are_asked_about() {
    let (all, context) = (reference(), Context::default());
    let x = flat(&all["x"]);
    let background = &x[20 * 6..50 * 6];
    let wanted = flat(&all["kernel"]["values"]);
    for (row, wanted) in x.chunks(6).zip(wanted.chunks(6)).take(3) {
        let game = MatrixGame::new(row, background, 1, model).unwrap();
        let exact = exact_shap(&game, &context).unwrap();
        assert_near(&exact.values, wanted, 1e-9);
        assert_near(&exact.base, &flat(&all["kernel"]["base"]), 1e-12);
        let by_kernel = kernel_shap(&game, Sampling::default(), &context).unwrap();
        assert_near(&by_kernel.values, wanted, 1e-9);
        assert!(by_kernel.converged && by_kernel.standard_errors == [0.0; 6]);
        assert_eq!(by_kernel.n_evaluations, 64);
        let by_table = BatchGame::new(&table(row), &table(background), 1, of_table).unwrap();
        assert_eq!(exact_shap(&by_table, &context).unwrap(), exact);
    }
}

/// Ten players: some alone, pairs, and a triple; two outputs. The values are known: what players do together is shared equally.
struct Known;

impl Game for Known {
    type Error = Error;

    fn n_players(&self) -> usize {
        14
    }

    fn n_outputs(&self) -> usize {
        2
    }

    fn values(&self, coalitions: &[bool]) -> Result<Vec<f64>> {
        let number = |known: &bool| f64::from(u8::from(*known));
        let of = |known: &[bool]| {
            let z: Vec<f64> = known.iter().map(number).collect();
            let pairs = 2.0 * z[0] + z[1] * z[2] - 3.0 * z[3] * z[4] + 0.5 * z[13] + 1.0;
            [pairs, pairs + 6.0 * z[5] * z[6] * z[7] - 4.0 * z[8] * z[9] * z[10] * z[11]]
        };
        Ok(coalitions.chunks(14).flat_map(of).collect())
    }
}

fn known_values() -> (Vec<f64>, Vec<f64>) {
    let mut pairs = vec![0.0; 14];
    pairs[0] = 2.0;
    (pairs[1], pairs[2], pairs[3], pairs[4], pairs[13]) = (0.5, 0.5, -1.5, -1.5, 0.5);
    let mut more = pairs.clone();
    more[5..8].fill(2.0);
    more[8..12].fill(-1.0);
    (pairs, more)
}

#[test]
fn pairs_are_exact_and_more_lies_within_the_errors() {
    let (pairs, more) = known_values();
    let mut off = Vec::new();
    for seed in 0..30 {
        let context = Context::new(seed, 1, Arc::default());
        let sampling = Sampling { max_evaluations: 700, tolerance: 0.0 };
        let by_order = permutation_shap(&Known, sampling, &context).unwrap();
        assert_near(by_order.of(0), &pairs, 1e-12);
        assert!(by_order.n_evaluations <= 700 && !by_order.converged);
        let by_kernel = kernel_shap(&Known, sampling, &context).unwrap();
        assert!(by_kernel.n_evaluations <= 700);
        for found in [&by_order, &by_kernel] {
            let total: f64 = found.of(1).iter().sum();
            assert!((total - 2.5).abs() < 1e-9 && found.base == [1.0, 1.0], "{total}");
            assert_near(found.of(1), &more, 1.5);
        }
        for player in [5, 8, 11] {
            for found in [&by_order, &by_kernel] {
                let error = found.standard_errors[14 + player];
                assert!(error > 0.0);
                off.push((found.of(1)[player] - more[player]) / error);
            }
        }
    }
    // Errors in units of the standard error: about 1 on average.
    let square = off.iter().map(|z| z * z).sum::<f64>() / off.len() as f64;
    assert!(square > 0.5 && square < 2.0, "{square}");
}

#[test]
fn sampling_ends_when_it_is_sure() {
    let sampling = Sampling { max_evaluations: 100_000, tolerance: 0.01 };
    for found in [
        permutation_shap(&Known, sampling, &Context::default()).unwrap(),
        kernel_shap(&Known, Sampling { max_evaluations: 12_000, tolerance: 0.01 }, &Context::default())
            .unwrap(),
    ] {
        assert!(found.converged, "{found:?}");
        assert!(found.n_evaluations < 100_000);
        assert!(found.standard_errors.iter().all(|error| *error <= 0.01 * 5.0));
        assert_near(found.of(1), &known_values().1, 0.2);
        let (low, high) = found.interval(1, 5);
        assert!(low <= high && low > 1.5 && high < 2.5);
    }
}

#[test]
fn equal_columns_get_equal_values_and_unused_ones_none() {
    let context = Context::default();
    let sum = |rows: &[f64]| -> Result<Vec<f64>> { Ok(rows.chunks(4).map(|x| x[0] * x[1] * x[2]).collect()) };
    let game = MatrixGame::new(&[2.0, 2.0, 2.0, 9.0], &[1.0; 4], 1, sum).unwrap();
    let exact = exact_shap(&game, &context).unwrap();
    assert_near(&exact.values, &[7.0 / 3.0, 7.0 / 3.0, 7.0 / 3.0, 0.0], 1e-12);
    let found = permutation_shap(&game, Sampling::default(), &context).unwrap();
    assert_eq!(found.values[3], 0.0);
    assert_eq!(found, permutation_shap(&game, Sampling::default(), &context).unwrap());
    let one = MatrixGame::new(&[3.0], &[1.0, 2.0], 1, |rows: &[f64]| Ok::<_, Error>(rows.to_vec())).unwrap();
    for found in [
        exact_shap(&one, &context),
        permutation_shap(&one, Sampling::default(), &context),
        kernel_shap(&one, Sampling::default(), &context),
    ] {
        assert_eq!(found.unwrap().values, [1.5]);
    }
}

#[test]
fn linear_values_agree_with_shap_and_with_their_definition() {
    let all = reference();
    let (of, x) = (&all["linear"], flat(&all["x"]));
    let (coefficients, intercepts) = (flat(&of["coefficients"]), flat(&of["intercept"]));
    let function = LinearFunction { coefficients: &coefficients, intercepts: &intercepts };
    let means = flat(&of["means"]);
    let shap = linear_shap(function, &means, &x[..18]).unwrap();
    assert_near(shap.base(), &flat(&of["base"]), 1e-9);
    assert_near(shap.values(), &flat(&of["independent"]), 1e-9);
    let covariance = flat(&of["covariance"]);
    let shap = correlated_linear_shap(function, &means, &covariance, 0.0, &x[..18]).unwrap();
    assert_near(shap.values(), &flat(&of["correlated"]), 1e-9);
    assert_near(shap.base(), &flat(&of["base"]), 1e-9);
    let parts: Vec<f64> = x.chunks(6).flat_map(|x| x.iter().zip(&coefficients).map(|(x, w)| x * w)).collect();
    let by_part = linear_shap_of_columns(&intercepts, 6, &parts[..18], &parts[120..300]).unwrap();
    assert_near(by_part.values(), &flat(&of["independent"]), 1e-9);
    assert_near(by_part.base(), &flat(&of["base"]), 1e-9);
    assert!(linear_shap(function, &means[1..], &x[..18]).is_err());
}

#[test]
fn values_sum_to_source_columns() {
    let all = reference();
    let coefficients = flat(&all["linear"]["coefficients"]);
    let function = LinearFunction { coefficients: &coefficients, intercepts: &[1.0] };
    let shap = linear_shap(function, &[0.0; 6], &flat(&all["x"])[..18]).unwrap();
    let sources = Sources::of(["a", "b", "a", "a", "c", "b"]);
    assert_eq!(sources.names, ["a", "b", "c"]);
    let summed = shap.by_source(&sources);
    for row in 0..3 {
        let v = shap.of(row, 0);
        assert_near(summed.of(row, 0), &[v[0] + v[2] + v[3], v[1] + v[5], v[4]], 1e-12);
        assert!((summed.total(row, 0) - shap.total(row, 0)).abs() < 1e-12);
    }
    let colour = Column::number("colour");
    let columns = vec![Column::number("blue").derived_from(&colour), Column::number("size"), colour];
    let schema = Schema::new(columns).unwrap();
    let sources = Sources::of_columns(["size", "blue", "blue", "other"], &schema);
    assert_eq!((sources.names.join(" "), sources.of_feature), ("size colour other".into(), vec![0, 1, 1, 2]));
}

#[test]
fn lime_agrees_with_the_lime_package() {
    let all = reference();
    let x = flat(&all["x"]);
    for (name, discretized) in [("discretized", true), ("continuous", false)] {
        let wanted = &all["lime"][name];
        let settings = LimeSettings { discretized, n_repeats: 10, ..LimeSettings::default() };
        let lime = Lime::new(&x, &[None; 6], settings).unwrap();
        let found = &lime.explain(&x[..6], 1, &Context::default(), model).unwrap()[0];
        let (means, spreads) = (flat(&wanted["means"]), flat(&wanted["spreads"]));
        for j in 0..6 {
            let off = (found.coefficients[j] - means[j]).abs();
            // Means of 20 and of 10 runs.
            assert!(off < 4.0 * spreads[j] * (0.05f64 + 0.1).sqrt(), "{name} {j}: {off} of {}", spreads[j]);
            assert!(found.spreads[j] > 0.4 * spreads[j] && found.spreads[j] < 2.0 * spreads[j]);
        }
        let r2 = wanted["r2"].as_f64().unwrap();
        assert!(found.r2 <= r2 + 0.01 && found.r2 > r2 - 0.06, "{} {r2}", found.r2);
        assert!((found.answer - model(&x[..6]).unwrap()[0]).abs() < 1e-12);
    }
}

#[test]
fn owen_values_agree_with_the_shap_package() {
    let wanted: Value = serde_json::from_str(include_str!("../reference/partition_shap.json")).unwrap();
    let x = flat(&reference()["x"]);
    let steps: Vec<[usize; 2]> = serde_json::from_value(wanted["steps"].clone()).unwrap();
    assert_eq!(average_linkage(&flat(&wanted["distances"]), 6), steps);
    let groups = Group::of_steps(6, &steps).unwrap();
    let context = Context::default();
    for row in 0..3 {
        let game = MatrixGame::new(&x[row * 6..(row + 1) * 6], &x[120..300], 1, model).unwrap();
        let found = partition_shap(&game, &groups, 10_000, &context).unwrap();
        assert!(found.converged);
        assert_near(&found.base, &flat(&wanted["base"]), 1e-12);
        assert_near(&found.values, &flat(&wanted["values"][row]), 1e-9);
        // Two groups alone: each player of a group gets the same, and the sum stays.
        let short = partition_shap(&game, &groups, 4, &context).unwrap();
        assert!(!short.converged && short.n_evaluations == 4);
        assert_near(&[short.values.iter().sum()], &[found.values.iter().sum()], 1e-9);
        assert!(found.values != short.values);
    }
    // The first two columns go together, as do those that are equal but for their sign.
    let together = |values: &[f64], p: usize| match column_groups(values, p).unwrap() {
        Group::Pair(parts) => parts.map(|part| part.players()),
        Group::Player(player) => [vec![player], Vec::new()],
    };
    let opposite = [1.0, 5.0, -1.0, 2.0, 3.0, -2.0, 7.0, 4.0, -7.0, 8.0, f64::NAN, -8.0];
    assert!(together(&opposite, 3).contains(&vec![0, 2]));
    assert_eq!(column_groups(&[1.0, 2.0], 1), Some(Group::Player(0)));
    assert_eq!(column_groups(&[], 0), None);
    assert!(Group::of_steps(3, &[[0, 1]]).is_none() && Group::of_steps(2, &[[0, 0]]).is_none());
    let game = MatrixGame::new(&x[..6], &x[120..300], 1, model).unwrap();
    let error = partition_shap(&game, &Group::Player(0), 10, &context).unwrap_err();
    assert!(error.to_string().contains("every player once"), "{error}");
}

/// Of a sum, every column adds its own: what is left when the greatest go first is known.
#[test]
fn columns_that_matter_most_move_the_answer_first() {
    let sum = |rows: &[f64]| -> Result<Vec<f64>> {
        Ok(rows.chunks(3).flat_map(|x| [0.0, 4.0 * x[0] - x[1] + 2.0 * x[2]]).collect())
    };
    let game = MatrixGame::new(&[1.0; 3], &[0.0; 3], 2, sum).unwrap();
    let right = RemovalCurves::of(&game, 1, &[4.0, -1.0, 2.0]).unwrap();
    assert_near(&right.deletion, &[5.0, 1.0, -1.0, 0.0], 1e-12);
    assert_near(&right.insertion, &[0.0, 4.0, 6.0, 5.0], 1e-12);
    assert_near(&right.areas(), &[2.5 / 3.0, 12.5 / 3.0], 1e-12);
    let wrong = RemovalCurves::of(&game, 1, &[-4.0, 1.0, -2.0]).unwrap();
    let gain = |curves: &RemovalCurves| curves.areas()[1] - curves.areas()[0];
    assert!(gain(&right) > 0.0 && (gain(&right) + gain(&wrong)).abs() < 1e-12);
    // By chance, what is gained and lost is even: the mean over all orders.
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let all = orders.map(|order| RemovalCurves::of(&game, 1, &order.map(f64::from)).unwrap());
    assert!(gain(&RemovalCurves::mean(&all).unwrap()).abs() < 1e-12);
    assert!(RemovalCurves::of(&game, 1, &[1.0]).is_err() && RemovalCurves::mean(&[]).is_none());
}

#[test]
fn lime_takes_categories_missing_values_and_few_columns() {
    let rows: Vec<f64> = {
        let mut random = Random::new(1, 0);
        let mut row = || [random.normal(), random.below(3) as f64, random.normal()];
        (0..400).flat_map(|_| row()).collect()
    };
    let answer = |rows: &[f64]| -> Result<Vec<f64>> {
        let of =
            |x: &[f64]| [if x[0].is_nan() { 5.0 } else { 0.0 } + if x[1] == 2.0 { 3.0 } else { 0.0 }, 1.0];
        Ok(rows.chunks(3).flat_map(of).collect())
    };
    let settings = LimeSettings { n_features: Some(1), ..LimeSettings::default() };
    let lime = Lime::new(&rows, &[None, Some(3), None], settings).unwrap();
    let found = lime.explain(&[0.1, 2.0, 0.0], 2, &Context::default(), answer).unwrap();
    assert!((found[0].coefficients[1] - 3.0).abs() < 0.05 && found[0].coefficients[2] == 0.0);
    assert!(found[0].r2 > 0.99 && found[1].r2 == 0.0);
    let (low, high) = lime.stretch(0, 0.1).unwrap();
    assert!(low < 0.1 && high >= 0.1 && lime.stretch(1, 2.0).is_none());
    let wild = |rows: &[f64]| -> Result<Vec<f64>> { Ok(vec![f64::NAN; rows.len() / 3]) };
    let error = lime.explain(&[0.1, 2.0, 0.0], 1, &Context::default(), wild).unwrap_err();
    assert!(error.to_string().contains("not all finite"), "{error}");
    assert!(Lime::new(&[], &[None], settings).is_err());
}

#[test]
fn partial_dependence_agrees_with_scikit_learn() {
    let all = reference();
    let rows = table(&flat(&all["x"]));
    for wanted in all["partial_dependence"].as_array().unwrap() {
        let name = format!("x{}", wanted["column"]);
        let found = partial_dependence(&rows, &name, 7, 1, &Context::default(), of_table).unwrap();
        let grid: Vec<f64> =
            found.grid.iter().map(|v| if let GridValue::Number(x) = v { *x } else { f64::NAN }).collect();
        assert_near(&grid, &flat(&wanted["grid"]), 1e-12);
        assert_near(&found.average, &flat(&wanted["average"]), 1e-12);
        let rows: Vec<f64> = (0..5).flat_map(|row| found.of_row(row).to_vec()).collect();
        assert_near(&rows, &flat(&wanted["individual"]), 1e-12);
    }
}

#[test]
fn partial_dependence_on_two_columns_agrees_with_scikit_learn() {
    let rows = table(&flat(&reference()["x"]));
    let all: Value = serde_json::from_str(include_str!("../reference/pairs.json")).unwrap();
    for wanted in all.as_array().unwrap() {
        let [a, b] = [0, 1].map(|side: usize| format!("x{}", wanted["columns"][side]));
        let found = pair_dependence(&rows, [&a, &b], 5, 1, &Context::default(), of_table).unwrap();
        for side in 0..2 {
            let number = |v: &GridValue| if let GridValue::Number(x) = v { *x } else { f64::NAN };
            let grid: Vec<f64> = found.grids[side].iter().map(number).collect();
            assert_near(&grid, &flat(&wanted["grids"][side]), 1e-12);
        }
        assert_near(&found.average, &flat(&wanted["average"]), 1e-12);
        let together = found.together(0);
        assert_near(
            &[together.size, together.share],
            &flat(&serde_json::json!([wanted["size"], wanted["share"]])),
            1e-9,
        );
    }
    let error = pair_dependence(&rows, ["x0", "y"], 5, 1, &Context::default(), of_table).unwrap_err();
    assert!(error.to_string().contains("'y'"), "{error}");
}

#[test]
fn accumulated_effects_of_two_columns_agree_with_pyale() {
    let wanted: Value = serde_json::from_str(include_str!("../reference/accumulated_pair.json")).unwrap();
    let x = flat(&wanted["x"]);
    let columns = ["x0", "x1", "x2"].map(Column::number).to_vec();
    let arrays = (0..3).map(|j| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(x.iter().skip(j).step_by(3).copied()))
    });
    let rows = Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays.collect()).unwrap();
    let answer = |rows: &Batch| -> Result<Vec<f64>> {
        let [a, b, c] = [0, 1, 2].map(|j| rows.numbers(j).unwrap().values());
        let of = |i: usize| {
            let apart = a[i].tanh() + b[i] * b[i];
            [a[i] * b[i] + apart + (a[i] - b[i]).sin() * c[i], apart]
        };
        Ok((0..rows.n_rows()).flat_map(of).collect())
    };
    let context = Context::default();
    let found = accumulated_pair(&rows, ["x0", "x1"], 8, 2, &context, answer).unwrap();
    assert!(found.n_rows.contains(&0) && found.n_rows.iter().sum::<usize>() == 150);
    for side in 0..2 {
        assert_near(&found.edges[side], &flat(&wanted["edges"][side]), 1e-12);
    }
    let ours: Vec<f64> = found.effects.iter().step_by(2).copied().collect();
    assert_near(&ours, &flat(&wanted["effects"]), 1e-9);
    // What each column does by itself is no effect of both.
    assert!(found.effects.iter().skip(1).step_by(2).all(|effect| effect.abs() < 1e-12));
    assert_eq!(found.at(2, 3, 0), ours[2 * 9 + 3]);
    let error = accumulated_pair(&rows.slice(0, 1), ["x0", "x1"], 8, 2, &context, answer).unwrap_err();
    assert!(error.to_string().contains("fewer than two values"), "{error}");
}

#[test]
fn accumulated_effects_are_those_of_their_definition() {
    let all = reference();
    let (rows, wanted) = (table(&flat(&all["x"])), &all["accumulated"]);
    let found = accumulated_effects(&rows, "x0", 8, 1, &Context::default(), of_table).unwrap();
    assert_near(&found.edges, &flat(&wanted["edges"]), 1e-12);
    assert_near(&found.effects, &flat(&wanted["effects"]), 1e-9);
    let counts: Vec<f64> = found.n_rows.iter().map(|n| *n as f64).collect();
    assert_near(&counts, &flat(&wanted["counts"]), 0.0);
    let error = accumulated_effects(&rows, "y", 8, 1, &Context::default(), of_table).unwrap_err();
    assert!(error.to_string().contains("'y'"), "{error}");
}

#[test]
fn effects_of_flags_and_categories_go_by_their_names() {
    let names = Categories::new(["a", "b", "c"]);
    let columns: Vec<(Column, ArrayRef)> = vec![
        (
            Column::new("flag", tidemill_core::Kind::Flag),
            Arc::new(BooleanArray::from(vec![true, false, true])),
        ),
        (
            Column::category("group", names.clone()),
            names.column(UInt32Array::from(vec![Some(0), None, Some(2)])).unwrap(),
        ),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let rows = Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap();
    let answer = |rows: &Batch| -> Result<Vec<f64>> {
        let (flags, codes) = (rows.flags(0).unwrap(), rows.codes(1).unwrap());
        let of = |i: usize| f64::from(u8::from(flags.value(i))) + 10.0 * f64::from(codes.value(i));
        Ok((0..rows.n_rows()).map(of).collect())
    };
    let found = partial_dependence(&rows, "group", 20, 1, &Context::default(), answer).unwrap();
    assert_eq!(found.grid, [GridValue::Name("a".into()), GridValue::Name("c".into())]);
    assert_near(&found.average, &[2.0 / 3.0, 20.0 + 2.0 / 3.0], 1e-12);
    let found = partial_dependence(&rows, "flag", 20, 1, &Context::default(), answer).unwrap();
    assert_near(&[found.average[1] - found.average[0]], &[1.0], 1e-12);
    let cells = Cells::of(&rows);
    assert_eq!(cells.n_categories(), [Some(2), Some(3)]);
    let numbers = cells.read(&rows).unwrap();
    let again = cells.table(&rows.slice(0, 1), &numbers).unwrap();
    assert_eq!((again.column(0), again.column(1)), (rows.column(0), rows.column(1)));
}

/// Made-up rows are shared by the rows that are explained, and yet each has the local model that it has alone.
#[test]
fn lime_explains_rows_together_as_each_alone() {
    let mut random = Random::new(2, 0);
    let rows: Vec<f64> = (0..600).map(|_| random.normal()).collect();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let answer = |rows: &[f64]| -> Result<Vec<f64>> {
        asked.fetch_add(rows.len() / 3, std::sync::atomic::Ordering::Relaxed);
        Ok(rows.chunks(3).flat_map(|x| [x[0] - 2.0 * x[1], x[2].abs()]).collect())
    };
    for discretized in [true, false] {
        let settings = LimeSettings { n_samples: 400, discretized, ..LimeSettings::default() };
        let lime = Lime::new(&rows, &[None, None, None], settings).unwrap();
        asked.store(0, std::sync::atomic::Ordering::Relaxed);
        let together = lime.explain_rows(&rows[..30], 2, &Context::default(), answer).unwrap();
        // Ten rows, and 399 made up in each of three runs.
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 10 + 3 * 399);
        for (row, found) in rows.chunks(3).zip(&together) {
            assert_eq!(*found, lime.explain(row, 2, &Context::default(), answer).unwrap());
            assert!((found[0].answer - (row[0] - 2.0 * row[1])).abs() < 1e-12);
        }
        assert!(together[0][0].coefficients != together[1][0].coefficients);
    }
}

/// Of a sum, the local model over its parts is the sum, but for the penalty.
#[test]
fn lime_of_parts_finds_what_each_adds() {
    let sum = |rows: &[f64]| -> Result<Vec<f64>> {
        Ok(rows.chunks(4).flat_map(|x| [4.0 * x[0] - x[1] + 2.0 * x[2], 1.0]).collect())
    };
    let game = MatrixGame::new(&[1.0; 4], &[0.0; 4], 2, sum).unwrap();
    let found = lime_parts(&game, LimeSettings::default(), &Context::default()).unwrap();
    assert_near(&found[0].coefficients, &[4.0, -1.0, 2.0, 0.0], 0.05);
    assert!(found[0].r2 > 0.999 && (found[0].local_answer - 5.0).abs() < 0.05 && found[0].answer == 5.0);
    assert!(found[1].coefficients.iter().all(|x| x.abs() < 1e-9), "{:?}", found[1]);
    // Two parts that only do something together: no sum says that well.
    let both = |rows: &[f64]| -> Result<Vec<f64>> { Ok(rows.chunks(4).map(|x| 3.0 * x[0] * x[1]).collect()) };
    let game = MatrixGame::new(&[1.0; 4], &[0.0; 4], 1, both).unwrap();
    let found = lime_parts(&game, LimeSettings::default(), &Context::default()).unwrap();
    assert!(found[0].r2 < 0.99 && (found[0].coefficients[0] - found[0].coefficients[1]).abs() < 0.05);
    assert_eq!(found, lime_parts(&game, LimeSettings::default(), &Context::default()).unwrap());
    let none = LimeSettings { kernel_width: Some(0.0), ..LimeSettings::default() };
    assert!(lime_parts(&game, none, &Context::default()).is_err());
}
