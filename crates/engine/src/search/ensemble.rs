//! Greedy ensemble selection (Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble Selection from Libraries of
//! Models"): models are added one by one, each as often as it helps, over answers to rows that none of them was fitted on.

use rayon::prelude::*;
use tidemill_core::{Context, Result};
use tidemill_kernel::Random;

use super::judge::{Judge, Truth, mean};
use super::race::Finisher;

/// Models added at most, repeats included.
const ROUNDS: usize = 30;
/// Selections from random halves of the library, whose weights are averaged.
const BAGS: usize = 8;
/// Rows of a fold that select; more would say no more.
const ROWS: usize = 10_000;
/// A member of a smaller share than this is left out.
const LEAST: f64 = 0.04;
/// With so many rows that select, the shares lie halfway between those that they select and equal ones.
const HALFWAY: f64 = 500.0;
/// The best so many candidates are a library.
pub(super) const LIBRARY: usize = 16;

/// Answers of several models to the same rows, fold by fold.
pub(super) struct Library<'a> {
    judge: &'a Judge<'a>,
    truths: Vec<Truth>,
    /// By member and fold.
    answers: Vec<Vec<Vec<f64>>>,
    /// How far shares are drawn to equal ones: the fewer the rows, the more of a share is chance (0 for what was selected alone).
    even: f64,
}

impl<'a> Library<'a> {
    /// The best finishers' answers; of folds with many rows, to a sample.
    pub(super) fn of(
        finishers: &[Finisher],
        truths: &[Truth],
        judge: &'a Judge<'a>,
        context: &Context,
    ) -> Self {
        let mut random = Random::new(context.seed_for("library"), 0);
        let picked: Vec<Vec<u32>> = truths
            .iter()
            .map(|truth| {
                let all: Vec<u32> = (0..truth.target.len() as u32).collect();
                super::sampled(&all, ROWS, &mut random)
            })
            .collect();
        let members = finishers.iter().take(LIBRARY).map(|finisher| {
            let folds = finisher.answers.iter().zip(&picked).zip(truths);
            folds.map(|((answers, rows), truth)| take(answers, rows, truth.target.len())).collect()
        });
        Library {
            judge,
            answers: members.collect(),
            truths: truths.iter().zip(&picked).map(|(truth, rows)| truth.take(rows)).collect(),
            even: 0.0,
        }
    }

    /// The same with shares that are drawn towards equal ones, the more the fewer the rows.
    pub(super) fn drawn_in(self) -> Self {
        let n_rows: usize = self.truths.iter().map(|truth| truth.target.len()).sum();
        Library { even: HALFWAY / (HALFWAY + n_rows as f64), ..self }
    }

    /// The share of each member, selected on these folds; they sum to 1.
    pub(super) fn select(&self, folds: &[usize], context: &Context) -> Result<Vec<f64>> {
        let n = self.answers.len();
        let everyone: Vec<usize> = (0..n).collect();
        let seed = context.seed_for("bags");
        let bag = |b: usize| -> Result<Vec<f64>> {
            context.check()?;
            let mut random = Random::new(seed, b as u64);
            let mut drawn = everyone.clone();
            random.shuffle(&mut drawn);
            // The best alone is always there, so that no bag is without a good model.
            drawn.truncate(n.div_ceil(2));
            if !drawn.contains(&0) {
                drawn.push(0);
            }
            drawn.sort_unstable();
            self.greedy(if n < 4 { &everyone } else { &drawn }, folds)
        };
        let n_bags = if n < 4 { 1 } else { BAGS };
        let bags = (0..n_bags).into_par_iter().map(bag).collect::<Result<Vec<_>>>()?;
        let mut shares = vec![0.0; n];
        for bag in &bags {
            shares.iter_mut().zip(bag).for_each(|(share, x)| *share += x / n_bags as f64);
        }
        let most = shares.iter().fold(0.0, |m: f64, x| m.max(*x));
        shares.iter_mut().for_each(|x| *x = if *x < LEAST.min(most) { 0.0 } else { *x });
        let (total, members) = (shares.iter().sum::<f64>(), shares.iter().filter(|x| **x > 0.0).count());
        let equal = self.even / members.max(1) as f64;
        let drawn = |x: &mut f64| *x = (1.0 - self.even) * *x / total + equal;
        shares.iter_mut().filter(|x| **x > 0.0).for_each(drawn);
        Ok(shares)
    }

    /// Adds the member that helps most until none helps.
    fn greedy(&self, members: &[usize], folds: &[usize]) -> Result<Vec<f64>> {
        let mut times = vec![0.0; self.answers.len()];
        let mut sums: Vec<Vec<f64>> = folds.iter().map(|&f| vec![0.0; self.answers[0][f].len()]).collect();
        let mut best = f64::NEG_INFINITY;
        for round in 0..ROUNDS {
            let n = round as f64;
            let with = |m: usize| -> Result<f64> {
                let scores = folds.iter().zip(&sums).map(|(&f, sum)| {
                    let mixed: Vec<f64> =
                        sum.iter().zip(&self.answers[m][f]).map(|(sum, x)| (sum + x) / (n + 1.0)).collect();
                    self.score(f, mixed)
                });
                Ok(self.judge.gain(mean(&scores.collect::<Result<Vec<_>>>()?)))
            };
            let mut next: Option<(f64, usize)> = None;
            for &m in members {
                let gain = with(m)?;
                if !gain.is_nan() && next.is_none_or(|(most, _)| gain > most) {
                    next = Some((gain, m));
                }
            }
            let Some((gain, m)) = next.filter(|(gain, _)| *gain > best) else { break };
            best = gain;
            times[m] += 1.0;
            for (&f, sum) in folds.iter().zip(&mut sums) {
                sum.iter_mut().zip(&self.answers[m][f]).for_each(|(sum, x)| *sum += x);
            }
        }
        let total: f64 = times.iter().sum();
        if total == 0.0 {
            times[0] = 1.0;
            return Ok(times);
        }
        Ok(times.into_iter().map(|t| t / total).collect())
    }

    fn score(&self, fold: usize, mut answers: Vec<f64>) -> Result<f64> {
        if self.judge.classes.is_some() {
            // A mean of probabilities may exceed 1 by a rounding.
            answers.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
        }
        self.judge.score(&self.truths[fold], &answers)
    }

    /// What a blend scores on a fold when its shares were selected on the others: an honest figure.
    pub(super) fn honest(&self, context: &Context) -> Result<Vec<f64>> {
        let n = self.truths.len();
        (0..n)
            .map(|fold| {
                let others: Vec<usize> = (0..n).filter(|&f| f != fold).collect();
                let shares = self.select(&others, context)?;
                let parts: Vec<&[f64]> = self.answers.iter().map(|m| &m[fold][..]).collect();
                self.score(fold, mix(&parts, &shares))
            })
            .collect()
    }

    /// What one member scores on each fold, on the same rows.
    pub(super) fn alone(&self, member: usize) -> Result<Vec<f64>> {
        (0..self.truths.len()).map(|f| self.score(f, self.answers[member][f].clone())).collect()
    }
}

/// The weighted sum of answers.
pub(super) fn mix(parts: &[&[f64]], shares: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; parts.first().map_or(0, |p| p.len())];
    for (part, share) in parts.iter().zip(shares).filter(|(_, share)| **share > 0.0) {
        sum.iter_mut().zip(*part).for_each(|(sum, x)| *sum += share * x);
    }
    sum
}

/// The answers to these of `n` rows.
fn take(answers: &[f64], rows: &[u32], n: usize) -> Vec<f64> {
    let width = answers.len() / n.max(1);
    rows.iter().flat_map(|&r| &answers[r as usize * width..(r as usize + 1) * width]).copied().collect()
}
