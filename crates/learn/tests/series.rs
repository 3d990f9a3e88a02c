//! The methods for single series against statsforecast and statsmodels; `reference/series.py` made the values.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use tidemill_learn::series::arima::{self, Arima, Order, n_differences, n_seasonal_differences};
use tidemill_learn::series::{Combination, Method, Trial, ets, stl, theta};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/series.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

#[test]
fn two_seasons_are_those_of_statsmodels() {
    let text = include_str!("reference/mstl.json");
    let one: Value = serde_json::from_str(text).unwrap();
    let found = stl::mstl(&numbers(&one["y"]), &[24, 168]).unwrap();
    let theirs = [&one["trend"], &one["seasons"][0], &one["seasons"][1]];
    for (ours, theirs) in [&found.trend, &found.seasons[0], &found.seasons[1]].into_iter().zip(theirs) {
        let apart = ours.iter().zip(numbers(theirs)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-8, "{apart}");
    }
}

/// A series without its last values, these, and the season.
fn parts(one: &Value) -> (Vec<f64>, Vec<f64>, usize) {
    let mut y = numbers(&one["y"]);
    let truth = y.split_off(y.len() - count(&one["horizon"]));
    (y, truth, count(&one["season"]))
}

fn error(said: &[f64], truth: &[f64]) -> f64 {
    said.iter().zip(truth).map(|(a, b)| (a - b).abs()).sum::<f64>() / truth.len() as f64
}

#[test]
fn stl_is_that_of_statsmodels() {
    for one in reference()["series"].as_array().unwrap() {
        let (y, _, season) = parts(one);
        if season == 1 {
            continue;
        }
        let found = stl::stl(&y, season).unwrap();
        for (ours, theirs) in [(&found.trend, &one["stl"]["trend"]), (&found.season, &one["stl"]["season"])] {
            let apart = ours.iter().zip(numbers(theirs)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-8, "{}: {apart}", one["name"]);
        }
    }
}

#[test]
fn differences_are_those_of_the_tests() {
    for one in reference()["series"].as_array().unwrap() {
        let (y, _, season) = parts(one);
        assert_eq!(n_differences(&y), count(&one["ndiffs"]), "{}", one["name"]);
        if let Some(wanted) = one["nsdiffs"].as_u64() {
            assert_eq!(n_seasonal_differences(&y, season), wanted as usize, "{}", one["name"]);
        }
    }
}

#[test]
fn exponential_smoothing_is_at_least_as_likely() {
    for one in reference()["series"].as_array().unwrap() {
        let (y, truth, season) = parts(one);
        let model = ets::automatic(&y, season).unwrap();
        let theirs = one["ets"]["aicc"].as_f64().unwrap();
        assert!(model.aicc(&y) < theirs + 1.0, "{}: {} and {theirs}", one["name"], model.aicc(&y));
        let (ours, theirs) =
            (error(&model.forecast(&y, truth.len()), &truth), error(&numbers(&one["ets"]["ahead"]), &truth));
        assert!(ours < 1.25 * theirs, "{}: {ours} and {theirs}", one["name"]);
    }
}

#[test]
fn the_likelihood_and_forecasts_of_given_coefficients_are_exact() {
    let reference = reference();
    for given in reference["given"].as_array().unwrap() {
        let all = reference["series"].as_array().unwrap();
        let one = all.iter().find(|s| s["name"] == given["name"]).unwrap();
        let y = numbers(&one["y"]);
        let orders = |key: &str| {
            let n: Vec<usize> = given[key].as_array().unwrap().iter().map(count).collect();
            [n[0], n[1], n[2]]
        };
        let n_season = count(&given["n_season"]);
        let order = Order { step: orders("step"), season: orders("season"), n_season, mean: false };
        let model = Arima { order, coefficients: numbers(&given["coefficients"]) };
        let theirs = given["deviance"].as_f64().unwrap();
        assert!((model.deviance(&y) / theirs - 1.0).abs() < 1e-9, "{given} {}", model.deviance(&y));
        let ahead = numbers(&given["ahead_of_differences"]);
        let whole = [y.clone(), model.forecast(&y, ahead.len())].concat();
        let mut left = whole;
        let lags = [vec![n_season; order.season[1]], vec![1; order.step[1]]].concat();
        for lag in lags {
            left = left.iter().zip(&left[lag..]).map(|(a, b)| b - a).collect();
        }
        let ours = &left[left.len() - ahead.len()..];
        let apart = ours.iter().zip(&ahead).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-8, "{given} {apart}");
    }
}

#[test]
fn automatic_arima_is_as_likely_and_as_good() {
    for one in reference()["series"].as_array().unwrap() {
        let (y, truth, season) = parts(one);
        let model = arima::automatic(&y, season).unwrap();
        let theirs = one["arima"]["aicc"].as_f64().unwrap();
        assert!(model.aicc(&y) < theirs + 2.0, "{}: {} and {theirs}: {model:?}", one["name"], model.aicc(&y));
        let (ours, theirs) = (
            error(&model.forecast(&y, truth.len()), &truth),
            error(&numbers(&one["arima"]["ahead"]), &truth),
        );
        assert!(ours < 1.25 * theirs, "{}: {ours} and {theirs}", one["name"]);
    }
}

#[test]
fn theta_forecasts_as_the_reference() {
    for one in reference()["series"].as_array().unwrap() {
        let (y, truth, season) = parts(one);
        let ours = theta::automatic(&y, season).unwrap().forecast(&y, truth.len());
        let theirs = numbers(&one["theta"]["ahead"]);
        assert!(error(&ours, &truth) < 1.1 * error(&theirs, &truth), "{}: {ours:?} {theirs:?}", one["name"]);
    }
}

#[test]
fn the_combination_is_not_far_behind_its_members() {
    let (mut combined, mut mean) = (0.0f64, 0.0f64);
    for one in reference()["series"].as_array().unwrap() {
        let (y, truth, season) = parts(one);
        let trial = Trial { horizon: truth.len(), origins: 6 };
        let errors: Vec<f64> = [Method::Ets, Method::Theta, Method::Arima]
            .iter()
            .map(|m| error(&m.fit(&y, season).unwrap().forecast(&y, season, truth.len(), true), &truth))
            .collect();
        let all = Combination::fit(&y, season, &Method::ALL, trial);
        combined += error(&all.forecast(&y, season, truth.len(), true), &truth).ln();
        mean += (errors.iter().sum::<f64>() / 3.0).ln();
    }
    // In the sum of logarithms over four series: within a tenth of the mean member, as a geometric mean.
    assert!(combined < mean + 0.4, "{combined} {mean}");
}
