//! Shapley values by their definition.

use tidemill_core::Context;

use super::estimate::ShapEstimate;
use super::game::Game;
use crate::{Error, Result};

/// The most players whose coalitions are all asked about.
pub const MOST_EXACT: usize = 20;

/// The exact Shapley values of any model (Shapley 1953), from its answers to all `2^n_players` coalitions: for up to 20
/// players, and best for up to 10 or so.
///
/// ```
/// use tidemill_core::Context;
/// use tidemill_eval::{Error, explain::{MatrixGame, exact_shap}};
/// let product = |rows: &[f64]| Ok::<_, Error>(rows.chunks(2).map(|x| x[0] * x[1]).collect());
/// let game = MatrixGame::new(&[2.0, 3.0], &[0.0, 0.0], 1, product)?;
/// assert_eq!(exact_shap(&game, &Context::default())?.values, [3.0, 3.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// Errors for more players, when the model does, and once cancelled.
pub fn exact_shap<G: Game>(game: &G, context: &Context) -> Result<ShapEstimate, G::Error> {
    let (p, k) = (game.n_players(), game.n_outputs());
    if p > MOST_EXACT {
        let what =
            format!("{p} columns have too many coalitions ({MOST_EXACT} are the most) to ask about all");
        return Err(Error::Explain { what, remedy: "use permutation or kernel SHAP".into() }.into());
    }
    let n = 1usize << p;
    let mut values = Vec::with_capacity(n * k);
    for first in (0..n).step_by(4096) {
        context.check().map_err(Error::from)?;
        let sets = first..n.min(first + 4096);
        let coalitions: Vec<bool> = sets.flat_map(|set| (0..p).map(move |j| set >> j & 1 == 1)).collect();
        values.extend(match p {
            0 => game.values(&[])?,
            _ => game.values(&coalitions)?,
        });
    }
    let mut shap = vec![0.0; k * p];
    let weights = weights(p);
    for set in 0..n.min(values.len() / k.max(1)) {
        for j in (0..p).filter(|j| set >> j & 1 == 0) {
            let weight = weights[set.count_ones() as usize];
            let with = set | 1 << j;
            for output in 0..k {
                shap[output * p + j] += weight * (values[with * k + output] - values[set * k + output]);
            }
        }
    }
    values.resize(k.max(values.len()), 0.0);
    Ok(ShapEstimate {
        base: values[..k].to_vec(),
        standard_errors: vec![0.0; shap.len()],
        values: shap,
        n_evaluations: n,
        converged: true,
    })
}

/// `s! (p - s - 1)! / p!` for each number `s` of players that are known already.
fn weights(p: usize) -> Vec<f64> {
    let mut weights = vec![1.0 / p.max(1) as f64; p];
    for s in 1..p {
        weights[s] = weights[s - 1] * s as f64 / (p - s) as f64;
    }
    weights
}
