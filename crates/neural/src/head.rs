//! The end of a net: what its last numbers mean, and how wrong they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_kernel::vector::exp;

use crate::parameters::{Declared, Start};

/// What a net makes small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetLoss {
    /// For classes: minus the log of the probability of the right one.
    CrossEntropy,
    /// For classes: cross entropy that counts rows the less the surer they are (Lin et al. 2017; `focal_gamma`).
    Focal,
    /// For numbers: the squared error.
    Squared,
    /// For numbers: the absolute error, so the answer is a median.
    Absolute,
    /// For numbers: squared up to `huber_delta` standard deviations of the target, absolute beyond.
    Huber,
}

impl NetLoss {
    pub(crate) fn is_for_classes(self) -> bool {
        matches!(self, NetLoss::CrossEntropy | NetLoss::Focal)
    }

    /// As the recipe names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            NetLoss::CrossEntropy => "cross_entropy",
            NetLoss::Focal => "focal",
            NetLoss::Squared => "squared",
            NetLoss::Absolute => "absolute",
            NetLoss::Huber => "huber",
        }
    }
}

/// The loss of a net and its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loss {
    pub kind: NetLoss,
    /// The share of the truth that is spread over all classes (Szegedy et al. 2016).
    pub smoothing: f32,
    /// The power of the focal loss.
    pub gamma: f32,
    /// Where the Huber loss turns, in standardised units.
    pub delta: f32,
}

/// The truth of some rows, as the loss compares it with the net's outputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Truth {
    /// Standardised numbers.
    Numbers(Vec<f32>),
    /// So many standardised numbers a row; `NaN` where one is not known, which is no error.
    Rows(Vec<f32>, usize),
    /// Places among the classes that have rows.
    Classes(Vec<u32>),
}

impl Truth {
    pub(crate) fn len(&self) -> usize {
        match self {
            Truth::Numbers(values) => values.len(),
            Truth::Rows(values, width) => values.len() / width.max(&1),
            Truth::Classes(codes) => codes.len(),
        }
    }

    /// Those of some rows.
    pub(crate) fn take(&self, rows: &[u32]) -> Truth {
        match self {
            Truth::Numbers(values) => Truth::Numbers(rows.iter().map(|&r| values[r as usize]).collect()),
            Truth::Rows(values, width) => {
                let own = rows.iter().flat_map(|&r| &values[r as usize * width..][..*width]);
                Truth::Rows(own.copied().collect(), *width)
            }
            Truth::Classes(codes) => Truth::Classes(rows.iter().map(|&r| codes[r as usize]).collect()),
        }
    }
}

impl Loss {
    /// The weighted sum of the losses of some rows, row after row of outputs, and its gradients in these outputs.
    pub(crate) fn slopes(&self, outputs: &[f32], truth: &Truth, weights: &[f32]) -> (f64, Vec<f32>) {
        let k = outputs.len() / truth.len().max(1);
        let mut slopes = vec![0.0; outputs.len()];
        let mut total = 0.0;
        let rows = outputs.chunks_exact(k).zip(slopes.chunks_exact_mut(k)).zip(weights).enumerate();
        for (i, ((outputs, slopes), &weight)) in rows {
            let weight = f64::from(weight);
            total += weight
                * match truth {
                    Truth::Numbers(values) => {
                        let (loss, slope) = self.of_error(f64::from(outputs[0]) - f64::from(values[i]));
                        slopes[0] = (weight * slope) as f32;
                        loss
                    }
                    Truth::Rows(values, _) => {
                        let known = errors(outputs, &values[i * k..]).zip(slopes);
                        known.filter(|(error, _)| !error.is_nan()).fold(0.0, |sum, (error, to)| {
                            let (loss, slope) = self.of_error(error);
                            *to = (weight * slope) as f32;
                            sum + loss
                        })
                    }
                    Truth::Classes(codes) => self.of_scores(outputs, codes[i] as usize, weight, slopes),
                };
        }
        (total, slopes)
    }

    /// The loss of an error, and its gradient.
    fn of_error(&self, error: f64) -> (f64, f64) {
        let delta = f64::from(self.delta);
        match self.kind {
            NetLoss::Absolute => (error.abs(), if error == 0.0 { 0.0 } else { error.signum() }),
            NetLoss::Huber if error.abs() > delta => {
                (delta * (error.abs() - 0.5 * delta), delta * error.signum())
            }
            NetLoss::Huber => (0.5 * error * error, error),
            _ => (error * error, 2.0 * error),
        }
    }

    /// The loss of the scores of one row, and its gradients times `weight`.
    fn of_scores(&self, scores: &[f32], class: usize, weight: f64, slopes: &mut [f32]) -> f64 {
        let most = scores.iter().fold(f32::NEG_INFINITY, |most, &x| most.max(x));
        let above = |x: f32| f64::from(x) - f64::from(most);
        let log_total = scores.iter().map(|&x| exp(above(x))).sum::<f64>().ln();
        let (smoothing, gamma) = (f64::from(self.smoothing), f64::from(self.gamma));
        let spread = smoothing / scores.len() as f64;
        let target = |c: usize| spread + if c == class { 1.0 - smoothing } else { 0.0 };
        let focal = self.kind == NetLoss::Focal;
        // Of each class: what it adds to the loss, and that loss's gradient in the log of its probability, both without sign.
        let of_class = |c: usize, log: f64| {
            let (p, t) = (exp(log), target(c));
            let unsure = if focal { (1.0 - p).max(0.0).powf(gamma) } else { 1.0 };
            let bend = if focal && gamma > 0.0 {
                gamma * p * (1.0 - p).max(0.0).powf(gamma - 1.0) * log
            } else {
                0.0
            };
            (t * unsure * log, t * (unsure - bend))
        };
        let each = || {
            scores.iter().enumerate().map(|(c, &x)| (above(x) - log_total, of_class(c, above(x) - log_total)))
        };
        let (loss, sum) = each().fold((0.0, 0.0), |(loss, sum), (_, (l, s))| (loss - l, sum + s));
        for (slope, (log, (_, s))) in slopes.iter_mut().zip(each()) {
            *slope = (weight * (exp(log) * sum - s)) as f32;
        }
        loss
    }

    /// The loss of one row, in plain Rust. Without smoothing: this is what held-out rows are judged by.
    pub(crate) fn of_row(&self, outputs: &[f32], truth: &Truth, i: usize) -> f64 {
        match truth {
            Truth::Numbers(values) => self.of_error(f64::from(outputs[0]) - f64::from(values[i])).0,
            Truth::Rows(values, width) => {
                let known = errors(outputs, &values[i * width..]).filter(|error| !error.is_nan());
                known.map(|error| self.of_error(error).0).sum()
            }
            Truth::Classes(codes) => {
                let most = outputs.iter().fold(f32::NEG_INFINITY, |most, &x| most.max(x));
                let total: f64 = outputs.iter().map(|&x| f64::from(x - most).exp()).sum();
                let log = f64::from(outputs[codes[i] as usize] - most) - total.ln();
                match self.kind {
                    NetLoss::Focal => -(1.0 - log.exp()).max(0.0).powf(f64::from(self.gamma)) * log,
                    _ => -log,
                }
            }
        }
    }
}

/// By how much the outputs of a row miss its truth, `NaN` where that is not known.
fn errors<'a>(outputs: &'a [f32], values: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    outputs.iter().zip(values).map(|(output, value)| f64::from(*output) - f64::from(*value))
}

/// The last linear map: one number for a number, a score for each class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head {
    pub inputs: usize,
    pub outputs: usize,
}

impl Head {
    pub(crate) fn declare(&self) -> Vec<Declared> {
        vec![
            Declared::glorot("head.weight", &[self.outputs, self.inputs]),
            Declared::new("head.bias", &[self.outputs], Start::Zeros),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::device::Arithmetic;
    use crate::graph::{Leaves, numbers_of};
    use crate::oracle;
    use crate::parameters::Parameters;

    fn reference() -> Value {
        let all: Value = serde_json::from_str(include_str!("../tests/reference/nets.json")).unwrap();
        all["losses"].clone()
    }

    fn floats(value: &Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    /// The losses that `reference/nets.py` computes from their formulas.
    #[test]
    fn losses_are_those_of_numpy() {
        let reference = reference();
        let weights = floats(&reference["weights"]);
        let classes = floats(&reference["classes"]).iter().map(|&c| c as u32).collect();
        let (classes, numbers) = (Truth::Classes(classes), Truth::Numbers(floats(&reference["numbers"])));
        let (scores, outputs) = (floats(&reference["scores"]), floats(&reference["outputs"]));
        let parameters = Parameters::start(Vec::new(), 0);
        let leaves = Leaves::of(&parameters, 0, &Arithmetic::plain());
        for (name, kind, smoothing) in [
            ("cross_entropy", NetLoss::CrossEntropy, 0.0),
            ("smoothed", NetLoss::CrossEntropy, 0.1),
            ("focal", NetLoss::Focal, 0.0),
            ("squared", NetLoss::Squared, 0.0),
            ("absolute", NetLoss::Absolute, 0.0),
            ("huber", NetLoss::Huber, 0.0),
        ] {
            let loss = Loss { kind, smoothing, gamma: 2.0, delta: 0.7 };
            let (truth, outputs) =
                if kind.is_for_classes() { (&classes, &scores) } else { (&numbers, &outputs) };
            let k = outputs.len() / 3;
            let pass = leaves.pass();
            let graph = oracle::loss(&loss, pass.numbers(outputs.clone(), [3, k]), truth, &weights, &pass);
            let (graph, wanted) =
                (f64::from(numbers_of(graph).unwrap()[0]), reference[name].as_f64().unwrap());
            assert!((graph - wanted).abs() < 1e-5 * wanted, "{name}: {graph} {wanted}");
            let (fused, _) = loss.slopes(outputs, truth, &weights);
            assert!((fused - wanted).abs() < 1e-6 * wanted, "{name}: {fused} {wanted}");
            if smoothing == 0.0 {
                let row =
                    |i: usize| f64::from(weights[i]) * loss.of_row(&outputs[i * k..(i + 1) * k], truth, i);
                let plain: f64 = (0..3).map(row).sum();
                assert!((plain - wanted).abs() < 1e-6 * wanted, "{name}: {plain} {wanted}");
            }
        }
    }
}
