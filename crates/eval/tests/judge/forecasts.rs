//! Figures of forecasts against their formulas in numpy, and the autocorrelation against statsmodels', stored in `reference/forecast.json` by `reference/forecast.py`.

use serde::Deserialize;
use tidemill_eval::forecast::{ForecastScore, Forecasts, seasonal_scale};

#[derive(Deserialize)]
struct Reference {
    season: usize,
    train: Vec<f64>,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    naive: Vec<f64>,
    ahead: Vec<usize>,
    scale: f64,
    acf: Vec<f64>,
    score: Expected,
    by_step: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    n: usize,
    rmse: f64,
    smape: f64,
    mase: f64,
    naive_mase: f64,
}

#[track_caller]
fn equal(found: &ForecastScore, expected: &Expected) {
    assert_eq!(found.n, expected.n);
    let pairs = [
        (found.rmse, expected.rmse),
        (found.smape, expected.smape),
        (found.mase, expected.mase),
        (found.naive_mase, expected.naive_mase),
    ];
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()), "{pairs:?}");
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/forecast.json")).unwrap()
}

#[test]
fn the_autocorrelation_is_that_of_statsmodels() {
    let r = reference();
    let found = tidemill_kernel::autocorrelation::acf(&r.train, r.acf.len() - 1);
    assert!(found.iter().zip(&r.acf).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    assert_eq!(tidemill_kernel::autocorrelation::season(&r.train, 25), Some(r.season));
}

#[test]
fn forecasts_are_scored_by_the_published_formulas() {
    let r = reference();
    let scale = seasonal_scale(&r.train, r.season);
    assert!((scale - r.scale).abs() < 1e-12);
    let rows =
        Forecasts { truth: &r.truth, predicted: &r.predicted, naive: &r.naive, ahead: &r.ahead, scale };
    equal(&rows.score(), &r.score);
    let by_step = rows.by_step();
    assert_eq!(by_step.len(), r.by_step.len());
    by_step.iter().zip(&r.by_step).for_each(|(found, expected)| equal(found, expected));
}
