//! Shapley values of any model by a weighted regression on coalitions.

use tidemill_core::Context;
use tidemill_kernel::Random;
use tidemill_kernel::cholesky::Cholesky;

use super::estimate::{Sampling, ShapEstimate, is_sure};
use super::game::Game;
use crate::{Error, Result};

/// Groups of draws, each left out in turn for the standard errors.
const GROUPS: usize = 16;
/// Pairs of coalitions drawn at first; each further round doubles them.
const FIRST: usize = 64;

/// The Shapley values of any model by Kernel SHAP (Lundberg and Lee 2017): a linear model of the coalitions, weighted by
/// Shapley's kernel and held to sum to the answer.
///
/// As in the `shap` package, coalitions of few and of almost all players are all asked about as far as `max_evaluations`
/// reaches, and others are drawn, each with its complement (Covert and Lee 2021). Where it reaches for all coalitions, values
/// are exact. Standard errors come from leaving out each of 16 groups of draws (the jackknife); drawing ends once they are small
/// enough.
///
/// Errors when the model does and once cancelled.
pub fn kernel_shap<G: Game>(
    game: &G,
    sampling: Sampling,
    context: &Context,
) -> Result<ShapEstimate, G::Error> {
    let (p, k) = (game.n_players(), game.n_outputs());
    if p < 2 {
        return super::exact_shap(game, context);
    }
    let ends = game.values(&[vec![false; p], vec![true; p]].concat())?;
    let fit = Fit { p, k, ends: &ends };
    let plan = Plan::new(p, sampling.max_evaluations.max(2 * p + 2) - 2);
    let mut all = Equations::new(p, k);
    for size in 1..=plan.whole_sizes {
        context.check().map_err(Error::from)?;
        let coalitions = coalitions_of(p, size);
        let values = game.values(&coalitions)?;
        fit.add(&mut all, &coalitions, &values, plan.weights[size - 1] / (coalitions.len() / p) as f64);
    }
    let left: f64 = plan.weights[plan.whole_sizes..].iter().sum();
    let mut estimate = ShapEstimate {
        base: ends[..k].to_vec(),
        values: Vec::new(),
        standard_errors: vec![0.0; k * p],
        n_evaluations: 2 + plan.n_whole,
        converged: true,
    };
    if left == 0.0 {
        estimate.values = fit.solve(&all)?;
        return Ok(estimate);
    }
    let mut groups: Vec<Equations> = (0..GROUPS).map(|_| Equations::new(p, k)).collect();
    let mut random = Random::new(context.seed_for("kernel_shap"), 0);
    let mut drawn = 0;
    loop {
        context.check().map_err(Error::from)?;
        let pairs = plan.n_pairs.min(if drawn == 0 { FIRST } else { 2 * drawn }) - drawn;
        let coalitions = plan.draw(pairs, &mut random);
        let values = game.values(&coalitions)?;
        for (i, (pair, values)) in coalitions.chunks(2 * p).zip(values.chunks(2 * k)).enumerate() {
            fit.add(&mut groups[(drawn + i) % GROUPS], pair, values, 1.0);
        }
        drawn += pairs;
        (estimate.values, estimate.standard_errors) = fit.with_errors(&all, &groups, left)?;
        estimate.converged = is_sure(&estimate.values, &estimate.standard_errors, p, sampling.tolerance);
        if estimate.converged || drawn >= plan.n_pairs {
            estimate.n_evaluations += 2 * drawn;
            return Ok(estimate);
        }
    }
}

/// Which sizes of coalitions are asked about whole, and how many pairs are drawn of the others. A size stands for itself and
/// its complement's.
struct Plan {
    p: usize,
    /// The kernel's weight of all coalitions of each size.
    weights: Vec<f64>,
    whole_sizes: usize,
    n_whole: usize,
    n_pairs: usize,
}

impl Plan {
    fn new(p: usize, budget: usize) -> Self {
        let kernel = |s: usize| (p - 1) as f64 / (s * (p - s)) as f64;
        let weights: Vec<f64> = (1..=p / 2).map(|s| kernel(s) * if 2 * s == p { 1.0 } else { 2.0 }).collect();
        let (mut whole_sizes, mut n_whole) = (0, 0);
        for size in 1..=p / 2 {
            let n = count(p, size) * if 2 * size == p { 1.0 } else { 2.0 };
            let left: f64 = weights[size - 1..].iter().sum();
            // As the shap package: whole where draws would come by every coalition once. Singles always.
            let share = weights[size - 1] / left * (budget - n_whole) as f64;
            if size > 1 && (n > share.round() || n > (budget - n_whole) as f64) {
                break;
            }
            n_whole += n as usize;
            whole_sizes = size;
        }
        let n_pairs = ((budget - n_whole) / 2).max(GROUPS);
        Plan { p, weights, whole_sizes, n_whole, n_pairs }
    }

    /// So many coalitions, each followed by its complement.
    fn draw(&self, pairs: usize, random: &mut Random) -> Vec<bool> {
        let left = &self.weights[self.whole_sizes..];
        let total: f64 = left.iter().sum();
        let mut coalitions = Vec::with_capacity(2 * pairs * self.p);
        let mut players: Vec<usize> = (0..self.p).collect();
        for _ in 0..pairs {
            let mut at = random.unit() * total;
            let mut size = self.whole_sizes + 1;
            for weight in &left[..left.len() - 1] {
                if at < *weight {
                    break;
                }
                at -= weight;
                size += 1;
            }
            let start = coalitions.len();
            coalitions.resize(start + 2 * self.p, false);
            for i in 0..size {
                players.swap(i, i + random.below(self.p - i));
                coalitions[start + players[i]] = true;
            }
            (0..self.p).for_each(|j| coalitions[start + self.p + j] = !coalitions[start + j]);
        }
        coalitions
    }
}

/// How many coalitions of `size` players there are.
fn count(p: usize, size: usize) -> f64 {
    (0..size).map(|i| (p - i) as f64 / (size - i) as f64).product::<f64>().round()
}

/// All coalitions of `size` players, and their complements.
fn coalitions_of(p: usize, size: usize) -> Vec<bool> {
    let mut chosen: Vec<usize> = (0..size).collect();
    let mut coalitions = Vec::new();
    loop {
        let start = coalitions.len();
        coalitions.resize(start + p, false);
        chosen.iter().for_each(|&player| coalitions[start + player] = true);
        if 2 * size != p {
            coalitions.extend_from_within(start..start + p);
            coalitions[start + p..].iter_mut().for_each(|known| *known = !*known);
        }
        // The next in order: the last player that can move does, those behind it follow closely.
        let Some(at) = (0..size).rev().find(|&i| chosen[i] < p - size + i) else { return coalitions };
        chosen[at] += 1;
        (at + 1..size).for_each(|i| chosen[i] = chosen[i - 1] + 1);
    }
}

/// Normal equations: `matrix` of players and a right side per output.
#[derive(Clone)]
struct Equations {
    matrix: Vec<f64>,
    right: Vec<f64>,
    weight: f64,
}

impl Equations {
    fn new(p: usize, k: usize) -> Self {
        Equations { matrix: vec![0.0; p * p], right: vec![0.0; k * p], weight: 0.0 }
    }

    fn add(&mut self, factor: f64, other: &Equations) {
        self.matrix.iter_mut().zip(&other.matrix).for_each(|(to, x)| *to += factor * x);
        self.right.iter_mut().zip(&other.right).for_each(|(to, x)| *to += factor * x);
        self.weight += factor * other.weight;
    }
}

struct Fit<'a> {
    p: usize,
    k: usize,
    /// Answers when nobody and when everybody is known.
    ends: &'a [f64],
}

impl Fit<'_> {
    fn add(&self, to: &mut Equations, coalitions: &[bool], values: &[f64], weight: f64) {
        let p = self.p;
        let mut known = Vec::with_capacity(p);
        for (coalition, values) in coalitions.chunks_exact(p).zip(values.chunks_exact(self.k)) {
            known.clear();
            known.extend((0..p).filter(|&j| coalition[j]));
            to.weight += weight;
            for &i in &known {
                known.iter().for_each(|&j| to.matrix[i * p + j] += weight);
                for (output, value) in values.iter().enumerate() {
                    to.right[output * p + i] += weight * (value - self.ends[output]);
                }
            }
        }
    }

    /// The values that sum to the answer and are nearest to the equations.
    fn solve(&self, equations: &Equations) -> Result<Vec<f64>> {
        let p = self.p;
        let Some(factor) = Cholesky::new(&equations.matrix, p, 0.0) else {
            let what = "the coalitions that were drawn do not tell the columns apart".into();
            return Err(Error::Explain { what, remedy: "allow for more evaluations".into() });
        };
        let mut ones = vec![1.0; p];
        factor.solve(&mut ones);
        let of_ones: f64 = ones.iter().sum();
        let mut values = equations.right.clone();
        for (output, values) in values.chunks_exact_mut(p).enumerate() {
            factor.solve(values);
            let wanted = self.ends[self.k + output] - self.ends[output];
            let over = (values.iter().sum::<f64>() - wanted) / of_ones;
            values.iter_mut().zip(&ones).for_each(|(value, one)| *value -= over * one);
        }
        Ok(values)
    }

    /// The values of all draws, and their standard errors by leaving out each group.
    fn with_errors(
        &self,
        whole: &Equations,
        groups: &[Equations],
        left: f64,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let mut drawn = Equations::new(self.p, self.k);
        groups.iter().for_each(|group| drawn.add(1.0, group));
        let joined = |drawn: &Equations| {
            let mut all = whole.clone();
            all.add(left / drawn.weight, drawn);
            self.solve(&all)
        };
        let values = joined(&drawn)?;
        let mut without = Vec::with_capacity(groups.len());
        for group in groups {
            let mut rest = drawn.clone();
            rest.add(-1.0, group);
            without.push(joined(&rest)?);
        }
        let n = groups.len() as f64;
        let error = |i: usize| {
            let mean = without.iter().map(|values| values[i]).sum::<f64>() / n;
            let square: f64 = without.iter().map(|values| (values[i] - mean) * (values[i] - mean)).sum();
            ((n - 1.0) / n * square).sqrt()
        };
        Ok((values, (0..self.k * self.p).map(error).collect()))
    }
}
