//! `power`: number columns made more like a normal distribution by a power of each value.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Error, Estimator, Fitted, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::mapping::{self, ColumnOf, ColumnStep, Notes, NumberMap};
use crate::numbers::finite;

/// Makes each column as nearly normal as a power can: Yeo and Johnson (2000), or Box and Cox (1964) for positive numbers.
///
/// The power is the one of greatest likelihood on the finite training values. Agrees with scikit-learn's `PowerTransformer` (its
/// optimiser and ours end within about 1e-6 of each other). Missing values stay missing. Values of 0 and below become missing
/// under `box_cox` in service, and are refused in training. A constant column becomes 0, or stays where it is not standardised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Power {
    /// The columns to change; by default, every number that is a feature.
    pub columns: Columns,
    /// Which family of powers.
    pub method: PowerMethod,
    /// Whether the result is brought to mean 0 and standard deviation 1.
    pub standardize: bool,
}

/// A family of powers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerMethod {
    /// For any number.
    #[default]
    YeoJohnson,
    /// For numbers above 0.
    BoxCox,
}

impl Default for Power {
    fn default() -> Self {
        Power { columns: Columns::default(), method: PowerMethod::YeoJohnson, standardize: true }
    }
}

impl Estimator for Power {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for Power {
    const KIND: &'static str = "power";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for Power {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "made more like a normal distribution";
}

impl ColumnStep for Power {
    type Learned = Curve;
    const WANTED: &'static str = "a number";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Number
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Curve> {
        let values = finite(from.numbers()?);
        if let Some(x) = values.iter().find(|x| self.method == PowerMethod::BoxCox && **x <= 0.0) {
            return Err(Error::data(
                format!("column '{}' holds {x}, and box_cox takes numbers above 0 only", from.column().name),
                "use method = \"yeo_johnson\"",
            ));
        }
        let plain = Curve { method: self.method, lambda: 1.0, mean: 0.0, deviation: 1.0 };
        let varies = values.iter().any(|x| *x != values[0]);
        let lambda = if varies { minimum(|lambda| -plain.with(lambda).likelihood(&values)) } else { 1.0 };
        let curve = plain.with(lambda);
        if !self.standardize || values.is_empty() {
            return Ok(curve);
        }
        let (mean, variance) = moments(values.iter().map(|x| curve.power(*x)));
        let deviation = if varies && variance > 0.0 { variance.sqrt() } else { 1.0 };
        Ok(Curve { mean, deviation, ..curve })
    }
}

/// A power, then a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Curve {
    method: PowerMethod,
    lambda: f64,
    mean: f64,
    deviation: f64,
}

impl Curve {
    fn with(self, lambda: f64) -> Self {
        Curve { lambda, ..self }
    }

    fn power(&self, x: f64) -> f64 {
        let box_cox = |x: f64, lambda: f64| {
            if lambda.abs() < 1e-12 { x.ln() } else { (lambda * x.ln()).exp_m1() / lambda }
        };
        match self.method {
            PowerMethod::BoxCox if x > 0.0 => box_cox(x, self.lambda),
            PowerMethod::BoxCox => f64::NAN,
            PowerMethod::YeoJohnson if x >= 0.0 => box_cox(x + 1.0, self.lambda),
            PowerMethod::YeoJohnson => -box_cox(1.0 - x, 2.0 - self.lambda),
        }
    }

    /// The logarithm of the likelihood of these values, but for a constant.
    fn likelihood(&self, values: &[f64]) -> f64 {
        let n = values.len() as f64;
        let (_, variance) = moments(values.iter().map(|x| self.power(*x)));
        let logs: f64 = match self.method {
            PowerMethod::BoxCox => values.iter().map(|x| x.ln()).sum(),
            PowerMethod::YeoJohnson => values.iter().map(|x| x.signum() * x.abs().ln_1p()).sum(),
        };
        (self.lambda - 1.0) * logs - 0.5 * n * variance.ln()
    }
}

/// Mean and variance, in two passes.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n)
}

/// Where `f` is least between -10 and 10: golden sections and parabolas (Brent 1973, chapter 5). What is no number is taken for
/// more than any.
fn minimum(f: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.381_966_011_250_105_1;
    let f = |x: f64| Some(f(x)).filter(|y| !y.is_nan()).unwrap_or(f64::INFINITY);
    let (mut a, mut b) = (-10.0, 10.0);
    // Begins at the power that changes nothing.
    let (mut x, mut w, mut v) = (1.0, 1.0, 1.0);
    let mut fx = f(x);
    let (mut fw, mut fv) = (fx, fx);
    let (mut step, mut before) = (0.0f64, 0.0f64);
    for _ in 0..200 {
        let middle = 0.5 * (a + b);
        let tol = 1e-9 * f64::abs(x) + 1e-10;
        if (x - middle).abs() <= 2.0 * tol - 0.5 * (b - a) {
            break;
        }
        let r = (x - w) * (fx - fv);
        let q = (x - v) * (fx - fw);
        let p = (x - v) * q - (x - w) * r;
        let q = 2.0 * (q - r);
        let parabola = -p / q;
        let inside = x + parabola > a && x + parabola < b;
        if before.abs() > tol && parabola.is_finite() && parabola.abs() < 0.5 * before.abs() && inside {
            before = step;
            step = parabola;
        } else {
            before = if x < middle { b - x } else { a - x };
            step = GOLDEN * before;
        }
        let u = x + if step.abs() >= tol { step } else { tol.copysign(step) };
        let fu = f(u);
        if fu <= fx {
            if u < x {
                b = x
            } else {
                a = x
            }
            (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu);
            continue;
        }
        if u < x {
            a = u
        } else {
            b = u
        }
        if fu <= fw || w == x {
            (v, fv, w, fw) = (w, fw, u, fu);
        } else if fu <= fv || v == x || v == w {
            (v, fv) = (u, fu);
        }
    }
    x
}

impl NumberMap for Curve {
    fn floats(&self) -> Vec<f64> {
        let method = if self.method == PowerMethod::BoxCox { 1.0 } else { 0.0 };
        vec![method, self.lambda, self.mean, self.deviation]
    }

    fn from_floats(floats: &[f64]) -> Option<Self> {
        let &[method, lambda, mean, deviation] = floats else { return None };
        let method = if method == 1.0 { PowerMethod::BoxCox } else { PowerMethod::YeoJohnson };
        Some(Curve { method, lambda, mean, deviation })
    }

    fn map(&self, x: f64) -> f64 {
        (self.power(x) - self.mean) / self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_point_is_found_where_most_of_the_range_is_no_number() {
        let at = minimum(|x| if x > 2.0 { f64::NAN } else { (x - 1.7).powi(2) });
        assert!((at - 1.7).abs() < 1e-6, "{at}");
        let at = minimum(|x| (x + 3.25).abs());
        assert!((at + 3.25).abs() < 1e-6, "{at}");
    }

    #[test]
    fn a_logarithm_is_found_for_values_that_are_powers() {
        let curve = Curve { method: PowerMethod::BoxCox, lambda: 0.0, mean: 0.0, deviation: 1.0 };
        assert!((curve.map(f64::exp(2.0)) - 2.0).abs() < 1e-15);
        assert!(curve.map(-1.0).is_nan());
    }
}
