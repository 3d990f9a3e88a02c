//! A mixture of normal distributions of one number, of as many as the numbers ask for.
//!
//! Source: Blei and Jordan 2006, "Variational inference for Dirichlet process mixtures"; the updates are those of Bishop 2006, "Pattern
//! recognition and machine learning", 10.2, with a truncated stick-breaking prior and the priors of scikit-learn's
//! `BayesianGaussianMixture`, which the paper on CTGAN uses.

/// The most components.
const MOST: usize = 10;
/// How much mass the prior gives to further components: little, so that few are used.
const CONCENTRATION: f64 = 0.001;
/// Components of less weight than this are left out.
const LEAST: f64 = 0.005;
/// Passes at most, and the change of responsibilities at which they end.
const PASSES: usize = 200;
const SETTLED: f64 = 1e-4;
/// Numbers that are looked at.
const NUMBERS: usize = 5_000;
/// Added to each variance, in units of that of all numbers.
const FLOOR: f64 = 1e-6;

/// One normal distribution of a mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mode {
    pub(crate) weight: f64,
    pub(crate) mean: f64,
    pub(crate) std: f64,
}

impl Mode {
    /// The normal distribution of the mean and the variance of both.
    fn with(&self, other: &Mode) -> Mode {
        let weight = self.weight + other.weight;
        let mean = (self.weight * self.mean + other.weight * other.mean) / weight;
        let square =
            |mode: &Mode| mode.weight * (mode.std * mode.std + (mode.mean - mean) * (mode.mean - mean));
        Mode { weight, mean, std: ((square(self) + square(other)) / weight).sqrt() }
    }

    /// The density of `x`, times the weight, without what all modes share.
    pub(crate) fn density(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.std;
        self.weight / self.std * (-0.5 * z * z).exp()
    }
}

/// The modes of these ascending numbers, which are not all the same, by their means.
pub(crate) fn modes(sorted: &[f64]) -> Vec<Mode> {
    let sample = spread_out(sorted);
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let std = (sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
    let x: Vec<f64> = sample.iter().map(|x| (x - mean) / std).collect();
    let mut mixture = Mixture::of(&x);
    let mut last = Vec::new();
    for _ in 0..PASSES {
        let weights = mixture.pass(&x);
        let moved = weights.iter().zip(&last).map(|(a, b): (&f64, &f64)| (a - b).abs()).fold(0.0, f64::max);
        if !last.is_empty() && moved < SETTLED {
            break;
        }
        last = weights;
    }
    let mut modes: Vec<Mode> = (0..mixture.means.len())
        .map(|k| Mode {
            weight: mixture.weights[k],
            mean: mixture.means[k] * std + mean,
            std: mixture.variances[k].sqrt() * std,
        })
        .filter(|mode| mode.weight > LEAST)
        .collect();
    modes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
    merged(modes, &sample)
}

/// Neighbours become one as long as one describes the numbers about as well, by the criterion of Schwarz (1978): the updates alone take
/// thousands of passes to let go of one of two that overlap.
fn merged(mut modes: Vec<Mode>, sample: &[f64]) -> Vec<Mode> {
    let likelihood = |modes: &[Mode]| {
        let density = |x: &f64| modes.iter().map(|mode| mode.density(*x)).sum::<f64>();
        sample.iter().map(|x| density(x).max(f64::MIN_POSITIVE).ln()).sum::<f64>()
    };
    // A mode is three numbers.
    let worth = 1.5 * (sample.len() as f64).ln();
    loop {
        let now = likelihood(&modes);
        let without = |at: usize| {
            let mut fewer = modes.clone();
            fewer[at] = modes[at].with(&modes[at + 1]);
            fewer.remove(at + 1);
            (likelihood(&fewer), fewer)
        };
        let best = (1..modes.len()).map(|at| without(at - 1)).max_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((then, fewer)) if now - then < worth => modes = fewer,
            _ => return modes,
        }
    }
}

/// All of few numbers, or some of many, at even places among them.
fn spread_out(sorted: &[f64]) -> Vec<f64> {
    if sorted.len() <= NUMBERS {
        return sorted.to_vec();
    }
    (0..NUMBERS).map(|i| sorted[(2 * i + 1) * sorted.len() / (2 * NUMBERS)]).collect()
}

/// The posterior of a mixture of standardised numbers.
struct Mixture {
    /// The expected weights, means and variances.
    weights: Vec<f64>,
    means: Vec<f64>,
    variances: Vec<f64>,
    /// By component: the two counts of its part of the stick, the precision of its mean, its degrees of freedom.
    sticks: Vec<[f64; 2]>,
    precisions: Vec<f64>,
    freedom: Vec<f64>,
}

impl Mixture {
    /// Begins with equally many numbers in each component.
    fn of(x: &[f64]) -> Self {
        let k = MOST.min(x.len());
        let mut sums = vec![[0.0; 3]; k];
        for (i, &value) in x.iter().enumerate() {
            let (own, x) = (&mut sums[i * k / x.len()], value);
            (own[0], own[1], own[2]) = (own[0] + 1.0, own[1] + x, own[2] + x * x);
        }
        let mut mixture = Mixture {
            weights: vec![0.0; k],
            means: vec![0.0; k],
            variances: vec![1.0; k],
            sticks: vec![[1.0, 1.0]; k],
            precisions: vec![1.0; k],
            freedom: vec![1.0; k],
        };
        mixture.learn(&sums);
        mixture
    }

    /// The posterior, from the count, the sum and the sum of squares of each component.
    fn learn(&mut self, sums: &[[f64; 3]]) {
        let mut after: f64 = sums.iter().map(|s| s[0]).sum();
        for (k, &[n, sum, squares]) in sums.iter().enumerate() {
            after -= n;
            let mean = if n > 0.0 { sum / n } else { 0.0 };
            let within = (squares - n * mean * mean).max(0.0) + FLOOR * n;
            self.sticks[k] = [1.0 + n, CONCENTRATION + after.max(0.0)];
            self.precisions[k] = 1.0 + n;
            self.freedom[k] = 1.0 + n;
            self.means[k] = sum / (1.0 + n);
            // The prior: a mean of 0 and a variance of 1, each as sure as one number.
            self.variances[k] = (1.0 + within + n / (1.0 + n) * mean * mean) / (1.0 + n);
        }
        let mut left = 1.0;
        for (weight, [a, b]) in self.weights.iter_mut().zip(&self.sticks) {
            *weight = left * a / (a + b);
            left *= b / (a + b);
        }
        let total: f64 = self.weights.iter().sum();
        self.weights.iter_mut().for_each(|weight| *weight /= total);
    }

    /// Shares the numbers out anew and learns from that; gives the weights.
    fn pass(&mut self, x: &[f64]) -> Vec<f64> {
        let k = self.weights.len();
        let mut before = 0.0;
        let constants: Vec<f64> = (0..k)
            .map(|k| {
                let [a, b] = self.sticks[k];
                let stick = digamma(a) - digamma(a + b) + before;
                before += digamma(b) - digamma(a + b);
                let freedom = self.freedom[k];
                let spread = digamma(0.5 * freedom) - freedom.ln() + std::f64::consts::LN_2
                    - 1.0 / self.precisions[k]
                    - self.variances[k].ln();
                stick + 0.5 * spread
            })
            .collect();
        let mut sums = vec![[0.0; 3]; k];
        let mut shares = vec![0.0; k];
        for &x in x {
            let mut most = f64::NEG_INFINITY;
            for (k, share) in shares.iter_mut().enumerate() {
                let away = x - self.means[k];
                *share = constants[k] - 0.5 * away * away / self.variances[k];
                most = most.max(*share);
            }
            shares.iter_mut().for_each(|share| *share = (*share - most).exp());
            let total: f64 = shares.iter().sum();
            for (own, share) in sums.iter_mut().zip(&shares) {
                let share = share / total;
                (own[0], own[1], own[2]) = (own[0] + share, own[1] + share * x, own[2] + share * x * x);
            }
        }
        self.learn(&sums);
        self.weights.clone()
    }
}

/// The derivative of the logarithm of the gamma function, above 0 (Abramowitz and Stegun 1964, 6.3.5 and 6.3.18).
fn digamma(mut x: f64) -> f64 {
    let mut less = 0.0;
    while x < 8.0 {
        less += 1.0 / x;
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    x.ln() - 0.5 / x - r * (1.0 / 12.0 - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r / 240.0))) - less
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::Random;

    use super::*;

    fn drawn(parts: &[(usize, f64, f64)]) -> Vec<f64> {
        let mut random = Random::new(5, 0);
        let mut all: Vec<f64> = Vec::new();
        for &(n, mean, std) in parts {
            all.extend((0..n).map(|_| mean + std * random.normal()));
        }
        all.sort_by(f64::total_cmp);
        all
    }

    /// Of 1, 1/2 and 10 from Euler's constant (Abramowitz and Stegun 1964, 6.3.2, 6.3.3), of 0.001 from the step to 1.001.
    #[test]
    fn digamma_is_as_in_the_tables() {
        let euler = 0.577_215_664_901_532_9;
        let tenth = (1..10).map(|k| 1.0 / f64::from(k)).sum::<f64>() - euler;
        let half = -euler - 2.0 * std::f64::consts::LN_2;
        for (x, wanted) in [(1.0, -euler), (0.5, half), (10.0, tenth), (0.001, digamma(1.001) - 1000.0)] {
            assert!((digamma(x) - wanted).abs() < 1e-9 * f64::abs(wanted).max(1.0), "{x}: {}", digamma(x));
        }
    }

    #[test]
    fn modes_that_are_apart_are_found() {
        let found = modes(&drawn(&[(1500, -3.0, 0.5), (500, 4.0, 1.0)]));
        let large: Vec<&Mode> = found.iter().filter(|mode| mode.weight > 0.05).collect();
        assert_eq!(large.len(), 2, "{found:?}");
        for (mode, (weight, mean, std)) in large.iter().zip([(0.75, -3.0, 0.5), (0.25, 4.0, 1.0)]) {
            assert!((mode.weight - weight).abs() < 0.03 && (mode.mean - mean).abs() < 0.15, "{mode:?}");
            assert!((mode.std - std).abs() < 0.15, "{mode:?}");
        }
    }

    #[test]
    fn one_bell_needs_few_modes_and_scales_do_not_matter() {
        let one = drawn(&[(2000, 10.0, 2.0)]);
        let found = modes(&one);
        assert!(found.iter().filter(|mode| mode.weight > 0.05).count() <= 3, "{found:?}");
        let large: Vec<f64> = one.iter().map(|x| 1e9 * x).collect();
        for (a, b) in found.iter().zip(modes(&large)) {
            assert!(
                (1e9 * a.mean - b.mean).abs() < 1e-3 * b.mean.abs() && (a.weight - b.weight).abs() < 1e-6
            );
        }
        let mean: f64 = found.iter().map(|mode| mode.weight * mode.mean).sum::<f64>()
            / found.iter().map(|mode| mode.weight).sum::<f64>();
        assert!((mean - 10.0).abs() < 0.2, "{mean}");
    }
}
