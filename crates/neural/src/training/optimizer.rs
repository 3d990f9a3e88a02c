//! Steps from gradients: one pass over the parameters, nothing between.

use pulp::NullaryFnOnce;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_kernel::vector::wide;

use crate::NeuralNet;
use crate::parameters::Parameters;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum, as PyTorch's `SGD`.
    Sgd,
    /// Each parameter by the running means of its gradient and of its square (Kingma and Ba 2015), as PyTorch's `Adam`.
    Adam,
    /// `adam` with weight decay beside the gradient (Loshchilov and Hutter 2019), as PyTorch's `AdamW`.
    #[serde(rename = "adamw")]
    AdamW,
}

/// The memory of Adam's two means, and what keeps its quotient finite.
const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// What an optimiser remembers between steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    /// Steps taken.
    pub steps: u64,
    /// The running mean of the gradient (of `sgd`: the step that goes on).
    pub first: Vec<f32>,
    /// The running mean of its square; empty for `sgd`.
    pub second: Vec<f32>,
}

impl Moments {
    pub(crate) fn start(optimizer: Optimizer, n: usize) -> Self {
        let second = if optimizer == Optimizer::Sgd { Vec::new() } else { vec![0.0; n] };
        Moments { steps: 0, first: vec![0.0; n], second }
    }

    /// One step of size `rate` along `gradient` (of the mean loss, without penalties) times `scale`.
    pub(crate) fn step(
        &mut self,
        options: &NeuralNet,
        parameters: &mut Parameters,
        gradient: &[f32],
        scale: f32,
        rate: f64,
    ) {
        self.steps += 1;
        let t = self.steps.min(i32::MAX as u64) as i32;
        let decaying: Vec<bool> = parameters.declared().iter().map(|d| d.decays()).collect();
        for (i, decays) in decaying.into_iter().enumerate() {
            let range = parameters.range(i);
            let pull = if decays { 1.0 } else { 0.0 };
            let constants = Constants {
                scale,
                rate: rate as f32,
                l1: options.l1 as f32 * pull,
                l2: options.l2 as f32 * pull,
                decay: (rate * options.weight_decay) as f32 * pull,
                momentum: options.momentum as f32,
                first: (1.0 - f64::from(BETA_1).powi(t)) as f32,
                second: (1.0 - f64::from(BETA_2).powi(t)).sqrt() as f32,
            };
            let values = &mut parameters.values[range.clone()];
            let (gradient, first) = (&gradient[range.clone()], &mut self.first[range.clone()]);
            if options.optimizer == Optimizer::Sgd {
                wide(SgdStep { values, gradient, first, constants });
            } else {
                let second = &mut self.second[range];
                wide(AdamStep { values, gradient, first, second, constants });
            }
        }
    }
}

/// What is the same for all numbers of an array.
struct Constants {
    scale: f32,
    rate: f32,
    l1: f32,
    l2: f32,
    decay: f32,
    momentum: f32,
    /// What Adam's means fall short of by having started at 0.
    first: f32,
    second: f32,
}

impl Constants {
    /// The gradient of the loss with its penalties at `value`.
    #[inline(always)]
    fn slope(&self, gradient: f32, value: f32) -> f32 {
        let sign = if value > 0.0 {
            1.0
        } else if value < 0.0 {
            -1.0
        } else {
            0.0
        };
        gradient * self.scale + self.l2 * value + self.l1 * sign
    }
}

struct SgdStep<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    constants: Constants,
}

impl NullaryFnOnce for SgdStep<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let c = self.constants;
        for ((w, g), v) in self.values.iter_mut().zip(self.gradient).zip(self.first) {
            *v = c.momentum * *v + c.slope(*g, *w);
            *w = *w - c.decay * *w - c.rate * *v;
        }
    }
}

struct AdamStep<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    constants: Constants,
}

impl NullaryFnOnce for AdamStep<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let c = self.constants;
        let moments = self.first.iter_mut().zip(self.second);
        for ((w, g), (m, v)) in self.values.iter_mut().zip(self.gradient).zip(moments) {
            let g = c.slope(*g, *w);
            *m = BETA_1 * *m + (1.0 - BETA_1) * g;
            *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
            let size = v.sqrt() / c.second + EPSILON;
            *w = *w - c.decay * *w - c.rate * (*m / c.first) / size;
        }
    }
}

/// The Euclidean length of a gradient, summed in 64 bits in its order.
pub(crate) fn norm(gradient: &[f32]) -> f64 {
    gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::parameters::{Declared, Start};

    fn floats(value: &Value) -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    }

    /// Where five steps lead, as `reference/nets.py` computes it from the published formulas.
    #[test]
    fn steps_are_those_of_the_formulas() {
        let all: Value = serde_json::from_str(include_str!("../../tests/reference/nets.json")).unwrap();
        let (rate, plain) = (all["steps"]["rate"].as_f64().unwrap(), NeuralNet::default());
        let plain = NeuralNet { weight_decay: 0.0, ..plain };
        for (name, options) in [
            ("sgd", NeuralNet { optimizer: Optimizer::Sgd, ..plain.clone() }),
            ("adam", NeuralNet { optimizer: Optimizer::Adam, ..plain.clone() }),
            ("adamw", NeuralNet { optimizer: Optimizer::AdamW, weight_decay: 0.1, ..plain.clone() }),
            ("penalties", NeuralNet { optimizer: Optimizer::Sgd, l1: 0.05, l2: 0.2, ..plain }),
        ] {
            let declared = vec![Declared::new("w", &[3, 1], Start::Zeros)];
            let mut parameters = Parameters::start(declared, 0);
            parameters.values = floats(&all["steps"]["start"]);
            let mut moments = Moments::start(options.optimizer, 3);
            for gradient in all["steps"]["gradients"].as_array().unwrap() {
                // The gradient comes as a sum over two rows, say, and is halved on the way.
                let sum: Vec<f32> = floats(gradient).iter().map(|g| 2.0 * g).collect();
                moments.step(&options, &mut parameters, &sum, 0.5, rate);
            }
            for (found, wanted) in parameters.values.iter().zip(floats(&all["steps"][name])) {
                assert!((found - wanted).abs() < 1e-6, "{name}: {:?}", parameters.values);
            }
        }
    }

    /// Where eight steps lead PyTorch's optimisers, from `reference/torch_steps.py`.
    #[test]
    fn steps_are_those_of_pytorch() {
        let all = include_str!("../../tests/reference/torch_steps.json");
        let all: Value = serde_json::from_str(all).unwrap();
        for (name, optimizer, weight_decay) in
            [("sgd", Optimizer::Sgd, 0.0), ("adam", Optimizer::Adam, 0.0), ("adamw", Optimizer::AdamW, 0.1)]
        {
            let options = NeuralNet { optimizer, weight_decay, ..NeuralNet::default() };
            let mut parameters = Parameters::start(vec![Declared::new("w", &[6, 1], Start::Zeros)], 0);
            parameters.values = floats(&all["start"]);
            let mut moments = Moments::start(optimizer, 6);
            for gradient in all["gradients"].as_array().unwrap() {
                moments.step(&options, &mut parameters, &floats(gradient), 1.0, 0.01);
            }
            for (found, wanted) in parameters.values.iter().zip(floats(&all[name])) {
                assert!((found - wanted).abs() < 1e-6, "{name}: {:?}", parameters.values);
            }
        }
    }
}
