//! What a combination is when saved: names and counts beside one row of numbers.

use serde::{Deserialize, Serialize};

use super::Season;
use super::arima::{Arima, Order};
use super::combination::Combination;
use super::ets::{Ets, Form, Level};
use super::method::{Method, Model};
use super::theta::Theta;

/// A model without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedModel {
    method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<Form>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theta: Option<SavedTheta>,
    /// How many numbers it has.
    n: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTheta {
    dynamic: bool,
    season: Season,
    n_season: usize,
}

/// A combination without its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedCombination {
    pub(super) models: Vec<SavedModel>,
    /// Whether the median is the answer rather than a weighted mean.
    median: bool,
}

impl SavedCombination {
    /// The names and counts; its numbers go behind those of others.
    pub(super) fn of(combination: &Combination, numbers: &mut Vec<f64>) -> Self {
        numbers.extend(&combination.weights);
        let models = combination.models.iter().map(|model| SavedModel::of(model, numbers)).collect();
        SavedCombination { models, median: combination.weights.is_empty() }
    }

    /// The combination, from the next of the numbers; `None` where they do not fit.
    pub(super) fn read(&self, numbers: &mut &[f64]) -> Option<Combination> {
        let n_weights = if self.median { 0 } else { self.models.len() };
        let weights = next(numbers, n_weights)?.to_vec();
        let models = self.models.iter().map(|m| m.read(numbers)).collect::<Option<Vec<_>>>()?;
        (!models.is_empty()).then_some(Combination { models, weights })
    }
}

fn next<'a>(numbers: &mut &'a [f64], n: usize) -> Option<&'a [f64]> {
    let (own, rest) = numbers.split_at_checked(n)?;
    *numbers = rest;
    own.iter().all(|x| x.is_finite()).then_some(own)
}

impl SavedModel {
    fn of(model: &Model, numbers: &mut Vec<f64>) -> Self {
        let before = numbers.len();
        let mut saved = SavedModel { method: model.method(), form: None, order: None, theta: None, n: 0 };
        match model {
            Model::LastValue | Model::SeasonalNaive | Model::Drift => {}
            Model::SeasonalSmoothing(weight) | Model::LongSeasonSmoothing(weight) => numbers.push(*weight),
            Model::Ets(ets) | Model::StlEts(ets) | Model::MstlEts(ets) => {
                saved.form = Some(ets.form);
                numbers.extend(ets.smoothing);
                numbers.extend([ets.start.level, ets.start.change]);
                numbers.extend(&ets.start.season);
            }
            Model::Theta(Theta { dynamic, season, n_season, params }) => {
                saved.theta = Some(SavedTheta { dynamic: *dynamic, season: *season, n_season: *n_season });
                numbers.extend(params);
            }
            Model::Arima(arima) | Model::StlArima(arima) | Model::MstlArima(arima) => {
                saved.order = Some(arima.order);
                numbers.extend(&arima.coefficients);
            }
        }
        saved.n = numbers.len() - before;
        saved
    }

    fn read(&self, numbers: &mut &[f64]) -> Option<Model> {
        let own = next(numbers, self.n)?;
        let ets = || {
            let [alpha, beta, gamma, phi, level, change, season @ ..] = own else { return None };
            let start = Level { level: *level, change: *change, season: season.to_vec() };
            let form = self.form.filter(|_| !season.is_empty())?;
            Some(Ets { form, smoothing: [*alpha, *beta, *gamma, *phi], start })
        };
        let arima = || {
            let order = self.order.filter(|o| o.is_sound() && o.n_coefficients() == own.len())?;
            Some(Arima { order, coefficients: own.to_vec() })
        };
        let weight = || own.first().copied().filter(|w| own.len() == 1 && *w > 0.0 && *w <= 1.0);
        Some(match self.method {
            Method::LastValue => Model::LastValue,
            Method::SeasonalNaive => Model::SeasonalNaive,
            Method::Drift => Model::Drift,
            Method::SeasonalSmoothing => Model::SeasonalSmoothing(weight()?),
            Method::LongSeasonSmoothing => Model::LongSeasonSmoothing(weight()?),
            Method::Ets => Model::Ets(ets()?),
            Method::StlEts => Model::StlEts(ets()?),
            Method::Arima => Model::Arima(arima()?),
            Method::StlArima => Model::StlArima(arima()?),
            Method::MstlEts => Model::MstlEts(ets()?),
            Method::MstlArima => Model::MstlArima(arima()?),
            Method::Theta => {
                let SavedTheta { dynamic, season, n_season } = self.theta.filter(|t| t.n_season > 0)?;
                Model::Theta(Theta { dynamic, season, n_season, params: own.try_into().ok()? })
            }
        })
    }
}
