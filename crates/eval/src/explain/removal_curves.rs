//! Deletion and insertion: how well the values of an explanation say which columns matter.

use serde::Serialize;

use super::game::Game;
use crate::{Error, Result};

/// What is answered while columns become unknown or known, one after the other, those of the greatest values first (Petsiuk, Das,
/// Saenko 2018, "RISE", for pixels).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RemovalCurves {
    /// The answer when the first `i` are unknown, from none to all.
    pub deletion: Vec<f64>,
    /// The answer when only the first `i` are known, from none to all.
    pub insertion: Vec<f64>,
}

impl RemovalCurves {
    /// Of one output of a game, by the values of its players. Equal values keep their order.
    ///
    /// Errors when the model does, and when there is not a value for each player.
    pub fn of<G: Game>(game: &G, output: usize, values: &[f64]) -> Result<Self, G::Error> {
        let (p, k) = (game.n_players(), game.n_outputs());
        if values.len() != p {
            return Err(
                Error::Lengths { what: "values of an explanation", found: values.len(), wanted: p }.into()
            );
        }
        let mut order: Vec<usize> = (0..p).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let mut coalitions = Vec::with_capacity(2 * (p + 1) * p);
        for known in [true, false] {
            let mut players = vec![known; p];
            coalitions.extend_from_slice(&players);
            for &player in &order {
                players[player] = !known;
                coalitions.extend_from_slice(&players);
            }
        }
        let answers = game.values(&coalitions)?;
        let mut of_output = answers.iter().skip(output).step_by(k.max(1)).copied();
        let deletion = of_output.by_ref().take(p + 1).collect();
        Ok(RemovalCurves { deletion, insertion: of_output.collect() })
    }

    /// The mean of some curves of the same players; `None` of none.
    pub fn mean(all: &[RemovalCurves]) -> Option<Self> {
        let (first, n) = (all.first()?, all.len() as f64);
        let mean = |of: &dyn Fn(&RemovalCurves) -> &Vec<f64>| -> Vec<f64> {
            (0..of(first).len()).map(|at| all.iter().map(|curves| of(curves)[at]).sum::<f64>() / n).collect()
        };
        Some(RemovalCurves { deletion: mean(&|c| &c.deletion), insertion: mean(&|c| &c.insertion) })
    }

    /// The areas under both curves, over the share of columns: of deletion and of insertion. The second less the first is 0 on average
    /// for an order by chance, and the greater, the better the explanation.
    pub fn areas(&self) -> [f64; 2] {
        let area = |curve: &[f64]| {
            let n = curve.len().saturating_sub(1).max(1) as f64;
            curve.windows(2).map(|two| 0.5 * (two[0] + two[1])).sum::<f64>() / n
        };
        [area(&self.deletion), area(&self.insertion)]
    }
}
