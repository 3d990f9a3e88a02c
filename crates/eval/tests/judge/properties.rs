//! What must be true of the figures of any answers.

use proptest::collection::vec;
use proptest::prelude::*;
use tidemill_eval::compare::bootstrap;
use tidemill_eval::{Answers, METRICS, Metric, metric, report};
use tidemill_kernel::Random;

/// Rows of classes: true class, predicted class, a score per class from a coarse grid (for ties), a weight.
type Rows = Vec<(u32, u32, Vec<u8>, u8)>;

fn rows(k: usize) -> impl Strategy<Value = Rows> {
    vec((0..k as u32, 0..k as u32, vec(1u8..9, k), 0u8..4), 1..60)
}

fn answers(rows: &Rows, k: usize) -> Answers<'static> {
    let truth: Vec<u32> = rows.iter().map(|r| r.0).collect();
    let predicted: Vec<u32> = rows.iter().map(|r| r.1).collect();
    let probability: Vec<f64> = rows.iter().flat_map(|r| shares(&r.2)).collect();
    let weights: Vec<f64> = rows.iter().map(|r| f64::from(r.3)).collect();
    let answers = Answers::classes(truth, predicted, (0..k).map(|c| format!("c{c}"))).unwrap();
    answers.with_probability(probability).unwrap().with_weights(weights).unwrap()
}

fn shares(scores: &[u8]) -> Vec<f64> {
    let total: f64 = scores.iter().map(|&s| f64::from(s)).sum();
    scores.iter().map(|&s| f64::from(s) / total).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * b.abs().max(1.0)
}

fn each(answers: &Answers<'_>) -> Vec<(&'static Metric, f64)> {
    let applying = METRICS.iter().filter(|m| m.applies(answers));
    applying.map(|m| (m, m.score(answers).unwrap().value)).collect()
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(rows in rows(3), seed in 0u64..1000) {
        let mut shuffled = rows.clone();
        Random::new(seed, 0).shuffle(&mut shuffled);
        for ((m, a), (_, b)) in each(&answers(&rows, 3)).into_iter().zip(each(&answers(&shuffled, 3))) {
            prop_assert!(close(a, b), "{}: {a} {b}", m.name);
        }
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice_and_of_none_no_row(rows in rows(2)) {
        let repeated: Rows = rows.iter().flat_map(|r| (0..r.3).map(|_| (r.0, r.1, r.2.clone(), 1))).collect();
        for ((m, a), (_, b)) in each(&answers(&rows, 2)).into_iter().zip(each(&answers(&repeated, 2))) {
            prop_assert!(close(a, b), "{}: {a} {b}", m.name);
        }
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice_for_numbers(rows in vec((-9i8..9, -9i8..9, 0u8..4), 1..40)) {
        let build = |rows: &[(i8, i8, u8)]| {
            let t: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let p: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let w: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
            Answers::numbers(t, p).unwrap().with_weights(w).unwrap()
        };
        let repeated: Vec<_> = rows.iter().flat_map(|r| (0..r.2).map(|_| (r.0, r.1, 1))).collect();
        // One row of weight 2 has no variance; the same row twice has a constant target.
        prop_assume!(rows.iter().filter(|r| r.2 > 0).count() != 1);
        for ((m, a), (_, b)) in each(&build(&rows)).into_iter().zip(each(&build(&repeated))) {
            prop_assert!(close(a, b), "{}: {a} {b}", m.name);
        }
    }

    #[test]
    fn ranks_survive_a_monotone_map(rows in rows(2)) {
        let plain = answers(&rows, 2);
        let squared: Vec<f64> =
            rows.iter().map(|r| shares(&r.2)[1].powi(2)).flat_map(|p| [1.0 - p, p]).collect();
        let mapped = plain.clone().with_probability(squared).unwrap();
        for name in ["roc_auc", "average_precision"] {
            let [a, b] = [&plain, &mapped].map(|x| metric(name).unwrap().score(x).unwrap().value);
            prop_assert!(close(a, b), "{name}: {a} {b}");
        }
    }

    #[test]
    fn the_area_is_the_share_of_pairs_ranked_right(rows in rows(2)) {
        let mut right = 0.0;
        let mut pairs = 0.0;
        for (p, n) in rows.iter().flat_map(|p| rows.iter().map(move |n| (p, n))).filter(|(p, n)| p.0 > n.0) {
            let (a, b, w) = (shares(&p.2)[1], shares(&n.2)[1], f64::from(p.3) * f64::from(n.3));
            pairs += w;
            right += w * if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
        }
        let found = metric("roc_auc").unwrap().score(&answers(&rows, 2)).unwrap().value;
        prop_assert!(close(found, right / pairs), "{found} {}", right / pairs);
    }

    #[test]
    fn f1_lies_between_precision_and_recall(rows in rows(4)) {
        for class in report(&answers(&rows, 4)).classes {
            let (low, high) = (class.precision.min(class.recall), class.precision.max(class.recall));
            prop_assert!(low - 1e-15 <= class.f1 && class.f1 <= high + 1e-15, "{class:?}");
        }
    }

    #[test]
    fn the_confusion_matrix_sums_to_the_weights(rows in rows(4)) {
        let answers = answers(&rows, 4);
        let total: f64 = report(&answers).confusion.unwrap().counts.iter().flatten().sum();
        prop_assert_eq!(total, answers.total_weight());
    }

    #[test]
    fn an_interval_holds_its_figure(rows in rows(2)) {
        let interval = bootstrap(&answers(&rows, 2), metric("accuracy").unwrap(), 200, 0.99, 1).unwrap();
        prop_assert!(interval.value.is_nan() || !(interval.low > interval.value || interval.value > interval.high));
    }
}

/// Enough rows for many chunks and buckets, some of them skewed and tied.
fn many(n: usize, weighted: bool) -> Answers<'static> {
    let mut random = Random::new(3, 0);
    let truth: Vec<u32> = (0..n).map(|_| random.below(2) as u32).collect();
    let score = |&t: &u32, random: &mut Random| {
        let p = 1.0 / (1.0 + (-3.0 * random.normal() - f64::from(t)).exp());
        if random.below(3) == 0 { (p * 50.0).round() / 50.0 } else { p }
    };
    let yes: Vec<f64> = truth.iter().map(|t| score(t, &mut random)).collect();
    let predicted: Vec<u32> = yes.iter().map(|&p| u32::from(p >= 0.5)).collect();
    let probability: Vec<f64> = yes.iter().flat_map(|&p| [1.0 - p, p]).collect();
    let answers = Answers::classes(truth, predicted, ["no", "yes"]).unwrap();
    let answers = answers.with_probability(probability).unwrap();
    let weights: Vec<f64> = (0..n).map(|_| random.unit()).collect();
    if weighted { answers.with_weights(weights).unwrap() } else { answers }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for weighted in [false, true] {
        let bits = [1, 2, 5].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| each(&many(300_000, weighted)))
                .iter()
                .map(|(_, x)| x.to_bits())
                .collect::<Vec<_>>()
        });
        assert!(bits[0] == bits[1] && bits[1] == bits[2]);
    }
}

/// Squeezed between two far scores, almost all rows fall into one bucket, which is one plain sort.
#[test]
fn buckets_rank_as_one_sort_does() {
    let Answers::Classes(plain) = many(150_000, false) else { panic!("not classes") };
    let yes: Vec<f64> = plain.probability().unwrap().chunks(2).map(|p| p[1]).collect();
    let area = |scale: f64| {
        let ends = [(0, 0.0), (1, 1.0)];
        let rows =
            plain.truth().iter().copied().zip(yes.iter().map(|p| (0.25 + 0.5 * p) * scale)).chain(ends);
        let (truth, scores): (Vec<u32>, Vec<f64>) = rows.unzip();
        let probability: Vec<f64> = scores.iter().flat_map(|&p| [1.0 - p, p]).collect();
        let answers = Answers::classes(truth.clone(), truth, ["no", "yes"]).unwrap();
        let answers = answers.with_probability(probability).unwrap();
        ["roc_auc", "average_precision"].map(|name| metric(name).unwrap().score(&answers).unwrap().value)
    };
    // A power of two keeps every score apart from its neighbours.
    assert_eq!(area(1.0)[0], area(2.0f64.powi(-30))[0]);
    assert!(close(area(1.0)[1], area(2.0f64.powi(-30))[1]));
}
