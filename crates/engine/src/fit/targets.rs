//! A model of several targets: the best model for each, trained without the other targets, in one file.

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result, Role, Source};
use tidemill_package::Package;
use tidemill_report::words::Words;

use super::{Fit, Named, Origin, fit, page, pretty, start, tensorboard};
use crate::error::EngineError;
use crate::facts::Outcome;
use crate::judge::metric_of;
use crate::model::{Provenance, several};
use crate::recipe::{resolve, targets};
use crate::report::text;

/// A finished training of several targets, in memory.
pub struct FitOfTargets {
    /// The training of each target, in their order.
    pub fits: Vec<Fit>,
    /// The resolved recipe, which leads to the same model again, as TOML.
    pub recipe: String,
    /// The content of the model file.
    pub package: Package,
    /// The content of `metrics.json`.
    pub metrics: String,
}

/// `metrics.json` of several targets.
#[derive(Serialize)]
struct Outcomes<'a> {
    /// What a training of each alone would say.
    targets: Vec<&'a Outcome>,
}

/// Fits the best model for each of the recipe's targets, as [`fit`] does for one; the other targets are columns that it does not use. Rows
/// that lack a target are left out for that target alone. A time limit is divided among them.
///
/// # Errors
/// Those of [`fit`], with the target that they are about; what the recipe asks of all targets and one of them cannot have. All of that is
/// looked for before the first is trained.
pub fn fit_targets(
    source: &dyn Source,
    named: &Named,
    recipe: &Recipe,
    context: &Context,
) -> Result<FitOfTargets> {
    let names = &recipe.data.targets;
    start::refuse(recipe, "a model of several targets")?;
    check(source, recipe, context)?;
    let mut fits: Vec<Fit> = Vec::with_capacity(names.len());
    let mut resolved = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let said = format!("target '{name}', {} of {}", i + 1, names.len());
        context.tell(&Event::Note(said));
        let mut own = targets::alone(recipe, i);
        // A repair of a column is one for all targets, and here each is trained for itself.
        own.train.repairs = Some(false);
        let share = 1.0 / (names.len() - i) as f64;
        let part = tensorboard::part(&context.part().within(share), i);
        let fitted = fit(source, named, &own, &part).map_err(|e| about(name, e))?;
        resolved.push(crate::recipe::parse(&fitted.recipe, "the recipe", context.registry())?);
        fits.push(fitted);
    }
    let whole = targets::together(recipe, &resolved);
    let together = resolve::to_toml(&whole)?;
    let outcomes: Vec<&Outcome> = fits.iter().map(|fit| &fit.facts).collect();
    let (card, metrics) = (text::card_of_targets(&outcomes), pretty(&Outcomes { targets: outcomes })?);
    let parts = fits.iter().map(|fit| fit.package.clone()).collect();
    let package =
        several::pack(parts, Provenance::default(), crate::recipe::in_model(&whole)?, card, &metrics)?;
    Ok(FitOfTargets { fits, recipe: together, package, metrics })
}

impl FitOfTargets {
    /// The report as a page of HTML: the targets beside each other, then each; as [`Fit::report`].
    pub fn report(&self, words: &'static Words, recipe_name: &str, hash: &str) -> Result<String> {
        let pages = self.fits.iter().map(|fit| {
            let origin = Origin { recipe: (&self.recipe, recipe_name), seed: fit.seed, model: hash };
            page::train(words, &fit.facts, &fit.evidence, &fit.reasons, &origin)
        });
        let outcomes: Vec<&Outcome> = self.fits.iter().map(|fit| &fit.facts).collect();
        Ok(page::targets(words, &outcomes, pages.collect::<Result<_>>()?).html())
    }
}

/// What would be refused in the end is refused before any work.
fn check(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<()> {
    let quiet = context.quiet();
    let mut classes = Vec::new();
    let mut key = None;
    for (i, name) in recipe.data.targets.iter().enumerate() {
        let plan = tidemill_data::infer(source, &targets::alone(recipe, i), &quiet)?;
        let task = resolve::task(&plan)?;
        targets::check_task(recipe, name, task)?;
        metric_of(recipe, task).map_err(|e| about(name, e))?;
        key = key.or(plan.role(Role::Key).map(|c| c.name.clone()));
        classes.push(plan.classes);
    }
    let names = recipe.data.targets.iter().map(String::as_str);
    several::check_names(names.zip(classes.iter().map(Vec::as_slice)), key.as_deref())
}

/// An error that says which target it is about.
fn about(target: &str, e: Error) -> Error {
    let named = format!("'{target}'");
    match e {
        Error::Cancelled | Error::Io { .. } | Error::Internal(_) => e,
        e if e.to_string().contains(&named) => e,
        e => EngineError::usage(
            format!("target {named}: {e}"),
            e.remedy().unwrap_or_else(|| "train it alone to see more".into()),
        )
        .into(),
    }
}
