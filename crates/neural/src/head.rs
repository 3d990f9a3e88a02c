//! The end of a net: what its last numbers mean, and how wrong they are.

use burn::tensor::{Tensor, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::Result;

use crate::graph::{Pass, linear};
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
    /// Standardised quantities.
    Numbers(Vec<f32>),
    /// Places among the classes that have rows.
    Classes(Vec<u32>),
}

impl Truth {
    pub(crate) fn len(&self) -> usize {
        match self {
            Truth::Numbers(values) => values.len(),
            Truth::Classes(codes) => codes.len(),
        }
    }
}

impl Loss {
    /// The weighted sum of the losses of some rows, of outputs `[rows, outputs]`.
    pub(crate) fn graph(
        &self,
        outputs: Tensor<2>,
        truth: &Truth,
        weights: &[f32],
        pass: &Pass<'_>,
    ) -> Tensor<1> {
        let [n, k] = outputs.dims();
        let weight = |pass: &Pass<'_>| pass.numbers(weights.to_vec(), [n, 1]);
        match truth {
            Truth::Numbers(values) => {
                let error = outputs - pass.numbers(values.clone(), [n, 1]);
                let losses = match self.kind {
                    NetLoss::Absolute => error.abs(),
                    NetLoss::Huber => {
                        // The part within the bound counts squared, what is beyond it by its size.
                        let within = error.clone().clamp(-self.delta, self.delta);
                        within.clone() * (error - within.mul_scalar(0.5))
                    }
                    _ => error.clone() * error,
                };
                (losses * weight(pass)).sum()
            }
            Truth::Classes(codes) => {
                let logs = activation::log_softmax(outputs, 1);
                let target = pass.numbers(self.targets(codes, k), [n, k]);
                let losses = match self.kind {
                    NetLoss::Focal => {
                        let unsure = logs.clone().exp().neg().add_scalar(1.0).clamp_min(0.0);
                        target * logs * unsure.powf_scalar(self.gamma)
                    }
                    _ => target * logs,
                };
                (losses * weight(pass)).sum().neg()
            }
        }
    }

    /// The truth as probabilities: the right class, and the smoothed share over all.
    fn targets(&self, codes: &[u32], k: usize) -> Vec<f32> {
        let mut targets = vec![self.smoothing / k as f32; codes.len() * k];
        for (&code, row) in codes.iter().zip(targets.chunks_exact_mut(k)) {
            row[code as usize] += 1.0 - self.smoothing;
        }
        targets
    }

    /// The loss of one row, in plain Rust. Without smoothing: this is what rows left out are judged by.
    pub(crate) fn of_row(&self, outputs: &[f32], truth: &Truth, i: usize) -> f64 {
        match truth {
            Truth::Numbers(values) => {
                let error = f64::from(outputs[0]) - f64::from(values[i]);
                let delta = f64::from(self.delta);
                match self.kind {
                    NetLoss::Absolute => error.abs(),
                    NetLoss::Huber if error.abs() > delta => delta * (error.abs() - 0.5 * delta),
                    NetLoss::Huber => 0.5 * error * error,
                    _ => error * error,
                }
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

/// The last linear map: one number for a quantity, a score for each class.
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

    pub(crate) fn forward(&self, x: Tensor<2>, pass: &Pass<'_>) -> Result<Tensor<2>> {
        Ok(linear(x, pass.parameter(0)?, pass.parameter(1)?))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use serde_json::Value;

    use super::*;
    use crate::graph::{Leaves, numbers_of};
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
        let leaves = Leaves::of(&parameters, &Device::flex());
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
            let graph = loss.graph(pass.numbers(outputs.clone(), [3, k]), truth, &weights, &pass);
            let (graph, wanted) =
                (f64::from(numbers_of(graph).unwrap()[0]), reference[name].as_f64().unwrap());
            assert!((graph - wanted).abs() < 1e-5 * wanted, "{name}: {graph} {wanted}");
            if smoothing == 0.0 {
                let row =
                    |i: usize| f64::from(weights[i]) * loss.of_row(&outputs[i * k..(i + 1) * k], truth, i);
                let plain: f64 = (0..3).map(row).sum();
                assert!((plain - wanted).abs() < 1e-6 * wanted, "{name}: {plain} {wanted}");
            }
        }
    }
}
