//! The settings of a recipe for masks.

use tidemill_core::recipe::{Calibration, Recipe};
use tidemill_core::{Error, Result};

/// Refuses what cannot hold of masks: what is said of a number or a class of a row.
///
/// # Errors
/// Each names its key.
pub fn check(recipe: &Recipe) -> Result<()> {
    let (data, train) = (&recipe.data, &recipe.train);
    let asked = [
        (data.positive.is_some(), "data.positive", "no class of a mask counts as positive"),
        (data.weight.is_some(), "data.weight", "pictures have no weights: each pixel counts once"),
        (recipe.forecast.is_some(), "forecast", "a recipe makes a forecast or masks, not both"),
        (
            recipe.balance.is_some(),
            "balance",
            "pixels are not brought into balance: the loss counts each class",
        ),
        (recipe.augment.is_some(), "augment", "pictures and masks are not generated"),
        (recipe.labels.is_some(), "labels", "masks are not looked through for doubtful labels"),
        (
            recipe.decision != Default::default(),
            "decision",
            "each pixel is of its most probable class: there is no threshold",
        ),
        (train.metric.is_some(), "train.metric", "masks are compared by their mean IoU"),
        (
            train.calibrate.is_some_and(|method| method != Calibration::None),
            "train.calibrate",
            "masks come without probabilities: there is nothing to calibrate",
        ),
        (recipe.split.nested.is_some(), "split.nested", "masks are judged on one test part"),
        (
            !recipe.steps.is_empty(),
            "steps",
            "learners of masks read pictures as they are: leave the steps out",
        ),
    ];
    match asked.into_iter().find(|(said, ..)| *said) {
        None => Ok(()),
        Some((_, key, problem)) => Err(Error::parameter(key, problem)),
    }
}
