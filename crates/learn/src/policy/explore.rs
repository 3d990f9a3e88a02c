//! From what is known of actions to the probabilities by which one is drawn.

use tidemill_core::KeyPath;
use tidemill_kernel::normal::cdf;

/// Points of each action's distribution: 65, from six standard deviations below its mean to six above.
const POINTS: usize = 65;
const REACH: f64 = 6.0;

/// Refuses a share that is not from 0 to 1.
pub(super) fn check_share(key: &str, share: f64) -> Result<(), KeyPath> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {share}, but must be a share from 0 to 1")))
}

/// Refuses what is not a finite number from 0 up.
pub(super) fn from_zero(key: &str, value: f64) -> Result<(), KeyPath> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {value}, but must be a number from 0 up")))
}

/// Refuses what is not a finite number above 0.
pub(super) fn above_zero(key: &str, value: f64) -> Result<(), KeyPath> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {value}, but must be a number above 0")))
}

/// All to the action of the greatest score, the first of equals; `NaN` scores nothing. Where no score says anything, all of `known`
/// are alike.
pub(super) fn greatest(scores: &[f64], known: &[u32], out: &mut [f64]) {
    out.fill(0.0);
    let mut best: Option<u32> = None;
    for &action in known {
        let score = scores[action as usize];
        if !score.is_nan() && best.is_none_or(|best| score > scores[best as usize]) {
            best = Some(action);
        }
    }
    match best {
        Some(action) => out[action as usize] = 1.0,
        None => known.iter().for_each(|a| out[*a as usize] = 1.0 / known.len() as f64),
    }
}

/// The probability that each action's reward, drawn from its normal distribution, is the greatest: what Thompson sampling does, by an
/// integral instead of draws. The sum over steps of an action's distribution of the chance that all others stay below, the mean of
/// both ends of a step; the steps end at the [`POINTS`] of every action. Within 1e-3 of the integral.
pub(super) fn most_probable_best(means: &[f64], deviations: &[f64], known: &[u32], out: &mut [f64]) {
    if known.iter().any(|a| !means[*a as usize].is_finite() || !deviations[*a as usize].is_finite()) {
        return greatest(means, known, out);
    }
    if known.iter().all(|a| deviations[*a as usize] <= 0.0) {
        return greatest(means, known, out);
    }
    let mut points: Vec<f64> = known
        .iter()
        .flat_map(|&a| {
            let step = 2.0 * REACH / (POINTS - 1) as f64;
            (0..POINTS).map(move |i| means[a as usize] + deviations[a as usize] * (i as f64 * step - REACH))
        })
        .collect();
    points.sort_by(f64::total_cmp);
    points.dedup();
    let below = |action: u32, at: f64| {
        let (mean, deviation) = (means[action as usize], deviations[action as usize]);
        match deviation > 0.0 {
            true => cdf((at - mean) / deviation),
            false => f64::from(u8::from(at >= mean)),
        }
    };
    out.fill(0.0);
    let mut before = vec![0.0; known.len()];
    let mut others_before = vec![0.0; known.len()];
    for &point in &points {
        let now: Vec<f64> = known.iter().map(|a| below(*a, point)).collect();
        let others = without_each(&now);
        for (i, &action) in known.iter().enumerate() {
            out[action as usize] += (now[i] - before[i]) * 0.5 * (others[i] + others_before[i]);
        }
        (before, others_before) = (now, others);
    }
    let total: f64 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= total);
}

/// For each number, the product of all others.
fn without_each(numbers: &[f64]) -> Vec<f64> {
    let mut products = vec![1.0; numbers.len()];
    let mut so_far = 1.0;
    for (product, x) in products.iter_mut().zip(numbers) {
        *product = so_far;
        so_far *= x;
    }
    so_far = 1.0;
    for (product, x) in products.iter_mut().zip(numbers).rev() {
        *product *= so_far;
        so_far *= x;
    }
    products
}

/// Leaves a share of the probability to all known actions alike.
pub(super) fn explored(epsilon: f64, known: &[u32], out: &mut [f64]) {
    out.iter_mut().for_each(|p| *p *= 1.0 - epsilon);
    known.iter().for_each(|a| out[*a as usize] += epsilon / known.len() as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_of_known_actions_is_taken_and_some_is_left_to_all() {
        let mut out = [0.0; 3];
        greatest(&[9.0, 1.0, 2.0], &[1, 2], &mut out);
        assert_eq!(out, [0.0, 0.0, 1.0]);
        explored(0.5, &[1, 2], &mut out);
        assert_eq!(out, [0.0, 0.25, 0.75]);
        greatest(&[f64::NAN; 3], &[0, 2], &mut out);
        assert_eq!(out, [0.5, 0.0, 0.5]);
    }

    /// Of two actions the probability has a closed form.
    #[test]
    fn of_two_actions_the_better_is_drawn_as_often_as_its_lead_says() {
        for (means, deviations) in
            [([0.0, 0.5], [1.0, 1.0]), ([0.0, 0.1], [0.01, 2.0]), ([3.0, -1.0], [2.0, 0.5])]
        {
            let mut out = [0.0; 2];
            most_probable_best(&means, &deviations, &[0, 1], &mut out);
            let spread = f64::hypot(deviations[0], deviations[1]);
            let wanted = cdf((means[1] - means[0]) / spread);
            assert!((out[1] - wanted).abs() < 1e-3, "{out:?} {wanted}");
            assert!((out[0] + out[1] - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_certain_is_taken_and_what_is_not_finite_is_no_panic() {
        let mut out = [0.0; 2];
        most_probable_best(&[1.0, 2.0], &[0.0, 0.0], &[0, 1], &mut out);
        assert_eq!(out, [0.0, 1.0]);
        most_probable_best(&[f64::NAN, 2.0], &[1.0, 1.0], &[0, 1], &mut out);
        assert_eq!(out, [0.0, 1.0]);
        most_probable_best(&[1.0, 1.0], &[0.0, 1.0], &[0, 1], &mut out);
        assert!((out[0] - 0.5).abs() < 0.05, "{out:?}");
    }
}
