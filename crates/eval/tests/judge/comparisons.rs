//! Paired tests agree with scipy, DeLong's with its definition over all pairs.

use serde::Deserialize;
use tidemill_eval::compare::{
    Test, bootstrap, delong, delong_paired, five_by_two, mcnemar, normal_reach, normal_two_sided, two,
    wilcoxon,
};
use tidemill_eval::{Answers, metric};
use tidemill_kernel::Random;

#[derive(Deserialize)]
struct Stored {
    normal: Vec<[f64; 2]>,
    reach: Vec<[f64; 2]>,
    delong: Vec<Areas>,
    mcnemar: Vec<(u64, u64, f64, f64)>,
    wilcoxon: Vec<Signed>,
    five_by_two: Vec<Folds>,
    paired_t: Vec<Errors>,
}

#[derive(Deserialize)]
struct Areas {
    truth: Vec<u32>,
    a: Vec<f64>,
    b: Vec<f64>,
    auc: f64,
    low: f64,
    high: f64,
    difference: f64,
    difference_low: f64,
    difference_high: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Signed {
    differences: Vec<f64>,
    above: f64,
    below: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Folds {
    differences: [[f64; 2]; 5],
    t: f64,
    p_t: f64,
    f: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Errors {
    truth: Vec<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    mae: f64,
    mse: f64,
}

fn stored() -> Stored {
    serde_json::from_str(include_str!("../reference/compare.json")).unwrap()
}

fn near(found: f64, wanted: f64, most: f64) {
    assert!((found - wanted).abs() <= most * wanted.abs().max(1e-300), "{found} != {wanted}");
}

fn of_scores(truth: &[u32], yes: &[f64]) -> Answers<'static> {
    let predicted: Vec<u32> = yes.iter().map(|&p| u32::from(p >= 0.5)).collect();
    let probability: Vec<f64> = yes.iter().flat_map(|&p| [1.0 - p, p]).collect();
    let answers = Answers::classes(truth.to_vec(), predicted, ["no", "yes"]).unwrap();
    answers.with_probability(probability).unwrap()
}

#[test]
fn the_normal_distribution_agrees_with_scipy() {
    stored().normal.iter().for_each(|&[z, p]| near(normal_two_sided(z), p, 1e-12));
    stored().reach.iter().for_each(|&[c, z]| near(normal_reach(c), z, 1e-9));
}

#[test]
fn delong_agrees_with_its_definition() {
    for case in stored().delong {
        let (a, b) = (of_scores(&case.truth, &case.a), of_scores(&case.truth, &case.b));
        let found = delong(&a, 0.95).unwrap();
        near(found.value, case.auc, 1e-12);
        near(found.low, case.low, 1e-9);
        near(found.high, case.high, 1e-9);
        near(found.value, metric("roc_auc").unwrap().score(&a).unwrap().value, 1e-12);
        let found = delong_paired(&a, &b, 0.95).unwrap();
        near(found.mean, case.difference, 1e-9);
        near(found.low, case.difference_low, 1e-9);
        near(found.high, case.difference_high, 1e-9);
        near(found.p_value, case.p, 1e-9);
        let same = delong_paired(&a, &a, 0.95).unwrap();
        assert_eq!((same.mean, same.p_value), (0.0, 1.0));
    }
}

/// Another way to the same interval: the bootstrap's is about as wide.
#[test]
fn delong_and_the_bootstrap_tell_alike() {
    let case = &stored().delong[2];
    let answers = of_scores(&case.truth, &case.a);
    let (quick, slow) = (
        delong(&answers, 0.95).unwrap(),
        bootstrap(&answers, metric("roc_auc").unwrap(), 2000, 0.95, 1).unwrap(),
    );
    let ratio = (quick.high - quick.low) / (slow.high - slow.low);
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

#[test]
fn mcnemar_wilcoxon_and_five_by_two_agree_with_scipy() {
    let stored = stored();
    for (a, b, exact, mid) in stored.mcnemar {
        let found = mcnemar(a, b);
        // scipy itself holds about ten digits for millions of rows.
        near(found.p_exact, exact, 1e-9);
        near(found.p_mid, mid, 1e-9);
    }
    for case in stored.wilcoxon {
        let found = wilcoxon(&case.differences).unwrap();
        assert_eq!((found.above, found.below), (case.above, case.below));
        near(found.p_value, case.p, 1e-12);
    }
    for case in stored.five_by_two {
        let found = five_by_two(&case.differences).unwrap();
        near(found.t, case.t, 1e-12);
        near(found.f, case.f, 1e-12);
        near(found.p_t, case.p_t, 1e-9);
        near(found.p_value, case.p, 1e-12);
    }
}

#[test]
fn two_takes_the_right_test() {
    for case in stored().paired_t {
        let build = |p: &[f64]| Answers::numbers(case.truth.clone(), p.to_vec()).unwrap();
        let (a, b) = (build(&case.a), build(&case.b));
        for (name, wanted) in [("mae", case.mae), ("mse", case.mse), ("rmse", case.mse)] {
            let found = two(&a, &b, metric(name).unwrap(), 1).unwrap();
            assert_eq!((found.test, found.same), (Test::PairedT, wanted >= 0.05));
            near(found.p_value.unwrap(), wanted, 1e-9);
            assert!(found.low <= found.better_by && found.better_by <= found.high);
        }
    }
    let case = &stored().delong[2];
    let (a, b) = (of_scores(&case.truth, &case.a), of_scores(&case.truth, &case.b));
    let test = |name: &str| two(&a, &b, metric(name).unwrap(), 1).unwrap();
    assert_eq!((test("roc_auc").test, test("accuracy").test), (Test::Delong, Test::Mcnemar));
    assert_eq!((test("f1").test, test("log_loss").test), (Test::Bootstrap, Test::PairedT));
    near(test("roc_auc").p_value.unwrap(), case.p, 1e-9);
    let back = two(&b, &a, metric("roc_auc").unwrap(), 1).unwrap();
    near(back.better_by, -case.difference, 1e-9);
    near(back.low, -case.difference_high, 1e-9);
}

#[test]
fn the_verdict_is_a_sentence() {
    let mut random = Random::new(4, 0);
    let truth: Vec<u32> = (0..3000).map(|_| random.below(2) as u32).collect();
    let mut score = |skill: f64| -> Vec<f64> {
        let one = |&t: &u32| 1.0 / (1.0 + (-(skill * (f64::from(t) - 0.5) + random.normal())).exp());
        truth.iter().map(one).collect()
    };
    let (weak, strong) = (of_scores(&truth, &score(0.5)), of_scores(&truth, &score(2.0)));
    let found = two(&strong, &weak, metric("roc_auc").unwrap(), 1).unwrap();
    assert!(
        found.sentence.starts_with("The first is better: its ROC AUC is higher by"),
        "{}",
        found.sentence
    );
    assert!(found.sentence.contains("DeLong's test, p below 0.001"), "{}", found.sentence);
    let found = two(&weak, &strong, metric("log_loss").unwrap(), 1).unwrap();
    assert!(
        found.sentence.starts_with("The second is better: its log loss is lower by"),
        "{}",
        found.sentence
    );
    let found = two(&weak, &weak, metric("accuracy").unwrap(), 1).unwrap();
    assert!(found.same && found.sentence.contains("as far as 3000 rows can tell: equal in accuracy"));
}

/// Between equal models a test at 5% should speak in about 5% of tables.
#[test]
fn equal_models_are_told_apart_about_as_rarely_as_stated() {
    let mut wrong = [0; 3];
    for seed in 0..300 {
        let mut random = Random::new(seed, 7);
        let truth: Vec<u32> = (0..150).map(|_| random.below(2) as u32).collect();
        let mut draw = || {
            let score = |&t: &u32| 1.0 / (1.0 + (-(1.5 * (f64::from(t) - 0.5) + random.normal())).exp());
            of_scores(&truth, &truth.iter().map(score).collect::<Vec<_>>())
        };
        let (a, b) = (draw(), draw());
        for (count, name) in wrong.iter_mut().zip(["roc_auc", "accuracy", "log_loss"]) {
            *count += usize::from(!two(&a, &b, metric(name).unwrap(), seed).unwrap().same);
        }
    }
    assert!(wrong.iter().all(|&w| (3..=32).contains(&w)), "{wrong:?} of 300");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let a = of_scores(&[0, 1, 0, 1], &[0.1, 0.9, 0.2, 0.8]);
    let other = of_scores(&[1, 1, 0, 1], &[0.1, 0.9, 0.2, 0.8]);
    let error = two(&a, &other, metric("roc_auc").unwrap(), 1).unwrap_err();
    assert!(error.to_string().contains("different rows"), "{error}");
    let few = of_scores(&[0, 1, 1], &[0.1, 0.9, 0.2]);
    assert!(delong(&few, 0.95).unwrap_err().to_string().contains("2 of each are needed"));
    let weighted = a.clone().with_weights(vec![1.0, 2.0, 1.0, 1.0]).unwrap();
    assert!(delong(&weighted, 0.95).unwrap_err().to_string().contains("takes no weights"));
    assert_eq!(two(&weighted, &weighted, metric("roc_auc").unwrap(), 1).unwrap().test, Test::Bootstrap);
    assert!(delong(&a, 1.0).is_err());
    assert!(wilcoxon(&[f64::NAN]).is_err() && five_by_two(&[[f64::INFINITY, 0.0]; 5]).is_err());
    assert_eq!(wilcoxon(&[0.0, 0.0]).unwrap().p_value, 1.0);
    assert_eq!(five_by_two(&[[0.0; 2]; 5]).unwrap().p_value, 1.0);
}
