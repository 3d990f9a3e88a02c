//! `calibrate`: calibrates probabilities.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::recipe::Calibration;
use tidemill_core::{Batch, Error, Fitted, Registry, Result, Row, Run, Schema, State};
use tidemill_kernel::isotonic::Isotonic;

use crate::links::answer::Place;

/// Probabilities are kept this far from 0 and 1 before their logarithm is taken.
const EPSILON: f64 = 1e-12;

/// A curve from probabilities as a learner gives them to those that were seen, fitted on rows it never saw.
///
/// - `temperature`: `p^b` of each class, divided by their sum; one number for all (Guo et al. 2017), fitted to truths drawn in
///   from 0 and 1 as Platt's are.
/// - `platt`: `sigmoid(a logit(p) + b)`, per class (Platt 1999).
/// - `isotonic`: the rising curve nearest to what was seen, per class (Zadrozny and Elkan 2002), kept `1 / (n + 2)` away
///   from 0 and 1: `n` rows cannot show that something never happens.
///
/// The curves of more than two classes are one against the rest, and their answers divided by their sum; of two, the
/// second's curve decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibrate {
    n_classes: usize,
    curves: Curves,
}

#[derive(Clone, Debug, PartialEq)]
enum Curves {
    Temperature(f64),
    /// A slope and an offset per curve.
    Platt(Vec<[f64; 2]>),
    Isotonic(Vec<Isotonic>),
}

/// Probabilities that a learner gave for rows it never saw, and what was true of them.
pub(crate) struct Seen<'a> {
    pub n_classes: usize,
    /// Row after row.
    pub probabilities: &'a [f64],
    pub truth: &'a [u32],
    pub weights: Option<&'a [f64]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    method: Calibration,
    n_classes: usize,
    knots: Vec<usize>,
}

impl Calibrate {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "calibrate";

    /// The curve of a method; `None` for the method that leaves probabilities alone.
    pub(crate) fn fit(method: Calibration, seen: &Seen<'_>) -> Option<Self> {
        let n_classes = seen.n_classes;
        // Of two classes the second's curve is enough.
        let classes = if n_classes == 2 { 1..2 } else { 0..n_classes };
        let of = |class: usize| -> (Vec<f64>, Vec<f64>) {
            let p = seen.probabilities.iter().skip(class).step_by(n_classes).copied().collect();
            (p, seen.truth.iter().map(|&t| f64::from(u8::from(t as usize == class))).collect())
        };
        let curves = match method {
            Calibration::None => return None,
            Calibration::Temperature => Curves::Temperature(temperature(seen)),
            Calibration::Platt => {
                let curve = |class| {
                    let (p, y) = of(class);
                    platt(&p.iter().map(|p| logit(*p)).collect::<Vec<_>>(), &y, seen.weights)
                };
                Curves::Platt(classes.map(curve).collect())
            }
            Calibration::Isotonic => {
                let curve = |class| {
                    let (p, y) = of(class);
                    let mut curve = Isotonic::fit(&p, &y, seen.weights);
                    let least = 1.0 / (y.len() as f64 + 2.0);
                    curve.y.iter_mut().for_each(|y| *y = y.clamp(least, 1.0 - least));
                    curve
                };
                Curves::Isotonic(classes.map(curve).collect())
            }
        };
        Some(Calibrate { n_classes, curves })
    }

    /// The method.
    pub fn method(&self) -> Calibration {
        match self.curves {
            Curves::Temperature(_) => Calibration::Temperature,
            Curves::Platt(_) => Calibration::Platt,
            Curves::Isotonic(_) => Calibration::Isotonic,
        }
    }

    /// Changes the probabilities of one row in place.
    pub(crate) fn change(&self, p: &mut [f64]) {
        let curve = |class: usize, p: f64| match &self.curves {
            Curves::Temperature(_) => p,
            Curves::Platt(curves) => sigmoid(curves[class][0] * logit(p) + curves[class][1]),
            Curves::Isotonic(curves) => curves[class].at(p),
        };
        if let Curves::Temperature(power) = self.curves {
            p.iter_mut().for_each(|p| *p = power * p.max(EPSILON).ln());
            let most = p.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
            p.iter_mut().for_each(|p| *p = (*p - most).exp());
        } else if self.n_classes == 2 {
            let yes = curve(0, p[1]);
            (p[0], p[1]) = (1.0 - yes, yes);
            return;
        } else {
            p.iter_mut().enumerate().for_each(|(class, p)| *p = curve(class, *p));
        }
        let total: f64 = p.iter().sum();
        let even = 1.0 / p.len() as f64;
        p.iter_mut().for_each(|p| *p = if total > 0.0 { *p / total } else { even });
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let saved: Saved = state.params()?;
        let wrong = |problem: &str| Error::state(Self::KIND, problem);
        let n_curves = if saved.n_classes == 2 { 1 } else { saved.n_classes };
        let finite = |values: &[f64]| match values.iter().all(|x| x.is_finite()) {
            true => Ok(()),
            false => Err(wrong("a number of a curve is not finite")),
        };
        if saved.n_classes < 2 {
            return Err(wrong("there are fewer than two classes"));
        }
        let curves = match saved.method {
            Calibration::None => return Err(wrong("it has no method")),
            Calibration::Temperature => {
                let values = state.floats_of("values", 1)?;
                finite(values)?;
                Curves::Temperature(values[0])
            }
            Calibration::Platt => {
                let len = n_curves.checked_mul(2).ok_or_else(|| wrong("more classes than fit"))?;
                let values = state.floats_of("values", len)?;
                finite(values)?;
                Curves::Platt(values.chunks_exact(2).map(|c| [c[0], c[1]]).collect())
            }
            Calibration::Isotonic => {
                let total = saved.knots.iter().try_fold(0usize, |sum, n| sum.checked_add(*n));
                let total = total.filter(|_| saved.knots.len() == n_curves);
                let total = total.ok_or_else(|| wrong("its knots do not fit its classes"))?;
                let (x, y) = (state.floats_of("x", total)?, state.floats_of("y", total)?);
                finite(x)?;
                finite(y)?;
                Curves::Isotonic(curves_of(&saved.knots, x, y).ok_or_else(|| wrong("a curve does not rise"))?)
            }
        };
        Ok(Arc::new(Calibrate { n_classes: saved.n_classes, curves }))
    }
}

/// Curves out of all their knots; `None` where one falls or leaves 0 to 1.
fn curves_of(knots: &[usize], x: &[f64], y: &[f64]) -> Option<Vec<Isotonic>> {
    let mut at = 0;
    knots
        .iter()
        .map(|&n| {
            let range = at..at + n;
            at += n;
            let curve = Isotonic { x: x[range.clone()].to_vec(), y: y[range].to_vec() };
            let rises = curve.x.windows(2).all(|w| w[0] < w[1]) && curve.y.windows(2).all(|w| w[0] <= w[1]);
            (rises && curve.y.iter().all(|y| (0.0..=1.0).contains(y))).then_some(curve)
        })
        .collect()
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(EPSILON, 1.0 - EPSILON);
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The log loss of a row.
pub(crate) fn log_loss(p: &[f64], truth: u32) -> f64 {
    -p[truth as usize].max(EPSILON).ln()
}

/// The log loss of a row whose truth is drawn in from 0 and 1, as if every class had been seen once more: unlike the plain
/// log loss it does not reward being surer than so many rows can show.
pub(crate) fn drawn_in_loss(p: &[f64], truth: u32, n_rows: f64) -> f64 {
    let (log_sum, log_true) = p.iter().enumerate().fold((0.0, 0.0), |(sum, own), (class, p)| {
        let log = p.max(EPSILON).ln();
        (sum + log, if class == truth as usize { log } else { own })
    });
    let k = p.len() as f64;
    -(n_rows * log_true + log_sum) / (n_rows + k)
}

/// The power that makes [`drawn_in_loss`] least, by golden section over its logarithm from 1/10 to 10.
fn temperature(seen: &Seen<'_>) -> f64 {
    let k = seen.n_classes;
    let logs: Vec<f64> = seen.probabilities.iter().map(|p| p.max(EPSILON).ln()).collect();
    let n_rows = seen.weights.map_or(seen.truth.len() as f64, |w| w.iter().sum());
    let loss = |log_power: f64| {
        let power = log_power.exp();
        let rows = logs.chunks_exact(k).zip(seen.truth).enumerate();
        rows.map(|(i, (logs, &truth))| {
            let most = logs.iter().fold(f64::NEG_INFINITY, |m, x| m.max(power * x));
            let total: f64 = logs.iter().map(|x| (power * x - most).exp()).sum();
            // Of the smoothed targets, each class has a part.
            let wanted = (n_rows * logs[truth as usize] + logs.iter().sum::<f64>()) / (n_rows + k as f64);
            seen.weights.map_or(1.0, |w| w[i]) * (most + total.ln() - power * wanted)
        })
        .sum::<f64>()
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-(10f64.ln()), 10f64.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut loss_a, mut loss_b) = (loss(a), loss(b));
    for _ in 0..40 {
        if loss_a <= loss_b {
            (high, b, loss_b) = (b, a, loss_a);
            a = high - golden * (high - low);
            loss_a = loss(a);
        } else {
            (low, a, loss_a) = (a, b, loss_b);
            b = low + golden * (high - low);
            loss_b = loss(b);
        }
    }
    ((low + high) / 2.0).exp()
}

/// Slope and offset of the logistic curve over `x` nearest to `y` (0 or 1), by Newton's method. Targets are drawn in from 0
/// and 1 as Platt (1999) does, so that classes that lie apart have a finite curve too.
fn platt(x: &[f64], y: &[f64], weights: Option<&[f64]>) -> [f64; 2] {
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let (mut n, mut yes) = (0.0, 0.0);
    for (i, y) in y.iter().enumerate() {
        n += weight(i);
        yes += weight(i) * y;
    }
    let (high, low) = ((yes + 1.0) / (yes + 2.0), 1.0 / (n - yes + 2.0));
    let wanted = |y: f64| if y > 0.5 { high } else { low };
    let loss = |c: [f64; 2]| -> f64 {
        let rows = x.iter().zip(y).enumerate();
        rows.map(|(i, (x, y))| {
            let z = c[0] * x + c[1];
            let soft = if z > 0.0 { z + (-z).exp().ln_1p() } else { z.exp().ln_1p() };
            weight(i) * (soft - wanted(*y) * z)
        })
        .sum()
    };
    let mut curve = [1.0, 0.0];
    let mut now = loss(curve);
    for _ in 0..100 {
        let (mut g, mut h) = ([0.0; 2], [1e-10, 0.0, 1e-10]);
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let p = sigmoid(curve[0] * x + curve[1]);
            let (off, bend) = (weight(i) * (p - wanted(*y)), weight(i) * p * (1.0 - p));
            g = [g[0] + off * x, g[1] + off];
            h = [h[0] + bend * x * x, h[1] + bend * x, h[2] + bend];
        }
        let det = h[0] * h[2] - h[1] * h[1];
        if det <= 0.0 || det.is_nan() {
            break;
        }
        let step = [(h[2] * g[0] - h[1] * g[1]) / det, (h[0] * g[1] - h[1] * g[0]) / det];
        let mut share = 1.0;
        let better = loop {
            let tried = [curve[0] - share * step[0], curve[1] - share * step[1]];
            let then = loss(tried);
            if then < now {
                break Some((tried, then));
            }
            share /= 2.0;
            if share < 1e-10 {
                break None;
            }
        };
        let Some((tried, then)) = better else { break };
        let gain = now - then;
        (curve, now) = (tried, then);
        if gain <= 1e-12 * now.abs() {
            break;
        }
    }
    curve
}

impl Fitted for Calibrate {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Place::of_classes(input)?;
        Ok(input.clone())
    }

    fn state(&self) -> State {
        let mut saved = Saved { method: self.method(), n_classes: self.n_classes, knots: Vec::new() };
        if let Curves::Isotonic(curves) = &self.curves {
            saved.knots = curves.iter().map(|c| c.x.len()).collect();
        }
        let state = State::new(Self::KIND, 1, saved);
        match &self.curves {
            Curves::Temperature(power) => state.floats("values", &[*power]),
            Curves::Platt(curves) => state.floats("values", curves.as_flattened()),
            Curves::Isotonic(curves) => {
                let all = |of: fn(&Isotonic) -> &Vec<f64>| curves.iter().flat_map(of).copied().collect();
                let (x, y): (Vec<f64>, Vec<f64>) = (all(|c| &c.x), all(|c| &c.y));
                state.floats("x", &x).floats("y", &y)
            }
        }
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let place = Place::of_classes(input)?;
        if place.width() != self.n_classes {
            let found =
                format!("its curves are of {} classes, the answer of {}", self.n_classes, place.width());
            return Err(Error::state(Self::KIND, found));
        }
        Ok(Box::new(Bound { fitted: self, place }))
    }
}

struct Bound {
    fitted: Arc<Calibrate>,
    place: Place,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let mut values = self.place.values(batch)?;
        values.chunks_exact_mut(self.fitted.n_classes).for_each(|p| self.fitted.change(p));
        self.place.put(batch, values)
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.place.change(row, |p| self.fitted.change(p))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Answers of scikit-learn and SciPy; `tests/reference/calibration.py` makes them.
    fn cases(of: &str) -> Vec<Value> {
        let text = include_str!("../../tests/reference/calibration.json");
        let all: Value = serde_json::from_str(text).unwrap();
        all[of].as_array().unwrap().clone()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[test]
    fn isotonic_curves_agree_with_scikit_learn() {
        for case in cases("isotonic") {
            let weights = case["weights"].as_array().map(|_| floats(&case["weights"]));
            let curve = Isotonic::fit(&floats(&case["x"]), &floats(&case["y"]), weights.as_deref());
            for (at, wanted) in floats(&case["at"]).into_iter().zip(floats(&case["answers"])) {
                assert!((curve.at(at) - wanted).abs() < 1e-12, "at {at}: {} is not {wanted}", curve.at(at));
            }
        }
    }

    #[test]
    fn platt_curves_agree_with_scikit_learn() {
        for case in cases("platt") {
            let [slope, offset] = platt(&floats(&case["logit"]), &floats(&case["y"]), None);
            for (found, wanted) in [(slope, &case["slope"]), (offset, &case["offset"])] {
                let wanted = wanted.as_f64().unwrap();
                // scikit-learn's own minimiser stops at about this.
                assert!((found - wanted).abs() < 1e-4 * wanted.abs().max(1.0), "{found} is not {wanted}");
            }
        }
    }

    #[test]
    fn the_temperature_is_the_best() {
        for case in cases("temperature") {
            let truth: Vec<u32> = floats(&case["y"]).into_iter().map(|y| y as u32).collect();
            let n_classes = case["classes"].as_u64().unwrap() as usize;
            let p = floats(&case["p"]);
            let seen = Seen { n_classes, probabilities: &p, truth: &truth, weights: None };
            let wanted = case["power"].as_f64().unwrap();
            assert!(
                (temperature(&seen) - wanted).abs() < 1e-6 * wanted,
                "{} is not {wanted}",
                temperature(&seen)
            );
        }
    }

    #[test]
    fn classes_that_lie_apart_do_not_make_sure_beyond_reason() {
        let p: Vec<f64> = (0..40).flat_map(|i| if i % 2 == 0 { [0.9, 0.1] } else { [0.2, 0.8] }).collect();
        let truth: Vec<u32> = (0..40).map(|i| i % 2).collect();
        for method in [Calibration::Temperature, Calibration::Platt, Calibration::Isotonic] {
            let seen = Seen { n_classes: 2, probabilities: &p, truth: &truth, weights: None };
            let curve = Calibrate::fit(method, &seen).unwrap();
            let mut row = [0.2, 0.8];
            curve.change(&mut row);
            assert!((0.9..0.99).contains(&row[1]), "{method:?}: {row:?} after 40 rows");
            assert!((row[0] + row[1] - 1.0).abs() < 1e-12);
        }
    }
}
