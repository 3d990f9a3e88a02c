//! Choosing the next token.

use std::collections::BTreeMap;

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
    /// Only tokens with at least this share of the likeliest's probability are drawn from; 0 for all.
    pub min_p: f32,
    /// Logits of tokens of the prompt and the answer are divided by it where they are above 0, and multiplied where below
    /// (Keskar et al. 2019); 1 changes nothing. Above 0.
    pub repetition_penalty: f32,
    /// Taken from the logits of tokens that the answer holds already.
    pub presence_penalty: f32,
    /// Taken from the logits of tokens of the answer, once for each time that they came.
    pub frequency_penalty: f32,
    /// What is added to the logits of tokens.
    pub logit_bias: BTreeMap<u32, f32>,
    /// From which the draws follow.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            seed: 0,
        }
    }
}

impl Sampling {
    /// Whether logits depend on the tokens before.
    fn penalises(&self) -> bool {
        self.repetition_penalty != 1.0 || self.presence_penalty != 0.0 || self.frequency_penalty != 0.0
    }
}

/// Draws tokens one after the other; penalties go before the temperature, and `top_k` before `top_p` before `min_p`, as in
/// transformers.
pub(crate) struct Sampler {
    sampling: Sampling,
    random: Random,
    candidates: Vec<(f32, u32)>,
    /// How often each token of prompt and answer came in the answer; empty where nothing is penalised.
    seen: BTreeMap<u32, u32>,
}

impl Sampler {
    pub(crate) fn new(sampling: &Sampling, prompt: &[u32]) -> Self {
        let random = Random::new(sampling.seed, 0);
        let remembered = if sampling.penalises() { prompt } else { &[] };
        let seen = remembered.iter().map(|token| (*token, 0)).collect();
        Sampler { sampling: sampling.clone(), random, candidates: Vec::new(), seen }
    }

    /// The next token; `None` where no logit is a number. The logits are changed where something is added or penalised.
    pub(crate) fn next(&mut self, logits: &mut [f32]) -> Option<u32> {
        for (token, bias) in &self.sampling.logit_bias {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit += bias;
            }
        }
        if !self.sampling.penalises() {
            return self.drawn(logits);
        }
        self.penalise(logits);
        let next = self.drawn(logits);
        if let Some(token) = next {
            *self.seen.entry(token).or_default() += 1;
        }
        next
    }

    fn penalise(&self, logits: &mut [f32]) {
        let Sampling { repetition_penalty, presence_penalty, frequency_penalty, .. } = self.sampling;
        for (token, said) in &self.seen {
            let Some(logit) = logits.get_mut(*token as usize) else { continue };
            *logit = if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
            if *said > 0 {
                *logit -= presence_penalty + frequency_penalty * *said as f32;
            }
        }
    }

    fn drawn(&mut self, logits: &[f32]) -> Option<u32> {
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
        // The likeliest has the share 1.
        let least = self.sampling.min_p;
        self.candidates.retain(|c| c.0 >= least);
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
        let mut sampler = Sampler::new(sampling, &[]);
        (0..n).map(|_| sampler.next(&mut logits.to_vec()).unwrap()).collect()
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
        // e^-0.1 = 0.905, e^-2 = 0.135 of the likeliest.
        let near = Sampling { temperature: 1.0, min_p: 0.5, seed: 1, ..Sampling::default() };
        assert!(drawn(&near, &logits, 500).iter().all(|id| [1, 3].contains(id)));
        let two_thirds = Sampling { min_p: 0.13, ..near };
        assert!(drawn(&two_thirds, &logits, 2_000).contains(&2));
    }

    /// By transformers 5: `RepetitionPenaltyLogitsProcessor(2.0)` of [[0, 1]] on [3, -1, 2] gives [1.5, -2, 2].
    #[test]
    fn what_was_said_is_penalised() {
        let repeated = Sampling { repetition_penalty: 2.0, ..Sampling::default() };
        let mut logits = [3.0, -1.0, 2.0];
        assert_eq!(Sampler::new(&repeated, &[0, 1]).next(&mut logits), Some(2));
        assert_eq!(logits, [1.5, -2.0, 2.0]);
        let present = Sampling { presence_penalty: 0.5, frequency_penalty: 0.25, ..Sampling::default() };
        let mut sampler = Sampler::new(&present, &[1]);
        let said: Vec<u32> = (0..4).map(|_| sampler.next(&mut [1.0, 0.9, 0.0]).unwrap()).collect();
        // 1 - 0.75 < 0.9; then 0.25 against 0.15; then 0 against 0.15.
        assert_eq!(said, [0, 1, 0, 1]);
    }

    #[test]
    fn what_is_added_to_logits_counts() {
        let sampling = Sampling { logit_bias: [(0, 1.5), (1, -100.0)].into(), ..Sampling::default() };
        assert_eq!(drawn(&sampling, &[1.0, 2.9, 2.0], 1), [0]);
        let warm = Sampling { temperature: 1.0, ..sampling };
        assert!(!drawn(&warm, &[1.0, 2.9, 2.0], 500).contains(&1));
    }

    #[test]
    fn without_temperature_the_first_of_the_greatest_is_taken() {
        assert_eq!(drawn(&Sampling::default(), &[1.0, 2.0, 2.0], 1), [1]);
        assert_eq!(Sampler::new(&Sampling::default(), &[]).next(&mut [f32::NAN]), None);
    }
}
