//! The learners that a forecast compares.

use serde_json::{Value, json};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Error, Result};
use tidemill_kernel::calendar::Step;
use tidemill_learn::series::Method;

use super::HISTORY;
use super::scheme::horizon;

/// The kind of the learner that forecasts each series from its own past.
pub(crate) const LOCAL: &str = "local_forecast";
/// From more series on, methods are weighed from fewer earlier origins.
const PANEL: usize = 10;
/// From more series on, they are fitted without ARIMA, which costs several times all others; from still more by what is quick alone.
const MANY: usize = 300;
const VERY_MANY: usize = 3_000;
const QUICK: [Method; 2] = [Method::SeasonalSmoothing, Method::Theta];
/// Learners across rows take part from so many on: trees and lines on fewer mostly follow chance.
const ROWS: usize = 500;

/// A season of more steps makes each earlier origin as dear as those of a panel.
const LONG: usize = 100;

/// The column of the past as a series, beside what is read of it.
pub(super) fn past() -> String {
    format!("{HISTORY}_past")
}

/// The step of the calendar that a recipe of rows says.
pub(crate) fn step(recipe: &Recipe) -> Result<Step> {
    let told = recipe.forecast.as_ref().and_then(|f| f.step.as_deref());
    let told = told.ok_or_else(|| Error::state("model", "its recipe says no forecast.step"))?;
    told.parse().map_err(|e: String| Error::parameter("forecast.step", e))
}

/// Gives local forecasts of a recipe the season, step and horizon that it says.
pub(super) fn complete(recipe: &mut Recipe, steps: usize) {
    let own = settings(recipe, steps);
    for spec in recipe.learners.iter_mut().filter(|spec| spec.kind == LOCAL) {
        for (key, value) in &own {
            spec.params.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn settings(recipe: &Recipe, steps: usize) -> Vec<(String, Value)> {
    let asked = recipe.forecast.clone().unwrap_or_default();
    let mut own = vec![
        ("history".to_string(), json!(past())),
        ("season".to_string(), json!(asked.season.unwrap_or(1))),
        ("horizon".to_string(), json!(steps)),
    ];
    own.extend(asked.step.map(|step| ("step".to_string(), json!(step))));
    own.extend(asked.group.map(|group| ("group".to_string(), json!(group))));
    own
}

/// Local forecasts by these methods (all, without any).
fn local(recipe: &Recipe, steps: usize, methods: &[Method]) -> Spec {
    let spec = settings(recipe, steps)
        .into_iter()
        .fold(Spec::new(LOCAL), |spec, (key, value)| spec.with(&key, value));
    if methods.is_empty() { spec } else { spec.with("methods", json!(methods)) }
}

/// The naive forecasts, each of which a model must beat.
pub(crate) fn naive(recipe: &Recipe) -> Result<Vec<Spec>> {
    let steps = steps(recipe)?;
    let seasonal = recipe.forecast.as_ref().and_then(|f| f.season).is_some();
    let methods =
        Method::ALL.into_iter().filter(|m| m.is_naive() && (seasonal || *m != Method::SeasonalNaive));
    Ok(methods.map(|method| local(recipe, steps, &[method])).collect())
}

fn steps(recipe: &Recipe) -> Result<usize> {
    let asked = recipe.forecast.clone().unwrap_or_default();
    horizon(&asked.horizon, step(recipe)?)
}

/// The learners to compare, each with how many of its settings: the naive forecasts, the combination of all methods for single
/// series, and where there are rows enough, learners across rows.
pub(crate) fn learners(
    recipe: &Recipe,
    rows: usize,
    series: usize,
    across: Vec<(Spec, usize)>,
) -> Result<Vec<(Spec, usize)>> {
    let mut list = vec![(combination(recipe, series)?, 1)];
    list.extend(naive(recipe)?.into_iter().map(|spec| (spec, 1)));
    if rows >= ROWS {
        list.extend(across);
    }
    Ok(list)
}

/// The combination of all methods for single series.
pub(crate) fn combination(recipe: &Recipe, series: usize) -> Result<Spec> {
    let methods: Vec<Method> = if series <= MANY {
        Vec::new()
    } else if series <= VERY_MANY {
        Method::COMBINED.into_iter().filter(|method| !method.is_arima()).collect()
    } else {
        QUICK.to_vec()
    };
    let all = local(recipe, steps(recipe)?, &methods);
    let season = recipe.forecast.as_ref().and_then(|f| f.season).unwrap_or(1);
    Ok(match series {
        ..=PANEL if season <= LONG => all,
        ..=VERY_MANY => all.with("origins", 2),
        _ => all.with("origins", 1),
    })
}

/// Whether a learner is the combination of all methods for single series (of very many, of those that are quick).
pub(crate) fn is_combination(spec: &Spec) -> bool {
    let one = |methods: &Value| methods.as_array().is_some_and(|list| list.len() == 1);
    spec.kind == LOCAL && !spec.params.get("methods").is_some_and(one)
}

#[cfg(test)]
mod tests {
    use tidemill_core::recipe::Forecast;

    use super::*;

    #[test]
    fn the_more_series_the_less_each_may_cost() {
        let asked = Forecast { horizon: "4".into(), step: Some("1 day".into()), ..Forecast::default() };
        let recipe = Recipe { forecast: Some(asked), ..Recipe::default() };
        let of = |series| combination(&recipe, series).unwrap();
        let origins = |series| of(series).params.get("origins").cloned();
        assert_eq!([1, 11, 3_001].map(origins), [None, Some(json!(2)), Some(json!(1))]);
        let n_methods = |series| of(series).params.get("methods").map_or(9, |m| m.as_array().unwrap().len());
        assert_eq!([1, 300, 301, 3_000, 3_001].map(n_methods), [9, 9, 6, 6, 2]);
        assert!([1, 301, 3_001].into_iter().all(|series| is_combination(&of(series))));
        assert!(naive(&recipe).unwrap().iter().all(|spec| !is_combination(spec)));
    }
}
