//! Against reference implementations: `reference/make.py` made the answers.
#![expect(clippy::unwrap_used, reason = "a reference that cannot be read is a failed test")]

use serde_json::Value;
use tidemill_value::customers::{BetaGeometric, GammaGamma, Summary};

fn answers() -> Value {
    serde_json::from_str(include_str!("reference/answers.json")).unwrap()
}

fn numbers(of: &Value) -> Vec<f64> {
    of.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The customers of CDNOW's sample, in weeks.
fn customers() -> Vec<Summary> {
    let mut lines = include_str!("reference/cdnow.csv").lines();
    assert_eq!(lines.next(), Some("frequency,recency,T,monetary_value"));
    let one = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        Summary { repeats: cells[0] as u32, recency: cells[1], age: cells[2], average: cells[3] }
    };
    lines.map(one).collect()
}

#[test]
fn purchases_of_cdnow() {
    let (customers, answers) = (customers(), answers());
    let found = BetaGeometric::fit(&customers).unwrap();
    // As published by Fader, Hardie and Lee, and by lifetimes.
    let published = [0.242_593, 4.413_532, 0.792_886, 2.425_754];
    for ((ours, paper), theirs) in
        [found.r, found.alpha, found.a, found.b].iter().zip(published).zip(numbers(&answers["beta_geo"]))
    {
        assert!((ours / paper - 1.0).abs() < 2e-6, "{found:?}");
        assert!((ours / theirs - 1.0).abs() < 1e-4, "{found:?} {theirs}");
    }
    assert!((found.log_likelihood + 9582.4256).abs() < 1e-3, "{found:?}");
    let some = numbers(&answers["some"]);
    for (i, (alive, expected)) in
        numbers(&answers["alive"]).iter().zip(numbers(&answers["expected_39"])).enumerate()
    {
        let c = &customers[some[i] as usize];
        assert!((found.alive(c) - alive).abs() < 1e-5, "{c:?}: {} {alive}", found.alive(c));
        assert!(
            (found.expected(39.0, c) / expected - 1.0).abs() < 1e-5,
            "{c:?}: {}",
            found.expected(39.0, c)
        );
    }
}

#[test]
fn amounts_of_cdnow() {
    let (customers, answers) = (customers(), answers());
    let found = GammaGamma::fit(&customers).unwrap();
    for (ours, published) in [found.p, found.q, found.v].iter().zip([6.2488, 3.7446, 15.4478]) {
        assert!((ours - published).abs() < 6e-5, "{found:?}");
    }
    let some = numbers(&answers["some"]);
    for (i, average) in numbers(&answers["average"]).iter().enumerate() {
        let ours = found.expected(&customers[some[i] as usize]);
        assert!((ours / average - 1.0).abs() < 1e-5, "{ours} {average}");
    }
}
