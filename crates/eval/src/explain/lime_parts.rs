//! LIME for texts and pictures: a linear model of what a model answers when words or patches are left out.

use tidemill_core::Context;
use tidemill_kernel::Random;

use super::game::Game;
use super::lime::{LimeSettings, LocalModel, joined};
use super::weighted_ridge::weighted_ridge;
use crate::Error;

/// How fast samples count less with their distance, of which 100 is the greatest, as in the `lime` package.
const WIDTH: f64 = 25.0;

/// LIME (Ribeiro, Singh, Guestrin 2016) of the players of a game, as the `lime` package's `LimeTextExplainer`: of each sample a number of
/// players, from one to all, is left out by chance. Samples are weighted by `sqrt(exp(-(d / width)^2))`, where `d` is 100 times the cosine
/// distance of the players that are left from all of them, and a ridge regression (penalty 1) of the answers on them is the explanation:
/// a coefficient per player, what the answer gains where it is there. `n_features` and `discretized` of the settings do nothing.
///
/// Errors for settings that make no sense, when the model does, and once cancelled.
pub fn lime_parts<G: Game>(
    game: &G,
    settings: LimeSettings,
    context: &Context,
) -> Result<Vec<LocalModel>, G::Error> {
    settings.check()?;
    let (p, k, n) = (game.n_players(), game.n_outputs(), settings.n_samples);
    let width = settings.kernel_width.unwrap_or(WIDTH);
    let used: Vec<usize> = (0..p).collect();
    let (mut runs, mut said) = (Vec::with_capacity(settings.n_repeats), Vec::new());
    for repeat in 0..settings.n_repeats {
        context.check().map_err(Error::from)?;
        let coalitions = draw(p, n, &mut Random::new(context.seed_for("lime_parts"), repeat as u64));
        let answers = game.values(&coalitions)?;
        let weight = |left: &[bool]| {
            let kept = left.iter().filter(|left| **left).count() as f64;
            let distance = 100.0 * (1.0 - (kept / p as f64).sqrt());
            (-(distance / width).powi(2)).exp().sqrt()
        };
        let weights: Vec<f64> = coalitions.chunks_exact(p.max(1)).map(weight).collect();
        let design: Vec<f64> = coalitions.iter().map(|left| f64::from(u8::from(*left))).collect();
        let fit = |output: usize| {
            let y: Vec<f64> = answers[output..].iter().step_by(k).copied().collect();
            weighted_ridge(&design, p, &used, &y, &weights, 1.0)
        };
        runs.push(vec![(0..k).map(fit).collect::<Result<Vec<_>, Error>>()?]);
        said = answers[..k].to_vec();
    }
    let own = vec![1.0; p];
    Ok((0..k).map(|output| joined(&runs, (0, output), &own, said[output])).collect())
}

/// All players, then samples of which some are left out.
fn draw(p: usize, n: usize, random: &mut Random) -> Vec<bool> {
    let mut coalitions = vec![true; p * n];
    let mut order: Vec<usize> = (0..p).collect();
    for sample in coalitions.chunks_exact_mut(p.max(1)).skip(1) {
        let out = 1 + random.below(p);
        for at in 0..out {
            order.swap(at, at + random.below(p - at));
            sample[order[at]] = false;
        }
    }
    coalitions
}
