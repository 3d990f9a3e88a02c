//! Learners that try repairs of the rows before any search, within their share of its budget.

use tidemill_core::recipe::{Labels, Quality, Recipe, Spec};
use tidemill_core::{Context, Needs, Result};

use super::plan::{Budgeted, Ground, Offer, offers, one_per_family};
use super::{Candidate, cost};

/// The share of the budget for repairs of the rows, beside all that follows: what they lead to is planned as if they had cost nothing, so
/// that the recipe which names them leads to the same model.
const REPAIRING: f64 = 0.2;

/// What tries repairs of the rows.
pub(super) struct Scouts {
    /// The first setting of one learner of each family that a search would compare but nets, the cheapest first.
    pub candidates: Vec<Candidate>,
    /// On how many folds they try.
    pub n_folds: usize,
    /// Whether the labels of each fold can be doubted beforehand.
    pub doubt: bool,
}

/// As many scouts and folds (all, five or three) as can be afforded in so many rounds. Where three folds are too many for all families, the
/// cheapest of them try; none where that is too much, too.
pub(super) fn scouts(
    recipe: &Recipe,
    ground: &Ground<'_>,
    rounds: usize,
    context: &Context,
) -> Result<Scouts> {
    let mut offers = one_per_family(offers(recipe, ground, 1, context)?);
    offers.retain(|offer| offer[0].kind != "neural_net");
    let budgeted = Budgeted::new(recipe, ground, context)?;
    let prices = budgeted.priced(&offers, context)?;
    let own = prices.iter().map(|price| price[0].fit + price[0].prepare);
    let mut priced: Vec<(Offer, f64)> = offers.into_iter().zip(own).collect();
    priced.sort_by(|a, b| a.1.total_cmp(&b.1));
    let share = if recipe.train.quality == Quality::Fast { REPAIRING / 4.0 } else { REPAIRING };
    let allowed = share * budgeted.total;
    let (all, rounds) = (ground.folds.len(), rounds as f64);
    let fits = |n: usize, folds: usize| {
        rounds * folds as f64 * priced[..n].iter().map(|(_, cost)| cost).sum::<f64>() <= allowed
    };
    let everyone = [all, 5, 3].into_iter().find(|folds| *folds <= all && fits(priced.len(), *folds));
    let n_folds = everyone.unwrap_or(all.min(3));
    let n = (0..=priced.len()).rev().find(|n| fits(*n, n_folds)).unwrap_or(0);
    let candidates = priced.into_iter().take(n).flat_map(|(offer, _)| offer);
    let candidates = candidates.map(|spec| Candidate::new(spec, context)).collect::<Result<_>>()?;
    let labels = Labels::default();
    let doubting = cost::fitting(&Spec::new(&labels.learner), Needs::default(), &budgeted.shape);
    let doubt = (n_folds * labels.folds) as f64 * doubting <= allowed;
    Ok(Scouts { candidates, n_folds, doubt })
}
