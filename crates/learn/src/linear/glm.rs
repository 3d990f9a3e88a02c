//! What regressions with a logarithmic link share: their deviances, and the fit.

use tidemill_core::{Builtin, Context, Result, Training};
use tidemill_kernel::descent::Limits;
use tidemill_kernel::glm::{Glm, RowLoss};
use tidemill_kernel::vector::exp;

use super::FittedLinear;
use super::fitted::{Link, Rows, warn_unless_converged};

/// Half the deviance of a Tweedie distribution whose mean is `e^score`, less what the target alone adds: `power` 1
/// is Poisson's, 2 gamma's, between them compound Poisson's (Jorgensen 1987). Convex in the score.
pub(crate) struct Deviance {
    pub(crate) power: f64,
}

/// `e^x`, endless beyond the range of floats.
fn power_of_e(x: f64) -> f64 {
    if x > 709.0 { f64::INFINITY } else { exp(x) }
}

impl RowLoss for Deviance {
    #[inline]
    fn at(&self, score: f64, y: f64) -> [f64; 3] {
        let power = self.power;
        if power == 1.0 {
            let mean = power_of_e(score);
            return [mean - y * score, mean - y, mean];
        }
        if power == 2.0 {
            let ratio = y * power_of_e(-score);
            return [ratio + score, 1.0 - ratio, ratio];
        }
        let (up, down) = (power_of_e((2.0 - power) * score), power_of_e((1.0 - power) * score));
        [
            up / (2.0 - power) - y * down / (1.0 - power),
            up - y * down,
            (2.0 - power) * up - (1.0 - power) * y * down,
        ]
    }
}

/// The parameters that all of them have.
pub(crate) struct Settings {
    pub(crate) power: f64,
    pub(crate) alpha: f64,
    pub(crate) tol: f64,
    pub(crate) max_iter: usize,
}

/// Where every target is 0, the logarithm of the mean is so low that its power of `e` is 0.
const NOTHING: f64 = -750.0;

pub(crate) fn fit<T: Builtin>(
    learner: &T,
    settings: &Settings,
    training: Training<'_>,
    context: &Context,
) -> Result<FittedLinear> {
    let domain: (fn(f64) -> bool, _) = match settings.power >= 2.0 {
        true => (|y| y > 0.0, "this distribution knows numbers above 0 only"),
        false => (|y| y >= 0.0, "this distribution knows numbers from 0 up only"),
    };
    let rows = Rows::of(training, Some(domain), context)?;
    let mut x = vec![0.0; rows.design.n_columns() + 1];
    let mean = rows.mean();
    let last = x.len() - 1;
    if mean <= 0.0 {
        context.warn("target_is_zero", format!("every target is 0: {} always answers that", T::KIND));
        x[last] = NOTHING;
        return Ok(FittedLinear::linked(learner, rows.features.clone(), rows.solution(x)?, Link::Exp));
    }
    x[last] = mean.ln();
    // In units of the target, so that thousands and millions end equally near.
    let unit = mean.powf(2.0 - settings.power);
    let limits = Limits { tolerance: settings.tol * unit, max_iterations: settings.max_iter };
    let problem = Glm {
        design: &rows.design,
        target: &rows.target,
        weights: &rows.weights,
        l2: settings.alpha,
        loss: &Deviance { power: settings.power },
    };
    let outcome = problem.minimise(&mut x, limits, context)?;
    warn_unless_converged(T::KIND, outcome, "raise max_iter, alpha or tol, or scale the features", context);
    Ok(FittedLinear::linked(learner, rows.features.clone(), rows.solution(x)?, Link::Exp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        for power in [1.0, 1.3, 1.9, 2.0] {
            let loss = Deviance { power };
            for (score, y) in [(0.3, 2.0), (-1.2, 0.5), (2.0, 7.0)] {
                let h = 1e-5;
                let [low, at, high] = [score - h, score, score + h].map(|s| loss.at(s, y));
                assert!(((high[0] - low[0]) / (2.0 * h) - at[1]).abs() < 1e-7, "{power} {score}");
                assert!(((high[1] - low[1]) / (2.0 * h) - at[2]).abs() < 1e-7, "{power} {score}");
            }
        }
    }
}
