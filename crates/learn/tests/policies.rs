//! Linear policies against the Open Bandit Pipeline's LinUCB and scipy's quadrature, stored in `reference/policy.json` by
//! `reference/policy.py`; fitted Q iteration against a chain of decisions whose worth is known.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use serde::Deserialize;
use serde_json::json;
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Estimator, Kind, Registry, Role, Schema, Source, Table,
    Training,
};
use tidemill_learn::policy::{FittedQ, LinUcb, Thompson};
use tidemill_learn::{Baseline, linear};

#[derive(Deserialize)]
struct Reference {
    x: Vec<Vec<f64>>,
    action: Vec<u32>,
    reward: Vec<f64>,
    new: Vec<Vec<f64>>,
    alpha: f64,
    scale: f64,
    chosen: Vec<usize>,
    expected: Vec<Vec<f64>>,
    thompson: Vec<Vec<f64>>,
}

/// Contexts with their actions and rewards; without these, rows to answer.
fn table(x: &[Vec<f64>], logged: Option<(&[u32], &[f64])>, names: &[&str]) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for j in 0..x[0].len() {
        columns.push(Column::number(format!("x{j}")));
        arrays.push(Arc::new(Float64Array::from_iter_values(x.iter().map(|row| row[j]))));
    }
    if let Some((actions, rewards)) = logged {
        let names = Categories::new(names);
        arrays.push(names.column(UInt32Array::from(actions.to_vec())).unwrap());
        columns.push(Column::category("action", names).with_role(Role::Target));
        arrays.push(Arc::new(Float64Array::from(rewards.to_vec())));
        columns.push(Column::number("reward").with_role(Role::Reward));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// For each row the probability and the expected reward of each action.
fn answers(learner: &dyn Estimator, train: &Table, new: &Table) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let registry = Registry::new([
        Entry::learner::<Baseline>(),
        Entry::learner::<linear::Ridge>(),
        Entry::learner::<linear::Logistic>(),
    ]);
    let context = Context::new(0, 2, Arc::new(registry));
    let fitted = learner.fit(Training::on(train), &context).unwrap();
    let said = fitted.bind(new.batch().schema()).unwrap().apply(new.batch()).unwrap();
    let rows = |role: Role| {
        let at = said.schema().role(role).unwrap();
        let Kind::Vector { len, .. } = said.schema().columns()[at].kind else { return Vec::new() };
        said.probabilities(at).unwrap().chunks(len).map(<[f64]>::to_vec).collect()
    };
    (rows(Role::Probability), rows(Role::ExpectedReward))
}

fn near(found: &[Vec<f64>], wanted: &[Vec<f64>], within: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let far = found.iter().zip(wanted).any(|(a, b)| (a - b).abs() > within);
        assert!(!far, "{found:?}, not {wanted:?}");
    }
}

#[test]
fn linear_policies_do_what_the_published_ones_do() {
    let r: Reference = serde_json::from_str(include_str!("reference/policy.json")).unwrap();
    let train = table(&r.x, Some((&r.action, &r.reward)), &["a", "b", "c"]);
    let new = table(&r.new, None, &[]);
    let (probability, expected) = answers(&LinUcb { alpha: r.alpha, ridge: 1.0, epsilon: 0.0 }, &train, &new);
    let chosen: Vec<usize> =
        probability.iter().map(|row| row.iter().position(|p| *p == 1.0).unwrap()).collect();
    assert_eq!(chosen, r.chosen);
    near(&expected, &r.expected, 1e-9);
    let (probability, expected) =
        answers(&Thompson { scale: r.scale, ridge: 1.0, epsilon: 0.0 }, &train, &new);
    near(&probability, &r.thompson, 1e-3);
    near(&expected, &r.expected, 1e-9);
}

#[test]
fn what_is_expected_is_in_the_unit_of_the_rewards_and_choices_are_in_none() {
    let r: Reference = serde_json::from_str(include_str!("reference/policy.json")).unwrap();
    let dear: Vec<f64> = r.reward.iter().map(|x| 1000.0 * x - 70.0).collect();
    let new = table(&r.new, None, &[]);
    for learner in [&LinUcb::default() as &dyn Estimator, &Thompson::default()] {
        let own = answers(learner, &table(&r.x, Some((&r.action, &r.reward)), &["a", "b", "c"]), &new);
        let other = answers(learner, &table(&r.x, Some((&r.action, &dear)), &["a", "b", "c"]), &new);
        near(&own.0, &other.0, 1e-9);
        let scaled: Vec<Vec<f64>> =
            own.1.iter().map(|row| row.iter().map(|x| 1000.0 * x - 70.0).collect()).collect();
        near(&scaled, &other.1, 1e-6);
    }
}

#[test]
fn an_action_without_rows_is_never_taken() {
    let x: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 7)]).collect();
    let actions: Vec<u32> = (0..40).map(|i| 2 * (i % 2)).collect();
    let rewards: Vec<f64> = (0..40).map(|i| f64::from(i % 5)).collect();
    let train = table(&x, Some((&actions, &rewards)), &["a", "never", "c"]);
    let q = FittedQ { learner: "ridge".into(), ..FittedQ::default() };
    for learner in [&LinUcb::default() as &dyn Estimator, &Thompson::default(), &q] {
        let (probability, _) = answers(learner, &train, &table(&x, None, &[]));
        assert!(probability.iter().all(|p| p[1] == 0.0 && (p[0] + p[2] - 1.0).abs() < 1e-12));
    }
}

/// A walk of three places: "on" earns nothing and goes on, "off" earns 1 and ends; from the last place "on" earns 10. Who counts what comes
/// later goes on; who does not leaves at once.
#[test]
fn fitted_q_iteration_counts_what_comes_later() {
    let (mut x, mut actions, mut rewards, mut walks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut step = |at: usize, action: u32, reward: f64, walk: usize| {
        x.push((0..3).map(|j| f64::from(u8::from(j == at))).collect::<Vec<f64>>());
        actions.push(action);
        rewards.push(reward);
        walks.push(format!("walk {walk}"));
    };
    for walk in 0..60 {
        let leaves = walk % 4;
        for at in 0..3 {
            let off = leaves == at;
            step(
                at,
                u32::from(!off),
                if off {
                    1.0
                } else if at == 2 {
                    10.0
                } else {
                    0.0
                },
                walk,
            );
            if off {
                break;
            }
        }
    }
    let single = table(&x, Some((&actions, &rewards)), &["off", "on"]);
    let mut columns = single.schema().columns().to_vec();
    columns.push(Column::new("walk", Kind::Text).with_role(Role::Group));
    let mut arrays = single.batch().columns().to_vec();
    arrays.push(Arc::new(StringArray::from(walks)));
    let walked = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
    let learner = FittedQ {
        learner: "ridge".into(),
        params: json!({ "alpha": 1e-6 }).as_object().unwrap().clone(),
        epsilon: 0.0,
        discount: 0.9,
        iterations: 5,
    };
    let places = table(&[vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]], None, &[]);
    let (at_once, _) = answers(&learner, &single, &places);
    near(&at_once, &[vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0]], 0.0);
    let (later, worth) = answers(&learner, &walked, &places);
    near(&later, &[vec![0.0, 1.0], vec![0.0, 1.0], vec![0.0, 1.0]], 0.0);
    // 10 at the last place is worth 9 one step before, and 8.1 two.
    near(&worth, &[vec![1.0, 8.1], vec![1.0, 9.0], vec![1.0, 10.0]], 1e-4);
}

#[test]
fn what_cannot_be_learned_from_is_said() {
    let x: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 7)]).collect();
    let actions: Vec<u32> = (0..40).map(|i| i % 2).collect();
    let mut rewards = vec![1.0; 40];
    rewards[3] = f64::NAN;
    let registry = Registry::new([Entry::learner::<Baseline>(), Entry::learner::<linear::Logistic>()]);
    let context = Context::new(0, 1, Arc::new(registry));
    let fit = |learner: &dyn Estimator, rewards: &[f64]| {
        let table = table(&x, Some((&actions, rewards)), &["a", "b"]);
        learner.fit(Training::on(&table), &context).err().unwrap().to_string()
    };
    assert!(
        fit(&LinUcb::default(), &rewards)
            .contains("reward 'reward' is missing or not a finite number in row 3")
    );
    let classes = FittedQ { learner: "logistic".into(), ..FittedQ::default() };
    let said = fit(&classes, &[1.0; 40]);
    assert!(said.contains("'logistic' learns no numbers"), "{said}");
    let plain = table(&x, None, &[]);
    let said = LinUcb::default().fit(Training::on(&plain), &context).err().unwrap().to_string();
    assert!(said.contains("target"), "{said}");
}
