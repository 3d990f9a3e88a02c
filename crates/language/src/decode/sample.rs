//! Choosing the next token.

use tidemill_kernel::Random;

/// How the next token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token; above, logits are divided by it. At least 0.
    pub temperature: f32,
    /// Only the so many likeliest tokens are drawn from; 0 for all.
    pub top_k: usize,
    /// Only the likeliest tokens that together have this probability are drawn from; 1 for all.
    pub top_p: f32,
    /// From which the draws follow.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 0 }
    }
}

/// Draws tokens one after the other; `top_k` goes before `top_p`, as in transformers.
pub(crate) struct Sampler {
    sampling: Sampling,
    random: Random,
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    pub(crate) fn new(sampling: &Sampling) -> Self {
        let random = Random::new(sampling.seed, 0);
        Sampler { sampling: sampling.clone(), random, candidates: Vec::new() }
    }

    /// The next token; `None` where no logit is a number.
    pub(crate) fn next(&mut self, logits: &[f32]) -> Option<u32> {
        if self.sampling.temperature <= 0.0 {
            return greatest(logits);
        }
        self.candidates.clear();
        let numbers = logits.iter().enumerate().filter(|(_, logit)| !logit.is_nan());
        self.candidates.extend(numbers.map(|(id, logit)| (logit / self.sampling.temperature, id as u32)));
        self.keep_top_k();
        let greatest = self.candidates.iter().map(|c| c.0).fold(f32::NEG_INFINITY, f32::max);
        for candidate in &mut self.candidates {
            candidate.0 = (candidate.0 - greatest).exp();
        }
        self.keep_top_p();
        let total: f64 = self.candidates.iter().map(|c| f64::from(c.0)).sum();
        let mut left = self.random.unit() * total;
        for (share, id) in &self.candidates {
            left -= f64::from(*share);
            if left < 0.0 {
                return Some(*id);
            }
        }
        self.candidates.iter().rev().find(|c| c.0 > 0.0).map(|c| c.1)
    }

    fn keep_top_k(&mut self) {
        let k = self.sampling.top_k;
        if k > 0 && k < self.candidates.len() {
            self.candidates.select_nth_unstable_by(k - 1, likelier);
            self.candidates.truncate(k);
            // So that draws do not depend on how the selection left them.
            self.candidates.sort_unstable_by_key(|c| c.1);
        }
    }

    fn keep_top_p(&mut self) {
        if self.sampling.top_p >= 1.0 {
            return;
        }
        self.candidates.sort_unstable_by(likelier);
        let total: f64 = self.candidates.iter().map(|c| f64::from(c.0)).sum();
        let wanted = total * f64::from(self.sampling.top_p);
        let mut sum = 0.0;
        let n = self.candidates.iter().take_while(|c| {
            let more = sum < wanted;
            sum += f64::from(c.0);
            more
        });
        let n = n.count().max(1);
        self.candidates.truncate(n);
    }
}

/// Likelier first, and of equals the lower id.
fn likelier(a: &(f32, u32), b: &(f32, u32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The token of the greatest logit, the first of equals.
fn greatest(logits: &[f32]) -> Option<u32> {
    let numbers = logits.iter().enumerate().filter(|(_, logit)| !logit.is_nan());
    numbers.min_by(|a, b| b.1.total_cmp(a.1)).map(|(id, _)| id as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(sampling: &Sampling, logits: &[f32], n: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling);
        (0..n).map(|_| sampler.next(logits).unwrap()).collect()
    }

    #[test]
    fn shares_are_those_of_the_softmax() {
        // e^0 : e^1 : e^2 = 0.0900 : 0.2447 : 0.6652.
        let sampling = Sampling { temperature: 0.5, seed: 3, ..Sampling::default() };
        let draws = drawn(&sampling, &[0.0, 0.5, 1.0], 20_000);
        for (id, wanted) in [(0, 0.0900), (1, 0.2447), (2, 0.6652)] {
            let share = draws.iter().filter(|d| **d == id).count() as f64 / draws.len() as f64;
            assert!((share - wanted).abs() < 0.01, "{id}: {share}");
        }
        assert_eq!(draws[..50], drawn(&sampling, &[0.0, 0.5, 1.0], 50));
    }

    #[test]
    fn top_k_and_top_p_leave_the_likeliest() {
        let logits = [0.0, 3.0, 1.0, 2.9, f32::NAN];
        let warm = Sampling { temperature: 1.0, seed: 1, ..Sampling::default() };
        let two = Sampling { top_k: 2, ..warm.clone() };
        assert!(drawn(&two, &logits, 500).iter().all(|id| [1, 3].contains(id)));
        // Shares: 0.026, 0.476, 0.065, 0.433.
        let half = Sampling { top_p: 0.47, ..warm.clone() };
        assert!(drawn(&half, &logits, 500).iter().all(|id| *id == 1));
        let most = Sampling { top_p: 0.95, ..warm };
        assert!(drawn(&most, &logits, 2_000).iter().all(|id| *id != 0));
    }

    #[test]
    fn without_temperature_the_first_of_the_greatest_is_taken() {
        assert_eq!(drawn(&Sampling::default(), &[1.0, 2.0, 2.0], 1), [1]);
        assert_eq!(Sampler::new(&Sampling::default()).next(&[f32::NAN]), None);
    }
}
